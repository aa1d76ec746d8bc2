"""Embeddings of images, kept for all who ask for the same image.

An image encoder costs seconds where the decoder costs hundredths; the rollouts of a group, the tasks on an image and
the epochs of a run all need the same embedding.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embedding_files import DamagedFileError, EmbeddingFiles
from onethinker_rewards.models.embedding_memory import Embedding, EmbeddingMemory

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CacheCounts", "Embedding", "EmbeddingCache"]

Encode: TypeAlias = Callable[[list[int]], Sequence[Embedding]]

# Comes to nothing where fetching failed.
_Fetch: TypeAlias = "Future[Embedding | None]"


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What a cache did so far; every key that was given is one hit, miss, disk hit or wait.

    Attributes:
        hits: Keys found in memory, repeats within one call too.
        misses: Keys that were encoded.
        disk_hits: Keys found on disk.
        waits: Keys that another thread was already fetching.
        evicted: Embeddings dropped from memory for others.
        damaged: Files that could not be used; their keys are misses.
        unwritten: Embeddings that could not be written to disk.
        held_bytes: Bytes of the embeddings in memory now.
    """

    hits: int = 0
    misses: int = 0
    disk_hits: int = 0
    waits: int = 0
    evicted: int = 0
    damaged: int = 0
    unwritten: int = 0
    held_bytes: int = 0


class EmbeddingCache:
    """Embeddings by key, those used last in memory, more on disk.

    Safe for threads, which share one encoding of a key, and for processes that share a directory, which do not. It
    belongs to one process: make it after forking. Pickled it takes its limits and its directory along, and nothing that
    it holds in memory.

    Args:
        memory_bytes: Embeddings used longest ago are dropped from memory beyond this. They are held on the device they
            were given on; those read from disk on the CPU.
        directory: Where embeddings are kept as files, mapped to memory when they are read; None for memory alone.
            A file that is cut off or damaged is encoded again.
        disk_bytes: The same limit for files; None for no limit.

    Raises:
        ArgumentError: If a limit is negative, or ``disk_bytes`` has no directory.
        ImportError: If there is a directory, and safetensors is missing.
        OSError: If the directory cannot be made.
    """

    def __init__(
        self, *, memory_bytes: int = 4 << 30, directory: str | Path | None = None, disk_bytes: int | None = None
    ) -> None:
        if memory_bytes < 0:
            raise ArgumentError(f"memory_bytes: 0 or more, not {memory_bytes}")
        if disk_bytes is not None and (disk_bytes < 0 or directory is None):
            raise ArgumentError(f"disk_bytes: 0 or more, and with a directory, not {disk_bytes} in {directory}")
        self._limits = {"memory_bytes": memory_bytes, "directory": directory, "disk_bytes": disk_bytes}
        self._files = None if directory is None else EmbeddingFiles(Path(directory), disk_bytes)
        self._lock = Lock()  # of all below
        self._memory = EmbeddingMemory(memory_bytes)
        self._fetches: dict[str, _Fetch] = {}
        self._counts = CacheCounts()

    def __getstate__(self) -> dict[str, Any]:
        return self._limits

    def __setstate__(self, limits: dict[str, Any]) -> None:
        self.__init__(**limits)

    @property
    def counts(self) -> CacheCounts:
        """What was found where, for logs."""
        with self._lock:
            return replace(self._counts, evicted=self._memory.evicted, held_bytes=self._memory.held_bytes)

    def get(self, keys: Sequence[str], encode: Encode) -> list[Embedding]:
        """Return the embedding of each key.

        Args:
            keys: ``[N]``, one an image; everything that an embedding depends on is in it: content, model, revision,
                preprocessing, dtype.
            encode: Takes the positions in ``keys`` that nobody has, each distinct key once, and returns their
                embeddings in that order. Called at most once, but where another thread's encoding raised.

        Returns:
            ``[N]`` tuples of tensors in the dtype ``encode`` gave; shared by all who ask, so not to be written to.

        Raises:
            ArgumentError: If ``encode`` returns another number of embeddings.
            Exception: What ``encode`` raises, in the thread that called it; others who wait for the key encode it.
        """
        places = {key: place for place, key in reversed([*enumerate(keys)])}
        found: dict[str, Embedding] = {}
        while left := [key for key in dict.fromkeys(keys) if key not in found]:
            mine, theirs = self._look(left, found)
            # Own ones first: who waits owes nobody anything, so two threads never wait for each other.
            found |= self._fetch({key: places[key] for key in mine}, encode)
            for key, fetch in theirs.items():
                if (embedding := fetch.result()) is not None:
                    found[key] = embedding
                    self._count(waits=1)
        self._count(hits=len(keys) - len(found))
        return [found[key] for key in keys]

    def _look(self, keys: list[str], found: dict[str, Embedding]) -> tuple[list[str], dict[str, _Fetch]]:
        """Add what is in memory to ``found``; return the keys to fetch and those that others are fetching."""
        mine: list[str] = []
        theirs: dict[str, _Fetch] = {}
        with self._lock:
            for key in keys:
                if (embedding := self._memory.get(key)) is not None:
                    found[key] = embedding
                elif key in self._fetches:
                    theirs[key] = self._fetches[key]
                else:
                    self._fetches[key] = Future()
                    mine.append(key)
        self._count(hits=len(keys) - len(mine) - len(theirs))
        return mine, theirs

    def _fetch(self, places: dict[str, int], encode: Encode) -> dict[str, Embedding]:
        """Return the embedding of each key, from disk or encoded, and give it to those who wait for it."""
        found: dict[str, Embedding] = {}
        try:
            for key in places:
                if (embedding := self._read(key)) is not None:
                    found[key] = embedding
                    self._settle(key, embedding)
            missing = [key for key in places if key not in found]
            for key, embedding in zip(missing, self._encoded([places[key] for key in missing], encode), strict=True):
                found[key] = embedding
                self._settle(key, embedding)
        finally:
            for key in places.keys() - found.keys():
                self._settle(key, None)
        self._write({key: found[key] for key in missing})
        return found

    def _encoded(self, places: list[int], encode: Encode) -> list[Embedding]:
        if not places:
            return []
        embeddings = [_owned(embedding) for embedding in encode(places)]
        if len(embeddings) != len(places):
            raise ArgumentError(f"encode: {len(places)} embeddings were asked for, {len(embeddings)} returned")
        self._count(misses=len(places))
        return embeddings

    def _settle(self, key: str, embedding: Embedding | None) -> None:
        """Let go of a key, with its embedding or, where there is none, for those who wait to try."""
        with self._lock:
            if embedding is not None:
                self._memory.add(key, embedding)
            fetch = self._fetches.pop(key)
        fetch.set_result(embedding)

    def _read(self, key: str) -> Embedding | None:
        if self._files is None:
            return None
        try:
            embedding = self._files.read(key)
        except DamagedFileError:
            self._count(damaged=1)
            return None
        self._count(disk_hits=int(embedding is not None))
        return embedding

    def _write(self, embeddings: dict[str, Embedding]) -> None:
        if self._files is None:
            return
        for key, embedding in embeddings.items():
            try:
                self._files.write(key, embedding)
            except OSError as error:
                # A run of days does not end because a disk is full; the embedding is there all the same. The text is
                # the same for every file, so that Python shows it once.
                self._count(unwritten=1)
                said = f"embeddings cannot be written to {self._files.folder}: {error.strerror}"
                warnings.warn(said, RuntimeWarning, stacklevel=4)

    def _count(self, **more: int) -> None:
        with self._lock:
            self._counts = replace(
                self._counts, **{name: getattr(self._counts, name) + number for name, number in more.items()}
            )


def _owned(embedding: Iterable[Tensor]) -> Embedding:
    """Return the tensors without their graph, and without what else lies in their memory, such as the whole batch."""
    levels = [level.detach() for level in embedding]
    return tuple(level if level.untyped_storage().nbytes() == level.nbytes else level.clone() for level in levels)
