"""Embeddings on disk: exact round trips, damage, the size limit, other threads and processes."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import safetensors
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.models import CacheCounts, EmbeddingCache, embeddings
from onethinker_rewards.models.embeddings import DamagedFileError, EmbeddingFiles
from tests.models.sharing import DISK_BYTES, FILE_BYTES, KEYS, embedding, is_right
from tests.waiting import LONGEST

ROOT = Path(__file__).parents[2]
HOUR = 3600.0


def get(cache: EmbeddingCache, *keys: str) -> list[int]:
    """Check the embeddings that the cache gives; return the indices that it had to encode."""
    asked: list[int] = []

    def encode(indices: list[int]) -> list[Any]:
        asked.extend(indices)
        return [embedding(keys[index]) for index in indices]

    assert all(map(is_right, keys, cache.get(keys, encode)))
    return asked


def on_disk(folder: Path) -> list[Path]:
    return sorted(folder.glob("embedding-*"))


def set_last_use(path: Path, seconds_ago: float) -> None:
    time = path.stat().st_mtime - seconds_ago
    os.utime(path, (time, time))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "embeddings"


@pytest.fixture
def files(folder: Path) -> EmbeddingFiles:
    return EmbeddingFiles(folder, None)


def in_all_bits(dtype: torch.dtype) -> torch.Tensor:
    """Return random bytes as values of a dtype, which include NaNs of all kinds and subnormal numbers."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (16, 64), dtype=torch.uint8, generator=generator).view(dtype)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.uint8, torch.bool]
)
def test_read_equals_written_bit_for_bit(files: EmbeddingFiles, dtype: torch.dtype) -> None:
    levels = (in_all_bits(torch.uint8) % 2).bool() if dtype == torch.bool else in_all_bits(dtype)
    files.write("a", (levels, levels[3], levels[0, 0], levels[:0], levels.T))
    found = files.read("a")
    assert found is not None
    expected = (levels, levels[3], levels[0, 0], levels[:0], levels.T)
    for level, other in zip(found, expected, strict=True):
        assert (level.dtype, level.shape) == (other.dtype, other.shape)
        assert torch.equal(*(tensor.contiguous().reshape(-1).view(torch.uint8) for tensor in (level, other)))


def test_levels_keep_their_order_beyond_nine(files: EmbeddingFiles) -> None:
    files.write("a", tuple(torch.tensor([level]) for level in range(12)))
    assert [level.item() for level in files.read("a") or ()] == [*range(12)]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs /proc")
def test_what_is_read_is_mapped_and_its_file_cannot_be_changed_through_it(folder: Path, files: EmbeddingFiles) -> None:
    files.write("a", (torch.ones(4096),))
    (found,) = files.read("a") or ()
    (path,) = on_disk(folder)
    assert str(path) in Path("/proc/self/maps").read_text()
    found.zero_()
    assert torch.equal(*(files.read("a") or ()), torch.ones(4096))


def test_a_deleted_file_stays_readable_where_it_is_mapped(folder: Path, files: EmbeddingFiles) -> None:
    files.write("a", embedding("a"))
    found = files.read("a")
    shutil.rmtree(folder)
    assert found is not None
    assert is_right("a", found)
    assert files.read("a") is None


def test_a_second_cache_finds_what_the_first_encoded(folder: Path) -> None:
    first, second = EmbeddingCache(directory=folder), EmbeddingCache(directory=str(folder))
    assert get(first, "a", "b") == [0, 1]
    assert get(second, "c", "b", "a", "a") == [0]
    assert get(second, "a", "b", "c") == []
    size = sum(level.nbytes for level in embedding("a"))
    assert first.counts == CacheCounts(misses=2, held_bytes=2 * size)
    assert second.counts == CacheCounts(hits=4, misses=1, disk_hits=2, held_bytes=3 * size)


def test_what_memory_drops_is_still_on_disk(folder: Path) -> None:
    cache = EmbeddingCache(memory_bytes=0, directory=folder)
    assert [get(cache, "a") for _ in range(3)] == [[0], [], []]
    assert cache.counts == CacheCounts(misses=1, disk_hits=2)


@pytest.mark.parametrize("key", ["facebook/sam2.1-hiera-large", "../../a", "x" * 1000, "\0\n", "é", ""])
def test_any_text_is_a_key(folder: Path, files: EmbeddingFiles, key: str) -> None:
    files.write(key, embedding(key))
    assert is_right(key, files.read(key) or ())
    assert len(on_disk(folder)) == 1


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut in the header": lambda content: content[:20],
    "cut in the numbers": lambda content: content[:-1],
    "too long": lambda content: content + b"\0",
    "a number changed": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "a type changed": lambda content: content.replace(b'"BF16"', b'"F16" ', 1),
    "a shape changed": lambda content: content.replace(b"[4,5]", b"[5,4]", 1),
    "zeros": lambda content: bytes(len(content)),
    "other metadata": lambda content: content.replace(b'"content":', b'"contend":', 1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_encoded_again_counted_and_replaced(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    get(EmbeddingCache(directory=folder), "a")
    (path,) = on_disk(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert path.read_bytes() != whole
    second, third = EmbeddingCache(directory=folder), EmbeddingCache(directory=folder)
    assert get(second, "a") == [0]
    assert (second.counts.damaged, second.counts.misses, second.counts.disk_hits) == (1, 1, 0)
    assert get(third, "a") == []
    assert (third.counts.damaged, third.counts.disk_hits) == (0, 1)


def test_a_file_of_another_key_is_not_used(folder: Path, files: EmbeddingFiles) -> None:
    files.write("a", embedding("a"))
    (path,) = on_disk(folder)
    path.rename(files._path("b"))
    with pytest.raises(DamagedFileError, match="its content is not what was written"):
        files.read("b")


@given(st.data())
def test_no_change_of_any_byte_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.getbasetemp() / "changed"
    files = EmbeddingFiles(folder, None)
    files.write("a", embedding("a"))
    (path,) = on_disk(folder)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = files.read("a")
    except DamagedFileError:
        return
    assert is_right("a", found or ())


def test_the_least_recently_used_file_is_deleted_first(folder: Path) -> None:
    cache = EmbeddingCache(memory_bytes=0, directory=folder, disk_bytes=3 * FILE_BYTES)
    for key, seconds_ago in {"a": 30.0, "b": 20.0, "c": 10.0}.items():
        get(cache, key)
        set_last_use(EmbeddingFiles(folder, None)._path(key), seconds_ago)
    assert get(cache, "a") == []  # now b is the oldest
    get(cache, "d")
    assert get(EmbeddingCache(directory=folder), "a", "b", "c", "d") == [1]


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 60)), max_size=25), st.integers(0, 9000))
def test_disk_bytes_are_never_exceeded(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, int]], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("limited")
    files = EmbeddingFiles(folder, limit)
    for key, size in written:
        files.write(key, (torch.zeros(size * 8),))
        held = sum(path.stat().st_size for path in on_disk(folder))
        assert held <= limit
        if held + 4096 <= limit:
            assert files.read(key) is not None


def test_a_file_larger_than_the_limit_is_not_written(folder: Path) -> None:
    cache = EmbeddingCache(memory_bytes=0, directory=folder, disk_bytes=10)
    assert [get(cache, "a"), get(cache, "a")] == [[0], [0]]
    assert on_disk(folder) == []
    assert cache.counts == CacheCounts(misses=2)


def test_many_files_are_not_listed_for_each_new_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = EmbeddingFiles(folder, 64 * 4 * FILE_BYTES)
    listed: list[int] = []
    list_files = files._files
    monkeypatch.setattr(files, "_files", lambda: listed.append(1) or list_files())
    for number in range(320):
        files.write(f"{number:3}", embedding("a"))
        assert len(on_disk(folder)) <= 64 * 4
    assert len(listed) == 320 / (4 + 1)
    assert len(on_disk(folder)) > 64 * 4 - 5


def test_other_files_in_the_folder_are_left_alone(folder: Path) -> None:
    folder.mkdir()
    others = [
        folder / name
        for name in ("model.safetensors", "embedding-of-mine.safetensors", f"embedding-{0:032x}.safetensors.old")
    ]
    for other in others:
        other.write_bytes(bytes(9000))
        set_last_use(other, 9 * HOUR)
    cache = EmbeddingCache(directory=folder, disk_bytes=FILE_BYTES)
    get(cache, "a", "b", "c")
    assert {*folder.iterdir()} == {*others, EmbeddingFiles(folder, None)._path("c")}


def test_a_file_deleted_by_another_while_it_is_listed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = EmbeddingFiles(folder, 2 * FILE_BYTES)
    files.write("a", embedding("a"))
    gone = folder / f"embedding-{0:032x}.safetensors"
    there = [*folder.iterdir()]
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([gone, *there]))
    files.write("b", embedding("b"))
    assert is_right("b", files.read("b") or ())


@pytest.mark.parametrize(
    ("message", "is_gone"), [("in read-only mode: No such file or directory (2)", True), ("(12)", False)]
)
def test_a_file_deleted_by_another_while_it_is_opened(
    files: EmbeddingFiles, monkeypatch: pytest.MonkeyPatch, message: str, is_gone: bool
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError(message)

    monkeypatch.setattr(safetensors, "safe_open", fail)
    if is_gone:
        assert files.read("a") is None
        return
    with pytest.raises(RuntimeError):
        files.read("a")


def test_a_file_of_someone_else_is_read(folder: Path, files: EmbeddingFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EPERM, "not yours")

    files.write("a", embedding("a"))
    monkeypatch.setattr(os, "utime", refuse)
    assert is_right("a", files.read("a") or ())


def test_a_full_disk_is_one_warning_and_costs_no_embedding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = EmbeddingCache(memory_bytes=0, directory=folder)

    def fill(path: Path, content: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", fill)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        assert get(cache, "a", "b") == [0, 1]
    (warning,) = caught
    assert str(warning.message) == f"embeddings cannot be written to {folder}: No space left on device"
    assert (warning.category, warning.filename) == (RuntimeWarning, __file__)
    assert cache.counts == CacheCounts(misses=2, unwritten=2)
    assert on_disk(folder) == []


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize("rights", [0o755, 0o711, 0o700])
def test_a_folder_of_someone_else_is_a_warning_and_costs_no_embedding(rights: int) -> None:
    """Its files can be read and listed, only read, or neither."""
    # Not pytest's own folder, which nobody else can enter.
    with TemporaryDirectory() as parent:
        folder = Path(parent).resolve() / "embeddings"
        get(EmbeddingCache(directory=folder), KEYS[0])
        Path(parent).chmod(0o755)
        folder.chmod(rights)
        with child("foreign", folder, "0") as process:
            output, errors = process.communicate(timeout=LONGEST)
    found = 1 if rights != 0o700 else 0
    assert output == f"{found} on disk, {2 - found} encoded, {2 - found} unwritten\n", errors
    assert errors.count(f"embeddings cannot be written to {folder}: Permission denied") == 1


def test_without_safetensors_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"onethinker-rewards\[sam2\]"):
        EmbeddingCache(directory=folder)
    assert not folder.exists()
    EmbeddingCache()


def test_threads_share_a_folder(folder: Path) -> None:
    cache = EmbeddingCache(memory_bytes=0, directory=folder, disk_bytes=DISK_BYTES)
    barrier = threading.Barrier(4)

    def ask(first: int) -> None:
        barrier.wait(LONGEST)
        for turn in range(30):
            get(cache, *(KEYS[(first + turn + step) % len(KEYS)] for step in range(3)))

    with ThreadPoolExecutor(4) as threads:
        assert [*threads.map(ask, range(4), timeout=LONGEST)] == [None] * 4
    counts = cache.counts
    assert counts.hits + counts.misses + counts.disk_hits + counts.waits == 4 * 30 * 3
    assert (counts.damaged, counts.unwritten) == (0, 0)


@contextmanager
def child(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command: Sequence[str] = [sys.executable, "-m", "tests.models.sharing", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # several processes share the cores
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_processes_share_a_folder(folder: Path) -> None:
    """Each writes, reads and deletes what others read; nobody sees half a file."""
    with ExitStack() as stack:
        for process in [stack.enter_context(child("share", folder, str(seed))) for seed in range(3)]:
            output, errors = process.communicate(timeout=LONGEST)
            assert (process.returncode, output) == (0, "0 damaged, 0 unwritten\n"), errors
    left = on_disk(folder)
    assert all(path.suffix == ".safetensors" for path in left)
    assert 0 < sum(path.stat().st_size for path in left) <= DISK_BYTES + 2 * FILE_BYTES


def test_a_process_killed_while_it_writes_leaves_nothing_that_is_used(folder: Path) -> None:
    with child("stop", folder, "0") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
    (unfinished,) = on_disk(folder)
    assert unfinished.suffix != ".safetensors"
    cache = EmbeddingCache(memory_bytes=0, directory=folder, disk_bytes=2 * FILE_BYTES)
    assert get(cache, KEYS[0]) == [0]
    assert cache.counts.damaged == 0
    # A recent one may still be being written, so only an old one is deleted.
    get(cache, "b")
    assert unfinished.exists()
    set_last_use(unfinished, 2 * HOUR)
    get(cache, "c")
    assert not unfinished.exists()
