"""The release's comparison of one pair of texts; imported by worker processes only.

It has its own file because a worker's clock starts when the file of its function has been imported: math-verify and
sympy take most of a second to import, several on a busy machine, and no pair should lose that from its deadline.
"""

from __future__ import annotations

from math_verify import parse, verify


def verified(predicted: str, reference: str) -> bool:
    """Return math-verify's verdict, without its timeouts: they work by signals, and the worker can be killed."""
    gold, answer = (parse(text, parsing_timeout=None) for text in (reference, predicted))  # pyright: ignore[reportArgumentType]
    return bool(verify(gold, answer, timeout_seconds=None))
