"""GrabCut as a segmenter: the effect of prompts, errors, drawn scenes and photographs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from onethinker_rewards import metrics, tasks
from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.models import GrabCutSegmenter, read_images
from tests import photographs
from tests.photographs import Photograph, prompt
from tests.waiting import LONGEST

# On the object at 450, 400, and off it.
ON, OFF = [[450.0, 400.0]], [[50.0, 50.0]]
BOX = [150.0, 150.0, 750.0, 700.0]


def scene(height: int = 80, width: int = 120, seed: int = 0) -> Photograph:
    """Return a red ellipse on green, both with noise."""
    down, across = np.indices((height, width)) + 0.5
    mask = ((across / width - 0.45) / 0.25) ** 2 + ((down / height - 0.4) / 0.2) ** 2 < 1
    colors = np.where(mask[:, :, None], (190, 60, 50), (60, 140, 70))
    noise = np.random.default_rng(seed).normal(0, 8, (height, width, 3))
    return Photograph(np.clip(colors + noise, 0, 255).astype(np.uint8), mask)


SCENE = scene()


def draw(image: Any, box: Any = BOX, on: Any = ON, off: Any = OFF, **options: Any) -> np.ndarray:
    (mask,) = GrabCutSegmenter(**options)([image], [box], [on], [off])
    return mask


def iou(mask: np.ndarray, reference: np.ndarray) -> float:
    return metrics.mask_iou(mask[None], reference[None]).item()


def filled(mask: np.ndarray) -> np.ndarray:
    """Return the box of a mask, which is the best that can be drawn without looking at the image."""
    rows, columns = np.nonzero(mask)
    box = np.zeros_like(mask)
    box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return box


def test_it_is_a_segmenter() -> None:
    segmenter: tasks.Segmenter = GrabCutSegmenter()
    masks = segmenter([SCENE.pixels], np.array([BOX]), np.array([ON]), np.array([OFF]))
    assert [(mask.dtype, mask.shape) for mask in masks] == [(np.bool_, (80, 120))]


def test_the_object_is_drawn() -> None:
    assert iou(draw(SCENE.pixels), SCENE.mask) > 0.97
    assert iou(filled(SCENE.mask), SCENE.mask) < 0.8


@pytest.mark.parametrize("shape", [(80, 300), (300, 80), (301, 299)])
def test_a_larger_image_is_segmented_at_a_smaller_size(shape: tuple[int, int]) -> None:
    large = scene(*shape)
    small, full = draw(large.pixels, longest_side=100), draw(large.pixels, longest_side=None)
    assert small.shape == full.shape == shape
    assert iou(full, large.mask) > 0.97
    assert iou(small, large.mask) > 0.9


def test_an_image_of_the_longest_side_is_not_resized() -> None:
    np.testing.assert_array_equal(draw(SCENE.pixels, longest_side=120), draw(SCENE.pixels, longest_side=None))


def test_a_strip_thinner_than_a_pixel_once_scaled() -> None:
    strip = scene(2, 1000)
    mask = draw(strip.pixels, box=[0, 0, 1000, 1000], off=[], longest_side=10)
    assert mask.shape == (2, 1000)
    assert mask.all()


def test_nothing_outside_the_box_but_a_point() -> None:
    mask = draw(SCENE.pixels, box=[150, 150, 450, 700], on=[[400, 400], [900, 900]], point_radius=20)
    outside = mask.copy()
    outside[:, :54] = False
    disc = np.argwhere(outside)
    assert np.abs(disc - [72, 108]).max() == 2  # 20 thousandths of 120 pixels
    assert mask[72, 108]


def test_a_point_is_one_pixel_without_a_radius() -> None:
    mask = draw(SCENE.pixels, box=[0, 0, 0, 0], on=[[900, 900], [1000, 1000], [0, 0]], off=[], point_radius=0)
    assert np.argwhere(mask).tolist() == [[0, 0], [72, 108], [79, 119]]


def test_a_point_off_the_object_wins_over_one_on_it() -> None:
    assert draw(SCENE.pixels)[32, 54]
    assert not draw(SCENE.pixels, off=ON)[32, 54]


def test_a_point_off_the_object_excludes_its_color() -> None:
    """Two ellipses in one box: a large point on the right one leaves the left."""
    two = np.concatenate([SCENE.pixels, SCENE.pixels[:, :, ::-1]], axis=1)
    both = [50, 150, 900, 700]
    on, off = [[225, 400]], [[725, 400]]
    without, taken = (draw(two, both, on, points, point_radius=60)[:, 120:][SCENE.mask].mean() for points in ([], off))
    assert without > 0.9
    assert taken < 0.1


@pytest.mark.parametrize(
    ("box", "on", "off", "expected"),
    [
        pytest.param([0, 0, 1000, 1000], ON, [], 9600, id="all may be object"),
        pytest.param([700, 700, 300, 300], [], OFF, 0, id="an inverted box, and nothing on"),
        pytest.param([500, 0, 500, 1000], [], OFF, 0, id="a box without width, and nothing on"),
        pytest.param([-900, -900, 2000, 2000], ON, [], 9600, id="beyond the image"),
    ],
)
def test_prompts_that_leave_nothing_to_tell_apart(box: Any, on: Any, off: Any, expected: int) -> None:
    assert draw(SCENE.pixels, box, on, off).sum() == expected


def test_an_image_of_one_color() -> None:
    mask = draw(np.full((50, 60, 3), 90, dtype=np.uint8))
    assert mask[20, 27]
    assert not mask[:7].any()


@given(st.lists(st.floats(-100, 1100), min_size=4, max_size=4), st.data())
@settings(max_examples=50)
def test_any_finite_prompt_gives_a_mask(box: list[float], data: st.DataObject) -> None:
    point = st.lists(st.floats(-100, 1100), min_size=2, max_size=2)
    on, off = data.draw(st.lists(point, min_size=1, max_size=3)), data.draw(st.lists(point, max_size=3))
    pixels = scene(*data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))).pixels
    mask = draw(pixels, box, on, off, iterations=1)
    assert (mask.shape, mask.dtype) == (pixels.shape[:2], np.bool_)


def test_rows_do_not_change_each_other() -> None:
    images = [scene(seed=seed).pixels for seed in range(3)]
    rows = [(images[0], BOX, ON, OFF), (images[1], [0, 0, 900, 900], ON, OFF), (images[2], BOX, [[300, 400]], OFF)]
    segmenter = GrabCutSegmenter()
    together = segmenter(*map(list, zip(*rows, strict=True)))
    backwards = segmenter(*map(list, zip(*rows[::-1], strict=True)))[::-1]
    for row, *masks in zip(rows, together, backwards, strict=True):
        for mask in masks:
            np.testing.assert_array_equal(mask, draw(*row))


def test_identical_rows_are_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = GrabCutSegmenter()
    drawn: list[Any] = []
    drawing = segmenter._draw
    monkeypatch.setattr(segmenter, "_draw", lambda *row: drawn.append(row) or drawing(*row))
    other = SCENE.pixels.copy()
    masks = segmenter(
        [SCENE.pixels, SCENE.pixels, other, SCENE.pixels, SCENE.pixels],
        [BOX, BOX, BOX, [0, 0, 900, 900], BOX],
        [ON, ON, ON, ON, OFF],
        [OFF, OFF, OFF, OFF, ON],
    )
    assert len(drawn) == 4
    assert masks[0] is masks[1]


def test_every_kind_of_image_gives_the_same_mask() -> None:
    file = BytesIO()
    Image.fromarray(SCENE.pixels).save(file, "PNG")
    for image in (Image.fromarray(SCENE.pixels), file.getvalue()):
        np.testing.assert_array_equal(draw(image), draw(SCENE.pixels))


@pytest.fixture
def _one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def patches() -> np.ndarray:
    """Return squares of random colors, whose cut depends on the random seed."""
    random = np.random.default_rng(0)
    colors = np.kron(random.integers(0, 256, (8, 12, 3)), np.ones((10, 10, 1)))
    return np.clip(colors + random.normal(0, 20, colors.shape), 0, 255).astype(np.uint8)


def test_it_does_not_depend_on_the_seed_that_others_set() -> None:
    masks = []
    for seed in range(8):
        cv2.setRNGSeed(seed)
        masks.append(draw(patches(), on=[], iterations=1))
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.usefixtures("_one_thread")
def test_it_draws_the_same_with_one_thread() -> None:
    first = draw(SCENE.pixels)
    cv2.setNumThreads(2)
    np.testing.assert_array_equal(draw(SCENE.pixels), first)


def test_it_draws_the_same_in_threads() -> None:
    segmenter, barrier = GrabCutSegmenter(), threading.Barrier(4)

    def draw_it(_: int) -> np.ndarray:
        barrier.wait(LONGEST)
        return segmenter([SCENE.pixels], [BOX], [ON], [OFF])[0]

    with ThreadPoolExecutor(4) as threads:
        masks = [*threads.map(draw_it, range(4))]
    for mask in masks:
        np.testing.assert_array_equal(mask, draw(SCENE.pixels))


def test_images_are_not_changed() -> None:
    before = SCENE.pixels.copy()
    draw(SCENE.pixels)
    np.testing.assert_array_equal(SCENE.pixels, before)


def test_no_rows() -> None:
    assert GrabCutSegmenter()([], np.empty((0, 4)), np.empty((0, 3, 2)), np.empty((0, 3, 2))) == []


def test_all_bad_rows_are_named_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    segmenter = GrabCutSegmenter()
    monkeypatch.setattr(segmenter, "_draw", None)
    images = [SCENE.pixels, None, b"word", SCENE.pixels, SCENE.pixels]
    boxes = [BOX, BOX, BOX, [0, 0, np.nan, 9], BOX]
    with pytest.raises(BadImageError) as raised:
        segmenter(images, boxes, [ON, ON, ON, ON, []], [OFF, OFF, OFF, OFF, []])
    assert raised.value.rows == (1, 2, 3, 4)
    assert raised.value.reasons[0] == "no image"


def test_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="boxes"):
        GrabCutSegmenter()([SCENE.pixels], [BOX, BOX], [ON], [OFF])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"iterations": 0}, "iterations: 1 or more, not 0"),
        ({"longest_side": 0}, "longest_side: 1 or more pixels, or None, not 0"),
        ({"point_radius": -1}, "point_radius: 0 to 1000 thousandths, not -1"),
        ({"point_radius": np.nan}, "point_radius: 0 to 1000 thousandths, not nan"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        GrabCutSegmenter(**options)


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ImportError, match=r"^GrabCutSegmenter needs OpenCV: pip install 'onethinker-rewards\[grabcut\]'$"
    ):
        GrabCutSegmenter()


# Lower bounds of its IoU, with a margin for other versions of OpenCV; upper bounds of the filled box's IoU.
PHOTOGRAPHS = [
    pytest.param(photographs.quokka, 0.88, 0.8, id="quokka"),
    pytest.param(photographs.horse, 0.95, 0.45, id="horse"),
    pytest.param(lambda: photographs.nuclei()[0], 0.82, 0.8, id="nucleus"),
]


@photographs.needed
@pytest.mark.parametrize(("photograph", "least", "most_of_box"), PHOTOGRAPHS)
def test_photographs_against_people(photograph: Any, least: float, most_of_box: float) -> None:
    shown = photograph()
    assert iou(filled(shown.mask), shown.mask) < most_of_box
    assert iou(draw(shown.pixels, *prompt(shown.mask)), shown.mask) > least


@photographs.needed
def test_a_worse_prompt_draws_a_worse_mask_of_a_photograph() -> None:
    shown = photographs.quokka()
    box, on, off = prompt(shown.mask)
    moved = [box[0] + 150, box[1], box[2] + 150, box[3]]
    elsewhere = [600.0, 50.0, 950.0, 500.0]
    rows = [(box, on, off), (moved, on, off), (elsewhere, off, on)]
    right, shifted, wrong = (iou(draw(shown.pixels, *row), shown.mask) for row in rows)
    assert right - shifted > 0.1
    assert shifted - wrong > 0.1
    assert wrong < 0.1


@photographs.needed
@pytest.mark.parametrize("name", photographs.BACKGROUNDS)
def test_a_cut_out_that_moves_over_a_photograph(name: str) -> None:
    corners = [(20, 40), (120, 80), (-40, 150)]
    frames = photographs.moved(photographs.quokka(), photographs.background(name), corners, height=200)
    prompts = [prompt(frame.mask) for frame in frames]
    boxes, on, off = map(list, zip(*prompts, strict=True))
    masks = GrabCutSegmenter()([frame.pixels for frame in frames], boxes, on, off)
    for mask, frame in zip(masks, frames, strict=True):
        assert iou(mask, frame.mask) > 0.8 > iou(filled(frame.mask), frame.mask)


@photographs.needed
def test_masks_of_a_moved_cut_out_are_exact() -> None:
    behind = photographs.background("coffee.png")
    inside, cut = photographs.moved(photographs.quokka(), behind, [(30, 20), (-60, 300)], height=150)
    for frame in (inside, cut):
        np.testing.assert_array_equal(frame.pixels[~frame.mask], behind[~frame.mask])
        assert (frame.pixels[frame.mask] != behind[frame.mask]).any(axis=1).mean() > 0.99
    assert filled(inside.mask).sum() == filled(inside.mask)[20:170, 30:].sum()
    assert 0 < cut.mask.sum() < inside.mask.sum()
    assert [pixels.shape for pixels in read_images([inside.pixels])] == [(400, 600, 3)]
