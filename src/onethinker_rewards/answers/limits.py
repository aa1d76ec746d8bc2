"""Maximum sizes of an untrusted response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onethinker_rewards.errors import ArgumentError

# What our own schemas need: an object, a list of points, a point.
_LEAST_DEPTH = 3
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on a response; past one of them it fails with that limit's code.

    Attributes:
        response_characters: Longest response, thinking included (``response_too_long``).
        answer_characters: Longest answer (``answer_too_long``).
        track_boxes: Most boxes in a track (``too_many_boxes``).
        number_characters: Longest number as an answer in plain text, most digits in a row in JSON
            (``too_many_digits``).
        depth: Deepest nesting of lists and objects in JSON (``invalid_json``), at least 3. The decoders refuse more
            than some 250 levels whatever is set here.

    Raises:
        ArgumentError: If a limit is less than 0, or ``depth`` less than 3.
    """

    response_characters: int = 4_000_000
    answer_characters: int = 1_000_000
    track_boxes: int = 10_000
    number_characters: int = 400
    depth: int = 200

    def __post_init__(self) -> None:
        for name in ("response_characters", "answer_characters", "track_boxes", "number_characters"):
            if getattr(self, name) < 0:
                raise ArgumentError(f"{name} is 0 or more, not {getattr(self, name)}")
        if self.depth < _LEAST_DEPTH:
            raise ArgumentError(f"depth is {_LEAST_DEPTH} or more, as answers need, not {self.depth}")


DEFAULT_LIMITS = Limits()


def has_long_number(text: str, longest: int) -> bool:
    """Return whether more than ``longest`` digits follow each other.

    >>> has_long_number('{"time": [1, 12345]}', 5), has_long_number('{"time": [1, 123456]}', 5)
    (False, True)
    """
    # A longer run covers one of these offsets, so that most of the text need not be looked at.
    for offset in range(longest, len(text), longest + 1):
        if text[offset] in _DIGITS:
            before, after = text[offset - longest : offset], text[offset : offset + longest + 1]
            run = len(before) - len(before.rstrip(_DIGITS)) + len(after) - len(after.lstrip(_DIGITS))
            if run > longest:
                return True
    return False


def is_deeper(value: Any, depth: int) -> bool:
    """Return whether more than ``depth`` lists and objects are nested in each other.

    >>> is_deeper([[1]], 2), is_deeper([{"a": []}], 2)
    (False, True)
    """
    # Level by level: recursion would end at Python's own limit.
    level = [value] if isinstance(value, list | dict) else []
    for _ in range(depth):
        if not level:
            break
        inner = [child for parent in level for child in (parent.values() if isinstance(parent, dict) else parent)]
        level = [child for child in inner if isinstance(child, list | dict)]
    return bool(level)
