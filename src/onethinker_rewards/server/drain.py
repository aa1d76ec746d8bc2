"""Ending without losing a request: not ready first, then no further connections, then the end."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import cast


class Drain:
    """Delays what SIGTERM does, so that balancers take their traffic elsewhere first.

    Args:
        seconds: How long.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.has_begun = False

    @contextmanager
    def on_sigterm(self) -> Generator[None]:
        """Begin at SIGTERM, and hand it on after the delay; a second one is handed on at once."""
        handler = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(handler):
            # Nobody waits for a signal: the application runs in a thread, or under a server that has no handler.
            yield
            return
        hand_on = cast("Callable[[int, FrameType | None], object]", handler)
        loop = asyncio.get_running_loop()

        def begin(number: int, frame: FrameType | None) -> None:
            if self.has_begun:
                hand_on(number, frame)
            self.has_begun = True
            loop.call_soon_threadsafe(loop.call_later, self._seconds, hand_on, number, None)

        signal.signal(signal.SIGTERM, begin)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, handler)
