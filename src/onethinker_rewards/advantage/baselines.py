"""Advantages from one batch alone: GRPO and other estimators, with the same call as `EmaGrpo`.

Each takes ``rewards`` ``[N]``, ``groups`` ``[N]`` and ``tasks`` ``[N]`` or None, and the keywords of `Layout`, and
returns ``[N]``: float64 for float64 rewards, else float32. A group is a pair of group and task. Rows that are padding,
and rewards that are not finite, get 0 and stay out of means and deviations; a group of one, and a group of equal
rewards, get exactly 0. All raise ArgumentError, naming the argument, if shapes or lengths do not fit or an ``eps`` is
negative.

Below, μ and σ carry the set they are taken over; σ is √(Σ(R − μ)²/(n − 1)) if ``unbiased``, else √(Σ(R − μ)²/n).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, Unpack

import torch
from torch import Tensor

from onethinker_rewards.advantage.batch import Batch, Layout, as_rewards, make_batch
from onethinker_rewards.advantage.labels import Ids, Label, encode
from onethinker_rewards.errors import ArgumentError

Rewards: TypeAlias = Tensor | Sequence[float]
_TINY = torch.finfo(torch.float64).tiny
# Quantiles are rounded to 2^-36, about 1e-11: then int64 holds the sum of a million of them.
_STEPS = 2.0**36


@torch.no_grad()
def grpo(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_group + eps).

    Source: DeepSeekMath, arXiv 2402.03300.
    Differs: a group of one gets 0; verl gives it its reward. See ``test_differs_group_of_one``.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    return batch.finish(group_normalized(batch, eps=eps, unbiased=unbiased))


@torch.no_grad()
def dr_grpo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return R − μ_group.

    Source: "Understanding R1-Zero-Like Training", arXiv 2503.20783.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    return batch.finish(batch.centered())


@torch.no_grad()
def rloo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return R minus the mean of the group's other rewards, that is (R − μ_group)·n / (n − 1).

    Source: "Back to Basics", arXiv 2402.14740.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    count = batch.group_sum(batch.weight)
    return batch.finish(batch.centered() * (count / (count - 1.0).clamp_min(1.0))[batch.group])


@torch.no_grad()
def batch_std(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_batch + eps), σ_batch over all rewards of the batch.

    Source: "Tricks or Traps? A Deep Dive into RL for LLM Reasoning", arXiv 2508.08221.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    count = batch.batch_sum(batch.weight)
    deviation = (batch.rewards - batch.batch_sum(batch.rewards) / count.clamp_min(1.0)) * batch.weight
    std = _std(batch.batch_sum(deviation.square()), count, unbiased=unbiased)
    return batch.finish(_divided(batch.centered(), std, eps))


@torch.no_grad()
def task_batch_std(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return (R − μ_group) / (σ_task + eps), σ_task over the task's rewards in the batch.

    With ``unbiased=False`` it is EMA-GRPO with β = 0, without guard and ``min_std``: arXiv 2512.03043.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    count, total = batch.task_sum(batch.weight, batch.rewards).unbind()
    deviation = (batch.rewards - (total / count.clamp_min(1.0))[batch.task]) * batch.weight
    std = _std(batch.task_sum(deviation.square())[0], count, unbiased=unbiased)
    return batch.finish(_divided(batch.centered(), std[batch.task], eps))


@torch.no_grad()
def reinforce_plus_plus_baseline(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    lengths: Rewards | None = None,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return R − μ_group, whitened over the batch: minus its mean, divided by its σ + eps.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None.
        lengths: ``[N]`` tokens of each response: whitening is then over tokens, as verl does; without them, over rows.
        eps: Added to σ.
        unbiased: Which σ.
        **layout: See `Layout`.

    Source: REINFORCE++, arXiv 2501.03262.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    return batch.finish(_whitened(batch, batch.centered(), lengths, eps=eps, unbiased=unbiased))


@torch.no_grad()
def gdpo(
    rewards: Tensor | Mapping[str, Tensor],
    groups: Ids,
    tasks: Ids | None = None,
    *,
    weights: Sequence[float] | Mapping[str, float] | None = None,
    lengths: Rewards | None = None,
    eps: float = 1e-6,
    unbiased: bool = True,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return Σ_k w_k (R_k − μ_group,k) / (σ_group,k + eps), whitened over the batch.

    Args:
        rewards: ``[N, P]``, or P columns ``[N]`` by name. A part that is NaN does not apply to its row: it adds 0 there
            and stays out of the part's means. A row without any part gets 0.
        groups: ``[N]``.
        tasks: ``[N]`` or None.
        weights: P weights, by name if the parts have names; all 1 by default.
        lengths: ``[N]`` tokens of each response: whitening is then over tokens, as verl does; without them, over rows.
        eps: Added to each σ.
        unbiased: Which σ.
        **layout: See `Layout`.

    Returns:
        ``[N]``, float64 for float64 rewards, else float32.

    Raises:
        ArgumentError: If shapes, lengths or names do not fit.

    Source: GDPO, arXiv 2601.05242.
    """
    parts, factors = _reward_parts(rewards, weights)
    dtype = torch.float64 if parts.dtype == torch.float64 else torch.float32
    batch = make_batch(torch.zeros_like(parts[:, 0], dtype=dtype), groups, tasks, **layout)
    total, counted = torch.zeros_like(batch.weight), torch.zeros_like(batch.weight)
    for part, factor in zip(parts.unbind(1), factors, strict=True):
        of_part = batch.with_rewards(part)
        total += factor * group_normalized(of_part, eps=eps, unbiased=unbiased)
        counted = torch.maximum(counted, of_part.weight)
    batch = replace(batch, weight=counted)
    return batch.finish(_whitened(batch, total, lengths, eps=eps, unbiased=unbiased))


@torch.no_grad()
def g2rpo(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return normal quantiles of ranks, first within each group, then of those over the task's rows in the batch.

    Rank i of n gets √2·erfinv(2(i − ½)/n − 1); equal values share the mean of theirs, so that every group and every
    task keeps the mean 0.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None, which is one task.
        **layout: See `Layout`, without ``process_group``: ranking needs all rows on one rank.

    Returns:
        ``[N]``, float64 for float64 rewards, else float32.

    Raises:
        ArgumentError: If shapes or lengths do not fit, or a process group is given.

    Source: OpenVLThinkerV2, arXiv 2604.08539.
    """
    if layout.get("process_group") is not None:
        raise ArgumentError("process_group: g2rpo ranks rows, gather them first")
    batch = make_batch(rewards, groups, tasks, **layout)
    within = _quantiles(batch, batch.rewards, batch.group, batch.groups)
    return batch.finish(_quantiles(batch, within, batch.task, batch.tasks))


@torch.no_grad()
def opo(
    rewards: Rewards, groups: Ids, tasks: Ids | None = None, *, lengths: Rewards, **layout: Unpack[Layout]
) -> Tensor:
    """Return R − Σ l R / Σ l: the baseline is the mean of the group's rewards, weighted with the responses' lengths l.

    It has the least variance if the squared norm of a response's gradient grows with its length.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None.
        lengths: ``[N]`` tokens of each response, positive.
        **layout: See `Layout`.

    Source: OPO, arXiv 2505.23585, whose authors merged it into verl.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    centered = batch.centered()
    weight = batch.weight * _lengths(lengths, batch)
    # Measured from the group's mean, so that equal rewards get exactly 0.
    baseline = batch.group_sum(weight * centered) / batch.group_sum(weight).clamp_min(1.0)
    return batch.finish(centered - baseline[batch.group])


@torch.no_grad()
def maxrl(rewards: Rewards, groups: Ids, tasks: Ids | None = None, **layout: Unpack[Layout]) -> Tensor:
    """Return (R − μ_group) / μ_group, and 0 where μ_group is not positive.

    With rewards of 0 and 1, a prompt that succeeds with probability p weighs 1/p: the gradient approximates that of
    log p. It is meant for such rewards; others must not be negative. A shift of the rewards changes it.

    Source: MaxRL, arXiv 2602.02710, algorithm 1.
    """
    batch = make_batch(rewards, groups, tasks, **layout)
    mean = batch.group_mean(batch.rewards)
    return batch.finish(torch.where(mean > 0.0, batch.centered() / mean.clamp_min(_TINY), 0.0))


@torch.no_grad()
def pass_at_k(
    rewards: Rewards,
    groups: Ids,
    tasks: Ids | None = None,
    *,
    k: int,
    success: float = 1.0,
    eps: float = 1e-6,
    **layout: Unpack[Layout],
) -> Tensor:
    """Return what a response adds to the chance that one of k responses of its group succeeds, standardized.

    Of the group's n responses c succeed. A draw of k of them has a success with probability
    ρ = 1 − C(n − c, k)/C(n, k), which has the deviation σ = √(ρ(1 − ρ)). A response that succeeds gets
    (1 − ρ)/(σ + eps), any other one (1 − ρ − C(n − c − 1, k − 1)/C(n − 1, k − 1))/(σ + eps). The sum over a group is 0.
    k = 1 is GRPO with ``unbiased=False``.

    Args:
        rewards: ``[N]``.
        groups: ``[N]``.
        tasks: ``[N]`` or None.
        k: At least 1. A group with fewer responses gets 0.
        success: A reward of this or more is a success.
        eps: Added to σ.
        **layout: See `Layout`.

    Source: Pass@k Training, arXiv 2508.10751, the analytical form, as in its authors' code.
    """
    if k < 1:
        raise ArgumentError(f"k: must be at least 1, got {k}")
    batch = make_batch(rewards, groups, tasks, **layout)
    succeeds = (batch.rewards >= success).to(batch.weight) * batch.weight
    count, successes = batch.group_sum(batch.weight), batch.group_sum(succeeds)
    failures = count - successes
    # C(n − c − 1, k − 1)/C(n − 1, k − 1): that the k − 1 others fail too, if one failed response is drawn.
    others_fail = torch.ones_like(count)
    for drawn in range(1, k):
        others_fail *= (failures - drawn).clamp_min(0.0) / (count - drawn).clamp_min(1.0)
    others_fail = torch.where(count >= k, others_fail, 0.0)
    all_fail = others_fail * failures / count.clamp_min(1.0)
    std = (all_fail * (1.0 - all_fail)).sqrt()
    gain = all_fail[batch.group] - others_fail[batch.group] * (1.0 - succeeds)
    return batch.finish(_divided(gain * batch.weight, std[batch.group], eps))


@torch.no_grad()
def task_weighted(advantages: Tensor, tasks: Ids, weights: Mapping[Label, float]) -> Tensor:
    """Return each row's advantage times the weight of its task.

    It can follow any estimator. DISCO (arXiv 2505.15074) weighs a domain that is the share p of the data with
    log(1 + 1/p), before centering and without a standard deviation: that is `dr_grpo` with this after it. MT-GRPO
    (arXiv 2602.05547) adapts the weights from step to step so that the worst task improves; how is up to the caller.

    Args:
        advantages: ``[N]`` from any estimator.
        tasks: ``[N]`` labels.
        weights: A weight for each label, finite and not negative; it may have others.

    Returns:
        ``[N]``, of the type of ``advantages``.

    Raises:
        ArgumentError: If lengths differ, or a label has no weight, or one out of range.
    """
    values = as_rewards(advantages, "advantages")
    codes, labels = encode(tasks, "tasks", values.device)
    if codes.shape != values.shape:
        raise ArgumentError(f"tasks: expected {len(values)} labels, got {len(codes)}")
    missing = [label for label in labels if label not in weights]
    if missing:
        raise ArgumentError(f"weights: none for task {missing[0]!r}")
    of_label = [float(weights[label]) for label in labels]
    for label, weight in zip(labels, of_label, strict=True):
        if not 0.0 <= weight < math.inf:
            raise ArgumentError(f"weights: that of {label!r} must be finite and not negative, got {weight}")
    return values * torch.tensor(of_label, dtype=values.dtype, device=values.device)[codes]


def group_normalized(batch: Batch, *, eps: float, unbiased: bool) -> Tensor:
    """Return (R − μ_group) / (σ_group + eps)."""
    centered = batch.centered()
    std = _std(batch.group_sum(centered.square()), batch.group_sum(batch.weight), unbiased=unbiased)
    return _divided(centered, std[batch.group], eps)


def _std(square_sum: Tensor, count: Tensor, *, unbiased: bool) -> Tensor:
    return (square_sum / (count - float(unbiased)).clamp_min(1.0)).sqrt()


def _divided(deviation: Tensor, std: Tensor, eps: float) -> Tensor:
    if not eps >= 0.0:
        raise ArgumentError(f"eps: must not be negative, got {eps}")
    # With eps = 0, equal rewards would be 0 / 0.
    return deviation / (std + eps).clamp_min(_TINY)


def _lengths(lengths: Rewards, batch: Batch) -> Tensor:
    tokens = torch.as_tensor(lengths).to(batch.weight)
    if tokens.shape != batch.weight.shape:
        raise ArgumentError(f"lengths: expected shape {tuple(batch.weight.shape)}, got {tuple(tokens.shape)}")
    return tokens


def _whitened(batch: Batch, values: Tensor, lengths: Rewards | None, *, eps: float, unbiased: bool) -> Tensor:
    """Return (values − mean) / (σ + eps) over the batch, each row counted ``lengths`` times."""
    weight = batch.weight
    # Over rows the mean is 0, because the values of each group sum to 0.
    deviation = values
    if lengths is not None:
        weight = weight * _lengths(lengths, batch)
        deviation = values - batch.batch_sum(values * weight) / batch.batch_sum(weight).clamp_min(1.0)
    square = batch.batch_sum(deviation.square() * weight)
    return _divided(deviation, _std(square, batch.batch_sum(weight), unbiased=unbiased), eps)


def _reward_parts(
    rewards: Tensor | Mapping[str, Tensor], weights: Sequence[float] | Mapping[str, float] | None
) -> tuple[Tensor, list[float]]:
    """Return the parts ``[N, P]`` and their P weights."""
    if isinstance(rewards, Mapping):
        columns = {name: as_rewards(column, f"rewards[{name!r}]") for name, column in rewards.items()}
        lengths = {name: len(column) for name, column in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ArgumentError(f"rewards: the parts differ in length: {lengths}")
        if isinstance(weights, Mapping):
            if set(weights) != set(columns):
                raise ArgumentError(f"weights: expected {sorted(columns)}, got {sorted(weights)}")
            weights = [weights[name] for name in columns]
        rewards = torch.stack(list(columns.values()), 1) if columns else torch.zeros(0, 0)
    elif isinstance(weights, Mapping):
        raise ArgumentError("weights: the parts have no names, give a list")
    parts = as_rewards(rewards, dimensions=2)
    if parts.shape[1] == 0:
        raise ArgumentError("rewards: expected at least one part")
    factors = [1.0] * parts.shape[1] if weights is None else list(weights)
    if len(factors) != parts.shape[1]:
        raise ArgumentError(f"weights: expected {parts.shape[1]}, got {len(factors)}")
    return parts, factors


def _quantiles(batch: Batch, values: Tensor, index: Tensor, size: int) -> Tensor:
    """Return the normal quantile of each row's rank among the rows of the same index."""
    # Rows that do not count form a set of their own, behind all others.
    index = torch.where(batch.weight > 0.0, index, size)
    by_value = values.argsort(stable=True)
    order = by_value[index[by_value].argsort(stable=True)]
    values, index = values[order], index[order]
    count = torch.zeros(size + 1, dtype=torch.int64, device=index.device).scatter_add_(0, index, torch.ones_like(index))
    rank = torch.arange(len(index), device=index.device) - (count.cumsum(0) - count)[index]
    # The numerator is a whole number, so ranks that mirror each other get opposite values to the bit.
    quantile = math.sqrt(2.0) * torch.erfinv((2 * rank + 1 - count[index]).double() / count[index])
    # Equal values are neighbors now: each run of them shares the mean of its quantiles. Whole numbers add up to the
    # same in any order, so that equal ties of two groups stay equal to the bit, and the next ranking sees them as ties.
    starts = (values[1:] != values[:-1]) | (index[1:] != index[:-1])
    run = torch.cat((starts.new_zeros(min(len(values), 1)), starts)).cumsum(0)
    steps = (quantile * _STEPS).round().long()
    total, members = (torch.zeros_like(run).scatter_add_(0, run, column) for column in (steps, torch.ones_like(run)))
    mean = (total.double() / members / _STEPS)[run]
    return mean[order.argsort()]
