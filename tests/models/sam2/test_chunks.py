"""Batches that shrink when memory runs out, simulated where there is no GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models import Sam2Segmenter
from onethinker_rewards.models.sam2.backend import Chunks
from tests.models.sam2 import scenes, tiny


def _doubling(room: int, seen: list[int]) -> Callable[[Sequence[int]], list[int]]:
    def work(items: Sequence[int]) -> list[int]:
        seen.append(len(items))
        if len(items) > room:
            raise torch.OutOfMemoryError("simulated")
        return [2 * item for item in items]

    return work


@pytest.mark.parametrize(
    ("room", "sizes", "halved"),
    [
        pytest.param(8, [4, 4, 2], 0, id="room-enough"),
        pytest.param(2, [4, 2, 2, 2, 2, 2], 1, id="halved"),
        pytest.param(1, [4, 2, *[1] * 10], 2, id="down-to-one"),
    ],
)
def test_chunks_are_halved(room: int, sizes: list[int], halved: int) -> None:
    seen: list[int] = []
    chunks = Chunks("rows", 4)
    assert chunks.run(range(10), _doubling(room, seen)) == [2 * item for item in range(10)]
    assert (seen, chunks.halved) == (sizes, halved)


def test_a_shorter_last_chunk_is_halved_from_its_own_length() -> None:
    seen: list[int] = []
    chunks = Chunks("rows", 100)
    chunks.run(range(5), _doubling(2, seen))
    assert seen == [5, 2, 2, 1]


def test_it_stays_halved() -> None:
    chunks = Chunks("rows", 4)
    chunks.run(range(4), _doubling(2, []))
    seen: list[int] = []
    chunks.run(range(4), _doubling(4, seen))
    assert seen == [2, 2]


def test_one_too_many_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError, match="simulated"):
        Chunks("rows", 4).run(range(3), _doubling(0, []))


def test_nothing_is_no_work() -> None:
    assert Chunks("rows", 4).run([], _doubling(0, [])) == []


def test_other_errors_pass() -> None:
    def work(_: Sequence[int]) -> list[int]:
        raise RuntimeError("not memory")

    with pytest.raises(RuntimeError, match="not memory"):
        Chunks("rows", 4).run(range(3), work)


def test_there_is_room_for_one() -> None:
    with pytest.raises(ArgumentError, match="rows: at least 1, not 0"):
        Chunks("rows", 0)


def _cramped(segmenter: Sam2Segmenter, name: str, room: int) -> None:
    """Let the backend run out of memory beyond ``room`` images or prompts."""
    backend: Any = segmenter._decoder.backend
    whole = getattr(backend, name)

    def cramped(*arguments: Any) -> Any:
        rows = {"encode": lambda: len(arguments[0]), "decode": lambda: len(arguments[1].points)}[name]()
        if rows > room:
            raise torch.OutOfMemoryError("simulated")
        return whole(*arguments)

    setattr(backend, name, cramped)


def test_a_segmenter_goes_on_with_fewer_prompts_and_images() -> None:
    model = tiny.hugging_face(4)
    images = [scenes.image(phase) for phase in range(4)]
    prompts = list(scenes.group(4))[1:]
    roomy = Sam2Segmenter.from_transformers(model, rows_at_once=4, images_at_once=4)
    segmenter = Sam2Segmenter.from_transformers(model, rows_at_once=4, images_at_once=4)
    _cramped(segmenter, "decode", 1)
    _cramped(segmenter, "encode", 2)
    masks = segmenter(images, *prompts)
    assert min(map(scenes.overlap, masks, roomy(images, *prompts))) >= 0.999
    counts = segmenter.counts
    assert (counts.rows_at_once, counts.images_at_once, counts.halved) == (1, 2, 3)
    assert (counts.encoded, counts.decoded) == (4, 4)


def test_a_segmenter_without_room_for_one_raises() -> None:
    segmenter = Sam2Segmenter.from_transformers(tiny.hugging_face(4), rows_at_once=4)
    _cramped(segmenter, "decode", 0)
    with pytest.raises(torch.OutOfMemoryError):
        segmenter(*scenes.group(4))
