"""Advantages computed slowly, a row at a time, as the textbook says: what the fast code is held against."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from statistics import NormalDist, fmean

Rows = list[int]


def usable(rewards: Sequence[float]) -> Rows:
    """Rows whose reward can be squared in a double."""
    return [row for row, reward in enumerate(rewards) if math.isfinite(float(reward) * float(reward))]


def partition(rows: Rows, keys: Sequence[Hashable]) -> dict[Hashable, Rows]:
    parts: dict[Hashable, Rows] = defaultdict(list)
    for row in rows:
        parts[keys[row]].append(row)
    return parts


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def variance(values: Sequence[float], *, unbiased: bool = False) -> float:
    center = mean(values)
    freedom = len(values) - unbiased
    return math.fsum((value - center) ** 2 for value in values) / freedom if freedom else 0.0


def std(values: Sequence[float], *, unbiased: bool = False) -> float:
    return math.sqrt(variance(values, unbiased=unbiased))


def pairs(groups: Sequence[Hashable], tasks: Sequence[Hashable] | None) -> list[tuple[Hashable, Hashable]]:
    return [(group, tasks[row] if tasks is not None else None) for row, group in enumerate(groups)]


def centered(rewards: Sequence[float], groups: Sequence[Hashable], tasks: Sequence[Hashable] | None = None):
    """Each usable row less the mean of its group; rows left out get 0."""
    out = [0.0] * len(rewards)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        center = mean([rewards[row] for row in rows])
        for row in rows:
            out[row] = rewards[row] - center if any(rewards[row] != rewards[other] for other in rows) else 0.0
    return out


class Ema:
    """EMA-GRPO with a dictionary of moments and a loop over rows."""

    def __init__(
        self,
        *,
        decay: float = 0.99,
        guard: str | None = "clip",
        guard_limit: float = 5.0,
        min_std: float = 1e-3,
        eps: float = 1e-6,
        update_first: bool = True,
        within_group: bool = False,
        debiased: bool = False,
    ) -> None:
        self.decay, self.guard, self.guard_limit, self.min_std, self.eps = decay, guard, guard_limit, min_std, eps
        self.update_first, self.within_group, self.debiased = update_first, within_group, debiased
        self.moments: dict[Hashable, tuple[float, float]] = {}
        self.batches: Counter[Hashable] = Counter()

    def sigma(self, task: Hashable) -> float:
        """From the moments; debiased ones start from 0 and are divided by 1 - decay^n."""
        correction = 1 - self.decay ** self.batches[task] if self.debiased else 1.0
        first, second = (moment / correction for moment in self.moments[task])
        return math.sqrt(max(second - (0.0 if self.within_group else first**2), 0.0))

    def observe(self, task: Hashable, rewards: Sequence[float], deviations: Sequence[float]) -> None:
        new = (mean(rewards), mean([value**2 for value in (deviations if self.within_group else rewards)]))
        old = self.moments.get(task, (0.0, 0.0) if self.debiased else new)
        self.batches[task] += 1
        self.moments[task] = tuple(self.decay * a + (1 - self.decay) * b for a, b in zip(old, new, strict=True))  # type: ignore[assignment]

    def __call__(self, rewards: Sequence[float], groups: Sequence[Hashable], tasks: Sequence[Hashable]):
        deviations = centered(rewards, groups, tasks)
        rows_of = partition(usable(rewards), tasks)
        before = {task: self.sigma(task) for task in self.moments}
        for task, rows in rows_of.items():
            self.observe(task, [rewards[row] for row in rows], [deviations[row] for row in rows])
        out = [0.0] * len(rewards)
        for task, rows in rows_of.items():
            sigma = self.sigma(task) if self.update_first else before.get(task, self.sigma(task))
            for row in rows:
                out[row] = deviations[row] / (max(sigma, self.min_std) + self.eps)
        return self.guarded(out, rewards, groups, tasks, deviations)

    def guarded(self, out, rewards, groups, tasks, deviations):
        if self.guard == "clip":
            return [min(max(value, -self.guard_limit), self.guard_limit) for value in out]
        if self.guard == "group_std":
            for rows in partition(usable(rewards), pairs(groups, tasks)).values():
                if max(abs(out[row]) for row in rows) > self.guard_limit:
                    own = std([rewards[row] for row in rows])
                    for row in rows:
                        out[row] = deviations[row] / (own + self.eps)
        return out


def scaled_by_group(rewards, groups, tasks, divisor: Callable[[list[float]], float]):
    deviations = centered(rewards, groups, tasks)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        scale = divisor([rewards[row] for row in rows])
        for row in rows:
            deviations[row] /= scale
    return deviations


def grpo(rewards, groups, tasks=None, *, eps=1e-6, unbiased=True):
    return scaled_by_group(rewards, groups, tasks, lambda own: std(own, unbiased=unbiased) + eps)


def rloo(rewards, groups, tasks=None):
    out = [0.0] * len(rewards)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        for row in rows:
            others = [rewards[other] for other in rows if other != row]
            out[row] = rewards[row] - mean(others) if others else 0.0
    return out


def batch_std(rewards, groups, tasks=None, *, eps=1e-6, unbiased=True, each_task=False):
    deviations = centered(rewards, groups, tasks)
    labels = tasks if each_task and tasks is not None else [None] * len(rewards)
    for rows in partition(usable(rewards), labels).values():
        scale = std([rewards[row] for row in rows], unbiased=unbiased) + eps
        for row in rows:
            deviations[row] /= scale
    return deviations


def whitened(values, rows, weights, *, eps, unbiased):
    if not rows:
        return [0.0] * len(values)
    total = math.fsum(weights[row] for row in rows)
    center = math.fsum(weights[row] * values[row] for row in rows) / total
    square = math.fsum(weights[row] * (values[row] - center) ** 2 for row in rows)
    freedom = total - unbiased
    scale = math.sqrt(square / freedom if freedom > 0 else 0.0) + eps
    return [(value - center) / scale if row in set(rows) else 0.0 for row, value in enumerate(values)]


def reinforce_baseline(rewards, groups, tasks=None, *, lengths=None, eps=1e-6, unbiased=True):
    weights = lengths if lengths is not None else [1.0] * len(rewards)
    return whitened(centered(rewards, groups, tasks), usable(rewards), weights, eps=eps, unbiased=unbiased)


def gdpo(parts, groups, tasks=None, *, weights=None, eps=1e-6, unbiased=True):
    """``parts[k][row]``."""
    weights = weights if weights is not None else [1.0] * len(parts)
    each = [grpo(part, groups, tasks, eps=eps, unbiased=unbiased) for part in parts]
    summed = [sum(w * part[row] for w, part in zip(weights, each, strict=True)) for row in range(len(groups))]
    rows = sorted({row for part in parts for row in usable(part)})
    return whitened(summed, rows, [1.0] * len(groups), eps=eps, unbiased=unbiased)


def gaussian_values(values: Sequence[float]) -> list[float]:
    """Normal quantiles at (rank - 1/2) / N; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda row: values[row])
    quantile = {row: NormalDist().inv_cdf((rank + 0.5) / len(values)) for rank, row in enumerate(order)}
    return [fmean(quantile[other] for other in order if values[other] == value) for value in values]


def g2rpo(rewards, groups, tasks=None):
    out = [0.0] * len(rewards)
    rows = usable(rewards)
    for own in partition(rows, pairs(groups, tasks)).values():
        for row, value in zip(own, gaussian_values([rewards[row] for row in own]), strict=True):
            out[row] = round(value, 12)
    labels = tasks if tasks is not None else [None] * len(rewards)
    final = [0.0] * len(rewards)
    for own in partition(rows, labels).values():
        for row, value in zip(own, gaussian_values([out[row] for row in own]), strict=True):
            final[row] = value
    return final


def opo(rewards, groups, tasks=None, *, lengths):
    out = [0.0] * len(rewards)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        total = math.fsum(lengths[row] for row in rows)
        baseline = math.fsum(lengths[row] * rewards[row] for row in rows) / total
        for row in rows:
            out[row] = rewards[row] - baseline
    return out


def maxrl(rewards, groups, tasks=None):
    out = [0.0] * len(rewards)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        center = mean([rewards[row] for row in rows])
        for row in rows:
            out[row] = (rewards[row] - center) / center if center > 0 else 0.0
    return out


def pass_at_k(rewards, groups, tasks=None, *, k, success=1.0, eps=1e-6):
    """Draw every set of k responses; a set's reward is 1 if one of them succeeds."""
    out = [0.0] * len(rewards)
    for rows in partition(usable(rewards), pairs(groups, tasks)).values():
        sets = list(combinations(rows, k))
        if not sets:
            continue
        reward_of = {drawn: float(any(rewards[row] >= success for row in drawn)) for drawn in sets}
        center = mean([*reward_of.values()])
        scale = math.sqrt(center * (1 - center)) + eps
        for row in rows:
            out[row] = mean([(reward_of[drawn] - center) / scale for drawn in sets if row in drawn])
    return out


class Smooth:
    """DCPO's advantages, with every reward of every prompt kept."""

    def __init__(self, *, eps: float = 1e-6, unbiased: bool = True) -> None:
        self.eps, self.unbiased = eps, unbiased
        self.kept: dict[Hashable, list[float]] = defaultdict(list)
        self.steps: Counter[Hashable] = Counter()

    def __call__(self, rewards, groups, tasks=None):
        out = [0.0] * len(rewards)
        new = grpo(rewards, groups, tasks, eps=self.eps, unbiased=self.unbiased)
        for pair, rows in partition(usable(rewards), pairs(groups, tasks)).items():
            self.steps[pair] += 1
            self.kept[pair] += [rewards[row] for row in rows]
            step, center = self.steps[pair], mean(self.kept[pair])
            scale = std(self.kept[pair], unbiased=self.unbiased) + self.eps
            for row in rows:
                total = (rewards[row] - center) / scale
                smooth_new = (step - 1) / step * new[row] + total / step
                smooth_total = new[row] / step + (step - 1) / step * total
                out[row] = smooth_new if abs(smooth_new) < abs(smooth_total) else smooth_total
        return out
