"""Sums, maxima and labels over the ranks of a data-parallel run; without a process group, of this process alone."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

import torch.distributed as dist
from torch import Tensor

_LabelT = TypeVar("_LabelT", bound=Hashable)


@dataclass(frozen=True)
class Ranks:
    """The ranks that share statistics.

    Every method is a collective call if there is a process group, and costs nothing if there is none.

    Attributes:
        process_group: ``None`` never communicates.
        groups_span_ranks: Whether the rows of one group may lie on several ranks.
    """

    process_group: dist.ProcessGroup | None = None
    groups_span_ranks: bool = False

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over the ranks, in place."""
        if self.process_group is not None:
            dist.all_reduce(values, dist.ReduceOp.SUM, group=self.process_group)
        return values

    def maximum(self, values: Tensor) -> Tensor:
        """Return the maximum over the ranks, in place."""
        if self.process_group is not None:
            dist.all_reduce(values, dist.ReduceOp.MAX, group=self.process_group)
        return values

    def union(self, labels: tuple[_LabelT, ...]) -> tuple[_LabelT, ...]:
        """Return the labels of all ranks, each once, in the same order on every rank."""
        if self.process_group is None:
            return labels
        gathered: list[tuple[_LabelT, ...]] = [()] * dist.get_world_size(self.process_group)
        dist.all_gather_object(gathered, labels, group=self.process_group)
        return tuple(dict.fromkeys(label for labels_of_rank in gathered for label in labels_of_rank))
