"""GDPO: each part of a reward is normalized in its group before the parts are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Unpack

import torch
from torch import Tensor

from onethinker_rewards.advantage import spread
from onethinker_rewards.advantage.baselines import row_lengths
from onethinker_rewards.advantage.exact import centred
from onethinker_rewards.advantage.labels import Ids
from onethinker_rewards.advantage.rows import Layout, Rows, arrange, as_rewards
from onethinker_rewards.errors import ArgumentError

__all__ = ["gdpo"]


@torch.no_grad()
def gdpo(
    rewards: Tensor | Mapping[str, Tensor],
    groups: Ids,
    tasks: Ids | None = None,
    *,
    weights: Sequence[float] | Mapping[str, float] | None = None,
    lengths: Tensor | Sequence[float] | None = None,
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
        weights: P weights, by name where the parts have names; all 1 by default.
        lengths: ``[N]`` tokens of each response: then it is whitened over tokens, as verl does; without, over rows.
        eps: Added to each σ.
        unbiased: Which σ.
        **layout: See `Layout`.

    Returns:
        ``[N]``, float64 for float64 rewards, else float32.

    Raises:
        ArgumentError: If shapes, lengths or names do not fit.

    Source: GDPO, arXiv 2601.05242.
    """
    parts, factors = _columns(rewards, weights)
    every = arrange(torch.zeros_like(parts[:, 0], dtype=_result_type(parts)), groups, tasks, **layout)
    total, counted = torch.zeros_like(every.weight), torch.zeros_like(every.weight)
    for part, factor in zip(parts.unbind(1), factors, strict=True):
        rows = every.of(part)
        total += factor * _normalized(rows, eps=eps, unbiased=unbiased)
        counted = torch.maximum(counted, rows.weight)
    rows = replace(every, weight=counted)
    return rows.finish(spread.whiten(rows, total, row_lengths(rows, lengths), eps=eps, unbiased=unbiased))


def _normalized(rows: Rows, *, eps: float, unbiased: bool) -> Tensor:
    deviation = centred(rows)
    return spread.divided(deviation, spread.group_std(rows, deviation, unbiased=unbiased), eps)


def _columns(
    rewards: Tensor | Mapping[str, Tensor], weights: Sequence[float] | Mapping[str, float] | None
) -> tuple[Tensor, list[float]]:
    if isinstance(rewards, Mapping):
        names = list(rewards)
        if isinstance(weights, Mapping):
            if set(weights) != set(names):
                raise ArgumentError(f"weights: expected {sorted(names)}, got {sorted(weights)}")
            weights = [weights[name] for name in names]
        rewards = _stacked({name: as_rewards(column, f"rewards[{name!r}]") for name, column in rewards.items()})
    elif isinstance(weights, Mapping):
        raise ArgumentError("weights: the parts have no names, give a list")
    parts = as_rewards(rewards, dimensions=2)
    if parts.shape[1] == 0:
        raise ArgumentError("rewards: expected at least one part")
    factors = [1.0] * parts.shape[1] if weights is None else list(weights)
    if len(factors) != parts.shape[1]:
        raise ArgumentError(f"weights: expected {parts.shape[1]}, got {len(factors)}")
    return parts, factors


def _stacked(columns: dict[str, Tensor]) -> Tensor:
    if len({len(column) for column in columns.values()}) > 1:
        lengths = {name: len(column) for name, column in columns.items()}
        raise ArgumentError(f"rewards: the parts differ in length: {lengths}")
    return torch.stack(list(columns.values()), 1) if columns else torch.zeros(0, 0)


def _result_type(parts: Tensor) -> torch.dtype:
    return torch.float64 if parts.dtype == torch.float64 else torch.float32
