"""EMA-GRPO: group-centred rewards, divided by a running standard deviation of their task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor

from onethinker_rewards.advantage import exact, plain
from onethinker_rewards.advantage.labels import Ids, Label, TaskKey
from onethinker_rewards.advantage.moments import BatchMoments, Moments, Variance
from onethinker_rewards.advantage.ranks import Ranks
from onethinker_rewards.advantage.rows import Rows, as_rewards
from onethinker_rewards.advantage.running import RunningMoments
from onethinker_rewards.advantage.statistics import LastBatch, TaskStatistics, describe
from onethinker_rewards.errors import ArgumentError

__all__ = ["EmaGrpo", "Guard"]

Guard: TypeAlias = Literal["clip", "group_std"]


class EmaGrpo:
    """Advantages A = (R − group mean) / (max(σ, min_std) + eps), σ a running standard deviation of the row's task.

    For each task m₁ ← βm₁ + (1 − β)·mean R and m₂ ← βm₂ + (1 − β)·mean R² over the batch, σ = √(m₂ − m₁²). The task's
    first batch sets both. A group is a pair of group and task; a group of one, and one with equal rewards, gets 0.
    A reward whose square is not finite gets 0 and stays out of everything.

    Args:
        decay: β.
        guard: What happens where abs(A) > ``guard_limit``: ``"clip"`` to the limit, which keeps the order within a
            group; ``"group_std"`` gives the whole group (R − mean) / (its own population standard deviation + eps), as
            the release does; ``None`` nothing.
        guard_limit: The limit, positive.
        min_std: The least σ.
        eps: Added to σ.
        process_group: Ranks that share statistics: N ranks equal one process on the joined batch, bit for bit. Every
            rank calls at every step, with no row if it has none. ``None`` never communicates.
        update_first: Whether the batch moves σ before σ is used; if not, a task seen for the first time uses its own
            batch all the same.
        variance: ``"total"``, as above, or ``"within_group"``: m₂ is the mean of (R − group mean)² and σ = √m₂.
        task_key: Families of tasks: a function or a mapping from a task's label to the label whose σ it uses. A label
            that a mapping lacks stands for itself.
        task_names: The tasks that dense ids 0…K−1 stand for. Without it they are saved as 0…K−1.
        groups_span_ranks: Whether the rows of one group may lie on several ranks.

    Raises:
        ArgumentError: If an option is out of its range.

    Source: OneThinker, arXiv 2512.03043, EMA-GRPO.
    Differs: the release falls back to the group's own σ where an advantage is large; ``clip`` is ours, see
    ``test_differs_guard_keeps_order``. Its float32 moments cancel; ours are float64.
    """

    def __init__(
        self,
        decay: float = 0.99,
        guard: Guard | None = "clip",
        guard_limit: float = 5.0,
        min_std: float = 1e-3,
        eps: float = 1e-6,
        process_group: dist.ProcessGroup | None = None,
        *,
        update_first: bool = True,
        variance: Variance = "total",
        task_key: TaskKey | None = None,
        task_names: Sequence[Label] | None = None,
        groups_span_ranks: bool = False,
    ) -> None:
        if guard not in ("clip", "group_std", None):
            raise ArgumentError(f"guard: must be 'clip', 'group_std' or None, got {guard!r}")
        if not guard_limit > 0.0:
            raise ArgumentError(f"guard_limit: must be positive, got {guard_limit}")
        self._guard: Guard | None = guard
        self._guard_limit = guard_limit
        self._last: LastBatch | None = None
        self._running = RunningMoments(
            decay=decay,
            min_std=min_std,
            eps=eps,
            update_first=update_first,
            variance=variance,
            task_key=task_key,
            task_names=task_names,
            ranks=Ranks(process_group, groups_span_ranks),
        )

    @classmethod
    def as_released(cls, *, process_group: dist.ProcessGroup | None = None, task_key: TaskKey | None = None) -> EmaGrpo:
        """Return the estimator with the release's guard; its segmentation of images and of videos are two tasks."""
        return cls(guard="group_std", process_group=process_group, task_key=task_key)

    @torch.no_grad()
    def __call__(
        self,
        rewards: Tensor | Sequence[float],
        groups: Ids,
        tasks: Ids,
        *,
        mask: Tensor | None = None,
        num_groups: int | None = None,
        num_tasks: int | None = None,
    ) -> Tensor:
        """Move the statistics a batch on and return its advantages.

        Args:
            rewards: ``[N]`` of any real type.
            groups: ``[N]`` ids of any kind, one a prompt.
            tasks: ``[N]`` labels of any kind, used as they are.
            mask: ``[N]`` bool, false where a row is padding.
            num_groups: G; with ``num_tasks`` it promises dense ids 0…G−1 and 0…K−1: then nothing is read back from the
                device, and the call can be captured in a CUDA graph and compiled.
            num_tasks: K.

        Returns:
            ``[N]``, float64 for float64 rewards, else float32. The same input gets the same bits; so do the same rows
            in another order or on other ranks, but for one CPU process with rewards below float64, whose sums may then
            differ in the last of float64's digits.

        Raises:
            ArgumentError: If shapes or lengths do not fit; it names the argument.
        """
        rows = self._running.lay_out(as_rewards(rewards), groups, tasks, mask, num_groups, num_tasks)
        deviation, batch, unit = plain.centre(rows) if plain.suffices(rows) else exact.centre(rows)
        if self._running.variance == "within_group":
            batch = _within_groups(rows, batch, _in_reward(rows, deviation, unit))
        factor = unit / self._running.absorb(batch)
        raw = deviation * factor.index_select(0, rows.task)
        advantages, hit = self._guarded(rows, raw, deviation, unit)
        if not torch.compiler.is_compiling():
            self._last = LastBatch(rows, advantages, hit)
        return advantages.to(rows.dtype)

    def _guarded(
        self, rows: Rows, raw: Tensor, deviation: Tensor, unit: Tensor | float
    ) -> tuple[Tensor, Tensor | None]:
        limit = self._guard_limit
        if self._guard == "clip":
            return raw.clamp_(-limit, limit), None
        if self._guard == "group_std":
            hit = (exact.segment_peaks(rows, raw.abs()) > limit)[rows.segment]
            own = _in_reward(rows, deviation, unit)
            own_std = exact.segment_average(rows, own * own).sqrt_()
            return torch.where(hit, own / (own_std + self._running.eps), raw), hit
        return raw, None

    def __repr__(self) -> str:
        running, guard = self._running, self._guard and f"{self._guard!r}, guard_limit={self._guard_limit}"
        settings = f"decay={running.decay}, guard={guard}, min_std={running.min_std}, eps={running.eps}"
        return f"EmaGrpo({settings}, update_first={running.update_first}, variance={running.variance!r})"

    @property
    def state(self) -> Moments:
        """A copy of the moments."""
        return self._running.state.clone()

    def statistics(self) -> dict[Label, TaskStatistics]:
        """Return what to log about the last batch, a task each; reads the device.

        Rows, groups, hits and shares are those of this rank. Empty before the first call, and after compiled calls.
        """
        if self._last is None:
            return {}
        return describe(self._last, self._running, self._guard_limit if self._guard == "clip" else torch.inf)

    def state_dict(self) -> dict[str, Any]:
        """Return the moments by label: CPU tensors and built-ins, which ``torch.load(weights_only=True)`` reads."""
        return self._running.to_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over saved moments. Tasks that are new start unseen; tasks no longer used are kept.

        Raises:
            ArgumentError: If it is no such state, or one saved with another ``variance``.
        """
        self._running.load(state)


def _in_reward(rows: Rows, deviation: Tensor, unit: Tensor | float) -> Tensor:
    return deviation * (unit.index_select(0, rows.task) if isinstance(unit, Tensor) else unit)


def _within_groups(rows: Rows, batch: BatchMoments, deviation: Tensor) -> BatchMoments:
    square = exact.task_average(rows, deviation * deviation)
    return BatchMoments(batch.count, torch.stack((batch.values[0], square)))
