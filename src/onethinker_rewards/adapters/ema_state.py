"""The running statistics of EMA-GRPO in a checkpoint's folder, for the trainers that use our advantage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onethinker_rewards.advantage import EmaGrpo

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
