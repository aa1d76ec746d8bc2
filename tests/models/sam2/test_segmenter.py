"""The segmenter, with a small model of random weights."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models import EmbeddingCache, Sam2Segmenter
from onethinker_rewards.models.sam2 import hugging_face
from onethinker_rewards.tasks import Segmenter
from tests.models.sam2 import scenes, tiny


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny.hugging_face(4)


@pytest.fixture(params=["transformers", "sam2"])
def segmenter(request: pytest.FixtureRequest, model: Any) -> Sam2Segmenter:
    if request.param == "transformers":
        return Sam2Segmenter.from_transformers(model, rows_at_once=4)
    return Sam2Segmenter.from_sam2(tiny.meta(model), rows_at_once=4)


def test_it_is_a_segmenter(segmenter: Sam2Segmenter) -> None:
    protocol: Segmenter = segmenter
    masks = protocol(*scenes.group(2))
    assert [(mask.shape, mask.dtype) for mask in masks] == [((60, 80), np.dtype(bool))] * 2


def test_a_mask_depends_on_its_prompt(segmenter: Sam2Segmenter) -> None:
    """On the box, on the points, and on whether a point is on the object or off it."""
    group = scenes.group(1)
    (mask,) = segmenter(*group)
    swapped = segmenter(group.images, group.boxes, group.negative_points, group.positive_points)
    moved = segmenter(group.images, group.boxes, 1000 - group.positive_points, group.negative_points)
    elsewhere = segmenter(group.images, 1000 - group.boxes[:, [2, 3, 0, 1]], *list(group)[2:])
    assert all((mask != other[0]).any() for other in (swapped, moved, elsewhere))


def test_batches_equal_their_rows(segmenter: Sam2Segmenter) -> None:
    group = scenes.group(5)
    alone = [segmenter(*group.rows([row]))[0] for row in range(5)]
    assert min(map(scenes.overlap, segmenter(*group), alone)) >= 0.999


def test_shuffled_rows_give_shuffled_masks(segmenter: Sam2Segmenter) -> None:
    """Also where the rows are of three images of different sizes, in any order."""
    images = [scenes.image(phase, 60, width) for phase, width in ((0.0, 80), (1.0, 50), (2.0, 30))]
    groups = [scenes.group(2, seed=seed, of=image) for seed, image in enumerate(images)]
    group = scenes.Group(
        [image for part in groups for image in part.images],
        *(np.concatenate([list(part)[argument] for part in groups]) for argument in (1, 2, 3)),
    )
    order = [5, 0, 3, 2, 4, 1]
    masks, shuffled = segmenter(*group), segmenter(*group.rows(order))
    assert [mask.shape for mask in masks] == [(60, 80)] * 2 + [(60, 50)] * 2 + [(60, 30)] * 2
    assert min(scenes.overlap(masks[row], mask) for row, mask in zip(order, shuffled, strict=True)) >= 0.999


def test_images_in_one_batch_are_told_apart(model: Any) -> None:
    images = [scenes.image(phase) for phase in (0.0, 1.0, 2.0)]
    prompts = list(scenes.group(3))[1:]
    alone = Sam2Segmenter.from_transformers(model)(images, *prompts)
    together = Sam2Segmenter.from_transformers(model, images_at_once=3, rows_at_once=3)(images, *prompts)
    assert min(map(scenes.overlap, alone, together)) >= 0.999


def test_rows_with_different_numbers_of_points(segmenter: Sam2Segmenter) -> None:
    group = scenes.group(4)
    counts = [3, 1, 2, 1]
    positive = [points[:count] for points, count in zip(group.positive_points, counts, strict=True)]
    negative = [points[: count - 1] for points, count in zip(group.negative_points, counts, strict=True)]
    masks = segmenter(group.images, group.boxes, positive, negative)
    alone = [segmenter(group.images[:1], group.boxes[[row]], [positive[row]], [negative[row]])[0] for row in range(4)]
    assert min(map(scenes.overlap, masks, alone)) >= 0.999


def test_coordinates_are_rounded_to_pixels_and_clipped_to_the_image(segmenter: Sam2Segmenter) -> None:
    """On 80 x 60 pixels 12.5 thousandths are a pixel of width; beyond 1000 there is nothing."""
    group = scenes.group(1)
    group.boxes[0], group.positive_points[0, 0] = (250, 250, 1000, 1000), (500, 500)
    (mask,) = segmenter(*group)
    group.boxes[0], group.positive_points[0, 0] = (255, 256, 1300, 1001), (503, 495)
    assert (segmenter(*group)[0] == mask).all()
    group.positive_points[0, 0] = (508, 500)
    assert (segmenter(*group)[0] != mask).any()


def test_no_object_is_an_empty_mask(model: Any) -> None:
    """transformers gives the score and a mask all the same."""
    blind = tiny.hugging_face(4)
    with torch.no_grad():
        blind.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(-100.0)
    group = scenes.group(2)
    for segmenter in (Sam2Segmenter.from_transformers(blind), Sam2Segmenter.from_sam2(tiny.meta(blind))):
        assert not np.any(segmenter(*group))
        assert not np.any(segmenter.propagate([group.images[0]] * 2, [0, 1], *list(group)[1:]))


def test_the_same_prompt_is_decoded_once(segmenter: Sam2Segmenter) -> None:
    group = scenes.group(3).rows([0, 1, 0, 2, 0])
    masks = segmenter(*group)
    assert masks[0] is masks[2] is masks[4]
    assert not masks[0].flags.writeable
    counts = segmenter.counts
    assert (counts.rows, counts.decoded, counts.deduplicated) == (5, 3, 2)


def test_counts_of_the_segmenter_and_its_cache_are_logged(model: Any, caplog: pytest.LogCaptureFixture) -> None:
    segmenter = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache())
    group = scenes.group(3).rows([0, 1, 0])
    segmenter(*group)
    assert not caplog.records
    with caplog.at_level("INFO", "onethinker_rewards.segmenter"):
        segmenter(*group)
        segmenter.propagate(group.images[:1], [0], *list(group.rows([0]))[1:])
    assert [record.getMessage() for record in caplog.records][
        -1
    ] == f"so far: {segmenter.counts}, {segmenter._cache.counts}"
    assert len(caplog.records) == 2
    items = segmenter.log_items("reward/segmenter")
    expected = {"rows": 7, "decoded": 5, "deduplicated": 2, "images": 3, "encoded": 1, "cache_hits": 2, "halved": 0}
    expected |= {"cache/hits": 2, "cache/misses": 1, "cache/held_bytes": segmenter._cache.counts.held_bytes}
    assert items.items() >= {f"reward/segmenter/{name}": float(count) for name, count in expected.items()}.items()


def test_without_a_cache_its_own_counts_are_logged(segmenter: Sam2Segmenter, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "onethinker_rewards.segmenter"):
        segmenter(*scenes.group(1))
    assert caplog.messages == [f"so far: {segmenter.counts}"]
    assert segmenter.log_items()["segmenter/encoded"] == 1.0
    assert not any("/cache/" in name for name in segmenter.log_items())


def test_the_same_points_with_other_labels_are_another_prompt(segmenter: Sam2Segmenter) -> None:
    group = scenes.group(1)
    points = group.positive_points[0]
    masks = segmenter(group.images * 2, group.boxes[[0, 0]], [points, points[:1]], [points[:0], points[1:]])
    assert segmenter.counts.decoded == 2
    assert (masks[0] != masks[1]).any()


def test_the_same_image_is_encoded_once_however_it_is_given(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    group = scenes.group(4)
    Image.fromarray(group.images[0]).save(tmp_path / "image.png")
    images = [group.images[0], group.images[0].copy(), Image.fromarray(group.images[0]), tmp_path / "image.png"]
    masks = segmenter(images, *list(group)[1:])
    assert all(map(np.array_equal, masks, segmenter(*group)))
    counts = segmenter.counts
    assert (counts.images, counts.encoded, counts.cache_hits) == (2, 2, 0)


def test_no_row_is_no_mask(segmenter: Sam2Segmenter) -> None:
    assert segmenter([], np.zeros((0, 4)), np.zeros((0, 3, 2)), np.zeros((0, 3, 2))) == []


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_cache_spares_the_encoder(model: Any, device: str | None) -> None:
    cache, group = EmbeddingCache(), scenes.group(3)
    first = Sam2Segmenter.from_transformers(model, cache=cache, device=device)
    again = Sam2Segmenter.from_transformers(model, cache=cache, device=device)
    assert all(map(np.array_equal, first(*group), again(*group)))
    assert (first.counts.encoded, again.counts.encoded, again.counts.cache_hits) == (1, 0, 1)


def test_a_cache_on_disk_spares_the_encoder(model: Any, tmp_path: Path) -> None:
    group = scenes.group(3)
    first = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache(directory=tmp_path))
    again = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache(directory=tmp_path))
    assert all(map(np.array_equal, first(*group), again(*group)))
    assert again.counts.encoded == 0


def test_what_an_embedding_depends_on_is_in_its_key(model: Any) -> None:
    """Another model, package, precision or preprocessing encodes again; a number of rows does not."""
    cache, group = EmbeddingCache(), scenes.group(1)
    of = {"cache": cache, "rows_at_once": 2}
    others = [
        Sam2Segmenter.from_transformers(model, **of),
        Sam2Segmenter.from_transformers(tiny.hugging_face(2), **of),
        Sam2Segmenter.from_sam2(tiny.meta(model), **of),
        Sam2Segmenter.from_transformers(model, embedding_dtype=torch.bfloat16, **of),
        Sam2Segmenter.from_transformers(model, autocast=torch.bfloat16, **of),
        Sam2Segmenter.from_transformers(model, resampling="bicubic", **of),
        Sam2Segmenter.from_transformers(model, jpeg_quality=75, **of),
        Sam2Segmenter.from_transformers(model, jpeg_quality=90, **of),
    ]
    for other in others:
        other(*group)
    assert [other.counts.encoded for other in others] == [1] * len(others)
    last = Sam2Segmenter.from_transformers(model, cache=cache)
    last(*group)
    assert last.counts.encoded == 0


def test_another_version_of_the_package_encodes_again(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cache, group = EmbeddingCache(), scenes.group(1)
    Sam2Segmenter.from_transformers(model, cache=cache)(*group)
    monkeypatch.setattr(hugging_face, "version", lambda _: "6.0.0")
    later = Sam2Segmenter.from_transformers(model, cache=cache)
    later(*group)
    assert later.counts.encoded == 1


def test_cached_embeddings_do_not_hold_their_batch(model: Any) -> None:
    """A view of the batch would keep all of it alive."""
    cache = EmbeddingCache()
    segmenter = Sam2Segmenter.from_transformers(model, cache=cache, images_at_once=2, embedding_dtype=torch.float16)
    images = [scenes.image(0.0), scenes.image(1.0)]
    segmenter(images, *list(scenes.group(2))[1:])
    side, channels = tiny.SIDE, 128
    values = channels // 8 * (side // 4) ** 2 + channels // 4 * (side // 8) ** 2 + channels * (side // 16) ** 2
    assert cache.counts.held_bytes == 2 * 2 * values


def test_embeddings_beyond_half_precision_stay_finite() -> None:
    """float16 ends at 65504; an infinite embedding would make every mask of its image empty."""
    loud, cache = tiny.hugging_face(4), EmbeddingCache()
    with torch.no_grad():
        loud.vision_encoder.neck.convs[1].weight *= 1e6
    Sam2Segmenter.from_transformers(loud, cache=cache, embedding_dtype=torch.float16)(*scenes.group(1))
    (embedding,) = cache._memory.values()
    assert all(level.isfinite().all() for level in embedding)
    assert max(level.abs().max() for level in embedding) == torch.finfo(torch.float16).max


def test_autocast_computes_in_another_precision(model: Any) -> None:
    """Random weights amplify rounding far more than trained ones."""
    group = scenes.group(3, of=scenes.image(height=240, width=320))
    full = np.stack(Sam2Segmenter.from_transformers(model)(*group))
    for half in (
        Sam2Segmenter.from_transformers(model, autocast=torch.bfloat16),
        Sam2Segmenter.from_sam2(tiny.meta(model), autocast=torch.bfloat16),
    ):
        assert 0.5 < scenes.overlap(full, np.stack(half(*group))) < 1
        (video,) = half.propagate([group.images[0]] * 2, [0], *list(group.rows([0]))[1:])
        assert video.any(axis=(1, 2)).all()


def test_a_model_in_half_precision() -> None:
    half = Sam2Segmenter.from_transformers(tiny.hugging_face(4).to(torch.bfloat16))
    masks = np.stack(half(*scenes.group(2)))
    assert (
        scenes.overlap(masks, np.stack(Sam2Segmenter.from_transformers(tiny.hugging_face(4))(*scenes.group(2)))) > 0.5
    )


def test_a_model_in_training_is_put_into_evaluation() -> None:
    training = tiny.hugging_face(4).train()
    Sam2Segmenter.from_transformers(training)
    assert not training.training


def test_nothing_is_computed_with_gradients(segmenter: Sam2Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, seen = segmenter._decoder.backend, []
    for name in ("encode", "decode"):
        whole = getattr(backend, name)
        monkeypatch.setattr(
            backend, name, lambda *given, whole=whole: (seen.append(torch.is_grad_enabled()), whole(*given))[1]
        )
    segmenter(*scenes.group(1))
    assert seen == [False] * 3
    assert torch.is_grad_enabled()


def test_threads_share_one_encoding(model: Any) -> None:
    segmenter = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache())
    with ThreadPoolExecutor(4) as threads:
        masks = list(threads.map(lambda seed: segmenter(*scenes.group(2, seed=seed)), range(4)))
    assert segmenter.counts.encoded == 1
    assert all(map(np.array_equal, masks[3], segmenter(*scenes.group(2, seed=3))))


def test_it_pickles_with_its_model_and_its_cache_but_not_what_that_holds(
    segmenter: Sam2Segmenter, model: Any, tmp_path: Path
) -> None:
    """As a reward that goes to another process: the copy draws the same masks, and finds embeddings on disk."""
    group = scenes.group(2)
    copy = pickle.loads(pickle.dumps(segmenter))
    assert all(map(np.array_equal, copy(*group), segmenter(*group)))
    cached = Sam2Segmenter.from_transformers(model, cache=EmbeddingCache(directory=tmp_path))
    masks = cached(*group)
    copy = pickle.loads(pickle.dumps(cached))
    assert copy.log_items()["segmenter/cache/held_bytes"] == 0
    assert all(map(np.array_equal, copy(*group), masks))
    assert copy.log_items()["segmenter/cache/disk_hits"] == 1


def test_a_name_is_loaded(model: Any, tmp_path: Path) -> None:
    """A folder here, as nothing is downloaded in tests."""
    model.save_pretrained(tmp_path)
    group = scenes.group(2)
    loaded = Sam2Segmenter.from_transformers(str(tmp_path), revision="main", device="cpu")
    assert all(map(np.array_equal, loaded(*group), Sam2Segmenter.from_transformers(model)(*group)))


def test_a_name_is_loaded_by_sam2(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from sam2 import build_sam

    asked: list[Any] = []

    def build(name: str, *, device: str) -> Any:
        asked.append((name, device))
        return tiny.meta(model)

    monkeypatch.setattr(build_sam, "build_sam2_hf", build)
    Sam2Segmenter.from_sam2("facebook/sam2.1-hiera-tiny")
    Sam2Segmenter.from_sam2("facebook/sam2.1-hiera-tiny", device=torch.device("cpu", 0))
    Sam2Segmenter.from_sam2(tiny.meta(model), device="cpu")
    assert asked == [("facebook/sam2.1-hiera-tiny", "cpu"), ("facebook/sam2.1-hiera-tiny", "cpu:0")]


def test_every_unusable_row_is_named_before_anything_is_drawn(segmenter: Sam2Segmenter, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    group = scenes.group(6)
    images = [group.images[0], None, tmp_path / "broken.png", *group.images[3:]]
    group.boxes[3, 2] = np.nan
    group.positive_points[4, 0, 1] = np.inf
    group.boxes[1, 0] = np.nan
    with pytest.raises(BadImageError) as caught:
        segmenter(images, group.boxes, group.positive_points, group.negative_points)
    assert caught.value.rows == (1, 2, 3, 4)
    assert caught.value.reasons[0] == "no image"
    assert "no image of a known format" in caught.value.reasons[1]
    assert caught.value.reasons[2:] == ("the box is not finite", "a point is not finite")
    assert segmenter.counts.rows == segmenter.counts.encoded == 0


def test_a_row_without_points_is_named(segmenter: Sam2Segmenter) -> None:
    group = scenes.group(2)
    with pytest.raises(BadImageError, match="row 1: no point"):
        segmenter(group.images, group.boxes, [group.positive_points[0], []], [[], []])


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        pytest.param({"boxes": np.zeros((1, 4))}, r"boxes: \[N, 4\]", id="boxes-rows"),
        pytest.param({"boxes": np.zeros((2, 3))}, r"boxes: \[N, 4\]", id="boxes-columns"),
        pytest.param({"positive_points": np.zeros((1, 3, 2))}, "positive_points: one row", id="points-rows"),
        pytest.param({"negative_points": np.zeros((2, 3, 3))}, r"negative_points: \[K, 2\]", id="points-columns"),
        pytest.param({"negative_points": np.zeros((2, 2))}, r"negative_points: \[K, 2\]", id="points-flat"),
    ],
)
def test_shapes_that_do_not_fit(segmenter: Sam2Segmenter, changed: dict[str, Any], match: str) -> None:
    group = scenes.group(2)
    arguments = {name: getattr(group, name) for name in ("images", "boxes", "positive_points", "negative_points")}
    with pytest.raises(ArgumentError, match=match):
        segmenter(**(arguments | changed))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"rows_at_once": 0}, "rows_at_once"),
        ({"images_at_once": -1}, "images_at_once"),
        ({"resampling": "nearest"}, "resampling"),
        ({"jpeg_quality": 0}, "jpeg_quality"),
        ({"jpeg_quality": 96}, "jpeg_quality"),
    ],
)
def test_options_out_of_range(model: Any, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        Sam2Segmenter.from_transformers(model, **options)
