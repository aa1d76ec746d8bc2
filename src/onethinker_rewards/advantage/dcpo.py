"""DCPO's smooth standardization: a prompt's rewards are compared with those of all steps that had the prompt."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from onethinker_rewards.advantage.baselines import Rewards, group_normalized
from onethinker_rewards.advantage.batch import Batch, as_rewards, encode_tasks, make_batch
from onethinker_rewards.advantage.labels import Ids, Label, canonical, encode
from onethinker_rewards.errors import ArgumentError

_VERSION = 1


@dataclass(frozen=True)
class _History:
    """The rewards of one prompt so far: steps that had it, their number, mean, and sum of squared deviations."""

    steps: int = 0
    count: float = 0.0
    mean: float = 0.0
    square: float = 0.0

    def joined(self, count: float, mean: float, square: float) -> _History:
        """Return the history with one more step. Source: Chan, Golub and LeVeque, 1979, on pooled variances."""
        total = self.count + count
        gap = mean - self.mean
        return _History(
            self.steps + 1, total, self.mean + gap * count / total,
            self.square + square + gap * gap * self.count * count / total,
        )  # fmt: skip

    def std(self, *, unbiased: bool) -> float:
        return math.sqrt(self.square / max(self.count - float(unbiased), 1.0))


class SmoothGrpo:
    """Advantages of DCPO, which are GRPO's smoothed over the steps that had the same prompt.

    In the i-th step with a prompt, A_new is GRPO's advantage, and A_total = (R − μ)/(σ + eps) with mean and deviation
    of all rewards of the prompt so far, this step's too. Of

        S_new = (i − 1)/i · A_new + 1/i · A_total,
        S_total = 1/i · A_new + (i − 1)/i · A_total

    a row gets the one that is smaller in absolute value; S_total if they are equal. The first step is GRPO. A group of
    equal rewards teaches something if other steps had other rewards: it gets A_total/i.

    The state grows by five numbers a prompt.

    Args:
        eps: Added to each σ.
        unbiased: Whether σ divides by n − 1; by n if not.

    Raises:
        ArgumentError: If ``eps`` is not positive.

    Source: DCPO, arXiv 2509.02333, equations 5 to 7. Its loss and its dynamic clipping are not part of this.
    """

    def __init__(self, *, eps: float = 1e-6, unbiased: bool = True) -> None:
        if not eps > 0.0:
            raise ArgumentError(f"eps: must be positive, got {eps}")
        self._eps, self._unbiased = eps, unbiased
        self._histories: dict[tuple[Label, Label], _History] = {}

    @torch.no_grad()
    def __call__(
        self, rewards: Rewards, groups: Ids, tasks: Ids | None = None, *, mask: Tensor | None = None
    ) -> Tensor:
        """Add a step to the histories and return its advantages.

        Args:
            rewards: ``[N]`` of any real type, all of the step: there is no process group.
            groups: ``[N]`` ids that mean the same prompt in every step, as the index of a data set does.
            tasks: ``[N]`` labels, or None for one task. A prompt is a pair of id and task.
            mask: ``[N]`` bool, false where a row is padding.

        Returns:
            ``[N]``, float64 for float64 rewards, else float32; 0 for padding and for rewards that are not finite.

        Raises:
            ArgumentError: If shapes or lengths do not fit; it names the argument.
        """
        values = as_rewards(rewards)
        ids = encode(groups, "groups", values.device)
        labels = encode_tasks(tasks, values)
        batch = make_batch(values, ids[0], None if tasks is None else labels[0], mask=mask)
        new = group_normalized(batch, eps=self._eps, unbiased=self._unbiased)
        histories = self._extend(batch, _labels_of_groups(batch, ids, labels))
        columns = [(one.steps, one.mean, one.std(unbiased=self._unbiased)) for one in histories]
        table = torch.tensor(columns, dtype=torch.float64, device=new.device).view(-1, 3)
        steps, mean, std = table[batch.group].unbind(1)
        total = (batch.rewards - mean) / (std + self._eps)
        smooth_new, smooth_total = new + (total - new) / steps, total + (new - total) / steps
        return batch.finish(torch.where(smooth_new.abs() < smooth_total.abs(), smooth_new, smooth_total))

    def _extend(self, batch: Batch, labels: Sequence[tuple[Label, Label]]) -> list[_History]:
        """Add the batch to the histories of its groups and return these."""
        largest = batch.group_max(torch.where(batch.weight > 0.0, batch.rewards, -torch.inf))
        # From the largest reward, as in `Batch.centered`: the mean of equal rewards is exactly their value.
        below = torch.where(batch.weight > 0.0, batch.rewards - largest[batch.group], 0.0)
        count = batch.group_sum(batch.weight)
        mean = largest + batch.group_sum(below) / count.clamp_min(1.0)
        square = batch.group_sum(batch.centered().square())
        histories: list[_History] = []
        for label, *moments in zip(labels, count.tolist(), mean.tolist(), square.tolist(), strict=True):
            history = self._histories.get(label, _History())
            if moments[0] > 0.0:
                history = self._histories[label] = history.joined(*moments)
            histories.append(history if history.steps else _History(steps=1))
        return histories

    def state_dict(self) -> dict[str, Any]:
        """Return the histories as built-ins and a CPU tensor, which ``torch.load(weights_only=True)`` reads."""
        columns = [(one.steps, one.count, one.mean, one.square) for one in self._histories.values()]
        return {
            "version": _VERSION,
            "prompts": [(canonical(prompt), canonical(task)) for prompt, task in self._histories],
            "moments": torch.tensor(columns, dtype=torch.float64).view(-1, 4),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore saved histories.

        Raises:
            ArgumentError: If it is no such state, or has a number that is not finite.
        """
        missing = {"version", "prompts", "moments"} - state.keys()
        if missing or state["version"] != _VERSION:
            raise ArgumentError("state: not one of SmoothGrpo, or of another version")
        prompts = cast("list[tuple[Hashable, Hashable]]", state["prompts"])
        moments: Tensor = state["moments"]
        if moments.shape != (len(prompts), 4) or not moments.isfinite().all():
            raise ArgumentError("state: prompts and moments differ in length, or a moment is not finite")
        self._histories = {
            (prompt, task): _History(round(steps), *others)
            for (prompt, task), (steps, *others) in zip(prompts, moments.tolist(), strict=True)
        }


def _labels_of_groups(
    batch: Batch, prompts: tuple[Tensor, tuple[Label, ...]], tasks: tuple[Tensor, tuple[Label, ...]]
) -> list[tuple[Label, Label]]:
    """Return prompt and task of each group, as a state file can hold them."""
    rows = torch.arange(len(batch.group), device=batch.group.device)
    row_of_group = torch.zeros(batch.groups, dtype=torch.int64, device=rows.device).scatter_(0, batch.group, rows)
    pairs = zip(prompts[0][row_of_group].tolist(), tasks[0][row_of_group].tolist(), strict=True)
    return [(canonical(prompts[1][prompt]), canonical(tasks[1][task])) for prompt, task in pairs]
