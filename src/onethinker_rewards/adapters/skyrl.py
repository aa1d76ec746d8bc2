"""An environment and EMA-GRPO for SkyRL.

In the entry file of a run:

import skyrl_gym
from onethinker_rewards.adapters import skyrl
from skyrl.train.entrypoints.main_base import BasePPOExp

skyrl_gym.register(id="onethinker", entry_point="onethinker_rewards.adapters.skyrl:OneThinkerEnv")
skyrl.register()  # trainer.algorithm.advantage_estimator=ema_grpo

class Experiment(BasePPOExp):
    def get_trainer(self, *args, **kwargs):
        return skyrl.attach(super().get_trainer(*args, **kwargs))
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.estimating import LazyEmaGrpo
from onethinker_rewards.adapters.gather import gather_calls, whole_totals
from onethinker_rewards.adapters.logs import log_items
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError

__all__ = ["NAME", "SkyRlEmaGrpo", "attach", "log_items", "make_ema_grpo", "make_reward", "register"]

NAME = "ema_grpo"
_PADDING = "pad"


def make_reward(**settings: Any) -> type[Any]:
    """Return an environment class for ``skyrl_gym.register``: one turn, rewarded by the total.

    The columns are those of the data set and what its ``reward_spec`` holds. `OneThinkerEnv` of this module is one with
    the default settings.

    Args:
        settings: Those of `RowScorer`.
    """
    base: Any = importlib.import_module("skyrl_gym.envs.base_text_env").BaseTextEnv
    gather = gather_calls(RowScorer(**settings))

    class OneThinkerEnv(base):  # pyright: ignore[reportUntypedBaseClass]
        """One answer, one reward."""

        def __init__(self, env_config: Any = None, extras: Mapping[str, Any] | None = None) -> None:
            super().__init__()
            self._columns = _columns_of(extras or {})
            self._row: dict[str, Any] = {}

        def step(self, action: str) -> dict[str, Any]:
            """Reward what the model wrote; errors are those of `RowScorer.score`, and the run stops."""
            self._row = gather.submit((action, self._columns)).result()
            (total,) = whole_totals([self._row])
            return {"observations": [], "reward": total, "done": True, "metadata": {}}

        def get_metrics(self) -> dict[str, Any]:
            """Return the row of `extra_info`."""
            return self._row

        @staticmethod
        def aggregate_metrics(metrics: list[dict[str, Any]]) -> dict[str, float]:
            """Return the curves of each task; SkyRL puts ``environment/`` before them."""
            return log_items([row for row in metrics if row], prefix="")

    return OneThinkerEnv


class SkyRlEmaGrpo:
    """EMA-GRPO as an advantage estimator of SkyRL; make it with `make_ema_grpo`.

    SkyRL gives an estimator no task, only the number of each row in the data set: `attach` tells the tasks.
    """

    def __init__(self, columns: Columns, ema: LazyEmaGrpo) -> None:
        self._columns = columns
        self._tasks: dict[str, str] | None = None
        self.ema = ema

    def __call__(self, token_level_rewards: Any, response_mask: Any, index: Sequence[Any], **_: Any) -> tuple[Any, Any]:
        """Return advantages and returns, ``[N, T]`` both and the same.

        Args:
            token_level_rewards: ``[N, T]``, summed to a reward a response.
            response_mask: ``[N, T]``, 1 where the response stands.
            index: ``[N]`` numbers of rows in the data set; responses to one row are a group.

        Raises:
            ArgumentError: If `attach` was not called, or a number is in no data set.
        """
        import torch  # noqa: PLC0415 - the adapter is imported without torch

        groups = [str(uid) for uid in index]
        tasks = [self._task(uid) for uid in groups]
        real = torch.tensor([not uid.startswith(_PADDING) for uid in groups], dtype=torch.bool)
        advantages = self.ema(token_level_rewards.sum(dim=-1), groups, tasks, mask=real)
        spread = advantages.unsqueeze(-1) * response_mask
        return spread, spread

    def _task(self, uid: str) -> str:
        if self._tasks is None:
            raise ArgumentError(f"{NAME} knows no tasks: call onethinker_rewards.adapters.skyrl.attach(trainer)")
        if uid.startswith(_PADDING):
            # Rows that fill the batch up; they are masked out.
            return next(iter(self._tasks.values()))
        if uid not in self._tasks:
            raise ArgumentError(f"index: no row {uid!r} in the training data of {len(self._tasks)} rows")
        return self._tasks[uid]

    def learn_tasks(self, dataset: Any) -> None:
        """Read each row's task from SkyRL's ``PromptDataset``; errors are those of `Columns.take`."""
        # Only tasks are read, the reference is not: so the task stands for it too.
        names = Columns(task=self._columns.task, data_type=self._columns.data_type, reference=self._columns.task)
        wanted = {*_names(names.task), *_names(names.data_type)}
        frame = dataset.dataframe
        columns = {name: frame[name][:] for name in frame.column_names if name in wanted}
        tasks = names.take(columns, rows=len(frame)).tasks
        self._tasks = {str(number): task for number, task in enumerate(tasks)}

    def resume(self, trainer: Any, callback_input: Any, _: Any) -> None:
        """Load the statistics of the checkpoint that the trainer resumes from."""
        settings = trainer.cfg.trainer
        if callback_input.global_step > 0:
            start = settings.resume_path if settings.resume_mode == "from_path" else None
            self.ema.load(_local(start or f"{settings.ckpt_path}/global_step_{callback_input.global_step}"))

    def save(self, _: Any, callback_input: Any, __: Any) -> None:
        """Save the statistics into the checkpoint."""
        self.ema.save(_local(callback_input.ckpt_path))


def make_ema_grpo(*, columns: Columns | None = None, **options: Any) -> SkyRlEmaGrpo:
    """Return EMA-GRPO as an advantage estimator.

    Args:
        columns: Which columns of the data set hold the task.
        options: Those of `onethinker_rewards.advantage.EmaGrpo`.
    """
    return SkyRlEmaGrpo(columns or Columns(), LazyEmaGrpo(**options))


def register(name: str = NAME, **options: Any) -> None:
    """Register EMA-GRPO with SkyRL's ``AdvantageEstimatorRegistry``; the options are those of `make_ema_grpo`."""
    _registry().register(name, make_ema_grpo(**options))


def attach(trainer: Any, name: str = NAME) -> Any:
    """Tell the registered estimator the tasks of a trainer's data, put its statistics into the checkpoints.

    Returns:
        The trainer.
    """
    # The registry may hold a copy that came from another process: what counts is the one this process will call.
    estimator = _registry().get(name)
    estimator.learn_tasks(trainer.train_dataset)
    callback: Any = importlib.import_module("skyrl.train.utils.callbacks").TrainingCallback()
    callback.on_train_start, callback.on_save = estimator.resume, estimator.save
    trainer.add_callback(callback)
    return trainer


def _registry() -> Any:
    return importlib.import_module("skyrl.backends.skyrl_train.utils.ppo_utils").AdvantageEstimatorRegistry


def _columns_of(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {**(extras.get("reward_spec") or {}), **extras}


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _local(folder: str) -> Path:
    if "://" in str(folder):
        raise ArgumentError(
            f"trainer.ckpt_path: EMA-GRPO keeps its statistics in local folders only, not in {folder!r}"
        )
    return Path(folder)


def __getattr__(name: str) -> Any:
    # Made when SkyRL looks for it: its base class is SkyRL's.
    if name == "OneThinkerEnv":
        globals()[name] = make_reward()
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
