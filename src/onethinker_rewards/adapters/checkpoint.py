"""The running statistics of EMA-GRPO in a trainer's checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

__all__ = ["load_state", "save_state"]

_FILE = "onethinker_ema.pt"


class Stateful(Protocol):
    """An estimator or scaler with running statistics."""

    def state_dict(self) -> dict[str, Any]:
        """Return what is to be saved."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it over again."""
        ...


def save_state(estimator: Stateful, folder: str | Path) -> Path:
    """Write the statistics into a checkpoint's folder, all or nothing, and return the file."""
    import torch  # noqa: PLC0415 - an adapter is imported without torch

    path = Path(folder) / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    # A run that is killed while it writes leaves the old file whole.
    unfinished = path.with_suffix(".unfinished")
    torch.save(estimator.state_dict(), unfinished)
    unfinished.replace(path)
    return path


def load_state(estimator: Stateful, folder: str | Path) -> None:
    """Take over the statistics that `save_state` wrote into this folder.

    Raises:
        FileNotFoundError: If there are none: a run that goes on without them would not be the same run.
    """
    import torch  # noqa: PLC0415

    estimator.load_state_dict(torch.load(Path(folder) / _FILE, map_location="cpu", weights_only=True))
