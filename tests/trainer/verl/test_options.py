"""Options of the trainer: their defaults, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.options import Filter, Options


def test_nothing_given_is_ema_grpo_on_every_group() -> None:
    assert Options.read(None) == Options.read({}) == Options(estimator="ema_grpo", estimator_options={}, filter=None)


def test_everything_given() -> None:
    given = {"estimator": "grpo", "estimator_options": {"eps": 0.1}, "filter": {"low": 0.2}}
    assert Options.read(given) == Options(
        estimator="grpo", estimator_options={"eps": 0.1}, filter=Filter(low=0.2, high=0.99)
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"estimater": "grpo"}, "onethinker: no option estimater; there are estimator"),
        ({"filter": {"lo": 0}}, "onethinker.filter: no option lo; there are low"),
        ({"filter": {"low": 0.99}}, "ascending"),
        ({"filter": {"low": -0.1}}, "ascending"),
        ({"filter": {"high": 1.1}}, "ascending"),
        ({"filter": {"low": math.nan}}, "ascending"),
        ({"filter": {"max_batches": 0}}, "at least 1"),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words):
        Options.read(given)


@pytest.mark.parametrize(
    ("mean", "kept"),
    [(0.0, False), (0.01, False), (0.0101, True), (0.5, True), (0.98, True), (0.99, False), (1.0, False)],
)
def test_the_limits_themselves_are_outside(mean: float, kept: bool) -> None:
    assert Filter().keeps(mean) is kept


def test_a_group_without_accuracy_is_not_kept() -> None:
    assert not Filter().keeps(math.nan)
