"""How sure a mean is: clustered intervals, paired comparisons, a bootstrap for ratios, several answers a question.

Rows that share a video, an image or a question are no independent evidence; they are a cluster, and every interval here
is over clusters. Everything is computed from exact sums for each cluster, in this process, and is the same to the last
bit in whatever order rows and totals come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb, nan, sqrt
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation.sums import UNIT_EXPONENT, ExactMean, check_counted, units_of

CONFIDENCE = 0.95
_SEED = 0
_REPETITIONS = 2_000
# How many weights a bootstrap draws at once, so that its memory does not grow with the clusters.
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: The number.
        stderr: Its standard error; NaN where it is undefined.
        low: Lower end of the interval, which is not clipped to the scores' range; NaN where it is undefined.
        high: Upper end.
        rows: Number of rows.
        clusters: Number of clusters.
        method: How the interval was found: ``t`` over rows, ``clustered t``, ``bootstrap``, or why there is none.
    """

    value: float
    stderr: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str


@dataclass(slots=True)
class ClusterTotals:
    """Sums for a mean with a standard error over clusters. Totals can be merged in any order to the last bit.

    With n rows in C clusters, and d a row's distance from the mean m::

        m  = Σ score / n
        SE = √(C / (C − 1) · Σ over clusters of (Σ d)²) / n,    interval = m ± t(C − 1) · SE

    Rows without a cluster are one each, and then it is the usual standard error, sd / √n. One cluster has no standard
    error.

    Attributes:
        clusters: The sum and the number of the scores of each cluster.
        single: The sum and the number of the scores of rows without a cluster.
        squares: The sum of the squares of these, in squared units.

    Source: Miller, "Adding Error Bars to Evals", arXiv 2411.00640, with the factor C / (C − 1) for few clusters
    (Cameron and Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015).

    >>> totals = ClusterTotals()
    >>> totals.update([1, 1, 1, 0, 0, 1], ["a", "a", "a", "b", "b", "c"])
    >>> estimate = totals.result()
    >>> round(estimate.value, 3), round(estimate.stderr, 3), estimate.clusters
    (0.667, 0.347, 3)
    """

    clusters: dict[Hashable, ExactMean] = field(init=False, default_factory=dict)
    single: ExactMean = field(init=False, default_factory=ExactMean)
    squares: int = field(init=False, default=0)

    def update(self, scores: Sequence[float] | Floats, clusters: Sequence[Hashable] | None = None) -> None:
        """Add a batch of rows.

        Args:
            scores: ``[N]`` finite numbers.
            clusters: ``[N]`` what each row shares with others: a video, an image, a question. None, or a row's None,
                for rows that share nothing.

        Raises:
            ArgumentError: If the lengths differ, or a score is not finite. Nothing is added then.
        """
        values = _finite("scores", scores)
        names = [None] * len(values) if clusters is None else [*clusters]
        if len(names) != len(values):
            raise ArgumentError(f"there are {len(values)} scores and {len(names)} clusters")
        for value, name in zip(values, names, strict=True):
            if name is None:
                self.single.add([value])
                self.squares += units_of(value) ** 2
            else:
                self.clusters.setdefault(name, ExactMean()).add([value])

    def merge(self, other: ClusterTotals) -> None:
        """Add the rows of other totals; clusters of one name are one cluster."""
        self.single.merge(other.single)
        self.squares += other.squares
        for name, sums in other.clusters.items():
            self.clusters.setdefault(name, ExactMean()).merge(sums)

    def result(self, confidence: float = CONFIDENCE) -> Estimate:
        """Return the mean with its interval.

        Raises:
            ArgumentError: If no row was counted, or ``confidence`` is not between 0 and 1.
        """
        total = ExactMean(self.single.units, self.single.count)
        for sums in self.clusters.values():
            total.merge(sums)
        check_counted(total.count, "row")
        rows, clusters = total.count, self.single.count + len(self.clusters)
        method = "clustered t" if self.clusters else "t"
        if clusters == 1:
            return Estimate(total.value, nan, nan, nan, rows, 1, "none: one cluster")
        # Everything is n times as large and in units, so that the sums stay whole numbers.
        squared = rows * rows * self.squares - 2 * rows * total.units * self.single.units
        squared += self.single.count * total.units**2
        squared += sum((rows * sums.units - sums.count * total.units) ** 2 for sums in self.clusters.values())
        variance = Fraction(clusters * squared, (clusters - 1) * rows**4 << 2 * UNIT_EXPONENT)
        return _with_t(total.value, sqrt(variance), rows, clusters, method, confidence)


def _with_t(value: float, stderr: float, rows: int, clusters: int, method: str, confidence: float) -> Estimate:
    _check_share("confidence", confidence)
    reach = stdtrit(clusters - 1, 0.5 + 0.5 * confidence).item() * stderr
    return Estimate(value, stderr, value - reach, value + reach, rows, clusters, method)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same rows.

    Attributes:
        difference: The mean of score − baseline, with its interval.
        p: Two-sided p-value of no difference, by the t distribution; NaN where it is undefined.
        wins: Rows where the score is higher than the baseline's.
        losses: Rows where it is lower.
        ties: Rows where both are equal.
        both_right: Of rows that score 1 or 0 alone, those where both score 1. With the next three, McNemar's counts.
        only_score: Those where the score is 1 and the baseline's 0.
        only_baseline: Those where the score is 0 and the baseline's 1.
        both_wrong: Those where both are 0.
    """

    difference: Estimate
    p: float
    wins: int
    losses: int
    ties: int
    both_right: int
    only_score: int
    only_baseline: int
    both_wrong: int


@dataclass(slots=True)
class PairedTotals:
    """Sums for the comparison of a model with a baseline on the same rows. They can be merged to the last bit.

    ::

        d = score − baseline;    the interval of the mean d is that of `ClusterTotals`

    Two intervals that overlap say little; the same rows make most of the noise common, and the difference drops it.

    Attributes:
        differences: The sums of d.
        counts: How many rows have each pair of outcomes.

    Source: Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 4; McNemar, "Note on the Sampling Error of
    the Difference Between Correlated Proportions", 1947.

    >>> totals = PairedTotals()
    >>> totals.update([1, 1, 0, 1], [1, 0, 0, 0])
    >>> comparison = totals.result()
    >>> comparison.difference.value, comparison.wins, comparison.losses
    (0.5, 2, 0)
    """

    differences: ClusterTotals = field(init=False, default_factory=ClusterTotals)
    counts: Counter[str] = field(init=False, default_factory=Counter)

    def update(
        self,
        scores: Sequence[float] | Floats,
        baseline: Sequence[float] | Floats,
        clusters: Sequence[Hashable] | None = None,
    ) -> None:
        """Add a batch of rows.

        Args:
            scores: ``[N]`` finite numbers.
            baseline: ``[N]`` the baseline's scores of the same rows.
            clusters: As in `ClusterTotals.update`.

        Raises:
            ArgumentError: If the lengths differ, or a score is not finite. Nothing is added then.
        """
        ours, theirs = _finite("scores", scores), _finite("baseline", baseline)
        if len(ours) != len(theirs):
            raise ArgumentError(f"there are {len(ours)} scores and {len(theirs)} of the baseline")
        pairs = [*zip(ours, theirs, strict=True)]
        self.differences.update([score - other for score, other in pairs], clusters)
        self.counts.update(_order(*pair) for pair in pairs)
        self.counts.update(_OUTCOMES[pair] for pair in pairs if pair in _OUTCOMES)

    def merge(self, other: PairedTotals) -> None:
        """Add the rows of other totals."""
        self.differences.merge(other.differences)
        self.counts.update(other.counts)

    def result(self, confidence: float = CONFIDENCE) -> Comparison:
        """Return the comparison.

        Raises:
            ArgumentError: If no row was counted, or ``confidence`` is not between 0 and 1.
        """
        difference = self.differences.result(confidence)
        names = ("wins", "losses", "ties", *_OUTCOMES.values())
        return Comparison(difference, _p_value(difference), **{name: self.counts[name] for name in names})


_OUTCOMES = {(1.0, 1.0): "both_right", (1.0, 0.0): "only_score", (0.0, 1.0): "only_baseline", (0.0, 0.0): "both_wrong"}


def _order(score: float, baseline: float) -> str:
    return "wins" if score > baseline else "losses" if score < baseline else "ties"


def _p_value(difference: Estimate) -> float:
    if difference.stderr == 0.0:
        # All rows differ alike: by nothing, or by what no chance explains.
        return 1.0 if difference.value == 0.0 else 0.0
    return 2.0 * stdtr(difference.clusters - 1, -abs(difference.value) / difference.stderr).item()


@dataclass(slots=True)
class RatioTotals:
    """Sums for a ratio of sums, such as cIoU, with a bootstrap over clusters. They can be merged to the last bit.

    ::

        ratio = Σ numerator / Σ denominator;    the interval holds the middle of the ratios of C clusters drawn with
        replacement, ``repetitions`` times

    With fewer than 100 clusters such an interval is too narrow: one of 95 % then covers about 90 %.

    Attributes:
        clusters: The sums of numerator and denominator of each cluster, and its rows.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, the percentile interval.

    >>> totals = RatioTotals()
    >>> totals.update([50, 10], [100, 10], ["one.jpg", "two.jpg"])
    >>> estimate = totals.result()
    >>> round(estimate.value, 3), estimate.low, estimate.high
    (0.545, 0.5, 1.0)
    """

    clusters: dict[Hashable, tuple[int, int, int]] = field(init=False, default_factory=dict)

    def update(self, numerators: Sequence[int], denominators: Sequence[int], clusters: Sequence[Hashable]) -> None:
        """Add a batch of rows.

        Args:
            numerators: ``[N]`` whole numbers, such as pixels in both masks.
            denominators: ``[N]`` whole numbers, such as pixels in either.
            clusters: ``[N]`` the image of each row. Rows of one name are drawn together.

        Raises:
            ArgumentError: If the lengths differ. Nothing is added then.
        """
        if not len(numerators) == len(denominators) == len(clusters):
            counts = len(numerators), len(denominators), len(clusters)
            raise ArgumentError("there are {} numerators, {} denominators and {} clusters".format(*counts))
        for numerator, denominator, name in zip(numerators, denominators, clusters, strict=True):
            self._add(name, (int(numerator), int(denominator), 1))

    def merge(self, other: RatioTotals) -> None:
        """Add the rows of other totals; clusters of one name are one cluster."""
        for name, sums in other.clusters.items():
            self._add(name, sums)

    @property
    def value(self) -> float:
        """The ratio so far; 0 if the denominators are 0."""
        numerator, denominator = (sum(sums[side] for sums in self.clusters.values()) for side in (0, 1))
        return numerator / denominator if denominator else 0.0

    def _add(self, name: Hashable, sums: tuple[int, int, int]) -> None:
        before = self.clusters.get(name, (0, 0, 0))
        self.clusters[name] = (before[0] + sums[0], before[1] + sums[1], before[2] + sums[2])

    def result(self, confidence: float = CONFIDENCE, *, repetitions: int = _REPETITIONS, seed: int = _SEED) -> Estimate:
        """Return the ratio with its interval; 0 if the denominators are 0.

        Raises:
            ArgumentError: If no row was counted, or ``confidence`` is not between 0 and 1.
        """
        check_counted(len(self.clusters), "row")
        _check_share("confidence", confidence)
        # In the order of their numbers, so that the draws do not depend on the order of the rows.
        sums = np.array(sorted(self.clusters.values()), dtype=np.float64)
        rows, value = int(sums[:, 2].sum()), self.value
        if len(sums) == 1:
            return Estimate(value, nan, nan, nan, rows, 1, "none: one cluster")
        generator = np.random.default_rng(seed)
        batch = max(1, _AT_ONCE // len(sums))
        drawn = [
            sums[generator.integers(len(sums), size=(min(batch, repetitions - done), len(sums))), :2].sum(axis=1)
            for done in range(0, repetitions, batch)
        ]
        ratios = _ratio(*np.concatenate(drawn).T)
        tail = 0.5 - 0.5 * confidence
        low, high = np.quantile(ratios, [tail, 1.0 - tail]).tolist()
        return Estimate(value, ratios.std(ddof=1).item(), low, high, rows, len(sums), "bootstrap")


def _ratio(numerators: Any, denominators: Any) -> Floats:
    return np.divide(numerators, denominators, out=np.zeros_like(denominators), where=denominators > 0)


@dataclass(frozen=True, slots=True)
class SampleScores:
    """Several answers to each question, in [0, 1].

    Attributes:
        mean: The mean score of all answers of a question (avg@k), over questions, with its interval.
        pass_at: pass@k: the chance that at least one of k answers is right, over questions, for each k.
        pass_all: pass^k: the chance that all of k answers are right.
        majority: The share of questions whose most frequent answer is right; None if answers were not given.
        within: The variance of the scores of a question, over questions: what sampling again would change.
        between: The variance of the questions' means: what other questions would change.
    """

    mean: Estimate
    pass_at: dict[int, Estimate]
    pass_all: dict[int, Estimate]
    majority: Estimate | None
    within: float
    between: float


def sample_scores(
    right: Sequence[Sequence[float]],
    ks: Sequence[int] = (1,),
    *,
    answers: Sequence[Sequence[Hashable]] | None = None,
    confidence: float = CONFIDENCE,
) -> SampleScores:
    """Return the scores of several sampled answers to each question, with intervals over questions.

    With c right answers of n to a question::

        mean@n = c / n,    pass@k = 1 − C(n − c, k) / C(n, k),    pass^k = C(c, k) / C(n, k)

    pass@k and pass^k are unbiased estimates of what k answers would give. The majority is the answer given most often,
    the first of those given equally often.

    Args:
        right: For each question the scores of its answers; an answer is right if its score is 1.
        ks: The k of pass@k and pass^k, none above the fewest answers of a question.
        answers: For each question what was answered, such as letters, for the majority.
        confidence: Of the intervals.

    Raises:
        ArgumentError: If there is no question, one has no answer, a k is not from 1 to the fewest answers, or answers
            and scores differ in number.

    Source: Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374 (pass@k); Yao et al.,
    "τ-bench", arXiv 2406.12045 (pass^k); Wang et al., "Self-Consistency", arXiv 2203.11171 (majority).

    >>> scores = sample_scores([[1, 0, 0, 0], [1, 1, 0, 0]], ks=[2])
    >>> round(scores.pass_at[2].value, 4), round(scores.pass_all[2].value, 4)
    (0.6667, 0.0833)
    """
    questions = [_finite(f"right, question {index}", scores) for index, scores in enumerate(right)]
    fewest = min(map(len, questions), default=0)
    check_counted(fewest, "answer to one of the questions")
    if wrong := [k for k in ks if not 1 <= k <= fewest]:
        raise ArgumentError(f"k must be from 1 to the fewest answers of a question, {fewest}, not {wrong[0]}")
    sizes = [len(scores) for scores in questions]
    if answers is not None and [len(texts) for texts in answers] != sizes:
        raise ArgumentError("answers and scores differ in number")

    def mean(values: Sequence[float | Fraction]) -> Estimate:
        totals = ClusterTotals()
        totals.update([*map(float, values)])
        return totals.result(confidence)

    counts = [(len(scores), scores.count(1.0)) for scores in questions]
    means = [sum(map(Fraction, scores)) / len(scores) for scores in questions]
    pass_at = {k: mean([1 - Fraction(comb(n - c, k), comb(n, k)) for n, c in counts]) for k in ks}
    pass_all = {k: mean([Fraction(comb(c, k), comb(n, k)) for n, c in counts]) for k in ks}
    majority = None
    if answers is not None:
        majority = mean([_majority_score(*pair) for pair in zip(questions, answers, strict=True)])
    within = [float(np.var(scores, ddof=1)) if len(scores) > 1 else nan for scores in questions]
    between = float(np.var([*map(float, means)], ddof=1)) if len(means) > 1 else nan
    return SampleScores(mean(means), pass_at, pass_all, majority, sum(within) / len(within), between)


def _majority_score(scores: Sequence[float], answers: Sequence[Hashable]) -> float:
    most_frequent = Counter(answers).most_common(1)[0][0]
    return scores[[*answers].index(most_frequent)]


def smallest_difference(stderr: float, clusters: int, *, power: float = 0.8, confidence: float = CONFIDENCE) -> float:
    """Return the smallest true difference that would be found with a chance of ``power``.

    ::

        δ = (t(½ + ½ · confidence) + t(power)) · SE

    Args:
        stderr: Standard error of the difference, as in `Comparison`; for two runs on different rows √(SE² + SE'²).
        clusters: Number of clusters it is over.
        power: The chance of finding it.
        confidence: Of the interval that must leave out 0.

    Raises:
        ArgumentError: If there are fewer than two clusters, or ``power`` or ``confidence`` is not between 0 and 1.

    Source: Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 5, with t for the normal distribution.

    >>> round(smallest_difference(0.015, 900), 4)
    0.0421
    """
    _check_share("power", power)
    _check_share("confidence", confidence)
    if clusters < 2:
        raise ArgumentError(f"there must be at least two clusters, got {clusters}")
    reach = stdtrit(clusters - 1, 0.5 + 0.5 * confidence) + stdtrit(clusters - 1, power)
    return stderr * reach.item()


def _finite(name: str, values: Sequence[float] | Floats) -> list[float]:
    numbers = [float(value) for value in values]
    if bad := [row for row, number in enumerate(numbers) if not abs(number) < float("inf")]:
        raise ArgumentError(f"{name}: row {bad[0]} is not finite")
    return numbers


def _check_share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ArgumentError(f"{name} must be between 0 and 1, got {value!r}")
