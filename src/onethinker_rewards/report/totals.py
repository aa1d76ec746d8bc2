"""Running sums over scored rows by task, which do not grow with a file: means, distributions, codes, curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from onethinker_rewards.errors import ArgumentError

_PART = "part/"
_NUMBERS = ("total", "accuracy", "format")
_STEPS = ("step", "global_step")
# A larger number is none that a reward could be, and it would make every distribution one bar.
_LARGEST = 1e12
_BAR, _MOST_BARS = 0.05, 45
_MOST_BUCKETS = 400


def number(value: object) -> float | None:
    """Return a cell as a number, also where it is text, as in CSV; None if it is none, not finite or enormous."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= _LARGEST else None


@dataclass(slots=True)
class Mean:
    """A running mean."""

    count: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        """Add one value."""
        self.count += 1
        self.total += value

    def merge(self, other: Mean) -> None:
        """Add other values."""
        self.count += other.count
        self.total += other.total

    @property
    def value(self) -> float | None:
        """The mean; None of no values."""
        return self.total / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """Some values by where they are on an axis: from ``start`` to before ``end``."""

    start: float
    end: float
    count: int
    mean: float


class Buckets:
    """Means of values in buckets of equal width along an axis.

    The width doubles as often as there would be more than ``most`` buckets, so memory does not grow with the values.
    """

    def __init__(self, width: float, most: int) -> None:
        self.width, self.most = width, most
        self._means: dict[int, Mean] = {}

    def add(self, at: float, value: float) -> None:
        """Add a value at a position of the axis."""
        # A position such as 0.15 belongs to the bucket that begins there, also where 0.15 / 0.05 is below 3.
        self._means.setdefault(math.floor(round(at / self.width, 9)), Mean()).add(value)
        while len(self._means) > self.most:
            self._double()

    def widened(self, most: int) -> list[Bucket]:
        """Return at most ``most`` buckets, without gaps: those without values have the mean 0."""
        if not self._means:
            return []
        copy = Buckets(self.width, self.most)
        copy._means = dict(self._means)
        while max(copy._means) - min(copy._means) >= most:
            copy._double()
        return [copy._bucket(key) for key in range(min(copy._means), max(copy._means) + 1)]

    def __iter__(self) -> Iterator[Bucket]:
        """Yield the buckets that have values, in order."""
        return (self._bucket(key) for key in sorted(self._means))

    def _bucket(self, key: int) -> Bucket:
        mean = self._means.get(key, Mean())
        return Bucket(key * self.width, (key + 1) * self.width, mean.count, mean.value or 0.0)

    def _double(self) -> None:
        self.width *= 2
        before, self._means = self._means, {}
        for key, mean in before.items():
            self._means.setdefault(key // 2, Mean()).merge(mean)


@dataclass(slots=True)
class TaskTotals:
    """Sums over the rows of one task.

    Attributes:
        rows: How many rows.
        failed: Rows with a failure or a fault in their format.
        means: Means of total, accuracy, format and each part, over the rows that have the number.
        values: The distribution of the total and of each part.
        curves: Means of total, accuracy and format by step, of the rows that have a step.
        codes: How often each failure, format fault and repair occurred; once a row.
    """

    rows: int = 0
    failed: int = 0
    means: dict[str, Mean] = field(default_factory=dict[str, Mean])
    values: dict[str, Buckets] = field(default_factory=dict[str, Buckets])
    curves: dict[str, Buckets] = field(default_factory=dict[str, Buckets])
    codes: Counter[str] = field(default_factory=Counter[str])

    def distribution(self, name: str) -> list[Bucket]:
        """Return how often values of the total or of a part occurred, in at most 45 buckets of equal width."""
        return self.values[name].widened(_MOST_BARS) if name in self.values else []


class Totals:
    """Sums over scored rows, by task; ``invalid`` counts the rows that were no scored rows, ``reasons`` says why."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskTotals] = {}
        self.invalid = 0
        self.reasons: list[str] = []

    @property
    def rows(self) -> int:
        """How many scored rows there were."""
        return sum(task.rows for task in self.tasks.values())

    @property
    def codes(self) -> Counter[str]:
        """How often each code occurred, over all tasks."""
        return sum((task.codes for task in self.tasks.values()), Counter())

    def add(self, row: Mapping[str, Any], codes: tuple[str, ...] = (), *, failed: bool = False) -> None:
        """Add a row as `RewardBatch.to_rows` has it; ``codes`` are its failures and repairs."""
        task = self.tasks.setdefault(row["task"], TaskTotals())
        task.rows += 1
        task.failed += failed
        task.codes.update(codes)
        step = next((found for name in _STEPS if (found := number(row.get(name))) is not None), None)
        for name, cell in row.items():
            value = number(cell) if name in _NUMBERS or name.startswith(_PART) else None
            if value is None:
                continue
            task.means.setdefault(name, Mean()).add(value)
            if name == "total" or name.startswith(_PART):
                task.values.setdefault(name, Buckets(_BAR, _MOST_BUCKETS)).add(value, 1.0)
            if step is not None and name in _NUMBERS:
                task.curves.setdefault(name, Buckets(1.0, _MOST_BUCKETS)).add(step, value)

    def reject(self, number: int, reason: str) -> None:
        """Count a row that cannot be shown; the first reasons are kept."""
        self.invalid += 1
        if len(self.reasons) < 5:
            self.reasons.append(f"row {number:,}: {reason}")


def totals_of(rows: Any) -> Totals:
    """Return the sums over a `RewardBatch`, or over rows as it has them.

    Raises:
        ArgumentError: If a row has no task.
    """
    totals = Totals()
    for index, row in enumerate(rows.to_rows() if hasattr(rows, "to_rows") else rows):
        if not isinstance(row.get("task"), str):
            raise ArgumentError(f"row {index}: no task; expected rows as RewardBatch.to_rows has them")
        totals.add(row)
    return totals


def part_title(name: str) -> str:
    """Return how a number is called in a figure."""
    return name.removeprefix(_PART)
