"""TRL's contract, without TRL: how it calls a reward function, and what it takes back."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError
from onethinker_rewards.adapters.trl import log_items, make_reward, onethinker
from tests.adapters.pages import pinned, versions
from tests.adapters.rows import Rows, shared_rows
from tests.adapters.stand_ins import Trainer, transformers
from tests.rewards.cases import wrap


class Calls(dict[str, Any]):
    """Takes what a reward function logs, as the trainer's `log_metric` and `log_extra` do."""

    def __call__(self, name: str, value: Any) -> None:
        assert name not in self
        self[name] = value


def call(reward: Any, rows: Rows, completions: list[Any] | None = None, **more: Any) -> list[float | None]:
    """Call a reward function as TRL 1.16 does."""
    return reward(
        prompts=["?"] * len(rows),
        completions=rows.responses if completions is None else completions,
        completion_ids=[[1]] * len(rows),
        trainer_state=object(),
        **{"log_extra": Calls(), "log_metric": Calls(), **more},
        **rows.columns(),
    )


@pytest.mark.parametrize("recipe", ["paper", "release"])
@pytest.mark.parametrize("chat", [True, False], ids=["chat", "text"])
def test_shared_rows_get_the_totals_of_score(recipe: str, chat: bool) -> None:
    rows = shared_rows()
    completions = [[{"role": "assistant", "content": text}] if chat else text for text in rows.responses]
    rewards = call(make_reward(recipe=recipe), rows, completions)
    assert rewards == rows.batch(recipe).total.tolist()


def test_columns_are_those_of_the_data_set_or_named() -> None:
    reward = make_reward(columns=Columns(task="kind", reference="gold"))
    assert reward(completions=[wrap("B")], kind=["multiple choice"], gold=["B"]) == [2.0]
    with pytest.raises(MissingColumnError, match="no column 'gold' for the reference; there are: 'kind'"):
        reward(completions=[wrap("B")], kind=["multiple choice"])


def test_curves_go_to_log_metric() -> None:
    rows, metrics = shared_rows(), Calls()
    call(make_reward(name="mine"), rows, log_metric=metrics)
    expected = {key: value for key, value in log_items(rows.batch(), "mine").items() if not np.isnan(value)}
    assert metrics == expected
    assert not [key for key in metrics if "reward" in key]


def test_totals_and_codes_go_to_log_extra() -> None:
    rows, extra = shared_rows(), Calls()
    call(make_reward(tasks=["ocr"]), rows, log_extra=extra)
    batch = rows.batch()
    for key, values in {
        "total": batch.total.tolist(),
        "failure": batch.failure,
        "format_fault": batch.format_fault,
    }.items():
        known = [value if task == "ocr" else None for value, task in zip(values, rows.tasks, strict=True)]
        assert extra[f"onethinker/{key}"] == known


def test_a_trainer_that_logs_nothing_will_do() -> None:
    rows = shared_rows()
    assert call(onethinker, rows, log_extra=None, log_metric=None) == rows.batch().total.tolist()


def test_an_error_of_a_reference_is_raised() -> None:
    with pytest.raises(otr.BadReferenceError) as caught:
        onethinker(completions=[wrap("1")] * 2, task=["numerical"] * 2, reference=["1", "one"])
    assert caught.value.rows == (1,)


def test_rewards_pickle_with_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    transformers(monkeypatch)
    rows = shared_rows()
    reward = make_reward(ema={"decay": 0.5}, recipe="release", name="mine")
    trainer = Trainer(reward.callback(), scale_rewards="none")
    trainer.send("on_step_begin")
    scaled = call(reward, rows)
    assert scaled != rows.batch("release").total.tolist()

    copy = pickle.loads(pickle.dumps(reward))
    assert copy.__name__ == "mine"
    assert type(copy.callback()).__name__ == "mine_ema"
    assert copy.callback().state() == reward.callback().state()


def test_a_reward_without_ema_has_no_callback() -> None:
    with pytest.raises(otr.ArgumentError, match="this reward keeps no state"):
        onethinker.callback()


def test_importing_the_adapter_imports_no_framework() -> None:
    heavy = "{'torch', 'trl', 'transformers', 'datasets', 'swift'}"
    code = f"import sys, onethinker_rewards.adapters.trl; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_page_names_the_versions_that_are_tested() -> None:
    assert "trl==1.16.0" in versions("trl")
    assert versions("trl") <= pinned("trl")
