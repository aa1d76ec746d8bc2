"""What adapters hand a formula beyond the columns: progress, whole groups, and for penalties the tokens."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import (
    Columns,
    MissingColumnError,
    easyr1,
    extra_info,
    log_items,
    slime,
    swift,
    trl,
    verl,
)
from onethinker_rewards.adapters.reward_fn import training_progress
from onethinker_rewards.tasks import Context
from tests.adapters.slime_stand_in import Sample
from tests.adapters.test_verl import manager, trajectory
from tests.rewards.cases import wrap

SEEN: list[Context] = []


def formula(predicted: Any, reference: Any, context: Context) -> otr.Scores:
    SEEN.append(context)
    return otr.Scores(np.ones(len(predicted)), {"option_match": np.ones(len(predicted))})


TABLE = {**otr.TASKS, "multiple_choice": replace(otr.TASKS["multiple_choice"], accuracy=formula)}
OVERLONG = otr.Recipe(penalties=(otr.SoftOverlong(max_length=4, cache_length=2),))
RESPONSES = [wrap("A"), wrap("B"), wrap("C")]
COLUMNS = {"task": ["multiple_choice"] * 3, "reference": ["A"] * 3}
ROWS = [{"task": "multiple_choice", "reference": "A"}] * 3
STATE = SimpleNamespace(global_step=25, max_steps=100)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    SEEN.clear()


def seen() -> tuple[Any, Any]:
    (context,) = SEEN
    return context.groups, context.progress


@pytest.mark.parametrize(
    ("state", "progress"),
    [
        (None, None),
        (object(), None),
        (SimpleNamespace(global_step=0, max_steps=0), None),
        (SimpleNamespace(global_step=3, max_steps=-1), None),
        (SimpleNamespace(global_step=0, max_steps=8), 0.0),
        (SimpleNamespace(global_step=8, max_steps=8), 1.0),
        (SimpleNamespace(global_step=9, max_steps=8), 1.0),
    ],
)
def test_progress_is_the_share_of_steps_done(state: Any, progress: float | None) -> None:
    assert training_progress(state) == progress


class TestTrl:
    def test_progress_and_groups(self) -> None:
        reward = trl.make_reward(table=TABLE)
        reward(completions=RESPONSES, trainer_state=STATE, problem_id=[7, 7, 8], **COLUMNS)
        assert seen() == ([7, 7, 8], 0.25)

    def test_without_a_state_or_a_column_of_groups(self) -> None:
        trl.make_reward(table=TABLE)(completions=RESPONSES, **COLUMNS)
        assert seen() == (None, None)

    def test_groups_stay_with_rewarded_rows(self) -> None:
        columns = {**COLUMNS, "task": ["multiple_choice", "ocr", "multiple_choice"]}
        reward = trl.make_reward(table=TABLE, tasks=["multiple_choice"])
        assert reward(completions=RESPONSES, problem_id=[7, 7, 8], **columns) == [2.0, None, 2.0]
        assert seen() == ([7, 8], None)

    def test_penalties_get_the_token_ids(self) -> None:
        reward = trl.make_reward(recipe=OVERLONG, table=TABLE)
        ids = [[], [1, 2, 3], [1] * 9]
        assert reward(completions=RESPONSES, completion_ids=ids, **COLUMNS) == [2.0, 1.5, 1.0]
        curves: dict[str, float] = {}
        reward(completions=RESPONSES, completion_ids=ids, log_metric=curves.__setitem__, **COLUMNS)
        assert curves["onethinker/multiple_choice/part/soft_overlong"] == -0.5
        assert curves["onethinker/multiple_choice/penalty/soft_overlong"] == pytest.approx(2 / 3)


class TestSwift:
    def test_progress_and_groups(self) -> None:
        swift.make_reward(table=TABLE)(RESPONSES, trainer_state=STATE, prompt_id=["a", "a", "b"], **COLUMNS)
        assert seen() == (["a", "a", "b"], 0.25)

    def test_without_prompt_ids(self) -> None:
        swift.make_reward(table=TABLE)(RESPONSES, **COLUMNS)
        assert seen() == (None, None)

    @pytest.mark.parametrize("ids", [[[], [1, 2, 3], [1] * 9], [[], [[1], [2, 3]], [[1] * 4, [1] * 5]]])
    def test_penalties_get_the_tokens_of_all_turns(self, ids: Any) -> None:
        reward = swift.make_reward(recipe=OVERLONG, table=TABLE)
        assert reward(RESPONSES, response_token_ids=ids, **COLUMNS) == [2.0, 1.5, 1.0]


def test_easyr1_has_groups_and_lengths() -> None:
    rows = [
        {**row, "response": response, "response_length": length, "problem_id": group, "ground_truth": "A"}
        for row, response, length, group in zip(ROWS, RESPONSES, [1, 3, 9], "aab", strict=True)
    ]
    scores = easyr1.make_reward(recipe=OVERLONG, table=TABLE)(rows)
    assert [score["overall"] for score in scores] == [2.0, 1.5, 1.0]
    assert seen() == (["a", "a", "b"], None)
    assert [score["multiple_choice/part/soft_overlong"] for score in scores] == [0.0, -0.5, -1.0]


def test_slime_has_groups_where_it_gives_whole_ones() -> None:
    samples = [
        Sample(group_index=5, index=row, response=response, label="A", metadata={"task": "multiple_choice"})
        for row, response in enumerate(RESPONSES)
    ]
    args = SimpleNamespace(reward_key=None)
    reward = slime.make_reward(table=TABLE)
    assert asyncio.run(reward(args, samples)) == [2.0, 2.0, 2.0]
    assert seen() == ([5, 5, 5], None)
    SEEN.clear()
    assert asyncio.run(reward(args, samples[0])) == 2.0
    assert seen() == (None, None)


def test_verls_manager_has_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    length = len(RESPONSES[0])
    recipe = otr.Recipe(penalties=(otr.SoftOverlong(max_length=2 * length, cache_length=2 * length),))
    made = manager(monkeypatch, recipe=recipe, table=TABLE)
    columns = {"data_source": "multiple_choice", "reward_model": {"ground_truth": "A"}, "extra_info": {"uid": 1}}
    result = asyncio.run(made.run_single(trajectory(RESPONSES[0], columns)))
    assert result["reward_score"] == 1.5
    assert result["reward_extra_info"]["penalties"] == "soft_overlong"
    # The calls in flight are no whole groups.
    assert seen() == (None, None)
    curves = verl.log_items([result["reward_extra_info"]])
    assert curves["onethinker/multiple_choice/penalty/soft_overlong"] == 1.0


def test_where_nothing_has_the_tokens_a_penalty_says_so() -> None:
    with pytest.raises(otr.ArgumentError, match="tokens: soft_overlong needs the token ids"):
        verl.make_reward(recipe=OVERLONG)("multiple_choice", RESPONSES[0], "A")


@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        ({"problem_id": [1, 1]}, [1, 1]),
        ({"problem_id": [1, 1], "data_source": ["a", "b"]}, [("a", 1), ("b", 1)]),
        ({}, None),
        ({"uid": [None, None]}, None),
        ({"uid": ["x", None]}, None),
        ({"group": [["x"], ["x"]]}, None),
    ],
)
def test_groups_are_optional_by_default(columns: dict[str, list[Any]], groups: Any) -> None:
    assert Columns().groups_or_none(columns, rows=2) == groups


def test_groups_that_were_named_are_required() -> None:
    assert Columns(group="prompt").groups_or_none({"prompt": ["x", "x"]}, rows=2) == ["x", "x"]
    with pytest.raises(MissingColumnError, match="no column 'prompt' for the group"):
        Columns(group="prompt").groups_or_none({"uid": ["x", "x"]}, rows=2)
    with pytest.raises(otr.ArgumentError, match="no group in row 1"):
        Columns(group="prompt").groups_or_none({"prompt": ["x", None]}, rows=2)


@pytest.mark.parametrize(
    ("columns", "tokens"),
    [
        ({"completion_ids": [[], [1]], "response_length": [0, 1]}, [[], [1]]),
        ({"response_length": [0, 1]}, [0, 1]),
        ({}, None),
    ],
)
def test_tokens_are_taken_as_they_are(columns: dict[str, Any], tokens: Any) -> None:
    given = {"task": ["ocr"] * 2, "reference": ["a"] * 2, **columns}
    assert Columns().take(given, rows=2).tokens == tokens
    assert Columns(tokens="length").take({**given, "length": [5, 6]}, rows=2).tokens == [5, 6]


def test_curves_of_a_recipe_with_penalties_have_the_same_keys_for_every_task() -> None:
    batch = otr.score([wrap("B")], ["B"], "multiple_choice", recipe=OVERLONG, tokens=[3])
    for rows in (batch, extra_info(batch)):
        items = log_items(rows, "", table={name: otr.TASKS[name] for name in ("multiple_choice", "ocr")})
        assert (items["multiple_choice/part/soft_overlong"], items["multiple_choice/penalty/soft_overlong"]) == (
            -0.5,
            1.0,
        )
        assert math.isnan(items["ocr/part/soft_overlong"])
        assert math.isnan(items["ocr/penalty/soft_overlong"])
