"""A command that ends when we are told to end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from types import FrameType

__all__ = ["run_child"]

# What a shell adds to the number of the signal that ended a command.
_ENDED_BY_SIGNAL = 128


def run_child(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit code, as a shell would; a wish to end is handed on, and its end waited for.

    torchrun ends its workers when it is asked to end. Killed, or left alone, it leaves them behind, with their GPUs.
    Works in the main thread only.

    Raises:
        KeyboardInterrupt: When the command has ended after an interrupt.
    """
    with subprocess.Popen(command, env=environment) as child:  # noqa: S603 - our own words

        def hand_on(_: int, __: FrameType | None) -> None:
            child.terminate()

        before = signal.signal(signal.SIGTERM, hand_on)
        try:
            code = child.wait()
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        finally:
            signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else _ENDED_BY_SIGNAL - code
