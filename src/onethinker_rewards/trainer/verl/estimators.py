"""The estimators of the trainer, by name, behind one call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from onethinker_rewards import advantage
from onethinker_rewards.adapters.ema_state import load_state, save_state
from onethinker_rewards.advantage import EmaGrpo
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.options import Estimator
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["ESTIMATORS", "Advantages"]

ESTIMATORS: tuple[str, ...] = get_args(Estimator)

# What GDPO normalizes separately; a total is their weighted sum.
_PARTS = ("normalized", "format")


class Advantages:
    """One of `ESTIMATORS`, called with the rows of a batch.

    Args:
        name: Its name.
        options: Its keywords; those of `EmaGrpo`, or of the function of that name in `onethinker_rewards.advantage`.

    Raises:
        ArgumentError: If there is no such estimator, or it has no such option.
    """

    def __init__(self, name: str, options: Mapping[str, object] | None = None) -> None:
        if name not in ESTIMATORS:
            raise ArgumentError(f"estimator: no {name!r}; there are {', '.join(ESTIMATORS)}")
        self.name = name
        self._options: dict[str, Any] = dict(options or {})
        try:
            self.ema = EmaGrpo(**self._options) if name == "ema_grpo" else None
        except TypeError as error:
            raise ArgumentError(f"estimator_options: {error}") from error
        self._shares: dict[Any, float] = {}

    def __call__(self, rewards: Tensor, rows: Trajectories) -> Tensor:
        """Return ``[N]`` advantages of the rewards ``[N]``; all rows of a conversation get that of its last."""
        counted = torch.tensor(rows.counted, dtype=torch.bool)
        if self.ema is not None:
            values = self.ema(rewards, rows.groups, rows.tasks, mask=counted)
        else:
            values = self._baseline(rewards, rows, counted)
        shares = advantage.gradient_share(values, rows.tasks)
        present = {task for task, counts in zip(rows.tasks, rows.counted, strict=True) if counts}
        self._shares = {task: share for task, share in shares.items() if task in present}
        return values[torch.tensor(rows.last, dtype=torch.int64)]

    def _baseline(self, rewards: Tensor, rows: Trajectories, counted: Tensor) -> Tensor:
        parts = _parts(rows) if self.name == "gdpo" else rewards
        # A baseline is the function of that name.
        baseline: Callable[..., Tensor] = getattr(advantage, self.name)
        try:
            return baseline(parts, rows.groups, rows.tasks, mask=counted, **self._options)
        except TypeError as error:
            raise ArgumentError(f"estimator_options: {error}") from error

    def metrics(self) -> dict[str, float]:
        """Return what to log about the last batch: ``advantage/<task>/…``."""
        if self.ema is not None:
            return advantage.log_items(self.ema.statistics())
        return {f"advantage/{task}/gradient_share": share for task, share in self._shares.items()}

    def save(self, folder: str | Path) -> None:
        """Write the statistics into a checkpoint's folder, all or nothing; a baseline has none."""
        if self.ema is not None:
            save_state(self.ema, folder)

    def load(self, folder: str | Path) -> None:
        """Take over statistics from a checkpoint's folder.

        Raises:
            ArgumentError: If there are none: a run that went on without them would be another run.
        """
        if self.ema is None:
            return
        try:
            load_state(self.ema, folder)
        except FileNotFoundError as error:
            raise ArgumentError(
                f"{folder}: this checkpoint has no running statistics of EMA-GRPO ({error.filename}); it was not saved "
                "by this trainer, or by one with another estimator"
            ) from error


def _parts(rows: Trajectories) -> dict[str, Tensor]:
    return {
        part: torch.tensor([math.nan if info[part] is None else float(info[part]) for info in rows.infos])
        for part in _PARTS
    }
