"""The parts that all backends share: chunks that shrink, default options by device, digests of weights, two passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models import Sam2Segmenter
from onethinker_rewards.models.sam2.backend import Chunks, Decoded, Device, Prompts, two_pass_logits, weights_digest
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


def test_no_memory_for_one_item_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError, match="simulated"):
        Chunks("rows", 4).run(range(3), _doubling(0, []))


def test_no_items_give_no_results() -> None:
    assert Chunks("rows", 4).run([], _doubling(0, [])) == []


def test_other_errors_are_raised() -> None:
    def work(_: Sequence[int]) -> list[int]:
        raise RuntimeError("not memory")

    with pytest.raises(RuntimeError, match="not memory"):
        Chunks("rows", 4).run(range(3), work)


def test_a_size_below_one_is_refused() -> None:
    with pytest.raises(ArgumentError, match="rows: at least 1, not 0"):
        Chunks("rows", 0)


def _limit_memory(segmenter: Sam2Segmenter, name: str, room: int) -> None:
    """Make the backend run out of memory beyond ``room`` images or prompts."""
    backend: Any = segmenter._decoder.backend
    whole = getattr(backend, name)

    def limited(*arguments: Any) -> Any:
        rows = {"encode": lambda: len(arguments[0]), "decode": lambda: len(arguments[1].points)}[name]()
        if rows > room:
            raise torch.OutOfMemoryError("simulated")
        return whole(*arguments)

    setattr(backend, name, limited)


def test_a_segmenter_goes_on_with_fewer_prompts_and_images() -> None:
    model = tiny.hugging_face(4)
    images = [scenes.image(phase) for phase in range(4)]
    prompts = list(scenes.group(4))[1:]
    roomy = Sam2Segmenter.from_transformers(model, rows_at_once=4, images_at_once=4)
    segmenter = Sam2Segmenter.from_transformers(model, rows_at_once=4, images_at_once=4)
    _limit_memory(segmenter, "decode", 1)
    _limit_memory(segmenter, "encode", 2)
    masks = segmenter(images, *prompts)
    assert min(map(scenes.overlap, masks, roomy(images, *prompts))) >= 0.999
    counts = segmenter.counts
    assert (counts.rows_at_once, counts.images_at_once, counts.halved) == (1, 2, 3)
    assert (counts.encoded, counts.decoded) == (4, 4)


def test_a_segmenter_without_room_for_one_raises() -> None:
    segmenter = Sam2Segmenter.from_transformers(tiny.hugging_face(4), rows_at_once=4)
    _limit_memory(segmenter, "decode", 0)
    with pytest.raises(torch.OutOfMemoryError):
        segmenter(*scenes.group(4))


class _OnCuda(torch.nn.Module):
    def parameters(self, recurse: bool = True) -> Any:
        yield SimpleNamespace(device=torch.device("cuda"), dtype=torch.float32)


def test_defaults_depend_on_the_device() -> None:
    cpu, cuda = Device(torch.nn.Linear(1, 1), None), Device(_OnCuda(), None)
    assert (cpu.images_at_once, cpu.rows_at_once, cpu.embedding_dtype) == (1, 1, torch.float32)
    assert (cuda.images_at_once, cuda.rows_at_once, cuda.embedding_dtype) == (8, 64, torch.float16)
    assert Device(torch.nn.Linear(1, 1).half(), None).embedding_dtype == torch.float16


def test_a_digest_is_of_every_weight() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    first = weights_digest(model)
    assert weights_digest(model) == first
    assert weights_digest(model.bfloat16()) != first
    model.float()
    changed = weights_digest(model)
    with torch.no_grad():
        model[0].bias[2] += 1e-3
    assert weights_digest(model) != changed


class _Scripted:
    """Gives mask and object logits in turn, and records what it was asked."""

    def __init__(self, *answers: tuple[float, float]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Prompts, Any]] = []

    def decode(self, _: Any, prompts: Prompts, mask: Any) -> Decoded:
        self.asked.append((prompts, mask))
        logit, object_logit = self.answers.pop(0)
        return Decoded(torch.full((1, 1, 2, 2), logit), torch.ones(1, 1), torch.full((1, 1), object_logit))


def _drawn(*answers: tuple[float, float]) -> tuple[_Scripted, torch.Tensor]:
    backend: Any = _Scripted(*answers)
    prompts = Prompts(torch.arange(10.0).reshape(1, 5, 2), torch.tensor([[2, 3, 1, 0, 0]]))
    return backend, two_pass_logits(backend, (), prompts)


def test_the_first_pass_sees_the_box_and_the_second_all() -> None:
    backend, _ = _drawn((1.0, 1.0), (2.0, 1.0))
    (first, no_mask), (second, mask) = backend.asked
    assert first.points.tolist() == [[[0, 1], [2, 3]]]
    assert first.labels.tolist() == [[2, 3]]
    assert no_mask is None
    assert second.labels.tolist() == [[2, 3, 1, 0, 0]]
    assert (mask == 1).all()


@pytest.mark.parametrize(("logit", "prompt"), [(31.0, 31.0), (40.0, 32.0), (-40.0, -32.0)])
def test_the_first_masks_logits_are_limited(logit: float, prompt: float) -> None:
    backend, _ = _drawn((logit, 1.0), (2.0, 1.0))
    assert (backend.asked[1][1] == prompt).all()


def test_the_second_masks_logits_are_not() -> None:
    assert (_drawn((1.0, 1.0), (40.0, 1.0))[1] == 40).all()


@pytest.mark.parametrize(("object_logit", "is_there"), [(0.1, True), (0.0, False), (-0.1, False)])
def test_an_object_is_there_above_0(object_logit: float, is_there: bool) -> None:
    _, logits = _drawn((1.0, 1.0), (2.0, object_logit))
    assert (logits > 0).all() == is_there


def test_without_an_object_at_first_the_second_pass_is_asked_all_the_same() -> None:
    backend, logits = _drawn((5.0, -1.0), (2.0, 1.0))
    assert (backend.asked[1][1] == -32).all()
    assert (logits == 2).all()
