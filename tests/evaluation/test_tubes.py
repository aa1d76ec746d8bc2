"""m_tIoU and m_vIoU of tubes: cases by hand, a textbook oracle, exact merging, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import ReleaseTubeScores, TubeScores, TubeTotals, sampled_frames
from tests import oracles_numeric as oracle
from tests.evaluation.totals import assert_mergeable, assert_options_must_agree

BOX, HALF = [0, 0, 10, 10], [0, 0, 10, 5]


def tube(frames: range, box: Any = BOX) -> dict[int, Any]:
    return dict.fromkeys(frames, box)


# Span and boxes predicted, span and boxes of the reference, the frames; tIoU, vIoU, gt_vIoU.
CASES = [
    pytest.param([0, 4], tube(range(4)), [0, 4], tube(range(4)), range(9), (1, 1, 1), id="equal"),
    pytest.param([0, 2], tube(range(4)), [0, 4], tube(range(4)), range(9), (1 / 2, 1 / 2, 1), id="half of the span"),
    pytest.param([0, 4], tube(range(4), HALF), [0, 4], tube(range(4)), range(9), (1, 1 / 2, 1 / 2), id="half boxes"),
    pytest.param([5, 9], tube(range(4)), [0, 4], tube(range(4)), range(9), (0, 0, 1), id="apart"),
    pytest.param([2, 0], tube(range(4)), [0, 4], tube(range(4)), range(9), (0, 0, 1), id="inverted"),
    pytest.param(None, {}, [0, 4], tube(range(4)), range(9), (0, 0, 0), id="not read"),
    pytest.param(None, tube(range(4)), [0, 4], tube(range(4)), range(9), (0, 0, 1), id="boxes without a span"),
    pytest.param([0, 4], {}, [0, 4], tube(range(4)), range(9), (1, 0, 0), id="no box"),
    pytest.param([0, 4], tube(range(9)), [0, 4], tube(range(4)), range(0, 9, 2), (1, 1, 1), id="every second frame"),
    pytest.param([0, 1], tube(range(4)), [0, 4], tube(range(4)), [3], (1 / 4, 0, 1), id="frames outside one span"),
    pytest.param([0, 4], tube(range(5)), [0, 4], tube(range(5)), None, (1, 1, 1), id="seconds: both ends"),
    pytest.param([0.5, 3.5], tube(range(5)), [0, 4], tube(range(5)), None, (3 / 4, 3 / 5, 1), id="seconds within"),
    pytest.param([0, 4], tube(range(2)), [0, 4], tube(range(5)), None, (1, 2 / 5, 2 / 5), id="seconds without a box"),
    pytest.param([0, 4], tube(range(5)), [0, 4], tube(range(2)), None, (1, 2 / 5, 1), id="reference without a box"),
    pytest.param([0, 1e15], tube(range(5)), [0, 4], tube(range(5)), None, (0, 0, 1), id="a very long answer"),
]


@pytest.mark.parametrize(("span", "boxes", "asked", "wanted", "frames", "expected"), CASES)
def test_official_scores_of_one_video(
    span: Any, boxes: Any, asked: Any, wanted: Any, frames: Any, expected: tuple[float, float, float]
) -> None:
    totals = TubeTotals()
    totals.update(span, boxes, asked, wanted, iter(frames) if frames is not None else None)
    result = totals.result()
    assert isinstance(result, TubeScores)
    assert (result.m_tiou, result.m_viou, result.m_gt_viou) == pytest.approx(expected, abs=1e-12)


RELEASE_CASES = [
    pytest.param([0, 10], {0: BOX}, [0, 10], tube(range(11)), 1.0, 1.0, id="one right frame of eleven"),
    pytest.param([0, 5], {}, [0, 10], tube(range(11)), 0.5, 0.0, id="no frame"),
    pytest.param([0, 10], {0: BOX, 1: HALF, 99: BOX}, [0, 10], tube(range(11)), 1.0, 0.75, id="frames both name"),
    pytest.param([5, 5], {}, [5, 5], {}, 0.0, 0.0, id="two moments"),
    pytest.param(None, {}, [0, 10], tube(range(11)), 0.0, 0.0, id="not read"),
]


@pytest.mark.parametrize(("span", "boxes", "asked", "wanted", "tiou", "siou"), RELEASE_CASES)
def test_release_scores_of_one_video(span: Any, boxes: Any, asked: Any, wanted: Any, tiou: float, siou: float) -> None:
    totals = TubeTotals(rules="release")
    totals.update(span, boxes, asked, wanted)
    result = totals.result()
    assert isinstance(result, ReleaseTubeScores)
    assert (result.tiou, result.siou, result.accuracy) == (tiou, siou, (tiou + siou) / 2)


def test_names_and_ties() -> None:
    """A vIoU of exactly .5 is not above .5; the release's shares count from .5 on."""
    video = [0, 2], tube(range(4)), [0, 4], tube(range(4)), range(4)
    official, release = TubeTotals(), TubeTotals(rules="release")
    official.update(*video)
    release.update(*video)
    assert official.result().to_dict() == {
        "m_tIoU": 0.5, "m_vIoU": 0.5, "vIoU@0.3": 1.0, "vIoU@0.5": 0.0, "gt_vIoU": 1.0, "gt_vIoU@0.3": 1.0,
        "gt_vIoU@0.5": 1.0,
    }  # fmt: skip
    assert release.result().to_dict() == {
        "accuracy": 0.75, "tIoU": 0.5, "tIoU@0.3": 1.0, "tIoU@0.5": 1.0, "tIoU@0.7": 0.0, "sIoU": 1.0, "sIoU@0.3": 1.0,
        "sIoU@0.5": 1.0, "sIoU@0.7": 1.0,
    }  # fmt: skip


boxes = st.lists(st.integers(0, 8).map(float), min_size=4, max_size=4)
spans = st.lists(st.integers(0, 8), min_size=2, max_size=2)
videos = st.tuples(
    st.none() | spans, st.dictionaries(st.integers(0, 8), boxes), spans, st.dictionaries(st.integers(0, 8), boxes)
)
lists = st.lists(videos, max_size=5)


def totals_of(several: Any, **options: Any) -> TubeTotals:
    totals = TubeTotals(**options)
    for video in several:
        totals.update(*video)
    return totals


@given(several=lists.filter(bool), frames=st.none() | st.sets(st.integers(0, 8)))
def test_scores_are_the_textbook(several: Any, frames: set[int] | None) -> None:
    """Second by second, or frame by frame."""
    vious, gt_vious = [], []
    for span, predicted, asked, wanted in several:
        shown = range(9) if frames is None else frames
        last = 1 if frames is None else 0
        said, right = ({f for f in shown if s and s[0] <= f < s[1] + last} for s in (span, asked))
        scores = {f: oracle.box_iou(predicted[f], wanted[f]) for f in shown if f in predicted and f in wanted}
        vious.append(sum(scores.get(f, 0.0) for f in said & right) / max(1, len(said | right)))
        gt_vious.append(sum(scores.get(f, 0.0) for f in right) / max(1, len(right & {*wanted})))
    totals = TubeTotals()
    for video in several:
        totals.update(*video, frames)
    result = totals.result()
    assert isinstance(result, TubeScores)
    assert result.m_viou == pytest.approx(sum(vious) / len(vious), abs=1e-12)
    assert result.m_gt_viou == pytest.approx(sum(gt_vious) / len(gt_vious), abs=1e-12)
    assert result.videos == len(several)


@given(several=lists, cut=st.integers(0, 5), order=st.randoms(), rules=st.sampled_from(["official", "release"]))
def test_batches_order_and_processes_do_not_matter(several: Any, cut: int, order: Any, rules: Any) -> None:
    assert_mergeable(lambda part: totals_of(part, rules=rules), several, cut, order)


def test_frames_are_sampled_evenly() -> None:
    assert sampled_frames(0, 6, fps=5.0) == [0, 1, 2, 3, 4, 5]
    assert sampled_frames(3, 12, fps=10.0) == [3, 4, 6, 8, 10]
    assert sampled_frames(0, 12, fps=30.0) == [0, 6]
    assert sampled_frames(0, 10, fps=5.0, most=4) == [0, 2, 5, 7]


BAD = [
    pytest.param(([0, 1, 2], {}, [0, 1], {}), "predicted, row 0: expected 2 finite numbers", id="span"),
    pytest.param(([0, 1], {}, None, {}), "reference, row 0: expected 2 finite numbers", id="no reference"),
    pytest.param(([0, 1], {0: [1]}, [0, 1], {0: BOX}), "predicted, row 0: expected 4 finite numbers", id="box"),
    pytest.param(([0, 1], {"0": BOX}, [0, 1], {"0": BOX}), "frames must be whole numbers", id="keys of JSON"),
]


@pytest.mark.parametrize(("video", "message"), BAD)
def test_mistakes_are_named_and_nothing_is_counted(video: Any, message: str) -> None:
    totals = TubeTotals()
    with pytest.raises(ArgumentError, match=message):
        totals.update(*video)
    assert totals == TubeTotals()


@pytest.mark.parametrize("options", [{"rules": "release"}, {"thresholds": (0.5,)}], ids=str)
def test_totals_of_other_rules_cannot_be_merged(options: dict[str, Any]) -> None:
    assert_options_must_agree(TubeTotals(), TubeTotals(**options), f"{next(iter(options))}=.* cannot be merged")


def test_nothing_has_no_score() -> None:
    with pytest.raises(ArgumentError, match="no video was counted"):
        TubeTotals().result()
