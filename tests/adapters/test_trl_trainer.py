"""The adapter inside TRL's own GRPOTrainer, on the CPU, four tasks at once."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.trl import make_reward, onethinker
from tests.adapters.pages import block
from tests.adapters.rows import framework
from tests.adapters.tiny_chat import TASKS, data_rows
from tests.adapters.trl_runs import (
    STEPS,
    TRAINING,
    ema_grpo,
    make_trainer,
    moments,
    stop_after,
    table,
    totals_and_tasks,
    watch,
)
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("trl")
if tuple(map(int, version("trl").split(".")[:2])) < (1, 16):
    pytest.skip("the adapter is for TRL 1.16 and later", allow_module_level=True)
pytestmark = [
    # TRL 1.16 uses names that transformers 5.23 has renamed.
    pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing(_disable|_enable)?` is deprecated:FutureWarning"),
]
DECAY = 0.9


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("whole")
    reward = make_reward(ema={"decay": DECAY})
    trainer = make_trainer(folder, reward, reward.callback())
    trainer.train()
    trainer.reward = reward
    return folder, trainer


def test_advantages_are_those_of_ema_grpo(whole_run: tuple[Path, Any]) -> None:
    folder, trainer = whole_run
    records = [table(folder, step) for step in range(1, STEPS + 1)]
    advantages, running = ema_grpo([totals_and_tasks(record) for record in records], DECAY)
    assert set(running) == set(TASKS)
    assert len({*np.round(np.concatenate(advantages), 6)}) > 10
    for record, expected in zip(records, advantages, strict=True):
        np.testing.assert_allclose(record["advantage"], expected, rtol=1e-5, atol=1e-5)
    for task, pair in moments(trainer.reward).items():
        np.testing.assert_allclose(pair, running[task], rtol=1e-9, atol=1e-12)


def test_log_has_the_curves_of_each_task(whole_run: tuple[Path, Any]) -> None:
    folder, trainer = whole_run
    last = [entry for entry in trainer.state.log_history if "loss" in entry][-1]
    totals, tasks = totals_and_tasks(table(folder, STEPS))
    for task in set(tasks):
        own = totals[[label == task for label in tasks]]
        assert last[f"onethinker/{task}/total"] == pytest.approx(own.mean())
        assert last[f"onethinker/{task}/sigma"] > 0.0
    assert not [key for key in last if key.startswith("onethinker/") and "reward" in key]
    assert "rewards/onethinker/mean" in last


def test_table_of_completions_has_totals_and_codes(whole_run: tuple[Path, Any]) -> None:
    folder, _ = whole_run
    record = table(folder, STEPS)
    assert record["onethinker/total"] == totals_and_tasks(record)[0].tolist()
    assert {code is None for code in record["onethinker/failure"]} == {True, False}


@pytest.mark.parametrize("anew", [False, True], ids=["same_callback", "callback_made_anew"])
def test_a_run_that_stops_and_resumes_is_the_same_run(whole_run: tuple[Path, Any], tmp_path: Path, anew: bool) -> None:
    folder, trainer = whole_run
    settings = {"save_strategy": "steps", "save_steps": 100, "restore_callback_states_from_checkpoint": anew}
    first = make_reward(ema={"decay": DECAY})
    make_trainer(tmp_path, first, first.callback(), stop_after(3), **settings).train()
    second = make_reward(ema={"decay": DECAY})
    resumed = make_trainer(tmp_path, second, second.callback(), **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))

    assert moments(first) != moments(second)
    assert moments(second) == moments(trainer.reward)
    for step in range(1, STEPS + 1):
        assert table(tmp_path, step) == table(folder, step)


def test_a_checkpoint_without_statistics_is_refused(tmp_path: Path) -> None:
    make_trainer(tmp_path, onethinker, stop_after(1), save_strategy="steps", save_steps=100).train()
    reward = make_reward(ema=True)
    trainer = make_trainer(tmp_path, reward, reward.callback())
    with pytest.raises(otr.ArgumentError, match="step 1 has no running statistics"):
        trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))


def test_statistics_stand_in_the_checkpoint_alone(tmp_path: Path) -> None:
    reward = make_reward(ema=True, name="mine")
    make_trainer(tmp_path, reward, reward.callback(), max_steps=1, save_strategy="steps", save_steps=1).train()
    state = json.loads((tmp_path / "checkpoint-1" / "trainer_state.json").read_text())
    assert state["stateful_callbacks"]["mine_ema"]["ema"] == reward._rewarder.scaler.to_json()


def test_evaluation_leaves_sigma_alone_and_gets_plain_totals(tmp_path: Path) -> None:
    reward = make_reward(ema={"decay": DECAY})
    seen = watch(lambda: moments(reward))
    settings = {"eval_strategy": "steps", "eval_steps": 1, "eval_on_start": True, "per_device_eval_batch_size": 32}
    trainer = make_trainer(tmp_path, reward, reward.callback(), seen, max_steps=3, **settings)
    trainer.train()
    before, after = seen.seen["step"], seen.seen["evaluate"][1:]
    assert before == after
    assert before[0] != before[1] != before[2]

    metrics = trainer.evaluate()
    assert moments(reward) == before[-1]
    means = [metrics[f"eval_onethinker/{task}/total"] for task in TASKS]
    assert metrics["eval_rewards/onethinker/mean"] == pytest.approx(np.mean(means), rel=1e-5)


def test_generations_that_are_used_again_move_sigma_once(tmp_path: Path) -> None:
    reward = make_reward(ema={"decay": DECAY})
    seen = watch(lambda: moments(reward))
    make_trainer(tmp_path, reward, reward.callback(), seen, max_steps=4, num_iterations=2).train()
    first, again, second, last = seen.seen["step"]
    assert first == again != second == last


@pytest.mark.parametrize("chat", [True, False], ids=["chat", "text"])
def test_rewards_without_ema_are_totals(tmp_path: Path, chat: bool) -> None:
    make_trainer(tmp_path, onethinker, chat=chat, scale_rewards="group", max_steps=2).train()
    record = table(tmp_path, 2)
    totals, _ = totals_and_tasks(record)
    np.testing.assert_allclose(record["onethinker"], totals, rtol=1e-6)


def test_two_rewards_share_the_tasks(tmp_path: Path) -> None:
    boxes = make_reward(tasks=["tracking"], recipe="release", name="boxes")
    rest = make_reward(tasks=[task for task in TASKS if task != "tracking"], name="rest")
    make_trainer(tmp_path, [boxes, rest], max_steps=1).train()
    record = table(tmp_path, 1)
    tasks = totals_and_tasks(record)[1]
    assert {"tracking"} < set(tasks)
    assert [value is None for value in record["boxes"]] == [task != "tracking" for task in tasks]
    assert [value is None for value in record["rest"]] == [task == "tracking" for task in tasks]


def test_formulas_get_progress_and_groups_and_penalties_the_tokens(tmp_path: Path) -> None:
    seen: list[tuple[float | None, Any]] = []

    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        seen.append((context.progress, context.groups))
        return otr.Scores(np.ones(len(predicted)))

    # Each completion has one token, half of which is beyond what is free.
    penalty = otr.SoftOverlong(max_length=2, cache_length=2)
    reward = make_reward(recipe=otr.Recipe(formulas=dict.fromkeys(TASKS, formula), penalties=(penalty,)))
    rows = [{**row, "problem_id": number} for number, row in enumerate(data_rows(chat=True, times=3))]
    trainer = make_trainer(tmp_path, reward, rows=rows, max_steps=4, scale_rewards="group")
    trainer.train()
    assert {progress for progress, _ in seen} == {0.0, 0.25, 0.5, 0.75}
    assert all(groups is not None for _, groups in seen)
    (length,) = {entry["onethinker/tracking/part/soft_overlong"] for entry in trainer.state.log_history[:1]}
    assert length == -0.5


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(dialect: str, native: bool, tmp_path: Path) -> None:
    """The model writes all of them to each question; right is the one that goes with it."""
    rows = native_rows(dialect, native=native)
    asked, answers = [f"question {number}" for number in range(len(rows))], [row.pop("response") for row in rows]
    data = [{"prompt": question, **row} for question, row in zip(asked, rows, strict=True)]
    reward = make_reward(**dialect_settings(dialect, native=native))
    settings = {"per_device_train_batch_size": 128, "gradient_accumulation_steps": 1, "max_steps": 1}
    make_trainer(tmp_path, reward, rows=data * 32, chat=False, asked=asked, answers=answers, **settings).train()
    record, highest = table(tmp_path, 1), dict(zip(asked, highest_totals(rows), strict=True))
    written = zip(record["prompt"], record["completion"], record["onethinker"], strict=True)
    right = [(total, highest[question]) for question, text, total in written if text == answers[asked.index(question)]]
    assert right
    assert [total for total, _ in right] == pytest.approx([most for _, most in right], abs=1e-6)


def test_a_bad_reference_stops_the_run(tmp_path: Path) -> None:
    rows = [{**row, "solution": "B or C"} if "choice" in row["problem_type"] else row for row in data_rows(chat=True)]
    rows = [{**row, "solution": "[]"} if "tracking" in row["problem_type"] else row for row in rows]
    trainer = make_trainer(tmp_path, make_reward(), rows=rows)
    with pytest.raises(otr.BadReferenceError, match="unreadable reference in row"):
        trainer.train()


def test_a_trainer_that_divides_by_itself_is_refused(tmp_path: Path) -> None:
    reward = make_reward(ema=True)
    with pytest.raises(otr.ArgumentError, match="scale_rewards='group'"):
        make_trainer(tmp_path, reward, reward.callback(), scale_rewards="group")


def test_ema_without_its_callback_is_refused(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, make_reward(ema=True))
    with pytest.raises(otr.ArgumentError, match="callback"):
        trainer.train()


def test_the_lines_of_the_page_train(tmp_path: Path) -> None:
    twin = make_trainer(tmp_path, onethinker)
    settings = {**TRAINING, "output_dir": str(tmp_path), "max_steps": 1}
    given = {"model": twin.model, "tokenizer": twin.processing_class, "dataset": twin.train_dataset}
    del settings["scale_rewards"]
    given["settings"] = settings
    exec(block("trl", "py"), given)
    last = given["trainer"].state.log_history[-2]
    assert {"rewards/onethinker/mean", "onethinker/tracking/sigma"} < set(last)


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.adapters.trl_rank", str(tmp_path), rank],
            env={**os.environ, "MASTER_ADDR": "localhost", "MASTER_PORT": port, "WORLD_SIZE": "2", "RANK": rank}
            | {"LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
        )
        for rank in ("0", "1")
    ]
    assert [rank.wait(timeout=300) for rank in ranks] == [0, 0]
    first, second = (json.loads((tmp_path / f"moments-{rank}.json").read_text()) for rank in (0, 1))
    # TRL's record has the responses of both.
    records = [table(tmp_path, step) for step in (1, 2, 3)]
    advantages, running = ema_grpo([totals_and_tasks(record) for record in records], DECAY)
    assert first == second
    assert set(first) == set(running)
    for task, pair in first.items():
        np.testing.assert_allclose(pair, running[task], rtol=1e-9, atol=1e-12)
    for record, expected in zip(records, advantages, strict=True):
        np.testing.assert_allclose(record["advantage"], expected, rtol=1e-5, atol=1e-5)
