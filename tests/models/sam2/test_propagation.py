"""Propagation through videos, with small models of random weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models import EmbeddingCache, Sam2Segmenter
from onethinker_rewards.models.sam2 import hugging_face
from tests.models.sam2 import scenes, tiny

FRAMES = [scenes.image(phase / 4) for phase in range(4)]


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.hugging_face(4)


@pytest.fixture(params=["transformers", "sam2"])
def segmenter(request: pytest.FixtureRequest, model: Any) -> Sam2Segmenter:
    if request.param == "transformers":
        return Sam2Segmenter.from_transformers(model, rows_at_once=3)
    return Sam2Segmenter.from_sam2(tiny.meta(model), rows_at_once=3)


def _prompts(count: int) -> list[Any]:
    return list(scenes.group(count))[1:]


def test_the_keyframe_is_the_images_own_mask(segmenter: Sam2Segmenter) -> None:
    masks = segmenter.propagate(FRAMES, [1, 3, 1], *_prompts(3))
    assert [(mask.shape, mask.dtype) for mask in masks] == [((4, 60, 80), np.dtype(bool))] * 3
    alone = segmenter([FRAMES[1], FRAMES[3], FRAMES[1]], *_prompts(3))
    key = [masks[0][1], masks[1][3], masks[2][1]]
    assert min(map(scenes.overlap, key, alone)) >= 0.999


def test_batches_equal_their_rows(segmenter: Sam2Segmenter) -> None:
    keyframes = [2, 0, 2, 2]
    masks = segmenter.propagate(FRAMES, keyframes, *_prompts(4))
    alone = [
        segmenter.propagate(FRAMES, [keyframe], *(part[[row]] for part in _prompts(4)))[0]
        for row, keyframe in enumerate(keyframes)
    ]
    assert min(map(scenes.overlap, masks, alone)) >= 0.99


def test_frames_depend_on_the_keyframes_mask(segmenter: Sam2Segmenter) -> None:
    masks = segmenter.propagate(FRAMES, [1, 1], *_prompts(2))
    assert all((masks[0][frame] != masks[1][frame]).any() for frame in range(4))


def test_frames_are_encoded_once_for_all_rows_and_shared_with_images(model: Any) -> None:
    segmenter = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache(), rows_at_once=3)
    frames = [*FRAMES, FRAMES[0]]
    masks = segmenter.propagate(frames, [1, 1, 1], *(part[[0, 1, 0]] for part in _prompts(2)))
    assert masks[0] is not masks[1]
    assert (masks[0] == masks[2]).all()
    assert not masks[0].flags.writeable
    counts = segmenter.counts
    assert (counts.rows, counts.decoded, counts.images, counts.encoded) == (3, 2, 4, 4)
    segmenter(FRAMES[:2], *_prompts(2))
    assert (segmenter.counts.encoded, segmenter.counts.cache_hits) == (4, 2)


def test_the_same_prompt_in_another_frame_is_another_object(segmenter: Sam2Segmenter) -> None:
    prompts = [part[[0, 0]] for part in _prompts(1)]
    masks = segmenter.propagate(FRAMES, [0, 3], *prompts)
    assert segmenter.counts.decoded == 2
    assert (masks[0] != masks[1]).any()
    alone = segmenter.propagate(FRAMES, [0], *_prompts(1))
    assert scenes.overlap(masks[0], alone[0]) >= 0.99


def test_rows_with_different_numbers_of_points(segmenter: Sam2Segmenter) -> None:
    boxes, positive, negative = _prompts(2)
    masks = segmenter.propagate(FRAMES[:2], [0, 0], boxes, [positive[0], positive[1, :1]], [negative[0], []])
    alone = segmenter.propagate(FRAMES[:2], [0], boxes[1:], positive[1:, :1], [[]])
    assert scenes.overlap(masks[1], alone[0]) >= 0.99


def test_fewer_rows_at_once_where_memory_runs_out(model: Any) -> None:
    segmenter = Sam2Segmenter.from_sam2(tiny.meta(model), rows_at_once=2)
    backend: Any = segmenter._tracker.backend
    whole = backend.track

    def limited(embeddings: Any, keyframe: int, prompts: Any) -> Any:
        if len(prompts.points) > 1:
            raise torch.OutOfMemoryError("simulated")
        return whole(embeddings, keyframe, prompts)

    backend.track = limited
    masks = segmenter.propagate(FRAMES[:2], [0, 0], *_prompts(2))
    assert len(masks) == 2
    assert segmenter.counts.halved == 1


def test_a_model_of_images_has_no_memory() -> None:
    segmenter = Sam2Segmenter.from_transformers(tiny.hugging_face(4, video=False))
    assert len(segmenter(*scenes.group(1))) == 1
    with pytest.raises(ArgumentError, match="Sam2VideoModel"):
        segmenter.propagate(FRAMES, [0], *_prompts(1))


def test_transformers_is_recent_enough(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = Sam2Segmenter.from_transformers(model)
    monkeypatch.setattr(hugging_face, "version", lambda _: "4.57.6")
    with pytest.raises(ArgumentError, match="transformers 5"):
        segmenter.propagate(FRAMES, [0], *_prompts(1))


@pytest.mark.parametrize("keyframe", [-1, 4])
def test_a_keyframe_is_one_of_the_frames(segmenter: Sam2Segmenter, keyframe: int) -> None:
    with pytest.raises(ArgumentError, match="keyframes: from 0 to 3"):
        segmenter.propagate(FRAMES, [keyframe], *_prompts(1))


def test_frames_are_of_one_size(segmenter: Sam2Segmenter) -> None:
    with pytest.raises(ArgumentError, match="frames: all of one size"):
        segmenter.propagate([FRAMES[0], scenes.image(width=60)], [0], *_prompts(1))


def test_frames_that_cannot_be_read_are_named(segmenter: Sam2Segmenter) -> None:
    with pytest.raises(BadImageError) as caught:
        segmenter.propagate([FRAMES[0], None, None], [0], *_prompts(1))
    assert caught.value.rows == (1, 2)


def test_no_row_is_no_mask(segmenter: Sam2Segmenter) -> None:
    assert segmenter.propagate(FRAMES[:1], [], np.zeros((0, 4)), np.zeros((0, 3, 2)), np.zeros((0, 3, 2))) == []
