"""verl's contract, without verl: how it calls a reward function and a reward manager, and what it takes back."""

from __future__ import annotations

import asyncio
import inspect
import logging
import pickle
import sys
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import MissingColumnError, verl
from onethinker_rewards.adapters import log_items as log_items_of_batch
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.rows import Rows, shared_rows
from tests.rewards.cases import wrap


def arguments(rows: Rows) -> list[dict[str, Any]]:
    """Return each row as verl's managers pass it, with what they add to the extra info."""
    return [
        {
            "data_source": "onethinker",
            "solution_str": response,
            "ground_truth": row.pop("ground_truth"),
            "extra_info": {**row, "index": index, "num_turns": None, "rollout_reward_scores": {}, "answer": "not this"},
        }
        for index, (response, row) in enumerate(zip(rows.responses, rows.mappings("ground_truth"), strict=True))
    ]


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_shared_rows_get_the_totals_of_score(recipe: str) -> None:
    rows = shared_rows()
    reward = verl.make_reward(recipe=recipe)
    infos = [reward(**call) for call in arguments(rows)]
    assert [info["score"] for info in infos] == rows.batch(recipe).total.tolist()
    assert [info["scored_as"] for info in infos] == rows.tasks


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_the_async_function_gives_the_same_rows(recipe: str) -> None:
    rows = shared_rows()
    reward = verl.make_async_reward()
    assert inspect.iscoroutinefunction(reward)

    async def run() -> list[dict[str, Any]]:
        return await asyncio.gather(*(reward(**call, recipe=recipe) for call in arguments(rows)))

    assert asyncio.run(run()) == [verl.compute_score(**call, recipe=recipe) for call in arguments(rows)]


def test_rows_have_the_same_keys_and_nothing_that_verl_trips_over() -> None:
    infos = [verl.compute_score(**call) for call in arguments(shared_rows())]
    assert len({tuple(info) for info in infos}) == 1
    assert not any("reward" in key or key == "acc" for key in infos[0])
    assert {type(value) for info in infos for value in info.values()} == {float, str, type(None)}
    assert "nan" not in str(infos)


def test_task_comes_from_the_extra_info_or_is_the_data_source() -> None:
    info = {"task": None, "problem_type": "segmentation", "data_type": "image"}
    reference = otr.TASKS["image_segmentation"].example
    assert verl.compute_score("x", wrap(reference), reference, info)["scored_as"] == "image_segmentation"
    assert verl.compute_score("ocr", wrap("a b"), "a b")["score"] == 2.0
    assert verl.compute_score("ocr", wrap("a b"), "a b", {"task": "open_ended"})["scored_as"] == "open_ended"


def test_verls_own_arguments_are_taken_and_others_refused() -> None:
    call = partial(verl.compute_score, "ocr", wrap("a"), "a")
    assert call(reward_router_address="host:1", reward_model_tokenizer=object())["score"] == 2.0
    with pytest.raises(TypeError, match="recipee"):
        call(recipee="release")
    with pytest.raises(otr.ArgumentError, match="no recipe"):
        call(recipe="releas")


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({"data_source": "numerical", "ground_truth": "seven"}, otr.BadReferenceError, "seven"),
        ({"data_source": "gsm8k", "ground_truth": "7"}, otr.UnknownTaskError, "gsm8k"),
        ({"data_source": "ocr", "ground_truth": True}, otr.ArgumentError, "references, row 0: expected text, a number"),
    ],
    ids=["reference", "task", "truth value"],
)
def test_an_error_is_logged_and_raised(row: Any, error: type, message: str, caplog: pytest.LogCaptureFixture) -> None:
    call = {**row, "solution_str": wrap("7"), "extra_info": {"index": 41}}
    with pytest.raises(error, match=message):
        verl.compute_score(**call)
    with pytest.raises(error, match=message):
        asyncio.run(verl.compute_score_async(**call))
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL] * 2
    assert all("row with index 41 of" in record.getMessage() for record in caplog.records)


def test_a_named_column_that_is_missing_is_an_error() -> None:
    with pytest.raises(MissingColumnError, match="no column 'gold' for the reference; there are: 'data_source'"):
        verl.make_reward(columns=otr_columns(reference="gold"))("ocr", wrap("a"), "a")


def otr_columns(**names: Any) -> Any:
    from onethinker_rewards.adapters import Columns

    return Columns(**{"task": "data_source", **names})


def test_a_judge_that_fails_is_an_error_not_a_number() -> None:
    with pytest.raises(otr.JudgeError, match="no score for row 0"):
        verl.make_reward(judge=DownJudge())("open_ended", wrap("A cat."), OPEN_ENDED["reference"])


def test_a_reward_travels() -> None:
    reward = verl.make_reward(recipe="release")
    assert reward("ocr", wrap("a"), "a")["score"] == 1.5
    assert pickle.loads(pickle.dumps(reward))("ocr", wrap("a"), "a")["score"] == 1.5


def test_curves_come_from_rewards_rows_and_columns() -> None:
    rows = shared_rows()
    infos = [verl.compute_score(**call) for call in arguments(rows)]
    expected = log_items_of_batch(rows.batch(), "train", table=otr.TASKS)
    for given in (rows.batch(), infos, {key: [info[key] for info in infos] for key in infos[0]}):
        assert str(verl.log_items(given, "train", table=otr.TASKS)) == str(expected)


# The manager. In tests of its own it stands on verl's base class; here on one that takes the same arguments.


class Base:
    """Takes what verl's base class takes."""

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any) -> None:
        self.config, self.tokenizer, self.compute_score = config, tokenizer, compute_score


class Tokenizer:
    """Writes code points as characters, and leaves out those that are special."""

    def decode(self, tokens: Any, *, skip_special_tokens: bool) -> str:
        assert skip_special_tokens
        return "".join(map(chr, tokens))


class Trajectories:
    """Sequences of one trajectory, as verl's protocol hands them over; the last one counts."""

    def __init__(self, sequences: list[SimpleNamespace]) -> None:
        self.sequences = sequences

    def __getitem__(self, index: Any) -> Any:
        return Trajectories(self.sequences[index]) if isinstance(index, slice) else self.sequences[index]


def trajectory(response: str, columns: dict[str, Any], padding: int = 3) -> Trajectories:
    tokens = np.array([ord(letter) for letter in response] + [ord("!")] * padding)
    mask = np.array([0, 1, 1] + [1] * len(response) + [0] * padding)
    last = SimpleNamespace(batch={"responses": tokens, "attention_mask": mask}, non_tensor_batch=columns)
    return Trajectories([SimpleNamespace(), last])


class Config(dict[str, Any]):
    """A configuration that is read by attributes and by keys."""

    __getattr__ = dict.__getitem__


def manager(monkeypatch: pytest.MonkeyPatch, chosen: dict[str, Any] | None = None, **settings: Any) -> Any:
    module = ModuleType("verl.experimental.reward_loop.reward_manager.base")
    module.RewardManagerBase = Base  # type: ignore[attr-defined]
    parts = module.__name__.split(".")
    for end in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:end]), ModuleType(".".join(parts[:end])))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = verl.make_reward_manager(**settings)
    reward = Config(custom_reward_function=Config(path=None), **({"reward_kwargs": chosen} if chosen else {}))
    return made(Config(reward=reward), Tokenizer(), None, reward_router_address=None, reward_model_tokenizer=None)


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_the_manager_gives_the_totals_of_score(monkeypatch: pytest.MonkeyPatch, recipe: str) -> None:
    rows = shared_rows()
    made = manager(monkeypatch, {"recipe": recipe}, recipe="paper")

    async def run() -> list[dict[str, Any]]:
        return await asyncio.gather(
            *(
                made.run_single(
                    trajectory(
                        call["solution_str"],
                        {
                            "data_source": call["data_source"],
                            "reward_model": {"ground_truth": call["ground_truth"]},
                            "extra_info": call["extra_info"],
                        },
                    )
                )
                for call in arguments(rows)
            )
        )

    results = asyncio.run(run())
    assert [result["reward_score"] for result in results] == rows.batch(recipe).total.tolist()
    assert [result["reward_extra_info"] for result in results] == [
        verl.compute_score(**call, recipe=recipe) for call in arguments(rows)
    ]


def test_the_manager_scores_what_is_in_flight_together(monkeypatch: pytest.MonkeyPatch) -> None:
    made = manager(monkeypatch)
    sizes: list[int] = []
    score = made._scorer.score_each
    monkeypatch.setattr(made._scorer, "score_each", lambda *given: sizes.append(len(given[0])) or score(*given))

    async def run() -> None:
        columns = {"data_source": "ocr", "reward_model": {"ground_truth": "a"}}
        await asyncio.gather(*(made.run_single(trajectory(wrap("a"), columns)) for _ in range(100)))

    asyncio.run(run())
    assert sum(sizes) == 100
    assert len(sizes) < 10


def test_the_manager_takes_columns_of_the_data_set_too(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {
        "data_source": "x",
        "problem_type": "multiple choice",
        "options": np.array(["a cat", "a dog"]),
        "reward_model": {"ground_truth": "B"},
        "extra_info": None,
    }
    result = asyncio.run(manager(monkeypatch).run_single(trajectory(wrap("a dog"), columns)))
    assert result["reward_score"] == 2.0


def test_a_bad_reference_costs_no_other_row(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    made = manager(monkeypatch)

    async def run() -> list[Any]:
        calls = [
            made.run_single(trajectory(wrap("7"), {"data_source": "numerical", "reward_model": {"ground_truth": text}}))
            for text in ("7", "seven")
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    good, bad = asyncio.run(run())
    assert good["reward_score"] == 2.0
    assert isinstance(bad, otr.BadReferenceError)
    assert "seven" in caplog.text


def test_the_manager_refuses_a_function_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = type(manager(monkeypatch))
    given = Config(reward=Config(custom_reward_function=Config(path="pkg://mine")))
    with pytest.raises(otr.ArgumentError, match="scores by itself"):
        made(given, Tokenizer(), None)


def test_the_managers_class_is_made_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    manager(monkeypatch)
    verl._default_manager.cache_clear()
    assert verl.RewardManager is verl.RewardManager
    assert issubclass(verl.RewardManager, Base)
    verl._default_manager.cache_clear()
    with pytest.raises(AttributeError, match="no attribute 'RewardManger'"):
        _ = verl.RewardManger
