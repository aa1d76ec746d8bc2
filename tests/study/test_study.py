"""The study of estimators: its world, its runs, its statistics, and the page that is made from its results."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.study import analysis, report, rl
from benchmarks.study.__main__ import confirmatory, run_all, smoke, tuning
from benchmarks.study.conditions import CONDITIONS, ESTIMATORS, MAIN, RATES, SEEDS, TUNING_SEEDS
from benchmarks.study.policy import Policy
from benchmarks.study.world import TASKS, World, text
from scipy import stats

import onethinker_rewards as otr


def test_what_a_careful_teacher_says_earns_everything_and_haste_costs_in_each_task() -> None:
    for hasty, enough in ((0.0, 1.0), (1.0, 0.95)):
        prompts = World(0, hasty=hasty).draw([task for task in TASKS for _ in range(40)])
        said = [text(tokens) for tokens in prompts.taught.tolist()]
        batch = otr.score(said, prompts.references, prompts.names)
        by_task = batch.normalized.reshape(len(TASKS), -1).mean(axis=1)
        assert (batch.format == 1.0).all()
        assert (by_task == 1.0).all() if hasty == 0.0 else (by_task < enough).all()


def test_one_seed_draws_the_same_prompts() -> None:
    first, second, other = (World(seed).draw(list(TASKS)) for seed in (1, 1, 2))
    assert torch.equal(first.clips, second.clips)
    assert first.references == second.references
    assert not torch.equal(first.clips, other.clips)


def test_a_short_run_learns_and_gives_the_same_bits_twice() -> None:
    first, second = smoke(), smoke()
    assert json.dumps(first) == json.dumps(second)
    assert np.mean(first["curve"][-2:]) > np.mean(first["start"]) + 0.15


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda condition: condition.name)
def test_every_condition_rewards_as_it_says(condition: rl.Condition) -> None:
    torch.manual_seed(0)
    policy = Policy()
    first, later = (rl.collect(policy, condition, seed=0, step=step) for step in (0, 1))
    assert len(first.tasks) == sum(condition.prompts.values()) * rl.GROUP or condition.filtered
    for task in condition.nothing_at_first:
        assert (first.parts[torch.from_numpy(first.tasks == task)] == 0.0).all()
    plain = rl.collect(policy, replace(condition, scale={}), seed=0, step=1)
    scale = torch.tensor([condition.scale.get(task, 1.0) for task in later.tasks], dtype=torch.float64)
    assert torch.equal(later.parts, plain.parts * scale[:, None])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_runs(estimator: str) -> None:
    torch.manual_seed(0)
    result = rl.run(Policy(), replace(MAIN, judge_noise=0.1), estimator, seed=0, rate=1e-3, steps=2 * rl.EVERY)
    assert sum(result["share"]) == pytest.approx(1.0, abs=1e-3)
    assert sum(result["gradient_share"]) == pytest.approx(1.0, abs=1e-3)
    assert np.shape(result["curve"]) == (2, len(TASKS))


def test_a_filter_keeps_groups_with_unequal_rewards() -> None:
    torch.manual_seed(0)
    noisy = replace(MAIN, filtered=True, judge_noise=0.1)
    assert len(rl.collect(Policy(), noisy, seed=0, step=0).tasks) == sum(MAIN.prompts.values()) * rl.GROUP
    # An untrained policy earns nothing anywhere: then all groups are kept.
    assert len(rl.collect(Policy(), replace(MAIN, filtered=True), seed=0, step=0).tasks) > 0


def test_a_shuffle_stays_within_groups() -> None:
    torch.manual_seed(0)
    policy = Policy()
    plain, shuffled = (
        rl.collect(policy, replace(MAIN, judge_noise=0.1, shuffled=mixed), seed=0, step=0)
        .parts.sum(1)
        .view(-1, rl.GROUP)
        for mixed in (False, True)
    )
    assert not torch.equal(plain, shuffled)
    assert torch.equal(plain.sort(1).values, shuffled.sort(1).values)


def test_seeds_for_tuning_are_not_used_again() -> None:
    rates = dict.fromkeys(ESTIMATORS, 1e-3)
    assert not {job[2] for job in tuning()} & {job[2] for job in confirmatory(list(SEEDS), rates)}


def test_what_was_run_is_not_run_again(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    line = {"condition": MAIN.name, "estimator": "grpo", "seed": 0, "rate": 1e-3, "curve": [[0.5]]}
    out.write_text(json.dumps(line) + "\n", encoding="utf-8")
    run_all([(MAIN, "grpo", 0, 1e-3)], out, processes=1)
    assert analysis.read(out) == [line]


def test_the_best_rate_is_that_of_the_highest_mean() -> None:
    results = [
        {"estimator": name, "rate": rate, "seed": seed, "curve": [[level]]}
        for name in ("ema", "grpo")
        for rate, level in zip(RATES, (0.4, 0.6, 0.5), strict=True)
        for seed in (*TUNING_SEEDS, 0)
    ]
    best = analysis.best_rates(results)
    assert best["grpo"] == best["ema"] == best["ema_debiased"] == RATES[1]


def test_paired_differences_have_the_interval_of_the_t_test() -> None:
    gaps = np.random.default_rng(0).normal(0.1, 1.0, 9)
    found, expected = analysis.paired(gaps), stats.ttest_1samp(gaps, 0.0)
    low, high = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))
    assert analysis.paired(np.zeros(3)).p == 1.0


def test_holm_on_his_own_kind_of_example() -> None:
    # Sorted .005, .01, .03, .04 times 4, 3, 2, 1, never below the one before.
    assert analysis.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert analysis.holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_number_of_seeds_is_that_of_the_textbook() -> None:
    # Cohen, Statistical Power Analysis: 34 pairs find half a standard deviation with a power of .8.
    assert analysis.seeds_for(0.5, 1.0) == 34
    assert analysis.seeds_for(1.0, 1.0) == 10


def test_page_and_figures_are_made_from_the_results(tmp_path: Path) -> None:
    report.write(tmp_path)
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    drifted = [str(path) for path in written if (tmp_path / path).read_bytes() != (report.ROOT / path).read_bytes()]
    assert not drifted, "run `python -m benchmarks.study report`"
