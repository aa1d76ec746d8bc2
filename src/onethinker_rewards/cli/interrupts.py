"""Ctrl-C, where Python would lose it too.

It is raised wherever a program happens to be. Now and then that is a finaliser, of any package, and what is raised in
one is reported and dropped: the program goes on as if nothing had been. So what was dropped is raised again.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupts", "interruptible"]

# Seconds until what was dropped is raised again: out of the finaliser, and nothing that a person notices.
_AGAIN = 0.05


class Interrupts:
    """Whether there was an interrupt, and whether it came through."""

    def __init__(self) -> None:
        self._seen = False
        self._heard = False

    def check(self) -> None:
        """Raise an interrupt that was lost on its way.

        Raises:
            KeyboardInterrupt: If there was any.
        """
        if self._seen:
            self._heard = True
            raise KeyboardInterrupt

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take note of an interrupt, and raise it: at once, for the next work may be far."""
        self._seen = True
        raise KeyboardInterrupt

    def repeat(self) -> None:
        """Raise it again in a moment: where it was dropped it would only be dropped once more."""
        _thread.start_new_thread(self._repeat, ())

    def _repeat(self) -> None:
        time.sleep(_AGAIN)
        # Once it is on its way, another one would interrupt the clearing up.
        if not self._heard:
            _thread.interrupt_main()

    def end(self) -> None:
        """Leave it to others."""
        self._heard = True


@contextmanager
def interruptible() -> Generator[Interrupts]:
    """Let no interrupt be lost in here; where someone else decides about them, or nobody wants them, change nothing."""
    interrupts = Interrupts()
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    if handler is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield interrupts
        return

    def dropped(what: sys.UnraisableHookArgs) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            interrupts.repeat()
        else:
            hook(what)

    signal.signal(signal.SIGINT, interrupts.handle)
    sys.unraisablehook = dropped
    try:
        yield interrupts
    finally:
        interrupts.end()
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, handler)
