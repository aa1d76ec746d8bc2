"""AO and SR@t of tracks: cases by hand, a textbook oracle, exact merging, GOT-10k's own toolkit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import TrackScores, TrackTotals
from tests import oracles_numeric as oracle
from tests.evaluation.masks import peer
from tests.evaluation.totals import assert_mergeable, assert_options_must_agree

BOX, HALF, FAR = [0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60]

CASES = [
    pytest.param([BOX, BOX], [BOX, BOX], {}, 1.0, 1, id="equal"),
    pytest.param([FAR, BOX], [BOX, BOX], {}, 1.0, 1, id="the first frame is given"),
    pytest.param([FAR, BOX], [BOX, BOX], {"given": 0}, 0.5, 2, id="no frame is given"),
    pytest.param([BOX, None, HALF], [BOX] * 3, {}, 0.25, 2, id="no box scores 0"),
    pytest.param([BOX, FAR, BOX], [BOX] * 3, {"visible": [8, 0, 3]}, 1.0, 1, id="a hidden frame does not count"),
    pytest.param([BOX, [-5, 0, 5, 10]], [BOX] * 2, {"size": (20, 20)}, 1.0, 1, id="clipping moves a box, not cuts it"),
    pytest.param([BOX, [-5, 0, 5, 10]], [BOX] * 2, {}, 1 / 3, 1, id="without a size nothing is clipped"),
    pytest.param([BOX, [0, 0, 30, 10]], [BOX] * 2, {"size": (10, 10)}, 1.0, 1, id="clipped at the far side"),
    pytest.param([BOX, [10, 10, 0, 0]], [BOX] * 2, {"size": (20, 20)}, 0.0, 1, id="inverted"),
    pytest.param(
        [BOX, [0, 0, 1e-8, 1e-8]],
        [BOX, [0, 0, 1e-8, 1e-8]],
        {},
        1 / (1 + np.finfo(float).eps / 1e-16),
        1,
        id="tiny, as in the toolkit",
    ),
    pytest.param([BOX, [2, 2, 4, 4]], [BOX, [2, 2, 4, 4]], {"layout": "xywh"}, 1.0, 1, id="width and height"),
    pytest.param([BOX, [0, 0, 5, 10]], [BOX] * 2, {"layout": "xywh"}, 0.5, 1, id="half as wide"),
]


def totals_of(videos: Any, **options: Any) -> TrackTotals:
    totals = TrackTotals(**options)
    for predicted, reference, visible in videos:
        totals.update(predicted, reference, visible=visible)
    return totals


@pytest.mark.parametrize(("predicted", "reference", "options", "expected", "frames"), CASES)
def test_ao_of_one_video(predicted: Any, reference: Any, options: Any, expected: float, frames: int) -> None:
    totals = TrackTotals()
    totals.update(predicted, reference, **options)
    result = totals.result()
    assert result.ao == result.video_miou == pytest.approx(expected, abs=1e-12)
    assert result.frames == frames


RELEASE_CASES = [
    pytest.param([FAR, BOX], [BOX, BOX], {"visible": [0, 8]}, 0.5, id="every frame counts"),
    pytest.param([[-5, 0, 5, 10]], [BOX], {"size": (20, 20)}, 1 / 3, id="nothing is clipped"),
    pytest.param([[0, 0, 5, 10]], [BOX], {"layout": "xywh"}, 0.5, id="width and height"),
    pytest.param([None], [BOX], {}, 0.0, id="no box"),
]


@pytest.mark.parametrize(("predicted", "reference", "options", "expected"), RELEASE_CASES)
def test_the_release(predicted: Any, reference: Any, options: Any, expected: float) -> None:
    totals = TrackTotals(rules="release")
    totals.update(predicted, reference, **options)
    assert totals.result().video_miou == expected


def test_frames_and_videos_are_told_apart() -> None:
    long, short = ([BOX] * 5, [BOX] * 5, None), ([BOX, HALF], [BOX] * 2, None)
    result = totals_of([long, short]).result()
    assert result == TrackScores(0.9, {0.5: 0.8, 0.75: 0.8}, 0.75, {0.3: 1.0, 0.5: 1.0, 0.7: 0.5}, 2, 5)
    assert result.to_dict() == {
        "AO": 0.9, "SR@0.5": 0.8, "SR@0.75": 0.8,
        "video mIoU": 0.75, "videos@0.3": 1.0, "videos@0.5": 1.0, "videos@0.7": 0.5,
    }  # fmt: skip


def test_a_video_without_a_frame_that_counts_adds_nothing() -> None:
    totals = totals_of([([BOX], [BOX], None), ([BOX] * 2, [BOX] * 2, [8, 0])])
    with pytest.raises(ArgumentError, match="no frame was counted"):
        totals.result()


boxes = st.lists(st.integers(0, 8).map(float), min_size=4, max_size=4)
frames = st.tuples(st.none() | boxes, boxes, st.integers(0, 2))
videos = st.lists(frames, min_size=1, max_size=5).map(lambda rows: tuple(map(list, zip(*rows, strict=True))))


@given(several=st.lists(videos, max_size=4), rules=st.sampled_from(["official", "release"]))
def test_scores_are_the_textbook(several: Any, rules: Any) -> None:
    by_video = []
    for predicted, reference, visible in several:
        rows = [*zip(predicted, reference, visible, strict=True)]
        counted = [row for row in rows[1:] if row[2]] if rules == "official" else rows
        if counted:
            by_video.append([0.0 if box is None else oracle.box_iou(box, wanted) for box, wanted, _ in counted])
    totals = totals_of(several, rules=rules, thresholds=(0.51,), video_thresholds=(0.51,))
    if not by_video:
        return
    result, ious = totals.result(), [iou for of_video in by_video for iou in of_video]
    means = [sum(of_video) / len(of_video) for of_video in by_video]
    assert result.ao == pytest.approx(sum(ious) / len(ious), abs=1e-12)
    assert result.sr[0.51] == pytest.approx(sum(iou > 0.51 for iou in ious) / len(ious))
    assert result.video_miou == pytest.approx(sum(means) / len(means), abs=1e-12)
    assert (result.videos, result.frames) == (len(means), len(ious))


@given(
    several=st.lists(videos.filter(lambda video: len(video[0]) > 1), max_size=4),
    cut=st.integers(0, 4),
    order=st.randoms(),
)
def test_batches_order_and_processes_do_not_matter(several: Any, cut: int, order: Any) -> None:
    assert_mergeable(lambda part: totals_of(part, rules="release"), several, cut, order)


def test_thresholds_are_strict_for_frames_and_not_for_videos() -> None:
    result = totals_of([([BOX, HALF], [BOX] * 2, None)]).result()
    assert (result.sr[0.5], result.video_shares[0.5]) == (0.0, 1.0)


BAD = [
    pytest.param([BOX], [BOX, BOX], {}, "1 predictions and 2 references", id="lengths"),
    pytest.param([BOX, [1]], [BOX] * 2, {}, "predicted, row 1: expected 4 finite numbers", id="box"),
    pytest.param([BOX], [BOX], {"visible": [1, 2]}, "1 references and 2 frames with visibility", id="visibility"),
    pytest.param([BOX], [BOX], {"layout": "corners"}, "layout is one of xyxy, xywh", id="layout"),
]


@pytest.mark.parametrize(("predicted", "reference", "options", "message"), BAD)
def test_mistakes_are_named_and_nothing_is_counted(predicted: Any, reference: Any, options: Any, message: str) -> None:
    totals = TrackTotals()
    with pytest.raises(ArgumentError, match=message):
        totals.update(predicted, reference, **options)
    assert totals == TrackTotals()


@pytest.mark.parametrize(
    "options", [{"rules": "release"}, {"thresholds": (0.5,)}, {"video_thresholds": (0.5,)}], ids=str
)
def test_totals_of_other_rules_cannot_be_merged(options: dict[str, Any]) -> None:
    assert_options_must_agree(TrackTotals(), TrackTotals(**options), f"{next(iter(options))}=.* cannot be merged")


def test_boxes_too_large_for_a_float_score_0() -> None:
    huge = [0, 0, 1.7e308, 1.7e308]
    for rules in ("official", "release"):
        totals = TrackTotals(rules=rules)
        totals.update([BOX, huge], [BOX, huge], layout="xywh")
        assert totals.result().ao in (0.0, 0.5)


@pytest.mark.peer
def test_got10k_agrees() -> None:
    with peer("got10k"):
        from got10k.utils.metrics import rect_iou
    rng = np.random.default_rng(3)
    for size in [(640, 480), (100, 100)]:
        wanted = np.hstack([rng.uniform(-20, 90, (200, 2)), rng.uniform(0, 60, (200, 2))]).round(3)
        predicted = (wanted + rng.normal(0, 15, (200, 4))).round(3)
        # The toolkit writes into what it is given.
        expected = rect_iou(predicted[1:].copy(), wanted[1:].copy(), size)
        totals = TrackTotals(thresholds=(0.25, 0.5))
        totals.update(predicted, wanted, size=size, layout="xywh")
        result = totals.result()
        assert result.ao == pytest.approx(expected.mean(), abs=1e-15)
        assert result.sr == {0.25: (expected > 0.25).mean(), 0.5: (expected > 0.5).mean()}
