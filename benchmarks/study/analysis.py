"""The results and their statistics: paired differences with t intervals, Holm's correction, the number of seeds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.study.conditions import RATE_OF, TUNING_SEEDS

RESULTS = Path(__file__).parent / "results.jsonl"

Result = dict[str, Any]


def read(path: Path = RESULTS) -> list[Result]:
    """Return all results, one a run."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def mean_accuracy(result: Result) -> float:
    """Return the metric of a run: held-out accuracy, the mean over the run and the tasks."""
    return float(np.mean(result["curve"]))


def best_rates(results: Sequence[Result]) -> dict[str, float]:
    """Return each estimator's learning rate: that with the highest metric, averaged over the tuning seeds."""
    metric: dict[str, dict[float, float]] = {}
    for result in results:
        if result["seed"] in TUNING_SEEDS:
            by_rate = metric.setdefault(result["estimator"], {})
            by_rate[result["rate"]] = by_rate.get(result["rate"], 0.0) + mean_accuracy(result)
    best = {name: max(by_rate, key=by_rate.__getitem__) for name, by_rate in metric.items()}
    return best | {name: best[other] for name, other in RATE_OF.items()}


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences, the half width of its 95 % interval, its two-sided p value, and their number."""

    mean: float
    half_width: float
    p: float
    pairs: int

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.half_width:.4f}".replace("-", "−")


class Results:
    """All results, and those of the seeds that are compared."""

    def __init__(self, results: Sequence[Result], seeds: Sequence[int]) -> None:
        self.every = results
        self._runs = {
            (result["condition"], result["estimator"], result["seed"]): result
            for result in results
            if result["seed"] in seeds
        }

    def runs(self, condition: str, estimator: str) -> list[Result]:
        """Return the runs in the order of their seeds."""
        found = [run for (name, of, _), run in self._runs.items() if (name, of) == (condition, estimator)]
        return sorted(found, key=lambda run: run["seed"])

    def accuracy(self, condition: str, estimator: str) -> dict[int, np.ndarray]:
        """Return, by seed, held-out accuracy of each task, the mean over the run: the study's metric."""
        return {run["seed"]: np.mean(run["curve"], axis=0) for run in self.runs(condition, estimator)}

    def mean(self, condition: str, estimator: str, key: str) -> list[float]:
        """Return what runs measured for each task under ``key``, averaged over seeds."""
        return np.mean([run[key] for run in self.runs(condition, estimator)], axis=0).tolist()

    def compare(self, condition: str, better: str, than: str) -> tuple[Difference, list[Difference]]:
        """Return ``better`` − ``than`` of the mean of tasks, and of each task, over the seeds that both have."""
        first, second = self.accuracy(condition, better), self.accuracy(condition, than)
        gaps = np.stack([first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())])
        return paired(gaps.mean(axis=1)), [paired(of_task) for of_task in gaps.T]


def paired(gaps: np.ndarray) -> Difference:
    """Return the mean of ``[n]`` differences with its t interval; two at least."""
    error = float(gaps.std(ddof=1)) / len(gaps) ** 0.5
    half_width = float(stats.t.ppf(0.975, len(gaps) - 1)) * error
    p = float(2 * stats.t.sf(abs(gaps.mean()) / error, len(gaps) - 1)) if error > 0.0 else float(gaps.mean() == 0.0)
    return Difference(float(gaps.mean()), half_width, p, len(gaps))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected by Holm's method: p₍ᵢ₎ · (n − i + 1), never below the one before, at most 1.

    Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    corrected = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    return corrected[np.argsort(order)].tolist()


def seeds_for(effect: float, deviation: float, power: float = 0.8) -> int:
    """Return how many pairs a two-sided paired t test at 5 % needs to find ``effect`` with this power.

    ``deviation`` is the standard deviation of the differences. Source: the noncentral t distribution.
    """
    for pairs in range(2, 10_000):
        freedom, shift = pairs - 1, effect / deviation * np.sqrt(pairs)
        critical = stats.t.ppf(0.975, freedom)
        if stats.nct.sf(critical, freedom, shift) + stats.nct.cdf(-critical, freedom, shift) >= power:
            return pairs
    return 10_000


def tuning_deviation(results: Sequence[Result], better: str, than: str) -> float:
    """Return the standard deviation of paired differences in the runs that learning rates are chosen by.

    Differences are taken at equal learning rates, and each rate's mean is subtracted: a rate may favor one of the two.
    """
    metric = {
        (run["estimator"], run["rate"], run["seed"]): float(np.mean(run["curve"]))
        for run in results
        if run["seed"] in TUNING_SEEDS
    }
    rates = sorted({rate for _, rate, _ in metric})
    gaps = np.array(
        [[metric[better, rate, seed] - metric[than, rate, seed] for seed in TUNING_SEEDS] for rate in rates]
    )
    return float(np.sqrt(gaps.var(axis=1, ddof=1).mean()))
