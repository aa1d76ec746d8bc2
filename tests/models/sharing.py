"""A process that shares a folder of embeddings with others: ``python -m tests.models.sharing ROLE FOLDER SEED``."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from random import Random

import torch

from onethinker_rewards.models import Embedding, EmbeddingCache

KEYS = [f"key {number}" for number in range(12)]
FILE_BYTES = 240
DISK_BYTES = 6 * FILE_BYTES


def embedding(key: str) -> Embedding:
    """Return levels that depend on the key."""
    generator = torch.Generator().manual_seed(sum(key.encode()))
    return torch.randn(4, 5, generator=generator).bfloat16(), torch.randn(2, 3, generator=generator)


def is_right(key: str, found: Embedding) -> bool:
    return all(torch.equal(*pair) for pair in zip(found, embedding(key), strict=True))


def share(folder: Path, seed: int) -> None:
    """Request keys while other processes do; only half of them fit on disk."""
    random = Random(seed)
    cache = EmbeddingCache(memory_bytes=0, directory=folder, disk_bytes=DISK_BYTES)
    held: list[tuple[str, Embedding]] = []
    for _ in range(60):
        keys = random.choices(KEYS, k=3)
        found = cache.get(keys, lambda indices, keys=keys: [embedding(keys[index]) for index in indices])
        held += zip(keys, found, strict=True)
    # Including those mapped long ago, whose files are deleted by now.
    assert all(is_right(key, found) for key, found in held)
    counts = cache.counts
    assert counts.misses
    assert counts.disk_hits
    sys.stdout.write(f"{counts.damaged} damaged, {counts.unwritten} unwritten\n")


def stop_half_way(folder: Path, _: int) -> None:
    """Write the first half of a file, print that, and wait to be killed."""

    def write_half(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[: len(content) // 2])
        sys.stdout.write("half\n")
        sys.stdout.flush()
        time.sleep(600)

    Path.write_bytes = write_half
    EmbeddingCache(directory=folder).get(KEYS[:1], lambda _: [embedding(KEYS[0])])


def ask_as_nobody(folder: Path, _: int) -> None:
    """Request a key that the folder has and one that it does not have, as a user without rights."""
    import safetensors.torch  # noqa: F401 - while there are rights to read it

    os.setgid(65534)
    os.setuid(65534)
    cache = EmbeddingCache(memory_bytes=0, directory=folder)
    for key in KEYS[:2]:
        assert is_right(key, *cache.get([key], lambda _, key=key: [embedding(key)]))
    counts = cache.counts
    sys.stdout.write(f"{counts.disk_hits} on disk, {counts.misses} encoded, {counts.unwritten} unwritten\n")


if __name__ == "__main__":
    role, folder, seed = sys.argv[1:]
    {"share": share, "stop": stop_half_way, "foreign": ask_as_nobody}[role](Path(folder), int(seed))
