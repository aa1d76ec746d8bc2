"""Both packages with the same random weights draw the same masks, alone and through a video.

Random weights show that both packages compute the same from image and prompt to mask: sizes, coordinates, labels, the
order of the passes, what is shared. Every parameter is random, including those that models initialize with zero, so
that an omitted part is noticed. They do not show that masks are good, nor that a checkpoint is loaded correctly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from onethinker_rewards.models.sam2.hugging_face import HuggingFaceBackend
from onethinker_rewards.models.sam2.meta import MetaBackend
from onethinker_rewards.models.sam2.segmenter import Sam2Segmenter
from tests.models.sam2 import scenes, tiny

# One pixel in a thousand may have a logit so close to 0 that the order of a sum decides; none was seen.
_IOU = 0.999


@pytest.fixture(scope="module", params=[2, 4, 8])
def both(request: pytest.FixtureRequest) -> Sequence[Any]:
    model = tiny.hugging_face(request.param)
    return model, tiny.meta(model)


def test_embeddings_are_equal(both: Sequence[Any]) -> None:
    pixels = torch.rand(2, 3, tiny.SIDE, tiny.SIDE)
    with torch.no_grad():
        embeddings = [backend.encode(pixels) for backend in (HuggingFaceBackend(both[0]), MetaBackend(both[1]))]
    for level, other in zip(*embeddings, strict=True):
        torch.testing.assert_close(level, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("rows_at_once", [1, 6])
@pytest.mark.parametrize("points", [1, 3])
def test_masks_are_equal(both: Sequence[Any], rows_at_once: int, points: int) -> None:
    group = scenes.group(points=points)
    masks = Sam2Segmenter.from_transformers(both[0], rows_at_once=rows_at_once)(*group)
    other = Sam2Segmenter.from_sam2(both[1], rows_at_once=rows_at_once)(*group)
    assert min(map(scenes.overlap, masks, other)) >= _IOU


@pytest.mark.parametrize(("dtype", "least"), [(torch.float16, 0.9995), (torch.bfloat16, 0.998)])
def test_embeddings_in_half_precision_give_nearly_the_same_masks(
    both: Sequence[Any], dtype: torch.dtype, least: float
) -> None:
    """The median of a group, since rounding can change which of its masks the model selects."""
    group = scenes.group(of=scenes.image(height=240, width=320))
    full = Sam2Segmenter.from_transformers(both[0])(*group)
    for half in (
        Sam2Segmenter.from_transformers(both[0], embedding_dtype=dtype),
        Sam2Segmenter.from_sam2(both[1], embedding_dtype=dtype),
    ):
        assert np.median([scenes.overlap(*pair) for pair in zip(full, half(*group), strict=True)]) >= least


def test_videos_are_equal(both: Sequence[Any]) -> None:
    frames = [scenes.image(phase / 4) for phase in range(5)]
    group = scenes.group(4)
    arguments = (frames, [2, 0, 2, 4], group.boxes, group.positive_points, group.negative_points)
    masks = Sam2Segmenter.from_transformers(both[0], rows_at_once=2).propagate(*arguments)
    other = Sam2Segmenter.from_sam2(both[1], rows_at_once=2).propagate(*arguments)
    assert min(map(scenes.overlap, masks, other)) >= _IOU


@pytest.mark.gpu
def test_masks_are_nearly_equal_on_cuda(both: Sequence[Any]) -> None:
    """With the defaults for CUDA: batches, and embeddings in float16."""
    group = scenes.group()
    cpu = Sam2Segmenter.from_transformers(both[0])(*group)
    cuda = Sam2Segmenter.from_sam2(both[1], device="cuda")
    masks = cuda(*group)
    both[1].to("cpu")
    assert np.median([scenes.overlap(*pair) for pair in zip(cpu, masks, strict=True)]) >= 0.99
    assert cuda.counts.rows_at_once == 64


@pytest.mark.slow
def test_at_full_size() -> None:
    """The tiny model of the release at 1024 pixels: both packages, alone, batched, and in half precision."""
    model = tiny.hugging_face(5, full=True)
    group = scenes.group(2, of=scenes.image(height=480, width=640))
    full = np.stack(Sam2Segmenter.from_transformers(model)(*group))
    assert 0.05 < full.mean() < 0.95
    other = np.stack(Sam2Segmenter.from_sam2(tiny.meta(model, full=True), rows_at_once=2)(*group))
    assert scenes.overlap(full, other) >= _IOU
    half = np.stack(Sam2Segmenter.from_transformers(model, embedding_dtype=torch.float16)(*group))
    assert scenes.overlap(full, half) >= 0.999
