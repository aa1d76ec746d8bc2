"""EMA-GRPO: rewards minus the mean of their group, divided by a running standard deviation σ of their task.

The file reads from top to bottom as the estimator works: `update` takes a batch into the moments of its tasks, `sigma`
is the standard deviation that they give, and `EmaGrpo` divides by it. `EmaRewardScaler` divides rewards instead of
advantages.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.functional import pad

from onethinker_rewards.advantage.batch import Batch, as_rewards, dense_batch, encode_tasks, is_dense, labeled_batch
from onethinker_rewards.advantage.distributed import Ranks
from onethinker_rewards.advantage.labels import Ids, Label, TaskKey, canonical, keyed
from onethinker_rewards.advantage.moments import BatchMoments, Initial, Moments, Variance
from onethinker_rewards.advantage.statistics import TaskStatistics, describe
from onethinker_rewards.errors import ArgumentError

Guard: TypeAlias = Literal["clip", "group_std"]


def update(
    state: Moments,
    batch: BatchMoments,
    *,
    decay: float,
    initial: Initial = "debiased",
    variance: Variance = "total",
) -> Moments:
    """Return the state after a batch, for each task that has rows in it.

    m ← (1 − w)m + wμ with μ the mean of the batch, which is its n-th with rows of the task. ``initial`` gives w:

    - ``"first_batch"``: 1 for n = 1, then 1 − β, so that the first batch keeps the weight βⁿ⁻¹;
    - ``"debiased"``: (1 − β)/(1 − βⁿ), which is a mean that starts from 0, divided by 1 − βⁿ. For β = 1 it is 1/n.

    v ← (1 − w)v + w·(variance of the batch) + w(1 − w)(μ − m)². This is m₂ − m² with m₂ ← (1 − w)m₂ + w·mean R²,
    without the difference of large numbers. For ``variance="within_group"`` it has no third term.

    Source: OneThinker, arXiv 2512.03043, EMA-GRPO; 1 − βⁿ: Adam, arXiv 1412.6980, section 3.
    """
    present = batch.count.clamp_max(1.0)
    seen = state.seen + present
    weight = _batch_weight(seen.clamp_min(1.0), decay, initial) * present
    first, second = state.values.lerp(batch.values, weight).unbind()
    if variance == "total":
        second = second + weight * (1.0 - weight) * (batch.values[0] - state.first).square()
    return Moments(state.labels, torch.stack((first, second)), seen)


def _batch_weight(seen: Tensor, decay: float, initial: Initial) -> Tensor:
    """Return the weight of the batch with which a task has been seen ``seen`` ≥ 1 times."""
    if initial == "first_batch":
        return 1.0 - decay * (seen > 1.0).to(seen)
    return seen.reciprocal() if decay == 1.0 else (1.0 - decay) / (1.0 - decay**seen)


def sigma(state: Moments) -> Tensor:
    """Return each task's standard deviation ``[K]``, the root of its running variance."""
    return state.second.sqrt()


@dataclass(frozen=True)
class _LastBatch:
    """What an estimator keeps of a batch for its statistics: the advantages are float64, after the guard."""

    batch: Batch
    advantages: Tensor
    guarded: Tensor


class _RunningSigma:
    """What `EmaGrpo` and `EmaRewardScaler` share: the options of σ, and the state."""

    def __init__(
        self,
        *,
        decay: float,
        min_std: float,
        eps: float,
        update_first: bool,
        variance: Variance,
        initial: Initial,
        task_key: TaskKey | None,
        task_names: Sequence[Label] | None,
        ranks: Ranks,
    ) -> None:
        if not 0.0 <= decay <= 1.0:
            raise ArgumentError(f"decay: must lie in [0, 1], got {decay}")
        if not (min_std >= 0.0 and eps >= 0.0 and min_std + eps > 0.0):
            raise ArgumentError(f"min_std and eps: must not be negative, nor both 0, got {min_std} and {eps}")
        if variance not in ("total", "within_group"):
            raise ArgumentError(f"variance: must be 'total' or 'within_group', got {variance!r}")
        if initial not in ("first_batch", "debiased"):
            raise ArgumentError(f"initial: must be 'first_batch' or 'debiased', got {initial!r}")
        self._decay, self._min_std, self._eps = decay, min_std, eps
        self._update_first = update_first
        self._variance: Variance = variance
        self._initial: Initial = initial
        self._task_key, self._ranks = task_key, ranks
        self._task_names = None if task_names is None else tuple(map(canonical, task_names))
        self._state = Moments.unseen(self._task_names or ())

    @property
    def _options(self) -> dict[str, object]:
        """What a state is saved with, so that a resume with other options is noticed."""
        return {
            "decay": self._decay, "initial": self._initial, "update_first": self._update_first,
            "min_std": self._min_std, "eps": self._eps,
        }  # fmt: skip

    @property
    def state(self) -> Moments:
        """A copy of the moments of the tasks that were seen, or are among ``task_names``."""
        return self._state.known(self._task_names or ())

    def state_dict(self) -> dict[str, Any]:
        """Return the moments by label: CPU tensors and built-ins, which ``torch.load(weights_only=True)`` reads.

        `EmaGrpo` and `EmaRewardScaler` read each other's.
        """
        return self.state.to_dict(variance=self._variance, options=self._options)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore saved moments. Tasks that are new start unseen; tasks no longer used are kept.

        A state of version 1 does not say in how many batches its tasks were seen: they go on with the weight 1 − β,
        whichever ``initial`` the estimator has, and only new tasks are debiased.

        Warns:
            UserWarning: If it was saved with another ``decay``, ``initial``, ``update_first``, ``min_std`` or ``eps``;
                the moments are taken over, and used as this estimator's options say.

        Raises:
            ArgumentError: If it is no such state, has a moment that is not finite, or was saved with another
                ``variance``.
        """
        loaded = Moments.from_dict(state, variance=self._variance).extended(self._task_names or ())
        loaded = loaded.to(self._state.values.device)
        saved_options = state.get("options", {})
        changed = [
            f"{name}={saved_options[name]!r}, now {value!r}"
            for name, value in self._options.items()
            if saved_options.get(name, value) != value
        ]
        if changed:
            warnings.warn(f"the state of EMA-GRPO was saved with {'; '.join(changed)}", stacklevel=2)
        if loaded.labels == self._state.labels:
            self._write(loaded)
        else:
            self._state = loaded

    def _make_batch(
        self,
        rewards: Tensor | Sequence[float],
        groups: Ids,
        tasks: Ids | None,
        mask: Tensor | None,
        num_groups: int | None,
        num_tasks: int | None,
    ) -> Batch:
        """Return the batch with the tasks numbered as in the state, which gains those that are new."""
        values = as_rewards(rewards)
        if self._state.values.device != values.device:
            self._state = self._state.to(values.device)
        if is_dense(num_groups, num_tasks, needs_tasks=tasks is not None):
            count = num_tasks or 1
            self._number_tasks((None,) if tasks is None else tuple(range(count)))
            return dense_batch(values, groups, tasks, self._ranks, int(num_groups or 0), count, mask=mask)
        encoded = encode_tasks(tasks, values)
        own = tuple(keyed(label, self._task_key) for label in encoded[1])
        # The state's labels go along so that every rank puts all of them in the same order.
        self._extend(self._ranks.union(self._state.labels + own))
        labels = self._state.labels
        return labeled_batch(values, groups, encoded, self._ranks, labels, mask=mask, task_key=self._task_key)

    def _number_tasks(self, default_names: tuple[Label, ...]) -> None:
        """Let the tasks of dense ids 0…K−1 come first in the state, by ``task_names`` or else by the default."""
        if self._task_key is not None:
            raise ArgumentError("task_key: has no effect on dense ids; number the families instead")
        count, names = len(default_names), self._task_names or default_names
        if count > len(names):
            raise ArgumentError(f"num_tasks: {count} is more than the {len(names)} task_names")
        if self._state.labels[:count] != names[:count]:
            self._extend(names)

    def _divisor(self, batch: Batch, centered: Tensor | None = None) -> Tensor:
        """Update the state with a batch and return what each row is divided by, ``[N]``: max(σ, min_std) + eps.

        ``centered`` are the deviations from the groups' means, for ``variance="within_group"``.
        """
        count, total = batch.task_sum(batch.weight, batch.rewards).unbind()
        count_or_one = count.clamp_min(1.0)
        mean = total / count_or_one
        deviation = centered
        if deviation is None:
            deviation = (batch.rewards - mean.index_select(0, batch.task)) * batch.weight
        (square,) = batch.task_sum(deviation.square()).unbind()
        # The state may know tasks that dense ids leave out.
        absent = (0, len(self._state.labels) - batch.tasks)
        of_batch = BatchMoments(pad(count, absent), pad(torch.stack((mean, square / count_or_one)), absent))
        before = self._state
        after = update(before, of_batch, decay=self._decay, initial=self._initial, variance=self._variance)
        used = sigma(after)
        if not self._update_first:
            # A task seen for the first time has no earlier σ: its first batch sets it.
            used = torch.where(before.seen > 0.0, sigma(before), used)
        self._write(after)
        return (used.clamp_min(self._min_std) + self._eps).index_select(0, batch.task)

    def _write(self, new: Moments) -> None:
        # In place, so that a captured CUDA graph carries the state from replay to replay.
        self._state.values.copy_(new.values)
        self._state.seen.copy_(new.seen)

    def _extend(self, labels: tuple[Label, ...]) -> None:
        if self._state.labels != labels:
            self._state = self._state.extended(labels)


class EmaGrpo(_RunningSigma):
    """Advantages A = (R − group mean) / (max(σ, min_std) + eps), σ a running standard deviation of the row's task.

    For each task m₁ ← βm₁ + (1 − β)·mean R and m₂ ← βm₂ + (1 − β)·mean R² over the batch, σ = √(m₂ − m₁²); `update` has
    the form that is computed. A group is a pair of group and task; a group of one, and one with equal rewards, gets 0.
    A reward whose square is not finite gets 0 and stays out of everything.

    Args:
        decay: β.
        guard: What happens if abs(A) > ``guard_limit``: ``"clip"`` clips to the limit, which keeps the order within a
            group; ``"group_std"`` gives the whole group (R − mean) / (its own population standard deviation + eps), as
            the release does; ``None`` does nothing.
        guard_limit: The limit, positive.
        min_std: The least σ.
        eps: Added to σ.
        process_group: Ranks that share statistics: N ranks equal one process on the joined batch within 1e-12. Every
            rank calls at every step, with no row if it has none. ``None`` never communicates.
        update_first: Whether the batch updates σ before σ is used; if not, a task seen for the first time uses its own
            batch all the same.
        variance: ``"total"``, as above, or ``"within_group"``: m₂ is the mean of (R − group mean)² and σ = √m₂.
        initial: ``"debiased"``: moments start from 0 and are divided by 1 − βⁿ after n batches of the task; or
            ``"first_batch"``, as the release: a task's first batch sets its moments, and then weighs as much as a
            hundred later ones. The paper names no start.
        task_key: Families of tasks: a function or a mapping from a task's label to the label whose σ it uses. A label
            that a mapping lacks is its own family. `onethinker_rewards.task_name` makes one task of its spellings.
        task_names: The tasks that dense ids 0…K−1 mean. Without it they are saved as 0…K−1.
        groups_span_ranks: Whether the rows of one group may lie on several ranks.

    Raises:
        ArgumentError: If an option is out of its range.

    Source: OneThinker, arXiv 2512.03043, EMA-GRPO.
    Differs: the release falls back to the group's own σ if an advantage is large; ``clip`` is ours, see
    ``test_differs_guard_keeps_order``. Its first batch weighs more than later ones, see
    ``test_differs_the_first_batch_weighs_as_the_others``. Its float32 moments cancel; ours are float64.
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
        initial: Initial = "debiased",
        task_key: TaskKey | None = None,
        task_names: Sequence[Label] | None = None,
        groups_span_ranks: bool = False,
    ) -> None:
        if guard not in ("clip", "group_std", None):
            raise ArgumentError(f"guard: must be 'clip', 'group_std' or None, got {guard!r}")
        if not guard_limit > 0.0:
            raise ArgumentError(f"guard_limit: must be positive, got {guard_limit}")
        super().__init__(
            decay=decay, min_std=min_std, eps=eps, update_first=update_first, variance=variance, initial=initial,
            task_key=task_key, task_names=task_names, ranks=Ranks(process_group, groups_span_ranks),
        )  # fmt: skip
        self._guard: Guard | None = guard
        self._guard_limit = guard_limit
        self._last: _LastBatch | None = None

    @classmethod
    def as_released(cls, *, process_group: dist.ProcessGroup | None = None, task_key: TaskKey | None = None) -> EmaGrpo:
        """Return the estimator with the release's guard and start.

        Its segmentation of images and of videos are two tasks.
        """
        return cls(guard="group_std", initial="first_batch", process_group=process_group, task_key=task_key)

    @torch.no_grad()
    def __call__(
        self,
        rewards: Tensor | Sequence[float],
        groups: Ids,
        tasks: Ids | None = None,
        *,
        mask: Tensor | None = None,
        num_groups: int | None = None,
        num_tasks: int | None = None,
    ) -> Tensor:
        """Update the statistics with a batch and return its advantages.

        Args:
            rewards: ``[N]`` of any real type.
            groups: ``[N]`` ids of any kind, one a prompt.
            tasks: ``[N]`` labels of any kind, used as they are: two spellings are two tasks, unless ``task_key`` says
                otherwise. None is one task for all rows, labeled None.
            mask: ``[N]`` bool, false where a row is padding.
            num_groups: G; with ``num_tasks`` it promises dense ids 0…G−1 and 0…K−1: then nothing is read back from the
                device, and the call can be captured in a CUDA graph and compiled.
            num_tasks: K.

        Returns:
            ``[N]``, float64 for float64 rewards, else float32. On a CPU the same input gives the same bits. Another
            order of the rows, or their share over ranks, changes less than 1e-12.

        Raises:
            ArgumentError: If shapes or lengths do not fit; it names the argument.
        """
        batch = self._make_batch(rewards, groups, tasks, mask, num_groups, num_tasks)
        centered = batch.centered()
        advantages = centered / self._divisor(batch, centered if self._variance == "within_group" else None)
        guarded = advantages.abs() > (torch.inf if self._guard is None else self._guard_limit)
        if self._guard == "clip":
            advantages = advantages.clamp(-self._guard_limit, self._guard_limit)
        elif self._guard == "group_std":
            guarded = batch.group_max(advantages.abs()).index_select(0, batch.group) > self._guard_limit
            group_std = batch.group_mean(centered.square()).sqrt()
            advantages = torch.where(guarded, centered / (group_std + self._eps), advantages)
        if not torch.compiler.is_compiling():
            self._last = _LastBatch(batch, advantages, guarded)
        return advantages.to(batch.dtype)

    def __repr__(self) -> str:
        guard = self._guard and f"{self._guard!r}, guard_limit={self._guard_limit}"
        settings = f"decay={self._decay}, guard={guard}, min_std={self._min_std}, eps={self._eps}"
        moments = f"update_first={self._update_first}, variance={self._variance!r}, initial={self._initial!r}"
        return f"EmaGrpo({settings}, {moments})"

    def statistics(self) -> dict[Label, TaskStatistics]:
        """Return what to log about the last batch, one entry a task; this reads the device.

        Rows, groups, guard hits and shares are those of this rank. Empty before the first call, and after compiled
        calls.
        """
        if self._last is None:
            return {}
        last, state = self._last, self._state
        return describe(last.batch, last.advantages, last.guarded, state, sigma(state))


class EmaRewardScaler(_RunningSigma):
    """Rewards R / (max(σ, min_std) + eps), σ a running standard deviation of the row's task, as in `EmaGrpo`.

    It is for a loop whose advantage cannot be replaced. A loop that subtracts the group's mean and does not divide by
    its standard deviation makes EMA-GRPO of them, without the guard: R/s − mean(R/s) = (R − mean R)/s, because s is one
    number for the whole group.

    Args:
        decay: β of the moments.
        min_std: The least σ.
        eps: Added to σ.
        process_group: Ranks that share statistics; ``None`` never communicates.
        update_first: Whether the batch updates σ before σ is used.
        initial: How moments start, as in `EmaGrpo`.
        task_key: Families of tasks, as in `EmaGrpo`.
        task_names: The tasks that dense ids mean, as in `EmaGrpo`.

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
        initial: Initial = "debiased",
        task_key: TaskKey | None = None,
        task_names: Sequence[Label] | None = None,
    ) -> None:
        super().__init__(
            decay=decay, min_std=min_std, eps=eps, update_first=update_first, variance="total", initial=initial,
            task_key=task_key, task_names=task_names, ranks=Ranks(process_group),
        )  # fmt: skip

    @torch.no_grad()
    def __call__(
        self,
        rewards: Tensor | Sequence[float],
        tasks: Ids | None = None,
        *,
        mask: Tensor | None = None,
        num_tasks: int | None = None,
    ) -> Tensor:
        """Update the statistics with a batch and return its scaled rewards.

        Args:
            rewards: ``[N]`` of any real type.
            tasks: ``[N]`` labels; None is one task for all rows.
            mask: ``[N]`` bool, false where a row is padding: it gets 0.
            num_tasks: K promises dense ids 0…K−1.

        Returns:
            ``[N]``, float64 for float64 rewards, else float32; NaN where the reward is not finite, so that the loop can
            leave it out of its group's mean.

        Raises:
            ArgumentError: If shapes or lengths do not fit; it names the argument.
        """
        values = as_rewards(rewards)
        one_group = torch.zeros(len(values), dtype=torch.int64, device=values.device)
        batch = self._make_batch(values, one_group, tasks, mask, None if num_tasks is None else 1, num_tasks)
        scaled = torch.where(batch.weight > 0.0, batch.rewards / self._divisor(batch), torch.nan)
        if mask is not None:
            scaled = torch.where(torch.as_tensor(mask).to(device=values.device, dtype=torch.bool), scaled, 0.0)
        return scaled.to(batch.dtype)
