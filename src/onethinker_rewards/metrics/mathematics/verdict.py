"""What a comparison of two pieces of mathematics can come to."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["MathVerdict"]


class MathVerdict(StrEnum):
    """The result of comparing an answer with its reference.

    ``equal`` alone scores. ``unreadable`` means that the answer is no mathematics, ``bad_reference`` that the
    reference is none, ``timeout`` that the comparison ran into its deadline or its memory limit.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    UNREADABLE = "unreadable"
    BAD_REFERENCE = "bad_reference"
    TIMEOUT = "timeout"
