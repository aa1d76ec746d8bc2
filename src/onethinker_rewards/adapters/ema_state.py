"""EMA-GRPO for a trainer that takes an advantage estimator: created at its first use, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from onethinker_rewards.advantage import EmaGrpo

__all__ = ["LazyEmaGrpo", "load_state", "save_state"]

_FILE = "onethinker_ema.pt"


def save_state(estimator: EmaGrpo, folder: str | Path) -> Path:
    """Write the statistics into a checkpoint's folder, completely or not at all, and return the file."""
    import torch  # noqa: PLC0415 - an adapter is imported without torch

    path = Path(folder) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    # A run that is killed during the write leaves the old file intact.
    unfinished = path.with_suffix(".unfinished")
    torch.save(estimator.state_dict(), unfinished)
    unfinished.replace(path)
    return path


def load_state(estimator: EmaGrpo, folder: str | Path) -> None:
    """Restore the statistics that `save_state` wrote into this folder.

    Raises:
        FileNotFoundError: If the folder has none: a run that went on without them would be a different run.
    """
    import torch  # noqa: PLC0415

    estimator.load_state_dict(torch.load(Path(folder) / _FILE, map_location="cpu", weights_only=True))


class LazyEmaGrpo:
    """An `onethinker_rewards.advantage.EmaGrpo` that imports torch at its first use.

    Args:
        options: Those of `EmaGrpo`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options

    @cached_property
    def estimator(self) -> EmaGrpo:
        """The estimator inside."""
        from onethinker_rewards.advantage import EmaGrpo  # noqa: PLC0415 - imports torch

        return EmaGrpo(**self._options)

    def __call__(
        self,
        rewards: Tensor | Sequence[float],
        groups: Sequence[object],
        tasks: Sequence[str],
        *,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Update the statistics with a batch and return its advantages, as `EmaGrpo` does."""
        return self.estimator(rewards, groups, tasks, mask=mask)

    def save(self, folder: str | Path) -> Path:
        """Write the statistics into a folder, completely or not at all, and return the file."""
        return save_state(self.estimator, folder)

    def load(self, folder: str | Path) -> None:
        """Restore the statistics from a folder; raises FileNotFoundError if it has none."""
        load_state(self.estimator, folder)
