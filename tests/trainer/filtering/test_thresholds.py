"""The thresholds: one for each task, and what each of them lets through."""

from __future__ import annotations

import json
import math

import pytest

import onethinker_rewards as otr
from onethinker_rewards.trainer.filtering import THRESHOLDS
from tests.rewards.cases import REFERENCES, wrap


def accuracy(task: str, answer: str, reference: str) -> float:
    return otr.score([wrap(answer)], [reference], task).normalized[0]


def test_every_task_has_one() -> None:
    assert list(THRESHOLDS) == list(otr.TASKS)
    assert all(0 < one.least <= 1 and one.why.endswith(".") for one in THRESHOLDS.values())


@pytest.mark.parametrize("task", otr.TASKS)
def test_the_right_answer_passes(task: str) -> None:
    assert accuracy(task, REFERENCES[task], REFERENCES[task]) >= THRESHOLDS[task].least


@pytest.mark.parametrize(
    ("task", "reference", "near", "far"),
    [
        pytest.param("multiple_choice", "B", "b", "C", id="choice"),
        pytest.param("numerical", "2.00", "2", "2.01", id="numerical"),
        pytest.param("math", "$\\frac{1}{2}$", "0.5", "0.51", id="math"),
        pytest.param("regression", "100", "114", "115", id="regression-15-percent"),
        pytest.param("ocr", "a b c d e f g h i j", "a b c d e f g h i X", "a b c d e f g h X X", id="one-word-in-ten"),
        pytest.param(
            "temporal_grounding", '{"time": [0, 10]}', '{"time": [0, 5]}', '{"time": [0, 4.9]}', id="half-span"
        ),
        pytest.param(
            "spatial_grounding",
            '{"boxes": [0, 0, 100, 100]}',
            '{"boxes": [0, 0, 100, 50]}',
            '{"boxes": [0, 0, 100, 49]}',
            id="half-a-box",
        ),
        pytest.param(
            "tracking",
            '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 9, 9]}}',
            '{"boxes": {"1": [0, 0, 9, 9]}}',
            '{"boxes": {"1": [0, 0, 9, 8]}}',
            id="half-a-track",
        ),
    ],
)
def test_the_limit_is_where_its_reason_says(task: str, reference: str, near: str, far: str) -> None:
    least = THRESHOLDS[task].least
    assert accuracy(task, near, reference) >= least > accuracy(task, far, reference)


@pytest.mark.parametrize(("task", "part", "off"), [("image_segmentation", 59, 0.0), ("video_segmentation", 59, 1.18)])
def test_points_and_moments_are_half_right_where_the_table_says(task: str, part: float, off: float) -> None:
    right = json.loads(REFERENCES[task])
    moved = {
        name: [[x, y - part if y > part else y + part] for x, y in value] if name.endswith("points") else value
        for name, value in right.items()
    }
    if off:
        moved["time"] = right["time"] + off
    parts = otr.score([wrap(json.dumps(moved))], [REFERENCES[task]], task).parts
    halves = [values[0] for name, values in parts.items() if name != "box_iou" and not math.isnan(values[0])]
    assert halves == pytest.approx([0.5] * len(halves), abs=0.01)
