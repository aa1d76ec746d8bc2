"""J&F of videos: cases by hand, frame by frame, exact merging, vos-benchmark and trackeval."""

from __future__ import annotations

import pickle
from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onethinker_rewards import metrics
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import VideoScores, VideoTotals, encode_mask, j_and_f
from tests.evaluation.masks import blob, peer

SHAPE = (24, 32)
OBJECT, EMPTY = np.zeros((2, *SHAPE), dtype=bool)
OBJECT[4:12, 6:18] = True
MOVED = np.roll(OBJECT, 6, axis=1)
# Six of its twelve columns stay: a third of what both cover.
THIRD = 1 / 3
DAVIS_F = metrics.boundary_f(MOVED[None], OBJECT[None]).item()
RELEASE_F = metrics.boundary_f(MOVED[None], OBJECT[None], rules="release").item()

CASES = [
    pytest.param([OBJECT], [OBJECT], {}, 1.0, 1.0, 1, id="equal"),
    pytest.param([OBJECT, MOVED], [OBJECT] * 2, {}, (1 + THIRD) / 2, (1 + DAVIS_F) / 2, 2, id="mean of frames"),
    pytest.param([EMPTY], [EMPTY], {}, 1.0, 1.0, 1, id="both empty"),
    pytest.param([EMPTY], [EMPTY], {"rules": "release"}, 0.0, 1.0, 1, id="both empty in the release"),
    pytest.param([MOVED], [OBJECT], {"rules": "release"}, THIRD, RELEASE_F, 1, id="the release's contours"),
    pytest.param([None, OBJECT], [OBJECT] * 2, {}, 0.5, 0.5, 2, id="no mask is an empty one"),
    pytest.param([None], [EMPTY], {}, 1.0, 1.0, 1, id="no mask where there is nothing"),
    pytest.param([None], [EMPTY], {"rules": "release"}, 0.0, 0.0, 1, id="no mask in the release"),
    pytest.param([MOVED, OBJECT], [None, OBJECT], {}, 1.0, 1.0, 1, id="a frame nobody annotated"),
    pytest.param([EMPTY, OBJECT, EMPTY], [OBJECT] * 3, {"count": "inner"}, 1.0, 1.0, 1, id="inner frames"),
    pytest.param([OBJECT, MOVED], [OBJECT, EMPTY], {}, 0.5, 0.5, 2, id="each frame with its own"),
    pytest.param([EMPTY, OBJECT, EMPTY], [OBJECT] * 3, {}, THIRD, THIRD, 3, id="all frames"),
]


@pytest.mark.parametrize(("predicted", "reference", "options", "area", "contour", "frames"), CASES)
def test_j_and_f(
    predicted: Any, reference: Any, options: dict[str, Any], area: float, contour: float, frames: int
) -> None:
    scores = j_and_f(predicted, reference, **options)
    assert scores == VideoScores(pytest.approx(area), pytest.approx(contour), 1, frames)
    assert scores.j_and_f == (scores.j + scores.f) / 2
    encoded = [[mask if mask is None else encode_mask(mask) for mask in side] for side in (predicted, reference)]
    assert j_and_f(*encoded, **options) == scores
    assert j_and_f(encoded[0], reference, **options) == j_and_f(predicted, encoded[1], **options) == scores


def test_the_hand_made_contours_differ() -> None:
    assert 0.0 < DAVIS_F < 1.0
    assert 0.0 < RELEASE_F < 1.0
    assert DAVIS_F != RELEASE_F


videos = st.integers(1, 4).flatmap(lambda frames: arrays(np.bool_, (2, frames, 6, 7)))


@given(video=videos, rules=st.sampled_from(["davis", "release"]))
def test_a_video_is_the_mean_of_its_frames(video: np.ndarray, rules: Any) -> None:
    area = metrics.mask_iou(*video, empty=1.0 if rules == "davis" else 0.0)
    contour = metrics.boundary_f(*video, rules=rules)
    scores = j_and_f(*video, rules=rules)
    assert scores == VideoScores(fsum(area) / len(area), fsum(contour) / len(area), 1, len(area))


@given(video=videos, rules=st.sampled_from(["davis", "release"]), order=st.randoms())
def test_laws(video: np.ndarray, rules: Any, order: Any) -> None:
    """In range, symmetric, 1 for the same masks, and the same whatever the order of the frames."""
    predicted, reference = video
    scores = j_and_f(predicted, reference, rules=rules)
    assert 0.0 <= scores.j <= 1.0
    assert 0.0 <= scores.f <= 1.0
    assert j_and_f(reference, predicted, rules=rules) == scores
    frames = list(range(len(predicted)))
    order.shuffle(frames)
    assert j_and_f(predicted[frames], reference[frames], rules=rules) == scores
    assert j_and_f(predicted, predicted).j_and_f == 1.0


def totals_of(batch: list[np.ndarray]) -> VideoTotals:
    totals = VideoTotals()
    for predicted, reference in batch:
        totals.update(predicted, reference)
    return totals


@given(batch=st.lists(videos, max_size=5), cut=st.integers(0, 5), order=st.randoms())
def test_batches_order_and_processes_do_not_matter(batch: list[np.ndarray], cut: int, order: Any) -> None:
    whole = totals_of(batch)
    order.shuffle(batch)
    merged = totals_of(batch[:cut])
    merged.merge(pickle.loads(pickle.dumps(totals_of(batch[cut:]))))
    assert merged == whole
    if batch:
        alone = [j_and_f(*video) for video in batch]
        scores = whole.result()
        assert scores.j == pytest.approx(np.mean([video.j for video in alone]), abs=1e-15)
        assert scores.f == pytest.approx(np.mean([video.f for video in alone]), abs=1e-15)
        assert (scores.videos, scores.frames) == (len(batch), sum(video.frames for video in alone))


def test_a_video_counts_once_however_long() -> None:
    totals = VideoTotals()
    totals.update([OBJECT] * 9, [OBJECT] * 9)
    totals.update([EMPTY], [OBJECT])
    assert totals.result() == VideoScores(0.5, 0.5, 2, 10)


def test_totals_pass_their_rules_on() -> None:
    totals = VideoTotals(rules="release", count="inner")
    totals.update([OBJECT, EMPTY, MOVED, OBJECT], [OBJECT, EMPTY, OBJECT, OBJECT])
    assert totals.result() == VideoScores(pytest.approx(THIRD / 2), pytest.approx((1 + RELEASE_F) / 2), 1, 2)


BAD = [
    pytest.param([OBJECT], [], {}, "1 predicted frames and 0", id="lengths"),
    pytest.param([], [], {}, "no frame to compare", id="no frames"),
    pytest.param([OBJECT], [None], {}, "no frame to compare", id="no reference"),
    pytest.param([OBJECT] * 2, [OBJECT] * 2, {"count": "inner"}, "no frame to compare", id="no inner frame"),
    pytest.param([OBJECT] * 2, [OBJECT, OBJECT.T], {}, "pair 1: predicted is 24 by 32", id="sizes"),
    pytest.param([OBJECT, OBJECT / 2], [OBJECT] * 2, {}, "frame 1: a mask must be boolean", id="probabilities"),
    pytest.param([OBJECT], [{"size": [2, 2]}], {}, "frame 0: counts must be", id="bad reference"),
    pytest.param(
        [encode_mask(OBJECT), {"size": [2, 2]}], [OBJECT] * 2, {}, "frame 1: counts must be", id="one of several"
    ),
    pytest.param([OBJECT], [OBJECT], {"rules": "coco"}, "got 'coco' and 'all'", id="rules"),
    pytest.param([OBJECT], [OBJECT], {"count": "some"}, "got 'davis' and 'some'", id="frames"),
]


@pytest.mark.parametrize(("predicted", "reference", "options", "message"), BAD)
def test_mistakes_are_named(predicted: Any, reference: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        j_and_f(predicted, reference, **options)


def test_totals_of_other_rules_cannot_be_merged() -> None:
    for other in (VideoTotals(rules="release"), VideoTotals(count="inner")):
        with pytest.raises(ArgumentError, match="cannot take"):
            VideoTotals().merge(other)


def test_nothing_has_no_score() -> None:
    with pytest.raises(ArgumentError, match="no video was counted"):
        VideoTotals().result()


def test_differs_an_empty_frame_left_empty_is_right() -> None:
    """J of a frame where nothing is there and nothing is drawn is 1, as in DAVIS; the release's evaluation gives 0."""
    assert j_and_f([EMPTY], [EMPTY]).j == 1.0
    assert j_and_f([EMPTY], [EMPTY], rules="release").j == 0.0


def moving(rng: np.random.Generator, frames: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return an object that leaves, and masks that follow it roughly."""
    shape = (60, 80)
    first = blob(rng, shape)
    reference = np.stack([np.roll(first, 3 * frame, axis=1) for frame in range(frames)])
    reference[-1] = False
    predicted = np.stack([mask ^ (blob(rng, shape) & (rng.random() < 0.5)) for mask in reference])
    predicted[0] = first
    return predicted, reference


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_vos_benchmark_agrees() -> None:
    with peer("vos_benchmark"):
        from vos_benchmark.evaluator import Evaluator
    rng = np.random.default_rng(5)
    for _ in range(8):
        predicted, reference = moving(rng)
        theirs = Evaluator()
        for pair in zip(predicted.astype(np.uint8), reference.astype(np.uint8), strict=True):
            theirs.feed_frame(*pair)
        area, contour = theirs.conclude()
        scores = j_and_f(predicted, reference)
        assert scores.j * 100 == pytest.approx(area[1], abs=1e-12)
        assert scores.f * 100 == pytest.approx(contour[1], abs=1e-12)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_trackeval_agrees() -> None:
    """One object a video; its mean over videos is ours too."""
    with peer("trackeval"):
        from trackeval.metrics import JAndF

        rng = np.random.default_rng(6)
        metric, totals, theirs = JAndF(), VideoTotals(), {}
        for video in range(8):
            sides = [[encode_mask(mask) for mask in side] for side in moving(rng)]
            totals.update(*sides)
            frames = len(sides[0])
            theirs[video] = metric.eval_sequence(
                {
                    "num_timesteps": frames,
                    "num_tracker_ids": 1,
                    "num_gt_ids": 1,
                    "tracker_dets": [[mask] for mask in sides[0]],
                    "gt_dets": [[mask] for mask in sides[1]],
                    "tracker_ids": [[0]] * frames,
                    "gt_ids": [[0]] * frames,
                }
            )
        expected = metric.combine_sequences(theirs)
    scores = totals.result()
    assert scores.j == pytest.approx(expected["J-Mean"], abs=1e-12)
    assert scores.f == pytest.approx(expected["F-Mean"], abs=1e-12)
    assert scores.j_and_f == pytest.approx(expected["J&F"], abs=1e-12)
