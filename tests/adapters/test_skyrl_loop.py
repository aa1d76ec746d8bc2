"""SkyRL 0.3.0 makes rollouts with our environment and advantages with our estimator; a stand-in writes."""

from __future__ import annotations

import asyncio
import multiprocessing
import typing
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from onethinker_rewards.adapters import skyrl as adapter
from onethinker_rewards.advantage import EmaGrpo
from tests.adapters.pages import block, versions
from tests.adapters.rows import framework, shared_rows
from tests.answers.dialect_cases import DIALECTS, dialect_settings, highest_totals, native_rows

framework("skyrl", "skyrl_gym")


@pytest.fixture(autouse=True)
def _on_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    """SkyRL 0.3.0 asks for Python 3.11, where pydantic refuses the TypedDict of typing that it uses."""
    import typing_extensions

    monkeypatch.setattr(typing, "TypedDict", typing_extensions.TypedDict)


class Letters:
    """A tokenizer of characters, as far as the generator uses one."""

    eos_token_id, eos_token = 0, "\0"

    def apply_chat_template(self, messages: Any, **_: Any) -> list[int]:
        return [ord(letter) for message in messages for letter in message["content"]]

    def encode(self, text: str, **_: Any) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(map(chr, ids))


class Engine:
    """Writes to a row, whose number is the prompt, its response."""

    def __init__(self, responses: list[str]) -> None:
        self._responses = responses

    async def generate(self, request: Any, **_: Any) -> Any:
        texts = [self._responses[int("".join(map(chr, ids)))] for ids in request["prompt_token_ids"]]
        return {
            "responses": texts,
            "response_ids": [[ord(letter) for letter in text] + [0] for text in texts],
            "stop_reasons": ["stop"] * len(texts),
            "response_logprobs": None,
            "rollout_expert_indices": None,
        }

    async def finish_session(self, _: Any) -> None:
        pass


def generate(rows: Any) -> Any:
    """Make rollouts of the shared rows."""
    entry_point = "onethinker_rewards.adapters.skyrl:OneThinkerEnv"
    try:
        return generate_with(entry_point, rows.responses, rows.mappings())
    finally:
        vars(adapter).pop("OneThinkerEnv", None)


def generate_with(entry_point: Any, responses: list[str], extras: list[dict[str, Any]]) -> Any:
    import skyrl_gym
    from skyrl.train.config import GeneratorConfig, SkyRLGymConfig
    from skyrl.train.generators.base import TrajectoryID
    from skyrl.train.generators.skyrl_gym_generator import SkyRLGymGenerator

    name = "onethinker"
    skyrl_gym.register(id=name, entry_point=entry_point)
    try:
        generator = SkyRLGymGenerator(
            GeneratorConfig(max_input_length=100_000),
            SkyRLGymConfig(),
            Engine(responses),
            Letters(),
            policy_model_name="rows",
        )
        return asyncio.run(
            generator.generate(
                {
                    "prompts": [[{"role": "user", "content": str(number)}] for number in range(len(responses))],
                    "env_classes": [name] * len(responses),
                    "env_extras": extras,
                    "sampling_params": {"max_generate_length": 100_000},
                    "trajectory_ids": [TrajectoryID(str(number), 0) for number in range(len(responses))],
                    "batch_metadata": None,
                }
            )
        )
    finally:
        skyrl_gym.envs.registration.deregister(name)


def test_the_shared_rows_get_the_totals_of_score() -> None:
    rows = shared_rows()
    output = generate(rows)
    assert [sum(rewards) for rewards in output["rewards"]] == rows.batch().total.tolist()
    totals = rows.batch().summary()["numerical"]
    assert output["rollout_metrics"]["environment/numerical/total"] == pytest.approx(totals["total"])


@pytest.mark.parametrize("native", [False, True], ids=["our references", "native references"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_native_answers_earn_the_maximum(dialect: str, native: bool) -> None:
    rows = native_rows(dialect, native=native)
    env = adapter.make_reward(**dialect_settings(dialect, native=native))
    output = generate_with(env, [row.pop("response") for row in rows], rows)
    assert [sum(rewards) for rewards in output["rewards"]] == pytest.approx(highest_totals(rows), abs=1e-6)


def test_an_error_of_ours_stops_the_generator() -> None:
    from onethinker_rewards import UnknownTaskError

    rows = shared_rows().take([0])
    rows.problem_types[0] = "sudoku"
    with pytest.raises(UnknownTaskError):
        generate(rows)


def test_the_trainer_takes_the_advantages(tmp_path: Path) -> None:
    from datasets import Dataset
    from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry
    from skyrl.train.config import SkyRLTrainConfig
    from skyrl.train.trainer import RayPPOTrainer
    from skyrl.train.utils.callbacks import CallbackHandler, CallbackInput

    cfg = SkyRLTrainConfig()
    cfg.trainer.algorithm.advantage_estimator, cfg.trainer.ckpt_path = "ema_grpo", str(tmp_path)
    rows = shared_rows()
    handler = CallbackHandler()
    data = Dataset.from_dict({"problem_type": rows.problem_types, "data_type": rows.data_types})
    trainer = SimpleNamespace(
        cfg=cfg, train_dataset=SimpleNamespace(dataframe=data), add_callback=handler.add, all_metrics={}
    )
    adapter.register()
    try:
        adapter.attach(trainer)
        uids = [str(4 * (index // 4)) for index in range(len(rows))]
        batch = training_batch(rows.batch().total, uids)
        made = RayPPOTrainer.compute_advantages_and_returns(trainer, batch)["advantages"]
        groups, tasks = uids, [rows.tasks[int(uid)] for uid in uids]
        assert torch.equal(made[:, 0], EmaGrpo()(torch.tensor(rows.batch().total).float(), groups, tasks))
        saved = CallbackInput(1, 0, 1, 1, ckpt_path=str(tmp_path / "global_step_1"))
        handler.on_save(trainer, saved, None)
        handler.on_train_start(trainer, CallbackInput(1, 0, 1, 1), None)
        handler.on_epoch_end(trainer, CallbackInput(1, 0, 1, 1), None)
    finally:
        AdvantageEstimatorRegistry.unregister("ema_grpo")
    assert (tmp_path / "global_step_1" / "onethinker_ema.pt").exists()


def training_batch(totals: Any, uids: list[str]) -> Any:
    from skyrl.backends.skyrl_train.training_batch import TrainingInputBatch

    rewards = torch.zeros(len(uids), 3)
    rewards[:, 1] = torch.tensor(totals).float()
    batch = TrainingInputBatch({"rewards": rewards, "response_mask": torch.ones_like(rewards), "values": None})
    batch.metadata = {"uids": uids, "avg_response_length": 3.0, "pad_size": 0}
    return batch


def test_the_lines_of_the_page_make_a_run_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import skyrl_gym
    from datasets import Dataset
    from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry

    given: dict[str, Any] = {}
    method = multiprocessing.get_start_method()
    exec(block("skyrl", "py"), given)
    # SkyRL's entry point sets it for the whole process.
    multiprocessing.set_start_method(method, force=True)
    callbacks: list[Any] = []
    data = SimpleNamespace(dataframe=Dataset.from_dict({"problem_type": ["OCR"]}))
    trainer = SimpleNamespace(train_dataset=data, add_callback=callbacks.append)
    monkeypatch.setattr(given["BasePPOExp"], "get_trainer", lambda *_, **__: trainer)
    given["register"]()
    try:
        assert "ema_grpo" in AdvantageEstimatorRegistry.list_available()
        made = given["Experiment"].__new__(given["Experiment"]).get_trainer()
        assert made is trainer
        env = skyrl_gym.make("onethinker", extras={"problem_type": "OCR", "reward_spec": {"ground_truth": "a"}})
        assert env.step("<think>b</think><answer>a</answer>")["reward"] == 2.0
    finally:
        AdvantageEstimatorRegistry.unregister("ema_grpo")
        skyrl_gym.envs.registration.deregister("onethinker")
        vars(adapter).pop("OneThinkerEnv", None)
    assert len(callbacks) == 1
    assert {f"{name}=={version(name)}" for name in ("skyrl", "skyrl-gym")} < versions("skyrl")
