"""Totals of each kind, in two parts and merged, are those of the whole. What holds for any parts is tested by kind."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from onethinker_rewards.evaluation import (
    AnswerTotals,
    BoxTotals,
    ClusterTotals,
    ImageTotals,
    PairedTotals,
    RatioTotals,
    SpanTotals,
    TrackTotals,
    TubeTotals,
    VideoTotals,
    encode_mask,
    mask_overlaps,
    read_mask,
)
from tests.evaluation.totals import assert_mergeable

BOXES = [[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 20.0, 30.0], [1.0, 2.0, 3.0, 4.0]]
FRAMES = np.eye(6, dtype=bool)[None].repeat(3, axis=0)
CASES: dict[str, tuple[Callable[[], Any], list[tuple[Any, ...]]]] = {
    "answers": (AnswerTotals, [(["A"], ["A"], "multiple_choice"), (["3"], ["4"], "numerical"), (["C"], ["B"], "ocr")]),
    "boxes": (BoxTotals, [([BOXES[0]], [BOXES[1]]), ([None], [BOXES[0]]), ([BOXES[2]], [BOXES[2]])]),
    "spans": (
        partial(SpanTotals, mean="video"),
        [([[0.0, 2.0]], [[1.0, 3.0]], ["a"]), ([None], [[0.0, 1.0]], ["b"]), ([[0.0, 1.0]], [[0.0, 1.0]], ["a"])],
    ),
    "tracks": (TrackTotals, [(BOXES, BOXES), (BOXES, BOXES[::-1])]),
    "tubes": (
        TubeTotals,
        [((0, 1), {0: BOXES[0]}, (0, 2), {0: BOXES[1], 1: BOXES[0]}), (None, {}, (0, 1), {0: BOXES[0]})],
    ),
    "images": (ImageTotals, [(FRAMES, FRAMES), (FRAMES, ~FRAMES)]),
    "videos": (VideoTotals, [(FRAMES, FRAMES), (FRAMES, ~FRAMES)]),
    "clusters": (ClusterTotals, [([1.0, 0.5], ["a", None]), ([0.25], ["a"])]),
    "pairs": (PairedTotals, [([1.0, 0.5], [0.0, 0.5], ["a", None]), ([0.0], [1.0], ["a"])]),
    "ratios": (RatioTotals, [([1, 2], [2, 3], ["a", "b"]), ([3], [4], ["a"])]),
}


@pytest.mark.parametrize("kind", CASES)
def test_two_parts_are_the_whole(kind: str) -> None:
    make, batches = CASES[kind]

    def totals_of(part: Any) -> Any:
        totals = make()
        for batch in part:
            totals.update(*batch)
        return totals

    for cut in range(len(batches) + 1):
        assert_mergeable(totals_of, batches, cut, random.Random(cut))


def test_masks_of_no_pixels_and_no_masks() -> None:
    empty = encode_mask(np.zeros((0, 4), dtype=bool))
    assert read_mask(empty).shape == (0, 4)
    assert mask_overlaps([empty], [empty]).intersections.tolist() == [0]
    assert mask_overlaps([], []).intersections.tolist() == []
