"""What is started for each stage, and how a child is run to its end, whatever its parent is told meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import read_config
from onethinker_rewards.trainer.config.composing import as_yaml, compose
from onethinker_rewards.trainer.config.launch import check_start, run_child, start
from onethinker_rewards.trainer.verl import run
from onethinker_rewards.trainer.verl.options import Options
from tests.adapters.rows import framework
from tests.trainer.config.verl_stand_in import stand_in_for_verl
from tests.waiting import LONGEST

framework("hydra", target="test")


@pytest.fixture
def verl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in_for_verl(monkeypatch, tmp_path)


# As torchrun: it takes a moment to end what it started, and does not if it is killed.
CHILD = """
import signal, sys, time
def end(*_):
    time.sleep(0.3)
    print("ended by", _[0], flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("started", flush=True)
time.sleep(600)
"""
PARENT = f"""
import os, sys
from onethinker_rewards.trainer.config.launch import run_child
try:
    print("code", run_child([sys.executable, "-c", {CHILD!r}], os.environ), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize(
    ("told", "last"), [(signal.SIGTERM, "code 7"), (signal.SIGINT, "interrupted")], ids=["terminated", "interrupted"]
)
def test_a_wish_to_end_is_handed_on_and_the_end_waited_for(told: signal.Signals, last: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        parent.send_signal(told)
        said, _ = parent.communicate(timeout=LONGEST)
    assert said.splitlines() == [f"ended by {signal.SIGTERM.value}", last]
    assert parent.returncode == 0


@pytest.mark.parametrize(("program", "code"), [("exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_that_of_a_shell(program: str, code: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run_child([sys.executable, "-c", program], os.environ) == code
    assert signal.getsignal(signal.SIGTERM) is before


def test_its_environment_is_the_one_given(tmp_path: Path) -> None:
    program = f"import os; open({str(tmp_path / 'seen')!r}, 'w').write(os.environ['A'])"
    assert run_child([sys.executable, "-c", program], os.environ | {"A": "b"}) == 0
    assert (tmp_path / "seen").read_text() == "b"


def interrupt() -> None:
    raise KeyboardInterrupt


def be_terminated() -> None:
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("happens", "order"),
    [(interrupt, ["wait", "told", "wait", "interrupted"]), (be_terminated, ["wait", "told", "done"])],
)
def test_what_is_done_in_which_order(
    monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None], order: list[str]
) -> None:
    seen: list[str] = []

    class Child:
        def __init__(self, command: list[str], env: dict[str, str]) -> None:
            self.waits = 0

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def terminate(self) -> None:
            seen.append("told")

        def wait(self) -> int:
            seen.append("wait")
            self.waits += 1
            if self.waits == 1:
                happens()
            return 0

    monkeypatch.setattr(subprocess, "Popen", Child)
    try:
        run_child(["x"], {})
        seen.append("done")
    except KeyboardInterrupt:
        seen.append("interrupted")
    assert seen == order


def test_reinforcement_learning_goes_to_the_trainer(verl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[Any] = []
    monkeypatch.setattr(run, "train", trained.append)
    read = read_config("h800-4x8")
    config = compose(read)
    check_start(read.options, config)
    assert start(read.options, config) == 0
    assert trained == [config]


def test_fine_tuning_goes_to_torchrun(verl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def child(command: list[str], environment: dict[str, str]) -> int:
        folder = Path(command[command.index("--config-path") + 1])
        seen.append((command, (folder / "run.yaml").read_text(encoding="utf-8"), environment["TENSORBOARD_DIR"]))
        return 3

    monkeypatch.setattr("onethinker_rewards.trainer.config.launch.run_child", child)
    monkeypatch.delenv("TENSORBOARD_DIR", raising=False)
    read = read_config("sft-h800-1x8")
    config = compose(read)
    check_start(read.options, config)
    assert start(read.options, config) == 3
    ((command, text, curves),) = seen
    assert command[:4] == [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    assert "--nproc_per_node=8" in command
    assert text == as_yaml(config)
    assert curves == str(Path("checkpoints/onethinker-sft/curves").absolute())
    monkeypatch.setenv("TENSORBOARD_DIR", "/elsewhere")
    start(read.options, config)
    assert seen[-1][-1] == "/elsewhere"


def test_fine_tuning_on_several_nodes_is_not_started_from_one(verl: None) -> None:
    with pytest.raises(ArgumentError, match="fine-tuning on 4 nodes is started with torchrun on each"):
        check_start(Options(stage="sft"), compose(read_config("sft-h800-4x8")))
