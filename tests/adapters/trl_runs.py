"""Real runs of TRL's GRPOTrainer on the tiny model, and what they leave behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import onethinker_rewards as otr
from tests.adapters.tiny_chat import ANSWERS, REFERENCES, data_rows, make_model, make_tokenizer, stay_offline

STEPS = 6
BATCH = 16
GROUP = 4


TRAINING: dict[str, Any] = {
    "max_steps": STEPS,
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 2,
    "num_generations": GROUP,
    "max_completion_length": 1,
    "scale_rewards": "none",
    "learning_rate": 1e-2,
    "save_strategy": "no",
    "logging_steps": 1,
    "log_completions": True,
    "num_completions_to_print": 0,
    "report_to": "none",
    "use_cpu": True,
    "bf16": False,
    "disable_tqdm": True,
}


def make_trainer(
    folder: Path,
    reward: Any,
    *callbacks: Any,
    rows: Any = None,
    chat: bool = True,
    asked: Sequence[str] | None = None,
    answers: Sequence[str] = ANSWERS,
    **settings: Any,
) -> Any:
    """Return a trainer whose generation batch has 16 responses, four to a question.

    The model knows the questions ``asked``, by default those of the tiny chat, and can write ``answers`` alone.
    """
    stay_offline()
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    tokenizer = make_tokenizer(asked, answers)
    return GRPOTrainer(
        make_model(tokenizer, answers),
        reward_funcs=reward,
        args=GRPOConfig(**{**TRAINING, "output_dir": str(folder), **settings}),
        # One epoch: where a new one begins, a resumed run of TRL shuffles otherwise than one that was never stopped.
        train_dataset=Dataset.from_list(data_rows(chat=chat, times=3) if rows is None else rows),
        eval_dataset=Dataset.from_list(data_rows(chat=chat)),
        processing_class=tokenizer,
        callbacks=list(callbacks),
    )


def stop_after(step: int) -> Any:
    """Return a callback that saves and ends the run, as a job that is cut short."""
    from transformers import TrainerCallback

    class Stop(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_save = control.should_training_stop = state.global_step == step

    return Stop()


def watch(look: Any) -> Any:
    """Return a callback that keeps what ``look`` sees at each event, by its name."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        seen: dict[str, list[Any]] = {"step": [], "evaluate": []}  # noqa: RUF012 - one instance

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.seen["step"].append(look())

        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.seen["evaluate"].append(look())

    return Watch()


def moments(reward: Any) -> dict[str, tuple[float, float]]:
    """Return a reward's running moments by task."""
    saved = reward._rewarder.scaler.to_json() or {"labels": [], "first": [], "second": []}
    return {
        task: (first, second)
        for task, first, second in zip(saved["labels"], saved["first"], saved["second"], strict=True)
    }


def table(folder: Path, step: int) -> dict[str, list[Any]]:
    """Return TRL's own record of a step: prompts, completions, rewards, advantages."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(folder / "completions" / f"completions_{step:05d}.parquet").to_pydict()


def totals_and_tasks(record: dict[str, list[Any]]) -> tuple[np.ndarray, list[str]]:
    """Score a record's completions anew."""
    tasks = [text(prompt).split()[0] for prompt in record["prompt"]]
    completions = [text(completion) for completion in record["completion"]]
    return otr.score(completions, [REFERENCES[task] for task in tasks], tasks).total, tasks


def text(messages: Any) -> str:
    return messages if isinstance(messages, str) else messages[-1]["content"]


def ema_grpo(batches: list[tuple[np.ndarray, list[str]]], decay: float) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Compute EMA-GRPO from the formula alone: advantages of each batch, and mean and variance at the end."""
    sums: dict[str, tuple[float, float]] = {}
    running: dict[str, tuple[float, float]] = {}
    seen: Counter[str] = Counter()
    advantages = []
    for totals, tasks in batches:
        for task in set(tasks):
            own = totals[[label == task for label in tasks]]
            batch = own.mean(), (own**2).mean()
            old = sums.get(task, (0.0, 0.0))
            seen[task] += 1
            sums[task] = tuple(decay * m + (1 - decay) * b for m, b in zip(old, batch, strict=True))
            running[task] = tuple(moment / (1 - decay ** seen[task]) for moment in sums[task])
        sigma = np.array([np.sqrt(max(running[task][1] - running[task][0] ** 2, 0.0)) for task in tasks])
        centered = (totals.reshape(-1, GROUP) - totals.reshape(-1, GROUP).mean(1, keepdims=True)).ravel()
        advantages.append(centered / (np.maximum(sigma, 1e-3) + 1e-6))
    return advantages, {task: (first, second - first**2) for task, (first, second) in running.items()}
