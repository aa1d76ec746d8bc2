"""The cache of embeddings in memory: encoding, eviction, counts, and threads that share it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models import CacheCounts, Embedding, EmbeddingCache
from tests.waiting import LONGEST


def embedding(key: str, size: int = 8) -> Embedding:
    """Return one tensor of ``size`` bytes that depends on the key."""
    return (torch.full((size,), sum(key.encode()) % 251, dtype=torch.uint8),)


class Encoder:
    """Encodes the given keys, and records the indices that it was asked for."""

    def __init__(self, keys: Sequence[str], size: int = 8) -> None:
        self.keys, self.size = keys, size
        self.asked: list[list[int]] = []

    def __call__(self, indices: list[int]) -> list[Embedding]:
        self.asked.append(indices)
        return [embedding(self.keys[index], self.size) for index in indices]


def get(cache: EmbeddingCache, keys: Sequence[str], size: int = 8) -> list[list[int]]:
    """Check the embeddings that the cache gives; return the indices that it had to encode."""
    encoder = Encoder(keys, size)
    for key, found in zip(keys, cache.get(keys, encoder), strict=True):
        assert torch.equal(found[0], embedding(key, size)[0])
    return encoder.asked


def test_all_missing_are_encoded_in_one_call_each_once() -> None:
    cache = EmbeddingCache()
    assert get(cache, "abcab") == [[0, 1, 2]]
    assert get(cache, "dcea") == [[0, 2]]
    assert get(cache, "abcde") == []
    assert cache.counts == CacheCounts(hits=2 + 2 + 5, misses=5, held_bytes=40)


def test_nothing_asked_for() -> None:
    cache = EmbeddingCache()
    assert get(cache, "") == []
    assert cache.counts == CacheCounts()


def test_rows_of_one_image_share_its_tensors() -> None:
    cache = EmbeddingCache()
    first, _, third = cache.get(["a", "b", "a"], Encoder("aba"))
    assert first is third is cache.get(["a"], Encoder("a"))[0]


def test_the_least_recently_used_is_evicted_first() -> None:
    cache = EmbeddingCache(memory_bytes=24)
    get(cache, "abc")
    get(cache, "a")
    get(cache, "d")
    assert get(cache, "ca") == []
    get(cache, "b")
    assert cache.counts == CacheCounts(hits=3, misses=5, evicted=2, held_bytes=24)
    assert get(cache, "abc") == []
    assert get(cache, "d") == [[0]]


def test_several_are_evicted_for_a_larger_one() -> None:
    cache = EmbeddingCache(memory_bytes=24)
    get(cache, "abc")
    get(cache, "d", size=9)
    assert cache.counts == CacheCounts(misses=4, evicted=2, held_bytes=17)


def test_one_that_fills_the_memory_is_kept() -> None:
    cache = EmbeddingCache(memory_bytes=8)
    get(cache, "a")
    assert get(cache, "a") == []


def test_one_larger_than_the_memory_is_given_but_not_kept() -> None:
    cache = EmbeddingCache(memory_bytes=24)
    get(cache, "a")
    assert get(cache, "bb", size=25) == get(cache, "b", size=25) == [[0]]
    assert cache.counts == CacheCounts(hits=1, misses=3, held_bytes=8)
    assert get(cache, "a") == []


def test_no_memory_keeps_nothing() -> None:
    cache = EmbeddingCache(memory_bytes=0)
    assert get(cache, "a") == get(cache, "a") == [[0]]
    assert cache.counts == CacheCounts(misses=2)


def test_all_levels_count() -> None:
    cache = EmbeddingCache(memory_bytes=100)
    cache.get(["a"], lambda _: [(torch.zeros(4, dtype=torch.bfloat16), torch.zeros(2, 3))])
    assert cache.counts.held_bytes == 4 * 2 + 6 * 4


def test_a_part_of_a_batch_does_not_hold_the_batch() -> None:
    batch = torch.arange(12.0).reshape(3, 4)
    (found,) = EmbeddingCache().get(["a"], lambda _: [(batch[1],)])
    assert torch.equal(found[0], batch[1])
    assert found[0].untyped_storage().nbytes() == found[0].nbytes == 16


def test_whole_tensors_are_not_copied() -> None:
    whole = torch.zeros(2, 3, dtype=torch.float16)
    (found,) = EmbeddingCache().get(["a"], lambda _: [(whole,)])
    assert found[0].data_ptr() == whole.data_ptr()


def test_no_graph_is_held() -> None:
    weights = torch.ones(3, requires_grad=True)
    (found,) = EmbeddingCache().get(["a"], lambda _: [(weights * 2,)])
    assert found[0].grad_fn is None
    assert not found[0].requires_grad


@pytest.mark.parametrize("given", [0, 1, 3])
def test_another_number_of_embeddings_is_refused(given: int) -> None:
    cache = EmbeddingCache()
    message = f"encode: 2 embeddings were asked for, {given} returned"
    with pytest.raises(ArgumentError, match=message):
        cache.get(["a", "b"], lambda _: [embedding("a")] * given)
    assert cache.counts == CacheCounts()
    assert get(cache, "ab") == [[0, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_bytes": -1}, "memory_bytes: 0 or more, not -1"),
        ({"disk_bytes": 5}, "disk_bytes: 0 or more, and with a directory, not 5 in None"),
        ({"disk_bytes": -5, "directory": "x"}, "disk_bytes: 0 or more, and with a directory, not -5 in x"),
    ],
)
def test_limits_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        EmbeddingCache(**options)


def test_threads_that_ask_at_the_same_time_share_one_encoding() -> None:
    cache = EmbeddingCache(memory_bytes=0)  # so that none of them can find it in memory
    barrier, calls, others = threading.Barrier(8), [], threading.Event()
    watch_waiting(cache, others, waiting=7)

    def encode(indices: list[int]) -> list[Embedding]:
        calls.append(indices)
        assert others.wait(LONGEST)
        return [embedding("a") for _ in indices]

    def ask(_: int) -> Embedding:
        barrier.wait(LONGEST)
        return cache.get(["a"], encode)[0]

    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(ask, range(8))]
    assert calls == [[0]]
    assert all(shared is found[0] for shared in found)
    assert cache.counts == CacheCounts(misses=1, waits=7)


def watch_waiting(cache: EmbeddingCache, event: threading.Event, waiting: int) -> None:
    """Set the event as soon as so many lookups were sent to wait for others."""
    look_up, seen = cache._look_up, []

    def watched(*arguments: Any) -> Any:
        mine, theirs = look_up(*arguments)
        seen.extend(theirs)
        if len(seen) == waiting:
            event.set()
        return mine, theirs

    cache._look_up = watched


@pytest.mark.parametrize("error", [OSError("out of memory"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_an_encoding_that_raises_lets_the_next_thread_try(error: BaseException) -> None:
    cache = EmbeddingCache()
    encoding, other_waits = threading.Event(), threading.Event()
    watch_waiting(cache, other_waits, waiting=1)

    def fail(_: list[int]) -> list[Embedding]:
        encoding.set()
        assert other_waits.wait(LONGEST)
        raise error

    with ThreadPoolExecutor(2) as threads:
        failing = threads.submit(cache.get, ["a", "b"], fail)
        assert encoding.wait(LONGEST)
        assert threads.submit(get, cache, "cb").result(LONGEST) == [[0], [1]]
        with pytest.raises(type(error)):
            failing.result(LONGEST)
    assert cache.counts == CacheCounts(misses=2, held_bytes=16)


def test_threads_with_keys_in_common_never_wait_for_each_other() -> None:
    cache = EmbeddingCache(memory_bytes=5 * 8)

    def ask(seed: int) -> int:
        random = Random(seed)
        asked = 0
        for _ in range(150):
            keys = random.choices("abcdefghij", k=random.randrange(6))
            get(cache, keys)
            asked += len(keys)
        return asked

    with ThreadPoolExecutor(8) as threads:
        asked = sum(threads.map(ask, range(8), timeout=LONGEST))
    counts = cache.counts
    assert counts.hits + counts.misses + counts.waits == asked
    assert counts.held_bytes <= 40


class Memory(RuleBasedStateMachine):
    """Compare the cache with a list of keys in the order of their last use."""

    LIMIT = 10

    def __init__(self) -> None:
        super().__init__()
        self.cache = EmbeddingCache(memory_bytes=self.LIMIT)
        self.held: list[str] = []
        self.expected = CacheCounts()

    @staticmethod
    def size(key: str) -> int:
        return "abcdefghijkl".index(key)  # from 0 to one more than the limit

    @rule(keys=st.lists(st.sampled_from("abcdefghijkl"), max_size=5))
    def ask(self, keys: list[str]) -> None:
        distinct = [*dict.fromkeys(keys)]
        hits = [key for key in distinct if key in self.held]
        missing = [key for key in distinct if key not in self.held]
        encoded: list[int] = []

        def encode(indices: list[int]) -> list[Embedding]:
            encoded.extend(indices)
            return [embedding(keys[index], self.size(keys[index])) for index in indices]

        found = self.cache.get(keys, encode)
        assert [level.tolist() for (level,) in found] == [embedding(key, self.size(key))[0].tolist() for key in keys]
        assert encoded == [keys.index(key) for key in missing]
        self.held = [key for key in self.held if key not in hits] + hits
        evicted = sum(self.add(key) for key in missing)
        self.expected = replace(
            self.expected,
            hits=self.expected.hits + len(keys) - len(missing),
            misses=self.expected.misses + len(missing),
            evicted=self.expected.evicted + evicted,
            held_bytes=sum(map(self.size, self.held)),
        )

    def add(self, key: str) -> int:
        """Add a key; return how many were evicted."""
        if self.size(key) > self.LIMIT:
            return 0
        kept = [*self.held, key]
        while sum(map(self.size, kept)) > self.LIMIT:
            kept = kept[1:]
        evicted = len(self.held) + 1 - len(kept)
        self.held = kept
        return evicted

    @invariant()
    def agrees(self) -> None:
        assert self.cache.counts == self.expected
        assert self.cache.counts.held_bytes <= self.LIMIT


TestMemory = Memory.TestCase
TestMemory.settings = settings(stateful_step_count=20)
