"""A cache of image embeddings, in memory and on disk.

An image encoder takes seconds, a mask decoder takes hundredths of a second, and the rollouts of a group, the tasks on
an image and the epochs of a run all need the same embedding.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
import warnings
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

Embedding: TypeAlias = "tuple[Tensor, ...]"
"""What an encoder makes of an image: one tensor per level."""

Encode: TypeAlias = Callable[[list[int]], Sequence[Embedding]]

# The result is None if the thread that promised the embedding failed.
_Pending: TypeAlias = "Future[Embedding | None]"


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Counts over the life of a cache; every requested key is one hit, miss, disk hit or wait.

    Attributes:
        hits: Keys found in memory, including repeats within one call.
        misses: Keys that were encoded.
        disk_hits: Keys found on disk.
        waits: Keys that another thread was already fetching.
        evicted: Embeddings dropped from memory to make room.
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
    """Embeddings by key: the most recently used in memory, more on disk.

    Threads may share it and encode each key once. Processes may share its directory, but each may encode the same key.
    Create it after forking, since it belongs to one process. Pickling keeps the limits and the directory, not the
    embeddings in memory.

    Args:
        memory_bytes: Beyond this, the least recently used embeddings are dropped from memory. Embeddings stay on the
            device they were given on; those read from disk are on the CPU.
        directory: Where embeddings are stored as files, which are memory-mapped when read; None uses memory only. A
            truncated or damaged file is encoded again.
        disk_bytes: The same limit for the files; None for no limit.

    Raises:
        ArgumentError: If a limit is negative, or ``disk_bytes`` is given without a directory.
        ImportError: If a directory is given and safetensors is missing.
        OSError: If the directory cannot be created.
    """

    def __init__(
        self, *, memory_bytes: int = 4 << 30, directory: str | Path | None = None, disk_bytes: int | None = None
    ) -> None:
        if memory_bytes < 0:
            raise ArgumentError(f"memory_bytes: 0 or more, not {memory_bytes}")
        if disk_bytes is not None and (disk_bytes < 0 or directory is None):
            raise ArgumentError(f"disk_bytes: 0 or more, and with a directory, not {disk_bytes} in {directory}")
        self._copy = partial(type(self), memory_bytes=memory_bytes, directory=directory, disk_bytes=disk_bytes)
        self._memory_bytes = memory_bytes
        self._files = None if directory is None else EmbeddingFiles(Path(directory), disk_bytes)
        self._lock = Lock()  # guards everything below
        self._memory: OrderedDict[str, Embedding] = OrderedDict()  # the least recently used first
        self._pending: dict[str, _Pending] = {}
        self._counts: Counter[str] = Counter()

    def __reduce__(self) -> tuple[Callable[[], EmbeddingCache], tuple[()]]:
        return self._copy, ()

    @property
    def counts(self) -> CacheCounts:
        """The counts so far, for logs."""
        with self._lock:
            return CacheCounts(**self._counts)

    def get(self, keys: Sequence[str], encode: Encode) -> list[Embedding]:
        """Return the embedding of each key.

        Args:
            keys: ``[N]``, one per image. A key must contain everything that the embedding depends on: image content,
                model, revision, preprocessing, dtype.
            encode: Takes the indices of the missing keys, each distinct key once, and returns their embeddings in that
                order. It is called at most once, unless another thread's encoding raised.

        Returns:
            ``[N]`` tuples of tensors in the dtype that ``encode`` gave. They are shared, so do not write to them.

        Raises:
            ArgumentError: If ``encode`` returns the wrong number of embeddings.
            Exception: Whatever ``encode`` raises, in the thread that called it; threads that wait for one of its keys
                then encode that key themselves.
        """
        first_index: dict[str, int] = {}
        for index, key in enumerate(keys):
            first_index.setdefault(key, index)
        found: dict[str, Embedding] = {}
        while missing := [key for key in first_index if key not in found]:
            mine, theirs = self._look_up(missing, found)
            # Fetch before waiting: a thread that waits then owes no key to others, so there is no deadlock.
            found |= self._fetch({key: first_index[key] for key in mine}, encode)
            for key, pending in theirs.items():
                if (embedding := pending.result()) is not None:
                    found[key] = embedding
                    self._count(waits=1)
        self._count(hits=len(keys) - len(found))
        return [found[key] for key in keys]

    def _look_up(self, keys: list[str], found: dict[str, Embedding]) -> tuple[list[str], dict[str, _Pending]]:
        """Add what is in memory to ``found``; return the keys to fetch, and the keys that others are fetching."""
        mine: list[str] = []
        theirs: dict[str, _Pending] = {}
        with self._lock:
            for key in keys:
                if key in self._memory:
                    self._memory.move_to_end(key)
                    found[key] = self._memory[key]
                    self._counts["hits"] += 1
                elif key in self._pending:
                    theirs[key] = self._pending[key]
                else:
                    self._pending[key] = Future()
                    mine.append(key)
        return mine, theirs

    def _fetch(self, indices: dict[str, int], encode: Encode) -> dict[str, Embedding]:
        """Return the embedding of each key, from disk or encoded, and hand it to the threads that wait for it."""
        found: dict[str, Embedding] = {}
        try:
            for key in indices:
                if (embedding := self._read(key)) is not None:
                    found[key] = embedding
                    self._settle(key, embedding)
            missing = [key for key in indices if key not in found]
            embeddings = [*map(_detached, encode([indices[key] for key in missing]))] if missing else []
            if len(embeddings) != len(missing):
                raise ArgumentError(f"encode: {len(missing)} embeddings were asked for, {len(embeddings)} returned")
            self._count(misses=len(missing))
            for key, embedding in zip(missing, embeddings, strict=True):
                found[key] = embedding
                self._settle(key, embedding)
        finally:
            for key in indices.keys() - found.keys():
                self._settle(key, None)
        self._write({key: found[key] for key in missing})
        return found

    def _settle(self, key: str, embedding: Embedding | None) -> None:
        """End the fetching of a key. None, after a failure, makes the waiting threads try."""
        with self._lock:
            if embedding is not None:
                self._keep(key, embedding)
            pending = self._pending.pop(key)
        pending.set_result(embedding)

    def _keep(self, key: str, embedding: Embedding) -> None:
        """Put an embedding into memory, unless it exceeds the limit alone. The caller holds the lock."""
        size = _bytes_of(embedding)
        if size > self._memory_bytes:
            return
        self._memory[key] = embedding
        self._counts["held_bytes"] += size
        while self._counts["held_bytes"] > self._memory_bytes:
            _, dropped = self._memory.popitem(last=False)
            self._counts["held_bytes"] -= _bytes_of(dropped)
            self._counts["evicted"] += 1

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
                # A full disk must not end a run of days. The text has no file name, so that Python shows it once.
                self._count(unwritten=1)
                message = f"embeddings cannot be written to {self._files.folder}: {error.strerror}"
                warnings.warn(message, RuntimeWarning, stacklevel=4)

    def _count(self, **increments: int) -> None:
        with self._lock:
            self._counts.update(increments)


def _detached(embedding: Iterable[Tensor]) -> Embedding:
    """Return the tensors without a graph, and copied out of a larger storage such as the whole batch."""
    levels = [level.detach() for level in embedding]
    return tuple(level if level.untyped_storage().nbytes() == level.nbytes else level.clone() for level in levels)


def _bytes_of(embedding: Embedding) -> int:
    return sum(level.nbytes for level in embedding)


# Only files with such names are ever deleted, so other files in the folder are safe.
_FILE_NAME = re.compile(r"embedding-[0-9a-f]{32}\.safetensors(?P<unfinished>\.[0-9a-f]{32})?")
_ABANDONED_AFTER_SECONDS = 3600.0
_SPARE_SHARE = 64


class DamagedFileError(Exception):
    """A file that does not hold what was written for its key."""


class EmbeddingFiles:
    """A folder with one memory-mapped file per key, which any number of processes may share.

    It needs no file locks: a file is written under a temporary name and renamed, never changes afterwards, and may be
    deleted while others have it mapped.

    Args:
        folder: Created if it is missing.
        disk_bytes: Beyond this, the least recently used files are deleted; None deletes nothing. Processes that write
            at the same time may exceed it together, by one file and 1/64 of it each.

    Attributes:
        folder: The absolute path.

    Raises:
        ImportError: If safetensors is missing.
        OSError: If the folder cannot be created.
    """

    def __init__(self, folder: Path, disk_bytes: int | None) -> None:
        if find_spec("safetensors") is None:
            raise ImportError("embeddings on disk need safetensors: pip install 'onethinker-rewards[sam2]'")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._disk_bytes = disk_bytes
        self._free_bytes = 0
        self._free_lock = Lock()

    def read(self, key: str) -> Embedding | None:
        """Return a key's embedding, memory-mapped on the CPU; None if there is no file.

        Raises:
            DamagedFileError: If the content is not what was written for the key.
        """
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - imports torch

        path = self._path(key)
        try:
            with safe_open(path, framework="pt") as file:
                embedding = tuple(file.get_tensor(str(level)) for level in range(len(file.keys())))
                metadata = file.metadata()
        except FileNotFoundError:
            return None
        except RuntimeError as error:
            # safetensors opens a file twice, the second time in torch: another process deleted it in between.
            if not str(error).endswith(f"({errno.ENOENT})"):
                raise
            return None
        except SafetensorError as error:
            raise DamagedFileError(f"{path}: {error}") from None
        if metadata != _metadata(key, embedding):
            raise DamagedFileError(f"{path}: its content is not what was written")
        # The modification time is the time of the last use, since access times are often switched off. It cannot be set
        # if the file was deleted meanwhile or belongs to another user; then only the order of deletion suffers.
        with suppress(OSError):
            os.utime(path)
        return embedding

    def write(self, key: str, embedding: Embedding) -> None:
        """Store an embedding, unless it alone is larger than ``disk_bytes``.

        Raises:
            OSError: If the disk is full or the folder is not writable; no partial file remains.
        """
        from safetensors.torch import save  # noqa: PLC0415 - imports torch

        # Copies, because levels may share memory, which the format does not allow.
        levels = tuple(level.to("cpu", copy=True).contiguous() for level in embedding)
        content = save({str(level): tensor for level, tensor in enumerate(levels)}, _metadata(key, levels))
        if not self._make_room(len(content)):
            return
        path = self._path(key)
        unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        try:
            unfinished.write_bytes(content)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def _path(self, key: str) -> Path:
        # A digest, since a key may hold characters that a file name may not.
        return self.folder / f"embedding-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.safetensors"

    def _make_room(self, size: int) -> bool:
        """Delete files until one of this size fits; return whether it does."""
        limit = self._disk_bytes
        if limit is None or size > limit:
            return limit is None
        with self._free_lock:
            # Some room is made ahead and used up first, so that a large folder is not listed for each new file.
            if self._free_bytes < size:
                spare = limit // _SPARE_SHARE
                self._free_bytes = size + (spare if spare >= size else 0)
                self._delete_beyond(limit - self._free_bytes)
            self._free_bytes -= size
        return True

    def _delete_beyond(self, limit: int) -> None:
        files = sorted(self._files())
        held = sum(size for _, size, _, _ in files)
        for last_use, size, path, is_unfinished in files:
            if held <= limit:
                return
            if not is_unfinished or last_use < time.time() - _ABANDONED_AFTER_SECONDS:
                path.unlink(missing_ok=True)
                held -= size

    def _files(self) -> Iterator[tuple[float, int, Path, bool]]:
        """Yield each file's last use, its size, its path, and whether it is unfinished."""
        for path in self.folder.iterdir():
            name = _FILE_NAME.fullmatch(path.name)
            if name is None:
                continue
            with suppress(FileNotFoundError):  # another process may have deleted it
                status = path.stat()
                yield status.st_mtime, status.st_size, path, name["unfinished"] is not None


def _metadata(key: str, embedding: Embedding) -> dict[str, str]:
    """Return the key and a checksum of shapes, dtypes and values."""
    import torch  # noqa: PLC0415 - slow to import

    checksum = 0
    for level in embedding:
        checksum = zlib.crc32(f"{list(level.shape)} {level.dtype}".encode(), checksum)
        checksum = zlib.crc32(level.reshape(-1).view(torch.uint8).numpy().data, checksum)
    return {"key": key, "content": f"{checksum:08x}"}
