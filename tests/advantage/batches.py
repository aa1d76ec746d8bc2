"""Batches that the tests of advantages share."""

from __future__ import annotations

from typing import NamedTuple

import torch
from hypothesis import strategies as st

from onethinker_rewards.testing import reward_groups

TASKS = ("math", "ocr", "tracking")


class Batch(NamedTuple):
    rewards: list[float]
    groups: list[int]
    tasks: list[str]

    @property
    def tensor(self) -> torch.Tensor:
        return torch.tensor(self.rewards, dtype=torch.float64)

    def take(self, rows: list[int]) -> Batch:
        return Batch(*([column[row] for row in rows] for column in self))


def assert_same(actual: torch.Tensor, expected: torch.Tensor, tolerance: float = 1e-12) -> None:
    """Sums of float64 in another order differ in their last digits."""
    torch.testing.assert_close(actual, expected, atol=tolerance, rtol=tolerance)


finite = st.floats(-2.0, 2.0).map(lambda value: round(value, 6)) | st.sampled_from([0.0, 0.5, 1.0])
broken = st.sampled_from([float("nan"), float("inf"), float("-inf"), 1e200])


def batches(rewards: st.SearchStrategy[float] = finite, *, min_size: int = 0) -> st.SearchStrategy[Batch]:
    groups = reward_groups(rewards, tasks=TASKS, min_rows=min_size)
    return groups.map(lambda one: Batch(one.rewards.tolist(), one.groups.tolist(), one.tasks))


def seeded(
    seed: int, rows: int = 96, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    """A batch of groups of eight in shuffled order, one task a group, with rewards of each task's own scale."""
    generator = torch.Generator().manual_seed(seed)
    groups = (torch.arange(rows) // 8)[torch.randperm(rows, generator=generator)]
    task = groups % len(TASKS)
    scale = torch.tensor([1.0, 0.05, 30.0], dtype=torch.float64)[task]
    rewards = (torch.rand(rows, generator=generator, dtype=torch.float64) * scale).to(dtype)
    return rewards, groups, [TASKS[number] for number in task.tolist()]
