"""The released code's way of finding an answer, kept for comparing runs; see the docs for what is wrong with it.

White space around every ``<``, ``>`` and ``/`` is taken out of the whole response first, the first
``<answer>…</answer>`` counts wherever it stands, and a response without one is the answer itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["ReleasedResponse", "find_released", "unwrap_reference"]

_MARKS = "<>/"
_MANY = 1_000

# What each character is, up to the last one that is white space.
_SPACE, _MARK = 1, 2
_KINDS = np.array([_MARK if chr(code) in _MARKS else chr(code).isspace() for code in range(0x3002)], dtype=np.int8)

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
    if sum(map(text.count, _MARKS)) > _MANY:
        return _collapse_many(text)
    for mark in _MARKS:
        pieces = text.split(mark)
        if len(pieces) > 1:
            text = mark.join([pieces[0].rstrip(), *map(str.strip, pieces[1:-1]), pieces[-1].lstrip()])
    return text


def _collapse_many(text: str) -> str:
    """Do the same with a text that would fall into very many pieces."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kinds = _KINDS[np.minimum(codes, len(_KINDS) - 1)]
    edges = np.flatnonzero(np.diff(kinds == _SPACE, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    # A run of white space goes if there is a mark on either side.
    beside = np.concatenate([kinds, [0]])
    gone = (beside[starts - 1] == _MARK) | (beside[ends] == _MARK)
    depth = np.zeros(len(codes) + 1, dtype=np.int8)
    depth[starts[gone]], depth[ends[gone]] = 1, -1
    return codes[np.cumsum(depth[:-1], dtype=np.int8) == 0].tobytes().decode("utf-32-le", "surrogatepass")


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
