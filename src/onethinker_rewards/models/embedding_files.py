"""Embeddings on disk: one file a key, read as memory maps, shared by any number of processes.

Nothing is locked. A file appears whole under its name, because it is written beside it and renamed; it never changes
after that; and deleting it does not disturb those who have mapped it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from onethinker_rewards.models.embedding_memory import Embedding

__all__ = ["DamagedFileError", "EmbeddingFiles"]

# Only files of these names are ever deleted, so that a folder with other files in it is safe.
_NAME = re.compile(r"embedding-[0-9a-f]{32}\.safetensors(?P<unfinished>\.[0-9a-f]{32})?")
_ABANDONED_AFTER_SECONDS = 3600.0
_SLACK = 64


class DamagedFileError(Exception):
    """A file that does not hold what was written for its key."""


class EmbeddingFiles:
    """A folder of embeddings.

    Args:
        folder: Made if it is not there.
        disk_bytes: The files used longest ago are deleted beyond this; None deletes nothing. While several processes
            write, they may exceed it together by one file and 1/64 each.

    Attributes:
        folder: Its whole path.

    Raises:
        ImportError: If safetensors is missing.
        OSError: If the folder cannot be made.
    """

    def __init__(self, folder: Path, disk_bytes: int | None) -> None:
        if find_spec("safetensors") is None:
            raise ImportError("embeddings on disk need safetensors: pip install 'onethinker-rewards[sam2]'")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        self._disk_bytes = disk_bytes
        self._free = 0
        self._making_room = Lock()

    def read(self, key: str) -> Embedding | None:
        """Return a key's embedding on the CPU, mapped to memory; None if there is no file.

        Raises:
            DamagedFileError: If the file is not whole.
        """
        from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - imports torch

        path = self._path(key)
        try:
            with safe_open(path, framework="pt") as file:
                embedding = tuple(file.get_tensor(str(level)) for level in range(len(file.keys())))
                found = file.metadata()
        except FileNotFoundError:
            return None
        except RuntimeError as error:
            # safetensors opens a file twice, the second time in torch: it was deleted in between.
            if not str(error).endswith(f"({errno.ENOENT})"):
                raise
            return None
        except SafetensorError as error:
            raise DamagedFileError(f"{path}: {error}") from None
        if found != _metadata(key, embedding):
            raise DamagedFileError(f"{path}: its content is not what was written")
        # Used last, so deleted last; not by access times, which are often switched off. If it was deleted meanwhile, or
        # belongs to someone else, only that order suffers.
        with suppress(OSError):
            os.utime(path)
        return embedding

    def write(self, key: str, embedding: Embedding) -> None:
        """Keep an embedding, unless it is larger than all there is room for.

        Raises:
            OSError: If the disk is full, or the folder cannot be written to; nothing is left behind.
        """
        from safetensors.torch import save  # noqa: PLC0415 - imports torch

        # A copy each, since levels may share memory, which the format does not.
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
        # A digest, since keys hold what file names may not.
        return self.folder / f"embedding-{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.safetensors"

    def _make_room(self, size: int) -> bool:
        """Delete files until another of this size fits; return whether it can."""
        limit = self._disk_bytes
        if limit is None or size > limit:
            return limit is None
        with self._making_room:
            # A folder of many files is not listed for each new one: some room is made ahead, and used up first.
            if self._free < size:
                ahead = limit // _SLACK if limit // _SLACK >= size else 0
                self._free = ahead + size
                self._delete_beyond(limit - self._free)
            self._free -= size
        return True

    def _delete_beyond(self, limit: int) -> None:
        files = sorted(self._files(), key=lambda file: file.used)
        held = sum(file.size for file in files)
        for file in files:
            if held <= limit:
                return
            if not file.is_unfinished or file.used < time.time() - _ABANDONED_AFTER_SECONDS:
                file.path.unlink(missing_ok=True)
                held -= file.size

    def _files(self) -> Iterator[_File]:
        for path in self.folder.iterdir():
            name = _NAME.fullmatch(path.name)
            if name is None:
                continue
            try:
                status = path.stat()
            except FileNotFoundError:  # another process was faster
                continue
            yield _File(path, status.st_size, status.st_mtime, name["unfinished"] is not None)


class _File(NamedTuple):
    path: Path
    size: int
    used: float
    is_unfinished: bool


def _metadata(key: str, embedding: Embedding) -> dict[str, str]:
    return {"key": key, "content": f"{_checksum(embedding):08x}"}


def _checksum(embedding: Embedding) -> int:
    import torch  # noqa: PLC0415 - heavy

    found = 0
    for level in embedding:
        found = zlib.crc32(f"{list(level.shape)} {level.dtype}".encode(), found)
        found = zlib.crc32(level.reshape(-1).view(torch.uint8).numpy().data, found)
    return found
