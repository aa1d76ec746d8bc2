"""EMA-GRPO for a loop whose advantage cannot be replaced: rewards divided by the running σ of their task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from onethinker_rewards.advantage.exact import quantise, task_moments
from onethinker_rewards.advantage.labels import Ids, Label, TaskKey
from onethinker_rewards.advantage.moments import Moments
from onethinker_rewards.advantage.ranks import Ranks
from onethinker_rewards.advantage.rows import as_rewards
from onethinker_rewards.advantage.running import RunningMoments

__all__ = ["EmaRewardScaler"]


class EmaRewardScaler:
    """Rewards R / (max(σ, min_std) + eps), σ the running standard deviation of the row's task.

    A loop that subtracts the group's mean and does not divide by its standard deviation makes EMA-GRPO of them, without
    the guard: (R/s − mean(R/s)) = (R − mean R)/s, because s is one number for the whole group.

    Args:
        decay: β of the moments.
        min_std: The least σ.
        eps: Added to σ.
        process_group: Ranks that share statistics; ``None`` never communicates.
        update_first: Whether the batch moves σ before σ is used.
        task_key: Families of tasks, as in `EmaGrpo`.
        task_names: The tasks that dense ids stand for, as in `EmaGrpo`.

    Raises:
        ArgumentError: If an option is out of its range.

    Source: OneThinker, arXiv 2512.03043, EMA-GRPO.
    """

    def __init__(
        self,
        decay: float = 0.99,
        min_std: float = 1e-3,
        eps: float = 1e-6,
        process_group: dist.ProcessGroup | None = None,
        *,
        update_first: bool = True,
        task_key: TaskKey | None = None,
        task_names: Sequence[Label] | None = None,
    ) -> None:
        self._running = RunningMoments(
            decay=decay,
            min_std=min_std,
            eps=eps,
            update_first=update_first,
            variance="total",
            task_key=task_key,
            task_names=task_names,
            ranks=Ranks(process_group),
        )

    @torch.no_grad()
    def __call__(
        self,
        rewards: Tensor | Sequence[float],
        tasks: Ids,
        *,
        mask: Tensor | None = None,
        num_tasks: int | None = None,
    ) -> Tensor:
        """Move the statistics a batch on and return its scaled rewards.

        Args:
            rewards: ``[N]`` of any real type.
            tasks: ``[N]`` labels.
            mask: ``[N]`` bool, false where a row is padding: it gets 0.
            num_tasks: K promises dense ids 0…K−1.

        Returns:
            ``[N]``, float64 for float64 rewards, else float32; NaN where the reward is not finite, so that the loop can
            leave it out of its group's mean.

        Raises:
            ArgumentError: If shapes or lengths do not fit; it names the argument.
        """
        values = as_rewards(rewards)
        whole = torch.zeros(len(values), dtype=torch.int64, device=values.device)
        rows = self._running.lay_out(values, whole, tasks, mask, None if num_tasks is None else 1, num_tasks)
        divisor = self._running.absorb(task_moments(rows, quantise(rows, rows.rewards)))
        scaled = torch.where(rows.weight > 0.0, rows.rewards / divisor[rows.task], torch.nan)
        if mask is not None:
            scaled = torch.where(torch.as_tensor(mask).to(device=values.device, dtype=torch.bool), scaled, 0.0)
        return scaled.to(rows.dtype)

    @property
    def state(self) -> Moments:
        """A copy of the moments."""
        return self._running.state.clone()

    def state_dict(self) -> dict[str, Any]:
        """Return the moments by task label; an `EmaGrpo` can load them, and the other way round."""
        return self._running.to_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over saved moments, as `EmaGrpo.load_state_dict` does."""
        self._running.load(state)
