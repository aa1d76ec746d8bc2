"""Means that do not depend on how numbers were batched, in which order they came, or who counted them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["ExactMean"]

# The smallest number that a float can hold is 2 to the power of -1074: every other is a whole multiple.
_PLACES = 1074


@dataclass(slots=True)
class ExactMean:
    """A sum of finite floats without rounding, and how many they are.

    Attributes:
        units: The sum, in units of the smallest float.
        count: Numbers in it.
    """

    units: int = 0
    count: int = 0

    def add(self, numbers: Iterable[float]) -> None:
        """Add finite numbers."""
        for number in numbers:
            numerator, denominator = number.as_integer_ratio()
            self.units += numerator << (_PLACES + 1 - denominator.bit_length())
            self.count += 1

    def merge(self, other: ExactMean) -> None:
        """Add what another has added."""
        self.units += other.units
        self.count += other.count

    @property
    def value(self) -> float:
        """The mean, rounded once; there has to be a number in it."""
        return self.units / (self.count << _PLACES)
