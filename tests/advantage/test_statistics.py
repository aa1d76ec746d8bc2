"""What is logged: σ, mean, rows, groups, dead groups, guard hits, shares."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given

from onethinker_rewards.advantage import EmaGrpo, TaskStatistics, gradient_share, grpo, log_items
from onethinker_rewards.errors import ArgumentError
from tests import oracles_advantage as oracle
from tests.advantage.batches import Batch, batches, broken, finite

REWARDS = torch.tensor([0.0, 1.0, 0.5, 0.5, 0.0, 10.0, math.nan], dtype=torch.float64)
GROUPS = [0, 0, 1, 1, 2, 2, 3]
LABELS = ["a", "a", "a", "a", "b", "b", "c"]


@pytest.mark.parametrize(
    ("guard", "hits"), [pytest.param("clip", 2, id="clip"), pytest.param("group_std", 2, id="group_std"), (None, 0)]
)
def test_one_batch(guard: str | None, hits: int) -> None:
    estimator = EmaGrpo(guard=guard, guard_limit=1.2)
    advantages = estimator(REWARDS, GROUPS, LABELS)
    statistics = estimator.statistics()
    assert set(statistics) == {"a", "b"}
    a, b = statistics["a"], statistics["b"]
    assert (a.rows, a.groups, a.zero_variance_groups, a.guard_hits) == (4, 2, 1, hits)
    assert (b.rows, b.groups, b.zero_variance_groups, b.guard_hits) == (2, 1, 0, 0)
    assert (a.mean, a.sigma) == (0.5, pytest.approx(math.sqrt(0.125)))
    assert (b.mean, b.sigma) == (5.0, 5.0)
    square = advantages.square()
    assert a.gradient_share == pytest.approx(float(square[:4].sum() / square.sum()))
    assert a.gradient_share + b.gradient_share == pytest.approx(1.0)


def test_rows_that_do_not_count_are_no_guard_hits() -> None:
    estimator = EmaGrpo(guard="group_std", guard_limit=1.2)
    estimator(torch.tensor([0.0, math.nan, 1.0, 0.5, 0.5]), [0, 0, 0, 1, 1], ["a"] * 5)
    assert estimator.statistics()["a"].guard_hits == 2


def test_a_task_that_is_not_in_the_batch_keeps_its_sigma() -> None:
    estimator = EmaGrpo()
    estimator(REWARDS, GROUPS, LABELS)
    estimator(torch.tensor([1.0, 1.0]), [0, 0], ["a", "a"])
    b = estimator.statistics()["b"]
    assert b == TaskStatistics(5.0, 5.0, 0, 0, 0, 0, 0.0)
    assert estimator.statistics()["a"].gradient_share == 0.0


@given(batch=batches(finite | broken))
def test_counts_equal_the_textbook(batch: Batch) -> None:
    estimator = EmaGrpo()
    estimator(batch.tensor, batch.groups, batch.tasks)
    statistics = estimator.statistics()
    rows = oracle.usable(batch.rewards)
    groups = oracle.partition(rows, oracle.pairs(batch.groups, batch.tasks))
    for task, own in oracle.partition(rows, batch.tasks).items():
        sets = [[batch.rewards[row] for row in members] for (_, label), members in groups.items() if label == task]
        each = statistics[task]
        assert (each.rows, each.groups) == (len(own), len(sets))
        assert each.zero_variance_groups == sum(min(values) == max(values) for values in sets)


def test_log_items_are_flat_numbers() -> None:
    estimator = EmaGrpo()
    estimator(REWARDS, GROUPS, LABELS)
    items = log_items(estimator.statistics(), prefix="adv")
    assert items["adv/b/sigma"] == 5.0
    assert len(items) == 14
    assert all(type(value) is float for value in items.values())


def test_gradient_share_of_any_estimator() -> None:
    advantages = grpo(REWARDS, GROUPS, LABELS)
    shares = gradient_share(advantages, LABELS)
    assert shares == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.0}, abs=1e-5)
    assert gradient_share(torch.zeros(2), ["x", "y"]) == {"x": 0.0, "y": 0.0}
    with pytest.raises(ArgumentError, match="tasks: expected 2 labels"):
        gradient_share(torch.zeros(2), ["x"])


def test_gradient_share_over_tokens() -> None:
    advantages, tasks = torch.tensor([1.0, -1.0, 2.0, -2.0]), ["short", "short", "long", "long"]
    assert gradient_share(advantages, tasks) == {"short": 0.2, "long": 0.8}
    assert gradient_share(advantages, tasks, lengths=[10, 10, 40, 40]) == {
        "short": pytest.approx(20 / 340), "long": pytest.approx(320 / 340)
    }  # fmt: skip
    with pytest.raises(ArgumentError, match="lengths: expected shape"):
        gradient_share(advantages, tasks, lengths=[10])
