"""Dialects in every adapter: a native answer earns the maximum, with a reference of ours and with a native one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import (
    Columns,
    RowScorer,
    areal,
    easyr1,
    nemo_rl,
    openrlhf,
    skyrl,
    slime,
    swift,
    trl,
    verl,
)
from onethinker_rewards.adapters import verifiers as verifiers_adapter
from tests.adapters import nemo_rl_stand_in
from tests.adapters.slime_stand_in import Sample
from tests.adapters.stand_ins import stand_in
from tests.adapters.test_nemo_rl import MODULES, logs
from tests.adapters.test_skyrl import BaseTextEnv
from tests.adapters.test_verifiers import Message, Trace
from tests.adapters.test_verl import manager, trajectory
from tests.answers.dialect_cases import NATIVE, NativeAnswer
from tests.rewards.cases import wrap

Row = dict[str, Any]
Call = Callable[[dict[str, Any], str, Row], float]
CASES = {f"{case.dialect}-{case.task}": case for case in reversed(NATIVE)}


def in_trl(settings: dict[str, Any], response: str, row: Row) -> Any:
    (value,) = trl.make_reward(**settings)(completions=[response], **{name: [item] for name, item in row.items()})
    return value


def in_swift(settings: dict[str, Any], response: str, row: Row) -> Any:
    columns = {name: [item] for name, item in row.items()}
    (value,) = swift.make_reward(**settings)([response], prompt_id=["a"], **columns)
    return value


def in_easyr1(settings: dict[str, Any], response: str, row: Row) -> Any:
    reward = easyr1.make_reward(recipe="paper", **settings)
    return reward([{**row, "response": response, "ground_truth": row["reference"]}])[0]["overall"]


def in_easyr1_by_its_configuration(settings: dict[str, Any], response: str, row: Row) -> Any:
    return easyr1.compute_score([{**row, "response": response}], recipe="paper", **settings)[0]["overall"]


def in_verl(settings: dict[str, Any], response: str, row: Row) -> Any:
    return verl.make_reward(**settings)(row["task"], response, row["reference"], row)["score"]


def in_verl_by_its_configuration(settings: dict[str, Any], response: str, row: Row) -> Any:
    return verl.compute_score(row["task"], response, row["reference"], row, **settings)["score"]


def in_verl_async(settings: dict[str, Any], response: str, row: Row) -> Any:
    return asyncio.run(verl.compute_score_async(row["task"], response, row["reference"], row, **settings))["score"]


def in_areal(settings: dict[str, Any], response: str, row: Row) -> Any:
    return areal.make_reward(**settings)("?", response, [1], [2], **row)


def in_openrlhf(settings: dict[str, Any], response: str, row: Row) -> Any:
    return openrlhf.make_reward(**settings)(["?" + response], ["?"], [json.dumps(row)])["rewards"].item()


def in_slime(settings: dict[str, Any], response: str, row: Row) -> Any:
    sample = Sample(response=response, label=row["reference"], metadata=row)
    return asyncio.run(slime.make_reward(**settings)(SimpleNamespace(reward_key=None), sample))


def in_verifiers(settings: dict[str, Any], response: str, row: Row) -> Any:
    return asyncio.run(verifiers_adapter.make_reward(**settings)(None, Trace(row, [Message(response)])))


ADAPTERS: list[Call] = [
    in_trl, in_swift, in_easyr1, in_easyr1_by_its_configuration, in_verl, in_verl_by_its_configuration, in_verl_async,
    in_areal, in_openrlhf, in_slime, in_verifiers,
]  # fmt: skip


def check(call: Call, case: NativeAnswer) -> None:
    for reference_dialect, text in zip((None, case.dialect), case.references, strict=True):
        if text is None:
            continue
        row: Row = {"task": case.task, "reference": text, "size": None if case.size is None else [*case.size]}
        settings = {"dialect": case.dialect} | ({"reference_dialect": reference_dialect} if reference_dialect else {})
        maximum = 1 + otr.TASKS[case.task].maximum
        assert call(settings, wrap(case.text), row) == pytest.approx(maximum, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("call", ADAPTERS, ids=lambda call: call.__name__)
def test_a_native_answer_earns_the_maximum(call: Call, name: str) -> None:
    check(call, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_verls_manager(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(settings: dict[str, Any], response: str, row: Row) -> float:
        made = manager(monkeypatch, settings)
        columns = {"data_source": row["task"], "reward_model": {"ground_truth": row["reference"]}, "extra_info": row}
        return asyncio.run(made.run_single(trajectory(response, columns)))["reward_score"]

    check(call, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_nemo_rl_by_its_configuration(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in MODULES:
        monkeypatch.setitem(sys.modules, f"nemo_rl.{module}", nemo_rl_stand_in)

    def call(settings: dict[str, Any], response: str, row: Row) -> float:
        return nemo_rl.make_reward()(settings).step(logs([response]), [row]).rewards.item()

    check(call, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_in_skyrl(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "skyrl_gym.envs.base_text_env", BaseTextEnv=BaseTextEnv)

    def call(settings: dict[str, Any], response: str, row: Row) -> Any:
        return skyrl.make_reward(**settings)(extras=row).step(response)["reward"]

    check(call, CASES[name])


@pytest.mark.parametrize(
    "columns",
    [
        {"size": [640, 480]},
        {"size": (640, 480)},
        {"size": {"width": 640, "height": 480}},
        {"image_size": [640, 480]},
        {"width": 640, "height": 480},
        {"image_width": 640.0, "image_height": 480.0},
        {"size": "12 kB", "width": 640, "height": 480},
        {"extra_info": {"size": [640, 480], "width": 9, "height": 9}},
    ],
)
def test_columns_of_sizes(columns: Row) -> None:
    response = wrap('{"bbox_2d": [64, 96, 192, 192]}')
    row = {"task": "spatial_grounding", "reference": '{"boxes": [100, 200, 300, 400]}', **columns}
    assert RowScorer(dialect="qwen2.5-vl").score_rows([response], [row]).total.tolist() == [2.0]


def test_sizes_that_are_missing_or_wrong() -> None:
    row = {"task": "spatial_grounding", "reference": '{"boxes": [100, 200, 300, 400]}'}
    for columns in ({}, {"size": None}, {"size": 12345}, {"width": 640}, {"size": [640, 0]}):
        with pytest.raises(otr.ArgumentError, match=r"sizes: the dialect qwen2\.5-vl writes pixels, and rows"):
            RowScorer(dialect="qwen2.5-vl").score_rows([""], [row | columns])
    named = RowScorer(columns=Columns(size="seen"))
    with pytest.raises(otr.ArgumentError, match="size: expected width and height in pixels, got 5 in row 0"):
        named.score_rows([""], [row | {"seen": 5}])
    with pytest.raises(otr.ArgumentError, match="no column 'seen' for the size"):
        named.score_rows([""], [row])
    assert named.score_rows(["", ""], [row | {"seen": None}, row | {"seen": [1, 2]}]).total.tolist() == [0.0, 0.0]


def test_variants_keep_their_dialects() -> None:
    scorer = RowScorer(dialect="qwen3-vl")
    response = wrap('{"bbox_2d": [100, 200, 300, 400]}')
    row = {"task": "spatial_grounding", "reference": '{"boxes": [100, 200, 300, 400]}'}
    for variant in (scorer, scorer.with_recipe("lenient"), scorer.with_recipe(None, reference_dialect="onethinker")):
        assert variant.score_rows([response], [row]).total.tolist() == [2.0]
    assert scorer.with_recipe(None, dialect="molmo") is scorer.with_recipe(None, dialect="molmo")
    assert scorer.with_recipe(None, dialect="onethinker").score_rows([response], [row]).total.tolist() == [0.0]
    with pytest.raises(otr.ArgumentError, match="release compares texts as they are"):
        scorer.with_recipe("release")
    with pytest.raises(otr.ArgumentError, match="no dialect 'qwen'"):
        RowScorer(dialect="qwen")
