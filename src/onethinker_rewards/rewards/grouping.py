"""A batch's rows, brought together by task, so that each task's rows are one slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onethinker_rewards.columns import Integers
from onethinker_rewards.rewards.rows import TaskRows

__all__ = ["Groups", "group_by_task"]


@dataclass(frozen=True, slots=True)
class Groups:
    """Where the rows of each task stand.

    Attributes:
        order: ``[N]`` the batch's rows, one task after the other and in their own order within it; None where they
            stand so already.
        places: The slice of that order that each task has.
    """

    order: Integers | None
    places: Mapping[str, slice]

    def arrange(self, rows: TaskRows) -> TaskRows:
        """Return the rows in this order."""
        return rows if self.order is None else rows.take(self.order)

    def row(self, position: int) -> int:
        """Return the batch's row at a position of this order."""
        return position if self.order is None else int(self.order[position])

    def back(self) -> Integers | None:
        """Return ``[N]`` the position of each of the batch's rows; None where it is the row."""
        if self.order is None:
            return None
        back = np.empty_like(self.order)
        back[self.order] = np.arange(len(back))
        return back


def group_by_task(names: Sequence[str]) -> Groups:
    """Bring the rows of each task together; tasks stand in the order of the alphabet."""
    # Sorted, so that the order of tasks does not hang on how Python hashes text.
    number_of = {name: number for number, name in enumerate(sorted(set(names)))}
    if len(number_of) <= 1:
        return Groups(None, dict.fromkeys(number_of, slice(0, len(names))))
    numbers = np.fromiter(map(number_of.__getitem__, names), dtype=np.int64, count=len(names))
    ends: list[int] = np.bincount(numbers).cumsum().tolist()
    return Groups(
        numbers.argsort(kind="stable"),
        {name: slice(start, end) for name, start, end in zip(number_of, [0, *ends], ends, strict=False)},
    )
