"""Work in chunks that shrink when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.sam2.extra import torch

__all__ = ["Chunks"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Chunks:
    """Takes items in chunks, and halves them where a device runs out of memory: for the rest of its life.

    Attributes:
        size: Most items at once.
        halved: How often memory ran out.

    Raises:
        ArgumentError: If there is no room for one item.
    """

    def __init__(self, name: str, size: int) -> None:
        if size < 1:
            raise ArgumentError(f"{name}: at least 1, not {size}")
        self.size = size
        self.halved = 0

    def run(self, items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]) -> list[Result]:
        """Return a result an item, in order.

        Raises:
            torch.OutOfMemoryError: If there is not enough memory for one item.
        """
        done: list[Result] = []
        while len(done) < len(items):
            chunk = items[len(done) : len(done) + self.size]
            results = self._fitting(chunk, work)
            if results is None:
                # Not while the error is handled: its traceback keeps the tensors of the failed attempt alive.
                torch.cuda.empty_cache()
                self.size = len(chunk) // 2
                self.halved += 1
            else:
                done.extend(results)
        return done

    @staticmethod
    def _fitting(chunk: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]) -> Sequence[Result] | None:
        try:
            return work(chunk)
        except torch.OutOfMemoryError:
            if len(chunk) == 1:
                raise
        return None
