"""Intervals and comparisons: cases by hand, NumPy and SciPy, laws, and what nominal intervals cover."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import (
    ClusterTotals,
    Estimate,
    PairedTotals,
    RatioTotals,
    sample_scores,
    smallest_difference,
)
from tests.evaluation.totals import assert_mergeable

scores = st.floats(-1e3, 1e3).map(lambda value: round(value, 3)) | st.sampled_from([0.0, 1.0])
rows = st.lists(st.tuples(scores, st.sampled_from([None, "a", "b", "c"])), max_size=12)


def totals_of(part: Any) -> ClusterTotals:
    totals = ClusterTotals()
    totals.update([score for score, _ in part], [cluster for _, cluster in part])
    return totals


def estimate(values: Any, clusters: Any = None, confidence: float = 0.95) -> Estimate:
    totals = ClusterTotals()
    totals.update(values, clusters)
    return totals.result(confidence)


@given(values=st.lists(scores, min_size=2, max_size=20), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_rows_alone_are_the_usual_standard_error(values: list[float], confidence: float) -> None:
    found = estimate(values, confidence=confidence)
    expected = np.std(values, ddof=1) / math.sqrt(len(values))
    assert found.stderr == pytest.approx(expected, rel=1e-9, abs=1e-12)
    if found.stderr > 1e-9:
        interval = stats.t.interval(confidence, len(values) - 1, np.mean(values), expected)
        assert (found.low, found.high) == pytest.approx(interval, rel=1e-9, abs=1e-9)
    assert (found.rows, found.clusters, found.method) == (len(values), len(values), "t")


@given(part=rows.filter(bool))
def test_clusters_are_the_textbook(part: Any) -> None:
    names = [index if cluster is None else cluster for index, (_, cluster) in enumerate(part)]
    values = np.array([score for score, _ in part])
    found = totals_of(part).result()
    count = len({*names})
    assert found.value == pytest.approx(values.mean(), abs=1e-12)
    assert (found.rows, found.clusters) == (len(part), count)
    if count == 1:
        assert math.isnan(found.stderr)
        assert found.method == "none: one cluster"
        return
    sums = [
        sum(value - values.mean() for value, its in zip(values, names, strict=True) if its == name) for name in {*names}
    ]
    expected = math.sqrt(count / (count - 1) * math.fsum(total**2 for total in sums)) / len(part)
    assert found.stderr == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert found.method == ("t" if all(cluster is None for _, cluster in part) else "clustered t")


@given(part=rows, cut=st.integers(0, 12), order=st.randoms())
def test_batches_order_and_processes_do_not_matter(part: Any, cut: int, order: Any) -> None:
    if part and totals_of(part).result().clusters == 1:
        part = [*part, (0.0, "d")]
    assert_mergeable(totals_of, part, cut, order)


@given(part=rows.filter(bool), times=st.integers(2, 4))
def test_repeated_rows_of_a_cluster_add_no_certainty(part: Any, times: int) -> None:
    named = [(score, cluster or str(index)) for index, (score, cluster) in enumerate(part)]
    once, often = totals_of(named).result(), totals_of(named * times).result()
    assert often.stderr == pytest.approx(once.stderr, rel=1e-12, nan_ok=True)


def test_equal_scores_have_no_spread() -> None:
    assert estimate([0.1] * 7).stderr == 0.0
    assert estimate([0.1] * 7, list("aabbccd")).stderr == 0.0


# Comparisons.

pairs = st.lists(st.tuples(scores, scores, st.sampled_from([None, "a", "b", "c"])), max_size=12)


def paired_totals(part: Any) -> PairedTotals:
    totals = PairedTotals()
    totals.update(*([row[side] for row in part] for side in range(3)))
    return totals


def test_wins_losses_and_mcnemar() -> None:
    found = paired_totals([(1, 0, None), (1, 1, None), (0, 1, None), (0, 0, None), (1, 0, None), (0.5, 0.2, None)])
    result = found.result()
    assert (result.wins, result.losses, result.ties) == (3, 1, 2)
    counts = result.both_right, result.only_score, result.only_baseline, result.both_wrong
    assert counts == (1, 2, 1, 1)
    assert result.difference.value == pytest.approx(1.3 / 6)


@given(part=pairs.filter(lambda part: len(part) > 1))
def test_without_clusters_it_is_scipys_paired_test(part: Any) -> None:
    result = paired_totals([(score, other, None) for score, other, _ in part]).result()
    differences = np.array([score - other for score, other, _ in part])
    if result.difference.stderr > 1e-9:
        expected = stats.ttest_1samp(differences, 0.0)
        assert result.p == pytest.approx(expected.pvalue, rel=1e-7, abs=1e-12)
        interval = expected.confidence_interval()
        assert (result.difference.low, result.difference.high) == pytest.approx((interval.low, interval.high), abs=1e-6)
    elif result.difference.stderr == 0.0:
        assert result.p == (1.0 if differences[0] == 0.0 else 0.0)


@given(part=pairs.filter(bool))
def test_swapping_the_models_flips_the_sign(part: Any) -> None:
    one = paired_totals(part).result()
    other = paired_totals([(baseline, score, cluster) for score, baseline, cluster in part]).result()
    assert one.difference.value == -other.difference.value
    assert one.difference.stderr == pytest.approx(other.difference.stderr, nan_ok=True)
    assert (one.wins, one.losses, one.only_score) == (other.losses, other.wins, other.only_baseline)
    assert one.p == pytest.approx(other.p, nan_ok=True)


@given(part=pairs, cut=st.integers(0, 12), order=st.randoms())
def test_comparisons_merge_exactly(part: Any, cut: int, order: Any) -> None:
    if part and paired_totals(part).result().difference.clusters == 1:
        part = [*part, (1.0, 0.0, "d")]
    assert_mergeable(paired_totals, part, cut, order)


# Ratios.

images = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("abcdef")), max_size=12)


def ratio_totals(part: Any) -> RatioTotals:
    totals = RatioTotals()
    totals.update(*([row[side] for row in part] for side in range(3)))
    return totals


@given(part=images, cut=st.integers(0, 12), order=st.randoms())
def test_ratios_merge_exactly_and_draw_alike(part: Any, cut: int, order: Any) -> None:
    if len({name for *_, name in part}) == 1:
        part = [*part, (1, 2, "z")]
    assert_mergeable(ratio_totals, part, cut, order)


def test_a_ratio_is_of_sums() -> None:
    found = ratio_totals([(50, 100, "a"), (10, 10, "b"), (0, 0, "c")]).result()
    assert found.value == 60 / 110
    assert found.low <= found.value <= found.high
    assert (found.rows, found.clusters, found.method) == (3, 3, "bootstrap")
    assert ratio_totals([(0, 0, "a"), (0, 0, "b")]).result().value == 0.0
    assert ratio_totals([(1, 2, "a")]).result().method == "none: one cluster"


def test_the_bootstrap_is_seeded_and_near_the_delta_method() -> None:
    generator = np.random.default_rng(5)
    unions = generator.integers(50, 1000, 300)
    shared = (unions * generator.beta(4, 2, 300)).astype(int)
    totals = ratio_totals([*zip(shared, unions, range(300), strict=True)])
    found = totals.result(seed=1)
    assert found == totals.result(seed=1)
    assert found != totals.result(seed=2)
    residuals = shared - found.value * unions
    assert found.stderr == pytest.approx(math.sqrt(300 / 299 * (residuals**2).sum()) / unions.sum(), rel=0.1)


# Several answers.


def test_several_answers() -> None:
    found = sample_scores([[1, 0, 0, 0], [1, 1, 1, 1]], ks=[1, 4], answers=[list("bbac"), list("aaaa")])
    assert found.mean.value == found.pass_at[1].value == found.pass_all[1].value == 0.625
    assert (found.pass_at[4].value, found.pass_all[4].value) == (1.0, 0.5)
    assert found.majority is not None
    # Of the first question b was answered most often, and its score is that of the first b.
    assert found.majority.value == 1.0
    assert (found.within, found.between) == (0.125, pytest.approx(0.28125))
    assert sample_scores([[0, 1]]).majority is None
    assert math.isnan(sample_scores([[1]]).within)
    assert math.isnan(sample_scores([[1, 0]]).between)


@given(
    right=st.lists(st.lists(st.sampled_from([0, 1]), min_size=3, max_size=6), min_size=1, max_size=4),
    k=st.integers(1, 3),
)
def test_pass_at_k_tries_every_choice(right: list[list[int]], k: int) -> None:
    found = sample_scores(right, [k])
    any_right = [np.mean([max(chosen) for chosen in combinations(answers, k)]) for answers in right]
    all_right = [np.mean([min(chosen) for chosen in combinations(answers, k)]) for answers in right]
    assert found.pass_at[k].value == pytest.approx(np.mean(any_right), abs=1e-12)
    assert found.pass_all[k].value == pytest.approx(np.mean(all_right), abs=1e-12)


def test_the_smallest_difference_is_found_with_its_power() -> None:
    found = smallest_difference(0.5, 400)
    assert found == pytest.approx(0.5 * (stats.t.ppf(0.975, 399) + stats.t.ppf(0.8, 399)))
    assert smallest_difference(0.5, 400, power=0.9) > found


BAD = [
    pytest.param(lambda: estimate([1.0, math.nan]), "scores: row 1 is not finite", id="NaN"),
    pytest.param(lambda: estimate([1.0], ["a", "b"]), "1 scores and 2 clusters", id="clusters"),
    pytest.param(lambda: estimate([]), "no row was counted", id="nothing"),
    pytest.param(lambda: estimate([1, 2], confidence=95), "confidence must be between 0 and 1", id="per cent"),
    pytest.param(lambda: PairedTotals().update([1], [1, 2]), "1 scores and 2 of the baseline", id="baseline"),
    pytest.param(lambda: RatioTotals().update([1], [2], []), "1 numerators, 1 denominators and 0 clusters", id="ratio"),
    pytest.param(lambda: RatioTotals().result(), "no row was counted", id="no ratio"),
    pytest.param(lambda: sample_scores([]), "no answer to one of the questions", id="no question"),
    pytest.param(lambda: sample_scores([[1], []]), "no answer to one of the questions", id="no answer"),
    pytest.param(lambda: sample_scores([[1, 0], [1]], [2]), "k must be from 1 to .* 1, not 2", id="k"),
    pytest.param(lambda: sample_scores([[1, 0]], answers=[["a"]]), "answers and scores differ", id="answers"),
    pytest.param(lambda: smallest_difference(1.0, 1), "at least two clusters, got 1", id="one cluster"),
    pytest.param(lambda: smallest_difference(1.0, 9, power=1.0), "power must be between 0 and 1", id="power"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_mistakes_are_named(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


# What nominal intervals cover.

REPETITIONS = 1_000


def clustered_answers(generator: np.random.Generator, clusters: int, ability: float) -> tuple[np.ndarray, np.ndarray]:
    """Return 0/1 answers to questions about videos, of which some have more questions and some are harder."""
    videos = np.repeat(np.arange(clusters), generator.integers(1, 9, clusters))
    chance = generator.beta(2.0 * ability, 2.0 * (1.0 - ability), clusters)
    return (generator.random(len(videos)) < chance[videos]).astype(float), videos


def covered(intervals: list[tuple[Estimate, float]]) -> float:
    return sum(found.low <= truth <= found.high for found, truth in intervals) / len(intervals)


def test_clustered_intervals_cover_what_they_say() -> None:
    generator = np.random.default_rng(11)
    clustered, plain = [], []
    for _ in range(REPETITIONS):
        answers, videos = clustered_answers(generator, 60, 0.6)
        clustered.append((estimate(answers, videos.tolist()), 0.6))
        plain.append((estimate(answers), 0.6))
    assert 0.93 <= covered(clustered) <= 0.97
    # Without clusters the same interval is far too sure.
    assert covered(plain) < 0.85


def test_intervals_of_differences_cover_what_they_say() -> None:
    generator = np.random.default_rng(12)
    intervals = []
    for _ in range(REPETITIONS):
        answers, videos = clustered_answers(generator, 60, 0.6)
        # The baseline loses one right answer in four.
        baseline = answers * (generator.random(len(answers)) < 0.75)
        totals = PairedTotals()
        totals.update(answers, baseline, videos.tolist())
        intervals.append((totals.result().difference, 0.6 / 4))
    assert 0.93 <= covered(intervals) <= 0.97


def test_intervals_of_ciou_cover_what_they_say() -> None:
    generator = np.random.default_rng(13)
    intervals = []
    for _ in range(REPETITIONS):
        # The overlap is 4/6 of the union on average, whatever the size of the object.
        unions = generator.gamma(2.0, 1e4, 200).astype(int) + 100
        shared = (unions * generator.beta(4, 2, 200)).astype(int)
        totals = RatioTotals()
        totals.update(shared.tolist(), unions.tolist(), range(200))
        intervals.append((totals.result(repetitions=400), 4 / 6))
    assert 0.93 <= covered(intervals) <= 0.97
