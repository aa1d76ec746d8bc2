"""Options of the trainer: their defaults, and what is refused."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import pytest

from onethinker_rewards import advantage
from onethinker_rewards.advantage import EmaGrpo
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.options import ESTIMATORS, EmaOptions, Filter, Options


def test_nothing_given_is_ema_grpo_on_every_group() -> None:
    assert Options.read(None) == Options.read({}) == Options(estimator="ema_grpo", estimator_options={}, filter=None)


def test_null_is_no_judge() -> None:
    assert Options.read({"judge": None}).judge is None


def test_everything_given() -> None:
    given = {"estimator": "grpo", "estimator_options": {"eps": 0.1}, "filter": {"low": 0.2}}
    assert Options.read(given) == Options(
        estimator="grpo", estimator_options={"eps": 0.1}, filter=Filter(low=0.2, high=0.99)
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"estimater": "grpo"}, "onethinker.estimater: unknown key; did you mean onethinker.estimator?"),
        ({"filter": {"lo": 0}}, "onethinker.filter.lo: unknown key; did you mean onethinker.filter.low?"),
        ({"zzz": 0}, "onethinker.zzz: unknown key"),
        ({"filter": {"low": 0.99}}, "onethinker.filter: low 0.99 is not below high 0.99"),
        ({"filter": {"low": -0.1}}, "onethinker.filter.low: Input should be greater than or equal to 0, not -0.1"),
        ({"filter": {"high": 1.1}}, "onethinker.filter.high: Input should be less than or equal to 1, not 1.1"),
        ({"filter": {"low": math.nan}}, "onethinker.filter.low: Input should be"),
        ({"filter": {"max_batches": 0}}, "onethinker.filter.max_batches: Input should be greater"),
        ({"filter": 3}, "onethinker.filter: Input should be a valid dictionary"),
        ({"estimator": "gppo"}, "onethinker.estimator: Input should be 'ema_grpo', 'grpo'"),
        ({"estimator_options": {"beta": 1}}, "onethinker.estimator_options.beta: unknown key"),
        ({"estimator_options": {"decay": 2}}, "onethinker.estimator_options.decay: Input should be less"),
        ({"estimator": "grpo", "estimator_options": {"beta": 1}}, "onethinker.estimator_options.beta: unknown key"),
        (
            {"estimator": "grpo", "estimator_options": {"epz": 1}},
            "onethinker.estimator_options.epz: unknown key; did you mean onethinker.estimator_options.eps?",
        ),
        ({"estimator": "rloo", "estimator_options": {"eps": 1}}, "onethinker.estimator_options.eps: unknown key"),
        (
            {"estimator": "gdpo", "estimator_options": {"weights": {"format": 1.0}}},
            "onethinker.estimator_options.weights",
        ),
        ({"estimator": "grpo", "estimator_options": {"eps": -1.0}}, "onethinker.estimator_options.eps: Input should"),
        ({"recipe": "mine"}, "onethinker.recipe: Input should be 'paper', 'lenient' or 'release', not 'mine'"),
        ({"dialect": "qwen"}, "onethinker.dialect: no dialect 'qwen'; there are onethinker, qwen3-vl"),
        ({"reference_dialect": "qwen"}, "onethinker.reference_dialect: no dialect 'qwen'; there are onethinker"),
        ({"recipe": "release", "dialect": "molmo"}, "onethinker.recipe: release compares texts as they are"),
        ({"judge": {"model": "m"}}, "onethinker.judge: judge: url is missing"),
        ({"judge": {"url": "http://h/v1"}}, "onethinker.judge: model: the name that the server knows it by is missing"),
        ({"stage": "ppo"}, "onethinker.stage: Input should be 'rl' or 'sft', not 'ppo'"),
        ({"stage": ["rl"]}, "onethinker.stage: Input should be 'rl' or 'sft'"),
        ({"seed": True}, "onethinker.seed: Input should be a valid integer, not True"),
        ({"seed": "9" * 90}, "not '999999999999...9999999999999'"),
        ({"seed": "x", "max_frames": None}, "not 'x'; onethinker.max_frames: "),
    ],
)
def test_what_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(words)) as refused:
        Options.read(given)
    assert "\n" not in str(refused.value)


def test_options_of_the_estimator_are_keywords_of_ema_grpo() -> None:
    known = inspect.signature(EmaGrpo).parameters
    defaults = {name: field.default for name, field in EmaOptions.model_fields.items()}
    assert defaults == {name: known[name].default for name in defaults}


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "ema_grpo"])
def test_a_baselines_options_are_keywords_of_its_function(name: Any) -> None:
    given = {"eps": 0.5, "unbiased": False, "weights": {"normalized": 2.0, "format": 1.0}}
    known = given.keys() & inspect.signature(getattr(advantage, name)).parameters.keys()
    options = {option: given[option] for option in known}
    assert Options.read({"estimator": name, "estimator_options": options}).estimator_options == options
    for option in given.keys() - known:
        with pytest.raises(ArgumentError, match="unknown key"):
            Options.read({"estimator": name, "estimator_options": {option: given[option]}})


def test_weights_may_be_a_list() -> None:
    assert Options.read({"estimator": "gdpo", "estimator_options": {"weights": [1.0, 2.0]}}).estimator == "gdpo"


@pytest.mark.parametrize(
    ("mean", "kept"),
    [(0.0, False), (0.01, False), (0.0101, True), (0.5, True), (0.98, True), (0.99, False), (1.0, False)],
)
def test_the_limits_themselves_are_outside(mean: float, kept: bool) -> None:
    assert Filter().keeps(mean) is kept


def test_a_group_without_accuracy_is_not_kept() -> None:
    assert not Filter().keeps(math.nan)
