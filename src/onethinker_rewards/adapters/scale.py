"""EMA-GRPO for a trainer whose advantage cannot be replaced: rewards divided by the running σ of their task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onethinker_rewards.answers import Floats
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from onethinker_rewards.advantage import EmaRewardScaler

__all__ = ["TaskScale"]

_TENSORS = ("first", "second", "seen")


class TaskScale:
    """Divides rewards by the running σ of their task while a training step runs, and only then.

    A trainer that subtracts the group's mean and is told not to divide makes EMA-GRPO of them. Outside a step, as in
    evaluation, rewards stay as they are and σ stays where it is. When steps begin and end is told by a callback (see
    `steps`), which also carries σ through checkpoints: without it no reward is scaled, but an error raised.

    Where torch.distributed runs, all its processes share σ, so that they equal one process.

    Args:
        settings: Those of `onethinker_rewards.advantage.EmaRewardScaler`: ``decay``, ``min_std``, ``eps``, …
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._saved: dict[str, Any] | None = None
        self._forget()
        # A setting that is out of range shall not wait for the first step.
        self._made()

    def attach(self) -> None:
        """Say that a callback is there."""
        self._attached = True

    def begin_step(self) -> None:
        """From now on rewards move σ and are divided by it."""
        self._in_step = True

    def end_step(self) -> None:
        """From now on rewards stay as they are."""
        self._in_step = False

    def __call__(self, rewards: Floats, tasks: Sequence[str]) -> Floats:
        """Return ``[N]`` rewards to give to the trainer, NaN where there is none.

        With several processes every one calls in every step, with no rows if it has none.

        Raises:
            ArgumentError: If no callback of this scale has been given to the trainer.
        """
        if not self._attached:
            raise ArgumentError(
                "ema: σ needs the trainer's callback, in the trainer's own process, to know steps and to be saved"
            )
        if not self._in_step:
            return rewards
        import torch  # noqa: PLC0415 - an adapter is imported without torch

        scaler = self._shared()
        values = torch.as_tensor(rewards, dtype=torch.float64, device=_device())
        return scaler(values, tasks).cpu().numpy()

    def sigmas(self) -> dict[str, float]:
        """Return the running σ of each task seen so far."""
        if self._scaler is None:
            return {}
        from onethinker_rewards.advantage import sigma  # noqa: PLC0415

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
        """Take over what `to_json` gave.

        Raises:
            ArgumentError: If it is no such state.
        """
        self._scaler = None
        self._saved = None if saved is None else dict(saved)
        if self._saved is not None:
            _restore(self._made(), self._saved)

    def _shared(self) -> EmaRewardScaler:
        """Return the scaler of all processes, made when the first step needs it: by then they know each other."""
        if self._scaler is None:
            import torch.distributed as dist  # noqa: PLC0415

            together = dist.is_available() and dist.is_initialized()
            self._scaler = self._made(process_group=dist.group.WORLD if together else None)
            if self._saved is not None:
                _restore(self._scaler, self._saved)
        return self._scaler

    def _made(self, **more: Any) -> EmaRewardScaler:
        from onethinker_rewards.advantage import EmaRewardScaler  # noqa: PLC0415

        return EmaRewardScaler(**{**more, **self._settings})

    def __getstate__(self) -> dict[str, Any]:
        return {"_settings": self._settings, "_saved": self.to_json()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        # A copy in another process has no callback there, and must not pretend to.
        self._scaler: EmaRewardScaler | None = None
        self._attached = self._in_step = False


def _restore(scaler: EmaRewardScaler, saved: dict[str, Any]) -> None:
    import torch  # noqa: PLC0415

    tensors = {name: torch.tensor(saved[name], dtype=torch.float64) for name in _TENSORS if name in saved}
    scaler.load_state_dict({**saved, **tensors})


def _device() -> str:
    """Return where the processes can add tensors up: NCCL takes none of the CPU's."""
    import torch.distributed as dist  # noqa: PLC0415

    together = dist.is_available() and dist.is_initialized()
    return "cuda" if together and dist.get_backend() == "nccl" else "cpu"
