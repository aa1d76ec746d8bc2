"""ms-swift's contract, without ms-swift: its tables, how it calls a reward function, what it takes back."""

from __future__ import annotations

import importlib
import logging
import math
import re
import sys
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError
from onethinker_rewards.adapters.swift import PLUGIN, log_items, make_reward, onethinker, register
from tests.adapters.pages import block, pinned, versions
from tests.adapters.rows import Rows, shared_rows
from tests.adapters.stand_ins import Trainer, stand_in, transformers
from tests.adapters.swift_run import SETTINGS
from tests.rewards.cases import wrap

Tables = tuple[dict[str, Any], dict[str, Any]]


def call(reward: Any, rows: Rows) -> list[float | None]:
    """Call a reward function as ms-swift 4.6 does."""
    of_swift = {"prompt_id": rows.groups, "is_truncated": [False] * len(rows), "messages": [[]] * len(rows)}
    return reward(rows.responses, trainer_state=object(), trajectory_inputs={}, **of_swift, **rows.columns())


def trainer(*, training: bool = True) -> Any:
    return SimpleNamespace(
        model=SimpleNamespace(training=training), _metrics={mode: defaultdict(list) for mode in ("train", "eval")}
    )


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """ms-swift's tables of rewards and callbacks."""
    transformers(monkeypatch)
    orms: dict[str, Any] = {}
    callbacks_map: dict[str, Any] = {}
    stand_in(monkeypatch, "swift")
    stand_in(monkeypatch, "swift.rewards", orms=orms)
    stand_in(monkeypatch, "swift.callbacks", callbacks_map=callbacks_map)
    return orms, callbacks_map


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_shared_rows_get_the_totals_of_score(recipe: str) -> None:
    rows = shared_rows()
    assert call(make_reward(recipe=recipe), rows) == rows.batch(recipe).total.tolist()


def test_rows_of_other_tasks_get_none() -> None:
    rows = shared_rows()
    totals = zip(rows.batch().total.tolist(), rows.tasks, strict=True)
    expected = [total if task == "ocr" else None for total, task in totals]
    assert call(make_reward(tasks=["ocr"]), rows) == expected


def test_log_calls_a_reward_by_its_name() -> None:
    assert type(make_reward(name="boxes")).__name__ == "boxes"
    assert type(onethinker).__name__ == "onethinker"


def judged(scores: list[float | None], groups: list[str]) -> list[float | None]:
    reward = make_reward(judge=lambda questions, answers, references: scores)
    columns = {"task": ["open_ended"] * len(scores), "solution": ["a"] * len(scores), "prompt_id": groups}
    return reward([wrap("b")] * len(scores), **columns)


def test_a_row_without_a_score_gets_the_mean_of_its_group(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        rewards = judged([0.5, None, 1.0, 0.0, None], ["a", "a", "a", "b", "c"])
    assert rewards == [1.5, 1.75, 2.0, 1.0, 0.0]
    assert "no score for 2 of 5 responses" in caplog.text


def test_without_gaps_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    assert judged([0.5, 1.0], ["a", "a"]) == [1.5, 2.0]
    assert not caplog.text


def test_a_row_without_a_score_needs_its_group() -> None:
    reward = make_reward(judge=lambda questions, answers, references: [None])
    with pytest.raises(MissingColumnError, match="no column 'prompt_id' for the group"):
        reward([wrap("b")], task=["open_ended"], solution=["a"])


def test_an_error_of_a_reference_is_raised() -> None:
    with pytest.raises(otr.BadReferenceError):
        onethinker([wrap("1")], task=["numerical"], solution=["one"])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_curves_go_where_the_trainer_keeps_its_own(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    transformers(monkeypatch)
    rows, owner, reward = shared_rows(), trainer(training=mode == "train"), make_reward(name="mine")
    reward.callback(None, owner)
    call(reward, rows)
    expected = {key: [value] for key, value in log_items(rows.batch(), "mine").items() if not math.isnan(value)}
    assert owner._metrics == {"train": {}, "eval": {}, mode: expected}


def test_registered_names_make_reward_and_callback(tables: Tables) -> None:
    orms, callbacks_map = tables
    register("mine", ema={"decay": 0.5}, columns=Columns(reference="gold"))
    callback = callbacks_map["mine"](None, trainer())
    reward = orms["mine"](args=None)
    loop = Trainer(callback, scale_rewards="none", advantage_estimator="grpo")
    loop.send("on_step_begin")
    columns = {"task": ["ocr"] * 2, "gold": ["right"] * 2}
    assert reward([wrap("right"), wrap("write")], **columns) == pytest.approx([4.0, 2.0], rel=1e-5)
    assert loop.callback.state()["ema"]["labels"] == ["ocr"]


def test_each_run_has_statistics_of_its_own(tables: Tables) -> None:
    orms, callbacks_map = tables
    register("mine", ema=True)
    first, second = (Trainer(callbacks_map["mine"](None, trainer()), scale_rewards="none") for _ in range(2))
    reward, another = orms["mine"](), orms["mine"]()
    assert reward is not another
    second.send("on_step_begin")
    reward([wrap("right")], task=["ocr"], solution=["right"])
    assert (first.callback.state()["ema"], second.callback.state()["ema"] is None) == (None, False)


def test_a_setting_out_of_range_is_refused_when_it_is_registered(tables: Tables) -> None:
    with pytest.raises(otr.ArgumentError, match="no recipe 'papr'"):
        register(recipe="papr")
    assert tables == ({}, {})


def load_plugin() -> None:
    plugin = importlib.import_module("onethinker_rewards.adapters.plugins.onethinker_swift")
    assert plugin.__file__ == str(PLUGIN)
    importlib.reload(plugin)


def test_the_plugin_registers_its_names_where_ms_swift_is(tables: Tables) -> None:
    load_plugin()
    assert [sorted(table) for table in tables] == [["onethinker", "onethinker_ema"]] * 2
    assert tables[0]["onethinker_ema"]()._rewarder.scaler is not None


def test_the_plugin_does_nothing_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "swift", raising=False)
    load_plugin()
    assert "swift" not in sys.modules


def test_the_plugin_is_alone_in_its_folder() -> None:
    assert {file.name for file in PLUGIN.parent.glob("*.py")} == {"__init__.py", "onethinker_swift.py"}


def test_the_page_names_the_versions_that_are_tested() -> None:
    assert "ms-swift==4.6.0" in versions("ms-swift")
    assert versions("ms-swift") <= pinned("swift")


def test_the_options_of_the_page_are_those_of_the_run() -> None:
    options = dict(re.findall(r"--(\w+) ([^\s\\]+)", block("ms-swift", "sh")))
    assert options.pop("external_plugins") == '"$PLUGIN"'
    assert options.pop("callbacks") == options["reward_funcs"]
    assert options == {name: SETTINGS[name] for name in ("rlhf_type", "reward_funcs", "scale_rewards")}


def test_the_plugin_of_the_page_registers(tables: Tables) -> None:
    exec(block("ms-swift", "py"), {})
    assert [sorted(table) for table in tables] == [["mine"], ["mine"]]
