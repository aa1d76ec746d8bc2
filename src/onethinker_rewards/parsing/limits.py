"""How much of an untrusted response is read at all."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT_LIMITS", "Limits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on a response; past one of them it fails with that limit's code.

    Attributes:
        response_characters: Longest response, thinking included (``response_too_long``).
        answer_characters: Longest answer (``answer_too_long``).
        track_boxes: Most boxes in a track (``too_many_boxes``).
        number_characters: Longest number as text (``too_many_digits``).
    """

    response_characters: int = 4_000_000
    answer_characters: int = 1_000_000
    track_boxes: int = 10_000
    number_characters: int = 400


DEFAULT_LIMITS = Limits()
