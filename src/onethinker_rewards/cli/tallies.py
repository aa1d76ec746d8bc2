"""Sums over rows by task, so that memory does not grow with a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Tally", "add_tallies", "tally_of"]


@dataclass(slots=True)
class Tally:
    """Sums over the rows of one task.

    Attributes:
        rows: Number of rows.
        sums: Sums by name.
        codes: Why rows lost, counted: the failure, or the format fault where there is no failure.
    """

    rows: int = 0
    sums: Counter[str] = field(default_factory=Counter[str])
    codes: Counter[str] = field(default_factory=Counter[str])

    def add(self, numbers: Mapping[str, float], code: str | None) -> None:
        """Add one row."""
        self.rows += 1
        for name, number in numbers.items():
            self.sums[name] += number  # pyright: ignore[reportArgumentType] - a Counter adds floats as well
        if code is not None:
            self.codes[code] += 1


def tally_of(tallies: dict[str, Tally], task: str) -> Tally:
    """Return a task's tally, a new one where there is none yet."""
    return tallies.setdefault(task, Tally())


def add_tallies(tallies: dict[str, Tally], others: Mapping[str, Tally]) -> None:
    """Add the sums of other rows."""
    for task, other in others.items():
        tally = tally_of(tallies, task)
        tally.rows += other.rows
        # Counter.update adds; its + would drop sums that are not positive.
        tally.sums.update(other.sums)
        tally.codes.update(other.codes)
