"""SkyRL's environment and advantage estimator, with stand-ins for the classes of SkyRL 0.3.0 that they are made of.

Written from `skyrl_gym/envs/base_text_env.py` (0.4.0), `skyrl/train/utils/callbacks.py`, `skyrl/train/trainer.py` and
`skyrl/backends/skyrl_train/utils/ppo_utils.py` (0.3.0).
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, skyrl
from onethinker_rewards.adapters.skyrl import make_ema_grpo, make_reward
from onethinker_rewards.advantage import EmaGrpo
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.rows import shared_rows


class BaseTextEnv:
    def __init__(self) -> None:
        self.turns, self.max_turns = 0, 1


class TrainingCallback:
    def on_train_start(self, *_: Any) -> None: ...
    def on_save(self, *_: Any) -> None: ...
    def on_step_end(self, *_: Any) -> None: ...


class Frame:
    """A data set of Hugging Face, as far as SkyRL's `PromptDataset` has one."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.read: list[str] = []
        self._columns = columns
        self.column_names = list(columns)

    def __getitem__(self, name: str) -> list[Any]:
        self.read.append(name)
        return self._columns[name]

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))


class Trainer:
    """What `attach` touches of ``RayPPOTrainer``."""

    def __init__(self, folder: Path, tasks: list[str], **settings: Any) -> None:
        frame = Frame({"prompt": ["…"] * len(tasks), "problem_type": tasks, "images": [None] * len(tasks)})
        self.train_dataset = SimpleNamespace(dataframe=frame)
        values = {"ckpt_path": str(folder), "resume_mode": "latest", "resume_path": None, **settings}
        self.cfg = SimpleNamespace(trainer=SimpleNamespace(**values))
        self.callbacks: list[Any] = []

    def add_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def fire(self, event: str, **fields: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self, SimpleNamespace(**fields), None)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made: dict[str, Any] = {}
    functions = SimpleNamespace(register=made.__setitem__, get=made.__getitem__)
    stand_ins = {
        "skyrl_gym.envs.base_text_env": SimpleNamespace(BaseTextEnv=BaseTextEnv),
        "skyrl.train.utils.callbacks": SimpleNamespace(TrainingCallback=TrainingCallback),
        "skyrl.backends.skyrl_train.utils.ppo_utils": SimpleNamespace(AdvantageEstimatorRegistry=functions),
    }
    for name, module in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


def step(env_class: Any, response: str, extras: dict[str, Any]) -> Any:
    return env_class(env_config=None, extras=extras).step(response)


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows, env_class = shared_rows(), make_reward()
    outputs = [step(env_class, *pair) for pair in zip(rows.responses, rows.mappings(), strict=True)]
    assert [output["reward"] for output in outputs] == rows.batch().total.tolist()
    assert all(output["done"] and output["observations"] == [] for output in outputs)


def test_the_reference_may_stand_in_the_reward_spec() -> None:
    extras = {"task": "numerical", "reward_spec": {"method": "rule", "ground_truth": "1"}, "max_turns": 1}
    assert step(make_reward(), "<think>a</think><answer>1</answer>", extras)["reward"] == 2.0


def test_metrics_are_curves_of_each_task() -> None:
    env_class = make_reward()
    env = env_class(extras={"task": "numerical", "reference": "1"})
    idle = env_class()
    env.step("<answer>1</answer>")
    metrics = env_class.aggregate_metrics([env.get_metrics(), idle.get_metrics()])
    assert metrics["numerical/accuracy"] == 1.0
    assert metrics["numerical/format_fault/missing_think"] == 1.0


@pytest.mark.parametrize(
    ("extras", "error"),
    [
        pytest.param({"task": "numerical", "reference": "one"}, otr.BadReferenceError, id="reference"),
        pytest.param({"task": "sudoku", "reference": "1"}, otr.UnknownTaskError, id="task"),
        pytest.param({"task": "numerical"}, otr.ArgumentError, id="column"),
    ],
)
def test_an_error_is_raised(extras: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        step(make_reward(), "<answer>1</answer>", extras)


def test_a_judge_that_fails_is_an_error() -> None:
    with pytest.raises(otr.JudgeError):
        step(make_reward(judge=DownJudge()), "<answer>A cat.</answer>", OPEN_ENDED)


def test_the_ready_environment_is_made_once() -> None:
    try:
        assert skyrl.OneThinkerEnv is skyrl.OneThinkerEnv
        assert issubclass(skyrl.OneThinkerEnv, BaseTextEnv)
    finally:
        vars(skyrl).pop("OneThinkerEnv", None)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="NoSuchEnv"):
        _ = skyrl.NoSuchEnv


REWARDS = [2.0, 1.0, 0.0, 1.5, 1.0, 0.5]
UIDS = ["4", "4", "0", "0", "2", "2"]
TASKS = ["numerical", "math", "OCR", "math", "temporal grounding"]


def expected(estimator: EmaGrpo, rewards: list[float]) -> torch.Tensor:
    names = ["temporal_grounding", "temporal_grounding", "numerical", "numerical", "ocr", "ocr"]
    return estimator(torch.tensor(rewards), UIDS, names)


def call(estimator: Any, rewards: list[float], uids: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.tensor([[1, 1, 0]] * len(rewards))
    spread = torch.tensor(rewards)[:, None] * torch.tensor([0.0, 1.0, 0.0])
    return estimator(token_level_rewards=spread, response_mask=mask, index=uids, config=None, gamma=1.0)


def test_the_advantage_is_ema_grpo(tmp_path: Path, registry: dict[str, Any]) -> None:
    skyrl.register(decay=0.9)
    trainer = Trainer(tmp_path, TASKS)
    assert skyrl.attach(trainer) is trainer
    own = EmaGrpo(decay=0.9)
    for scale in (1.0, 0.5):
        rewards = [scale * reward for reward in REWARDS]
        advantages, returns = call(registry["ema_grpo"], rewards, UIDS)
        assert torch.equal(advantages, expected(own, rewards)[:, None] * torch.tensor([1.0, 1.0, 0.0]))
        assert returns is advantages


def test_only_the_columns_of_the_task_are_read(tmp_path: Path) -> None:
    skyrl.register()
    trainer = skyrl.attach(Trainer(tmp_path, TASKS))
    assert trainer.train_dataset.dataframe.read == ["problem_type"]


def test_the_task_may_stand_in_a_column_of_another_name(tmp_path: Path, registry: dict[str, Any]) -> None:
    trainer = Trainer(tmp_path, ["…"] * 5)
    trainer.train_dataset.dataframe = Frame({"kind": TASKS})
    skyrl.register(columns=Columns(task="kind"))
    skyrl.attach(trainer)
    assert torch.equal(call(registry["ema_grpo"], REWARDS, UIDS)[0][:, 0], expected(EmaGrpo(), REWARDS))


def test_rows_that_fill_the_batch_up_change_nothing(tmp_path: Path, registry: dict[str, Any]) -> None:
    skyrl.register()
    skyrl.attach(Trainer(tmp_path, TASKS))
    advantages, _ = call(registry["ema_grpo"], [*REWARDS, 9.0, 9.0], [*UIDS, "pad0", "pad1"])
    assert torch.equal(advantages[:6, 0], expected(EmaGrpo(), REWARDS))
    assert not advantages[6:].any()


def test_without_attach_it_is_an_error() -> None:
    with pytest.raises(otr.ArgumentError, match="attach"):
        call(make_ema_grpo(), REWARDS, UIDS)


def test_a_row_of_another_data_set_is_an_error(tmp_path: Path, registry: dict[str, Any]) -> None:
    skyrl.register()
    skyrl.attach(Trainer(tmp_path, TASKS))
    with pytest.raises(otr.ArgumentError, match="no row '7'"):
        call(registry["ema_grpo"], [1.0], ["7"])


def test_a_task_that_is_none_is_an_error(tmp_path: Path) -> None:
    skyrl.register()
    with pytest.raises(otr.UnknownTaskError):
        skyrl.attach(Trainer(tmp_path, ["sudoku"]))


@pytest.mark.parametrize("resume_mode", ["latest", "from_path"])
def test_a_resumed_run_goes_on_as_the_one_that_was_not_stopped(
    tmp_path: Path, registry: dict[str, Any], resume_mode: str
) -> None:
    skyrl.register()
    trainer = skyrl.attach(Trainer(tmp_path, TASKS))
    trainer.fire("on_train_start", global_step=0)
    call(registry["ema_grpo"], REWARDS, UIDS)
    folder = tmp_path / "global_step_5"
    trainer.fire("on_save", ckpt_path=str(folder))
    later = [0.3 * reward for reward in REWARDS]
    unbroken = call(registry["ema_grpo"], later, UIDS)[0]

    skyrl.register()
    elsewhere = tmp_path if resume_mode == "latest" else tmp_path / "elsewhere"
    resumed = skyrl.attach(Trainer(elsewhere, TASKS, resume_mode=resume_mode, resume_path=str(folder)))
    resumed.fire("on_train_start", global_step=5)
    resumed.fire("on_step_end")
    assert torch.equal(call(registry["ema_grpo"], later, UIDS)[0], unbroken)


def test_a_checkpoint_without_statistics_is_an_error(tmp_path: Path) -> None:
    skyrl.register()
    trainer = skyrl.attach(Trainer(tmp_path, TASKS))
    with pytest.raises(FileNotFoundError):
        trainer.fire("on_train_start", global_step=5)


def test_a_checkpoint_that_is_not_local_is_an_error(tmp_path: Path) -> None:
    skyrl.register()
    trainer = skyrl.attach(Trainer(tmp_path, TASKS))
    with pytest.raises(otr.ArgumentError, match="local folders only"):
        trainer.fire("on_save", ckpt_path="s3://bucket/global_step_5")


def test_the_estimator_pickles_with_its_statistics(tmp_path: Path, registry: dict[str, Any]) -> None:
    skyrl.register()
    skyrl.attach(Trainer(tmp_path, TASKS))
    call(registry["ema_grpo"], REWARDS, UIDS)
    copy = pickle.loads(pickle.dumps(registry["ema_grpo"]))
    later = [0.3 * reward for reward in REWARDS]
    assert torch.equal(call(copy, later, UIDS)[0], call(registry["ema_grpo"], later, UIDS)[0])
