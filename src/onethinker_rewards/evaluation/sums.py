"""Sums that can be merged in any order to the last bit: exact sums of floats, and counts of scores over thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onethinker_rewards.errors import ArgumentError

# Every finite float is a multiple of the smallest positive one, which is 2 to the power of -1074.
UNIT_EXPONENT = 1074


def units_of(number: float) -> int:
    """Return a finite number in units of the smallest positive float."""
    numerator, denominator = number.as_integer_ratio()
    return numerator << (UNIT_EXPONENT + 1 - denominator.bit_length())


@dataclass(slots=True)
class ExactMean:
    """A sum of finite floats without rounding, and their number.

    Attributes:
        units: The sum, in units of the smallest positive float.
        count: Number of floats.
    """

    units: int = 0
    count: int = 0

    def add(self, numbers: Iterable[float]) -> None:
        """Add finite numbers."""
        for number in numbers:
            self.units += units_of(number)
            self.count += 1

    def merge(self, other: ExactMean) -> None:
        """Add the numbers of another."""
        self.units += other.units
        self.count += other.count

    @property
    def value(self) -> float:
        """The mean, rounded once. There must be at least one number."""
        return self.units / (self.count << UNIT_EXPONENT)


@dataclass(slots=True)
class ScoreSums:
    """A sum of scores without rounding, and how many of them reach each threshold.

    Attributes:
        thresholds: What scores are compared with.
        strict: Whether a score must exceed a threshold; otherwise one that equals it counts too.
        scores: The sum and the number of scores.
        reached: How many scores reach each threshold.
    """

    thresholds: tuple[float, ...] = ()
    strict: bool = False
    scores: ExactMean = field(default_factory=ExactMean)
    reached: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reached = self.reached or [0] * len(self.thresholds)

    def add(self, scores: Sequence[float]) -> None:
        """Add finite scores."""
        self.scores.add(scores)
        values = np.asarray(scores, dtype=np.float64)
        for index, threshold in enumerate(self.thresholds):
            reaches = values > threshold if self.strict else values >= threshold
            self.reached[index] += int(np.count_nonzero(reaches))

    def merge(self, other: ScoreSums) -> None:
        """Add the scores of another with the same thresholds."""
        self.scores.merge(other.scores)
        self.reached = [ours + theirs for ours, theirs in zip(self.reached, other.reached, strict=True)]

    def shares(self) -> dict[float, float]:
        """Return which share of the scores reaches each threshold. There must be at least one score."""
        counts = zip(self.thresholds, self.reached, strict=True)
        return {threshold: reached / self.scores.count for threshold, reached in counts}


def check_mergeable(totals: Any, other: Any, *names: str) -> None:
    """Raise an `ArgumentError` where two totals differ in an option, so that their sums do not add up."""
    for name in names:
        ours, theirs = getattr(totals, name), getattr(other, name)
        if ours != theirs:
            raise ArgumentError(f"totals with {name}={ours!r} and {name}={theirs!r} cannot be merged")


def check_counted(count: int, what: str) -> None:
    """Raise an `ArgumentError` where nothing was counted, so that there is no mean."""
    if not count:
        raise ArgumentError(f"no {what} was counted")
