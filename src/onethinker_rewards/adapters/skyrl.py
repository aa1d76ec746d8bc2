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

# SkyRL is not installed where types are checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings, checked_totals
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.ema_state import load_state, save_state
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

    from onethinker_rewards.advantage import EmaGrpo

NAME = "ema_grpo"
_PADDING = "pad"


def make_reward(**settings: Unpack[Settings]) -> type[Any]:
    """Return an environment class for ``skyrl_gym.register``: one turn, rewarded by the total.

    The columns are those of the data set and of its ``reward_spec``. `OneThinkerEnv` of this module has the default
    settings.

    Args:
        settings: Those of `RowScorer`.
    """
    from skyrl_gym.envs.base_text_env import BaseTextEnv  # noqa: PLC0415

    batcher = batch_calls(RowScorer(**settings))

    class OneThinkerEnv(BaseTextEnv):
        """One answer, one reward."""

        def __init__(self, env_config: object = None, extras: Mapping[str, Any] | None = None) -> None:
            super().__init__()
            extras = extras or {}
            self._columns = {**(extras.get("reward_spec") or {}), **extras}
            self._info: Info = {}

        def step(self, action: str) -> dict[str, object]:
            """Reward what the model wrote; what `RowScorer.score` raises stops the run."""
            self._info = batcher.submit((action, self._columns)).result()
            (total,) = checked_totals([self._info])
            return {"observations": [], "reward": total, "done": True, "metadata": {}}

        def get_metrics(self) -> Info:
            """Return the row of `extra_info`."""
            return self._info

        @staticmethod
        def aggregate_metrics(metrics: list[Info]) -> dict[str, float]:
            """Return the curves of each task; SkyRL puts ``environment/`` before them."""
            return log_items([info for info in metrics if info], prefix="")

    return OneThinkerEnv


class SkyRlEmaGrpo:
    """EMA-GRPO as an advantage estimator of SkyRL.

    SkyRL gives an estimator no task, only the number of each row in the data set: `attach` reads the tasks.

    Args:
        columns: Which columns of the data set hold the task.
        options: Those of `onethinker_rewards.advantage.EmaGrpo`.
    """

    def __init__(self, *, columns: Columns | None = None, **options: Any) -> None:
        self._columns = columns or Columns()
        self._options = options
        self._tasks: dict[str, str] | None = None

    @cached_property
    def ema(self) -> EmaGrpo:
        """The estimator with its statistics, created at its first use because it imports torch."""
        from onethinker_rewards.advantage import EmaGrpo  # noqa: PLC0415

        return EmaGrpo(**self._options)

    def __call__(
        self, token_level_rewards: Tensor, response_mask: Tensor, index: Sequence[object], **_: object
    ) -> tuple[Tensor, Tensor]:
        """Return advantages and returns, ``[N, T]`` both and the same.

        Args:
            token_level_rewards: ``[N, T]``, summed to a reward a response.
            response_mask: ``[N, T]``, 1 at tokens of the response.
            index: ``[N]`` numbers of rows in the data set; responses to one row are a group.

        Raises:
            ArgumentError: If `attach` was not called, or no data set has a row of this number.
        """
        import torch  # noqa: PLC0415 - the adapter is imported without torch

        groups = [str(uid) for uid in index]
        tasks = [self._task(uid) for uid in groups]
        real = torch.tensor([not uid.startswith(_PADDING) for uid in groups], dtype=torch.bool)
        advantages = self.ema(token_level_rewards.sum(dim=-1), groups, tasks, mask=real)
        by_token = advantages.unsqueeze(-1) * response_mask
        return by_token, by_token

    def _task(self, uid: str) -> str:
        if self._tasks is None:
            raise ArgumentError(f"{NAME} knows no tasks: call onethinker_rewards.adapters.skyrl.attach(trainer)")
        if uid.startswith(_PADDING):
            # Padding rows are masked out, so any task will do.
            return next(iter(self._tasks.values()))
        if uid not in self._tasks:
            raise ArgumentError(f"index: no row {uid!r} in the training data of {len(self._tasks)} rows")
        return self._tasks[uid]

    def learn_tasks(self, dataset: Any) -> None:
        """Read each row's task from SkyRL's ``PromptDataset``; raises what `Columns.tasks` raises."""
        frame, names = dataset.dataframe, (self._columns.task, self._columns.data_type)
        wanted = {name for field in names for name in ([field] if isinstance(field, str) else field)}
        columns = {name: frame[name][:] for name in frame.column_names if name in wanted}
        tasks = self._columns.tasks(columns, rows=len(frame))
        self._tasks = {str(number): task for number, task in enumerate(tasks)}


make_ema_grpo = SkyRlEmaGrpo


def register(name: str = NAME, **options: Any) -> None:
    """Register EMA-GRPO with SkyRL's ``AdvantageEstimatorRegistry``; the options are those of `SkyRlEmaGrpo`."""
    from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry  # noqa: PLC0415

    AdvantageEstimatorRegistry.register(name, make_ema_grpo(**options))


def attach(trainer: Any, name: str = NAME) -> Any:
    """Give the registered estimator the tasks of a trainer's data, and keep its statistics in the checkpoints.

    Returns:
        The trainer.
    """
    from skyrl.backends.skyrl_train.utils.ppo_utils import AdvantageEstimatorRegistry  # noqa: PLC0415
    from skyrl.train.utils.callbacks import TrainingCallback  # noqa: PLC0415

    # The registry may hold a copy that came from another process, and this process calls that copy.
    estimator: SkyRlEmaGrpo = AdvantageEstimatorRegistry.get(name)
    estimator.learn_tasks(trainer.train_dataset)

    class Statistics(TrainingCallback):
        """Saves the statistics in the checkpoint, and loads those of the checkpoint that the trainer resumes from."""

        def on_train_start(self, trainer: Any, callback_input: Any, control: object) -> None:
            settings, step = trainer.cfg.trainer, callback_input.global_step
            if step > 0:
                given = settings.resume_path if settings.resume_mode == "from_path" else None
                load_state(estimator.ema, _local(given or f"{settings.ckpt_path}/global_step_{step}"))

        def on_save(self, trainer: Any, callback_input: Any, control: object) -> None:
            save_state(estimator.ema, _local(callback_input.ckpt_path))

    trainer.add_callback(Statistics())
    return trainer


def _local(folder: str) -> Path:
    if "://" in str(folder):
        raise ArgumentError(
            f"trainer.ckpt_path: EMA-GRPO keeps its statistics in local folders only, not in {folder!r}"
        )
    return Path(folder)


def __getattr__(name: str) -> object:
    # Created when SkyRL asks for it, because its base class is SkyRL's.
    if name == "OneThinkerEnv":
        globals()[name] = make_reward()
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
