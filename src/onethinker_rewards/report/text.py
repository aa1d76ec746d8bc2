"""Model text for a page: what hides made visible, its thinking apart, its fault marked, its middle left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_END = "</think>"
# Characters that hide, reverse or end text: controls, marks of direction, zero width, lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb]"
)
# Characters around a fault that are always shown.
_AROUND = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text; ``kind`` is text, mark (a fault begins here) or gap (what was left out)."""

    text: str
    kind: str = "text"


def visible(text: Any) -> str:
    r"""Return a text in which nothing hides.

    >>> visible("a\x00b\u202ec")
    'a␀b⟨U+202E⟩c'
    """
    return _HIDDEN.sub(_name, str(text))


def _name(character: re.Match[str]) -> str:
    code = ord(character[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"


def shown(text: Any, most: int) -> str:
    """Return a text without its middle where it is longer than ``most`` characters."""
    return "".join(piece.text for piece in pieces(str(text), None, most))


def pieces(text: str, place: int | None, most: int) -> list[Piece]:
    """Return a text in pieces, its middle left out where it is long, with the character at ``place`` marked.

    Args:
        text: The text.
        place: An offset from 0 to the length of the text, or None.
        most: Characters that are shown; around the place some more may be.
    """
    kept = [range(len(text))] if len(text) <= most else [range(most // 2), range(len(text) - most // 2, len(text))]
    if place is not None:
        kept = _joined([*kept, range(max(0, place - _AROUND), min(len(text), place + _AROUND))])
    found: list[Piece] = []
    before = 0
    for part in kept:
        if part.start > before:
            found.append(Piece(f" … {part.start - before:,} characters left out … ", "gap"))
        if place is not None and part.start <= place <= part.stop:
            marked = text[place : place + 1] or "▮"
            found += [
                Piece(text[part.start : place]),
                Piece("⏎\n" if marked == "\n" else marked, "mark"),
                Piece(text[place + 1 : part.stop]),
            ]
            place = None
        else:
            found.append(Piece(text[part.start : part.stop]))
        before = part.stop
    return [piece for piece in found if piece.text]


def _joined(ranges: list[range]) -> list[range]:
    joined: list[range] = []
    for part in sorted(ranges, key=lambda part: part.start):
        if joined and part.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, part.stop))
        else:
            joined.append(part)
    return joined


@dataclass(frozen=True, slots=True)
class ResponseText:
    """A response for a page: its thinking, which is folded unless the fault is in it, and the rest."""

    thinking: list[Piece]
    words: int
    rest: list[Piece]
    is_open: bool


def response_text(response: str, place: int | None, most: int) -> ResponseText:
    """Return a response in two parts, with the character at ``place`` marked, of about ``most`` characters in all."""
    split = response.rfind(_END) + len(_END) if _END in response else 0
    in_thinking = place is not None and place < split
    thinking, rest = response[:split], response[split:]
    return ResponseText(
        pieces(thinking, place if in_thinking else None, most // 2),
        len(thinking.split()),
        pieces(rest, None if in_thinking or place is None else place - split, most // 2),
        in_thinking,
    )
