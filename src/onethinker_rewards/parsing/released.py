"""The released code's way of finding an answer, kept for comparing runs; see the docs for what is wrong with it.

White space around every ``<``, ``>`` and ``/`` is taken out of the whole response first, the first
``<answer>…</answer>`` counts wherever it stands, and a response without one is the answer itself.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["ReleasedResponse", "find_released", "unwrap_reference"]

_SPLIT = re.compile(r"([<>/]+)")
_OPEN, _CLOSE = "<answer>", "</answer>"


class ReleasedResponse(NamedTuple):
    """A response as the released code sees it.

    Attributes:
        compared: The text that is compared with the reference.
        tagged: The text between the first pair of answer tags; empty where there is none.
        well_formed: Whether the tags earn the format reward.
    """

    compared: str
    tagged: str
    well_formed: bool


def find_released(response: str) -> ReleasedResponse:
    """Find the answer as the released code does, in time linear in the response."""
    text = _collapse(response)
    tagged = _first_answer(text) or ""
    return ReleasedResponse(tagged or text.strip(), tagged, _well_formed(text))


def unwrap_reference(reference: str) -> str:
    """Take the answer tags off a reference, where there are any."""
    return _first_answer(reference) or reference


def _collapse(text: str) -> str:
    # Equal to substituting r"\s*(<|>|/)\s*" by the character, which is quadratic in runs of white space.
    pieces = _SPLIT.split(text)
    if len(pieces) == 1:
        return text
    pieces[0] = pieces[0].rstrip()
    pieces[2:-1:2] = [piece.strip() for piece in pieces[2:-1:2]]
    pieces[-1] = pieces[-1].lstrip()
    return "".join(pieces)


def _first_answer(text: str) -> str | None:
    start = text.find(_OPEN)
    end = text.find(_CLOSE, start + len(_OPEN)) if start >= 0 else -1
    return text[start + len(_OPEN) : end].strip() if end >= 0 else None


def _well_formed(text: str) -> bool:
    text = text.strip()
    if not (text.startswith("<think>") and text.endswith(_CLOSE)):
        return False
    # The last tag cannot overlap these two, which end in "<answer>".
    return text.find("</think>" + _OPEN, len("<think>")) >= 0
