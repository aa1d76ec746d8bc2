"""EMA-GRPO that is made at its first use, so that an adapter is imported without torch."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Protocol

__all__ = ["LazyEmaGrpo", "load_state", "save_state"]

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


class LazyEmaGrpo:
    """An `onethinker_rewards.advantage.EmaGrpo` to come, with the same call.

    Args:
        options: Those of `EmaGrpo`.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._made: Any = None
        self._lock = threading.Lock()

    @property
    def estimator(self) -> Any:
        """The estimator inside, made at the first use."""
        with self._lock:
            if self._made is None:
                from onethinker_rewards.advantage import EmaGrpo  # noqa: PLC0415 - imports torch

                self._made = EmaGrpo(**self._options)
            return self._made

    def __call__(self, rewards: Any, groups: Any, tasks: Any, **arguments: Any) -> Any:
        """Move the statistics a batch on and return its advantages, as `EmaGrpo` does."""
        return self.estimator(rewards, groups, tasks, **arguments)

    def save(self, folder: str | Path) -> Path:
        """Write the statistics into a folder, all or nothing, and return the file."""
        return save_state(self.estimator, folder)

    def load(self, folder: str | Path) -> None:
        """Take over statistics from a folder; raises FileNotFoundError if there are none."""
        load_state(self.estimator, folder)

    def __getstate__(self) -> dict[str, Any]:
        return {"_options": self._options, "_made": self._made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
