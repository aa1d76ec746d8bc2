"""Embeddings in memory, those used last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Embedding", "EmbeddingMemory"]

# One tensor a level.
Embedding: TypeAlias = "tuple[Tensor, ...]"


class EmbeddingMemory:
    """Embeddings by key, in the order of their last use; not safe for threads on its own.

    Args:
        limit: Bytes that are never exceeded; what is larger alone is not kept.

    Attributes:
        held_bytes: Bytes of the embeddings held now.
        evicted: Embeddings dropped for others so far.
    """

    def __init__(self, limit: int) -> None:
        self.held_bytes = 0
        self.evicted = 0
        self._limit = limit
        self._held: OrderedDict[str, Embedding] = OrderedDict()

    def get(self, key: str) -> Embedding | None:
        """Return a key's embedding, now the one used last; None if it is not held."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def add(self, key: str, embedding: Embedding) -> None:
        """Hold the embedding of a key that is not held, in place of those used longest ago."""
        size = _bytes_of(embedding)
        if size > self._limit:
            return
        self._held[key] = embedding
        self.held_bytes += size
        while self.held_bytes > self._limit:
            self.held_bytes -= _bytes_of(self._held.popitem(last=False)[1])
            self.evicted += 1


def _bytes_of(embedding: Embedding) -> int:
    return sum(level.nbytes for level in embedding)
