"""The plugin inside ms-swift: loaded by its own loader, trained by its own command, on the CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.adapters.rows import framework
from tests.adapters.swift_run import STEPS
from tests.adapters.tiny_chat import TASKS
from tests.adapters.trl_runs import ema_grpo, totals_and_tasks
from tests.answers.dialect_cases import DIALECTS, highest_totals, native_rows

framework("swift")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swift")
    # A process apart: the runs fill tables of ms-swift, and warn of much.
    command = [sys.executable, "-m", "tests.adapters.swift_run", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def native_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    command = [sys.executable, "-m", "tests.adapters.swift_run", str(folder), "dialects"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(native_runs: Path, dialect: str, native: bool) -> None:
    """The model writes all of them to each question; right is the one that goes with it."""
    rows = native_rows(dialect, native=native)
    (record,) = records(native_runs / f"{dialect} {native}")
    written = zip(record["prompt"], record["completion"], record["native"], strict=True)
    right = [
        (total, highest)
        for prompt, text, total in written
        for number, (row, highest) in enumerate(zip(rows, highest_totals(rows), strict=True))
        if prompt.strip().endswith(f"question {number}") and text == row["response"]
    ]
    assert right
    assert [total for total, _ in right] == pytest.approx([highest for _, highest in right], abs=1e-6)


def records(folder: Path) -> list[dict[str, list[Any]]]:
    """Return ms-swift's own record of each step."""
    lines = (folder / "completions.jsonl").read_text(encoding="utf-8").splitlines()
    # The end of a run writes its last step again.
    of_step = {record["step"][0]: record for record in map(json.loads, lines)}
    return [*of_step.values()]


def state(folder: Path) -> Any:
    saved = json.loads((folder / "checkpoint-6" / "trainer_state.json").read_text(encoding="utf-8"))
    return saved["stateful_callbacks"]["onethinker_ema"]["ema"]


def last_log(folder: Path) -> dict[str, Any]:
    lines = (folder / "logging.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry for entry in map(json.loads, lines) if "loss" in entry][-1]


def test_advantages_are_those_of_ema_grpo(runs: Path) -> None:
    steps = records(runs / "whole")
    assert len(steps) == STEPS
    advantages, running = ema_grpo([totals_and_tasks(record) for record in steps], decay=0.99)
    assert set(running) == set(TASKS)
    assert len({*np.round(np.concatenate(advantages), 6)}) > 10
    for record, expected in zip(steps, advantages, strict=True):
        np.testing.assert_allclose(record["advantages"], expected, rtol=1e-5, atol=1e-5)
    saved = state(runs / "whole")
    for task, first, second in zip(saved["labels"], saved["first"], saved["second"], strict=True):
        np.testing.assert_allclose((first, second), running[task], rtol=1e-9, atol=1e-12)


def test_a_run_that_stops_and_resumes_is_the_same_run(runs: Path) -> None:
    assert state(runs / "parts") == state(runs / "whole")
    assert records(runs / "parts") == records(runs / "whole")


def test_rewards_without_ema_are_totals(runs: Path) -> None:
    (record,) = records(runs / "plain")
    np.testing.assert_allclose(record["onethinker"], totals_and_tasks(record)[0], rtol=1e-6)
    assert "onethinker/tracking/total" in last_log(runs / "plain")


def test_log_has_the_curves_of_each_task(runs: Path) -> None:
    log, record = last_log(runs / "whole"), records(runs / "whole")[-1]
    totals, tasks = totals_and_tasks(record)
    for task in set(tasks):
        own = totals[[label == task for label in tasks]]
        assert log[f"onethinker_ema/{task}/total"] == pytest.approx(own.mean(), rel=1e-6)
        assert f"onethinker_ema/{task}/sigma" in log
    assert "rewards/onethinker_ema/mean" in log


def test_evaluation_leaves_sigma_alone_and_gets_plain_totals(runs: Path) -> None:
    lines = (runs / "evaluated" / "logging.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [*map(json.loads, lines)]
    trained = [entry for entry in entries if "loss" in entry]
    evaluated = [entry for entry in entries if "eval_loss" in entry]
    assert len(trained) == len(evaluated) == 2
    for train, evaluation in zip(trained, evaluated, strict=True):
        means = [evaluation[f"eval_onethinker_ema/{task}/total"] for task in TASKS]
        # All in one batch, as many questions of each task.
        assert evaluation["eval_rewards/onethinker_ema/mean"] == pytest.approx(np.mean(means), rel=1e-5)
        sigmas = {key: value for key, value in train.items() if key.endswith("/sigma")}
        assert sigmas
        assert sigmas.items() <= {key.removeprefix("eval_"): value for key, value in evaluation.items()}.items()


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("bad_reference", "BadReferenceError: unreadable reference in row"),
        ("divided", "ArgumentError: scale_rewards='group'"),
        ("no_callback", "ArgumentError: ema: σ needs the trainer's callback"),
    ],
)
def test_an_error_stops_the_run_with_its_message(runs: Path, run: str, message: str) -> None:
    assert json.loads((runs / "errors.json").read_text(encoding="utf-8"))[run].startswith(message)


def test_loading_the_plugin_hides_no_framework(runs: Path) -> None:
    errors = json.loads((runs / "errors.json").read_text(encoding="utf-8"))
    assert "site-packages" in errors["trl"]
