"""The callback that tells a `TaskScale` of the trainer's steps and carries it through checkpoints.

For trainers that descend from that of transformers: TRL and ms-swift.
"""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from onethinker_rewards.adapters.scale import TaskScale
from onethinker_rewards.errors import ArgumentError

__all__ = ["make_callback"]

# What makes centred rewards the advantage, by the trainer's argument; arguments that a trainer lacks are not asked.
_NEEDED = {
    "scale_rewards": "none",
    "multi_objective_aggregation": "sum_then_normalize",
    "advantage_estimator": "grpo",
}
_KEY = "ema"


class _Steps:
    """Events of a transformers trainer; where it evaluates, no step runs."""

    scale: ClassVar[TaskScale]

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Check that the trainer leaves rewards undivided."""
        for name, value in _NEEDED.items():
            given = getattr(args, name, value)
            if given != value:
                raise ArgumentError(f"{name}={given!r}: EMA-GRPO needs {name}={value!r}, or rewards are divided twice")
        self.scale.attach()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take σ over: from the checkpoint that the trainer resumes from, else from where it stands."""
        saved = state.stateful_callbacks.get(type(self).__name__)
        if saved is None:
            raise ArgumentError(
                f"the checkpoint of step {state.global_step} has no running statistics of EMA-GRPO: it was saved by a "
                "run without this callback, and to go on from it would start σ anew"
            )
        if isinstance(saved, list):
            raise ArgumentError(f"two callbacks are named {type(self).__name__!r}: give each reward a name of its own")
        self.scale.load_json(saved[_KEY])

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.scale.begin_step()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.scale.end_step()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.scale.end_step()

    def state(self) -> dict[str, Any]:
        """Return what the trainer writes into the checkpoint's ``trainer_state.json``."""
        return {"args": {}, "attributes": {}, _KEY: self.scale.to_json()}


def make_callback(scale: TaskScale, name: str = "onethinker_ema") -> Any:
    """Return the callback for a trainer, a ``transformers.TrainerCallback``.

    The running statistics stand in the checkpoint's ``trainer_state.json``, under ``name``, which the trainer
    writes and reads itself: no file of ours can be lost or left behind. JSON keeps float64 exactly.
    """
    callbacks = importlib.import_module("transformers.trainer_callback")
    # A class for each scale, because the trainer may make the callback anew, from its class alone, when it resumes.
    bases = (_Steps, callbacks.TrainerCallback, callbacks.ExportableState)
    return type(name, bases, {"scale": scale})()
