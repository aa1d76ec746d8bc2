"""EMA-GRPO for a trainer whose advantage cannot be replaced: rewards are divided by the running σ of their task.

`TaskScaler` divides them. Its callback tells it when the trainer's steps begin and end, and keeps σ in the checkpoints.
It is for the trainers that descend from the one of transformers: TRL and ms-swift.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from onethinker_rewards.advantage import EmaRewardScaler, sigma
from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from transformers import TrainerCallback

_TENSORS = ("first", "second", "seen")
# The trainer's arguments with which centered rewards are the advantages; a trainer may lack some of them.
_REQUIRED = {
    "scale_rewards": "none",
    "multi_objective_aggregation": "sum_then_normalize",
    "advantage_estimator": "grpo",
}
_KEY = "ema"


class TaskScaler:
    """Divides rewards by the running σ of their task, but only during a training step.

    A trainer that subtracts the group's mean and does not divide makes EMA-GRPO of these rewards. Outside a step, as in
    evaluation, neither rewards nor σ change. The callback of `make_callback` reports the steps and keeps σ in the
    checkpoints: a call without it is an error.

    Where torch.distributed runs, all its processes share σ, so that they give what one process gives.

    Args:
        settings: Those of `onethinker_rewards.advantage.EmaRewardScaler`: ``decay``, ``min_std``, ``eps``, …

    Attributes:
        attached: Whether the trainer has the callback.
        in_step: Whether a training step runs: then rewards update σ and are divided by it.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._saved: dict[str, Any] | None = None
        self._reset()
        # A setting that is out of range is an error at once, not at the first step.
        self._new_scaler()

    def __call__(self, rewards: Floats, tasks: Sequence[str]) -> Floats:
        """Return ``[N]`` rewards for the trainer, NaN where a row has no reward.

        With several processes each one calls in every step, with zero rows if it has no rows.

        Raises:
            ArgumentError: If the trainer does not have the callback of this scaler.
        """
        if not self.attached:
            raise ArgumentError(
                "ema: σ needs the trainer's callback, in the trainer's own process, to know steps and to be saved"
            )
        if not self.in_step:
            return rewards
        scaler = self._shared_scaler()
        values = torch.as_tensor(rewards, dtype=torch.float64, device=_device())
        return scaler(values, tasks).cpu().numpy()

    def sigmas(self) -> dict[str, float]:
        """Return the running σ of each task seen so far."""
        if self._scaler is None:
            return {}
        state = self._scaler.state
        known = zip(state.labels, sigma(state).tolist(), state.seen.tolist(), strict=True)
        return {str(label): value for label, value, seen in known if seen}

    def to_json(self) -> dict[str, Any] | None:
        """Return the running moments as built-ins, exact in JSON; None before the first step."""
        if self._scaler is None:
            return self._saved
        state = self._scaler.state_dict()
        return {**state, **{name: state[name].tolist() for name in _TENSORS}}

    def load_json(self, saved: Mapping[str, Any] | None) -> None:
        """Restore what `to_json` returned.

        Raises:
            ArgumentError: If it is not such a state.
        """
        self._scaler = None
        self._saved = None if saved is None else dict(saved)
        if self._saved is not None:
            _restore(self._new_scaler(), self._saved)

    def _shared_scaler(self) -> EmaRewardScaler:
        """Return the scaler that all processes share, created at the first step: by then the process group exists."""
        if self._scaler is None:
            self._scaler = self._new_scaler(process_group=dist.group.WORLD if _is_distributed() else None)
            if self._saved is not None:
                _restore(self._scaler, self._saved)
        return self._scaler

    def _new_scaler(self, **defaults: Any) -> EmaRewardScaler:
        return EmaRewardScaler(**{**defaults, **self._settings})

    def __getstate__(self) -> dict[str, object]:
        return {"_settings": self._settings, "_saved": self.to_json()}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        # A copy in another process has no callback there.
        self._scaler: EmaRewardScaler | None = None
        self.attached = self.in_step = False


def _restore(scaler: EmaRewardScaler, saved: dict[str, Any]) -> None:
    tensors = {name: torch.tensor(saved[name], dtype=torch.float64) for name in _TENSORS if name in saved}
    scaler.load_state_dict({**saved, **tensors})


def _is_distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def _device() -> str:
    """Return where the processes can add tensors up: NCCL does not take tensors of the CPU."""
    return "cuda" if _is_distributed() and dist.get_backend() == "nccl" else "cpu"


def make_callback(scaler: TaskScaler, name: str = "onethinker_ema") -> TrainerCallback:
    """Return the callback for a trainer, which needs transformers.

    The running statistics are kept in the checkpoint's ``trainer_state.json``, under ``name``, which the trainer
    writes and reads itself, so they cannot be separated from the checkpoint. JSON keeps float64 exactly.
    """
    from transformers.trainer_callback import ExportableState, TrainerCallback  # noqa: PLC0415

    # A class for each scaler, because a trainer that resumes may create the callback again, from its class alone.
    class EmaCallback(TrainerCallback, ExportableState):
        """Reports the events of a transformers trainer; no step runs during evaluation."""

        def on_init_end(self, args: object, *_: object, **__: object) -> None:
            _check_arguments(args)
            scaler.attached = True

        def on_train_begin(self, args: object, state: Any, *_: object, **__: object) -> None:
            scaler.load_json(_saved_moments(state, name))

        def on_step_begin(self, *_: object, **__: object) -> None:
            scaler.in_step = True

        def on_step_end(self, *_: object, **__: object) -> None:
            scaler.in_step = False

        def on_train_end(self, *_: object, **__: object) -> None:
            scaler.in_step = False

        def state(self) -> dict[str, Any]:
            """Return what the trainer writes into the checkpoint's ``trainer_state.json``."""
            return {"args": {}, "attributes": {}, _KEY: scaler.to_json()}

    # Trainers know a callback by the name of its class.
    EmaCallback.__name__ = name
    return EmaCallback()


def _check_arguments(args: object) -> None:
    """Check that the trainer does not divide rewards itself."""
    for name, value in _REQUIRED.items():
        given = getattr(args, name, value)
        if given != value:
            raise ArgumentError(f"{name}={given!r}: EMA-GRPO needs {name}={value!r}, or rewards are divided twice")


def _saved_moments(state: Any, name: str) -> dict[str, Any] | None:
    """Return what the checkpoint that a trainer resumes from has of the callback; None at the start of a new run."""
    saved = state.stateful_callbacks.get(name)
    if saved is None:
        raise ArgumentError(
            f"the checkpoint of step {state.global_step} has no running statistics of EMA-GRPO: it was saved by a run "
            "without this callback, and resuming from it would start σ anew"
        )
    if isinstance(saved, list):
        raise ArgumentError(f"two callbacks are named {name!r}: give each reward a different name")
    return saved[_KEY]
