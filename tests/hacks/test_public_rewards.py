"""Each public reward gives what its definition comes to by hand, and a right answer in its syntax earns the most."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

from onethinker_rewards.hacks.tricks import plain
from tests.hacks.public_rewards import (
    PUBLIC_REWARDS,
    PUBLIC_TASKS,
    Labeled,
    coco_map,
    gym_click_score,
    museg_score,
    rex_f1,
    rex_points_score,
    v_triune_score,
    vero_order_score,
    vero_score,
    vision_reasoner_score,
)
from tests.hacks.public_syntax import number_list, qwen_boxes, translated
from tests.metrics import box_peers

SQUARE = [0.0, 0.0, 100.0, 100.0]
JUNK = [[800.0, 10.0 * row, 805.0, 10.0 * row + 5] for row in range(50)]
NAN = math.nan


def labeled(*boxes: list[float], label: str = "cat") -> list[Labeled]:
    return [Labeled(box, label) for box in boxes]


ONE = labeled(SQUARE)
THREE = labeled(SQUARE, [200, 0, 300, 100], [400, 0, 500, 100])


@pytest.mark.parametrize(
    ("predicted", "reference", "score"),
    [
        pytest.param([SQUARE], [SQUARE], 1.0, id="right"),
        # Mean IoU 1, F1 1/3, false boxes 4/5: 1 + 0.25 - 0.2, clipped.
        pytest.param([SQUARE, *JUNK[:4]], [SQUARE], 1.0, id="four junk boxes cost nothing"),
        # F1 2/11, false boxes 9/10.
        pytest.param([SQUARE, *JUNK[:9]], [SQUARE], 1 + 0.75 * 2 / 11 - 0.225, id="nine junk boxes"),
        pytest.param([[0, 0, 51, 100]], [SQUARE], 1.0, id="an IoU of 0.51 is as good as 1"),
        pytest.param([[0, 0, 49, 100]], [SQUARE], 0.0, id="an IoU of 0.49 is none"),
        # Mean IoU 0.6, F1 2/3, missed 1/2.
        pytest.param([[0, 0, 60, 100]], [SQUARE, [200, 0, 300, 100]], 0.6 + 0.5 - 0.125, id="one of two"),
        pytest.param([], [], 0.0, id="nothing to find"),
        pytest.param([], [SQUARE], 0.0, id="nothing said"),
        pytest.param([[NAN] * 4], [SQUARE], 0.0, id="nan"),
    ],
)
def test_vero(predicted: list[list[float]], reference: list[list[float]], score: float) -> None:
    assert vero_score(predicted, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("predicted", "score"),
    [
        pytest.param([3, 1, 2], 1.0, id="right"),
        pytest.param([1, 3, 2], 0.2 / 3, id="one place of three"),
        pytest.param([1, 2, 3], 0.0, id="no place"),
        pytest.param([3, 1, 1], 0.0, id="a repeat"),
        pytest.param([3, 1], 0.0, id="too few"),
    ],
)
def test_vero_order(predicted: list[int], score: float) -> None:
    assert vero_order_score(predicted, [3, 1, 2]) == pytest.approx(score)


@pytest.mark.parametrize(
    ("predicted", "reference", "score"),
    [
        pytest.param(ONE, ONE, 1.0, id="right"),
        pytest.param(ONE * 100, ONE, 1.0, id="a hundred copies cost nothing"),
        pytest.param([*ONE, *labeled(JUNK[0])], ONE, 2 / 3, id="one of two boxes false"),
        pytest.param([*ONE * 99, *labeled(JUNK[0])], ONE, 2 * 0.99 / 1.99, id="copies drown a false box"),
        pytest.param(ONE, THREE, 0.5, id="one of three found"),
        pytest.param(labeled([0, 0, 50, 100]), ONE, 0.5, id="half"),
        pytest.param(labeled(SQUARE, label="dog"), ONE, 0.0, id="wrong label"),
        pytest.param([], [], 1.0, id="nothing to find and nothing said"),
        pytest.param(ONE, [], 0.0, id="nothing to find"),
        pytest.param([], ONE, 0.0, id="nothing said"),
    ],
)
def test_rex_boxes(predicted: list[Labeled], reference: list[Labeled], score: float) -> None:
    assert rex_f1(predicted, reference) == pytest.approx(score)


@pytest.mark.parametrize(
    ("points", "score"),
    [
        pytest.param([[50, 50], [250, 50]], 1.0, id="one in each"),
        pytest.param([[100, 100], [200, 0]], 1.0, id="on the borders"),
        pytest.param([[50, 50], [60, 60]], 0.5, id="both in one"),
        pytest.param([[50, 50]], 2 / 3, id="one of two"),
        pytest.param([[50, 50], [250, 50], [900, 900], [950, 950]], 2 / 3, id="two beside"),
        pytest.param([], 0.0, id="none"),
    ],
)
def test_rex_points(points: list[list[float]], score: float) -> None:
    assert rex_points_score(points, [SQUARE, [200, 0, 300, 100]]) == pytest.approx(score)


def test_rex_points_where_there_are_none() -> None:
    assert rex_points_score([], []) == 1.0
    assert rex_points_score([[1, 1]], []) == 0.0


@pytest.mark.parametrize(
    ("predicted", "reference", "score"),
    [
        pytest.param(ONE, ONE, 1.0, id="right"),
        pytest.param([*ONE, *labeled(*JUNK)], ONE, 1.0, id="fifty boxes behind cost nothing"),
        pytest.param([*labeled(*JUNK), *ONE], ONE, 1 / 51, id="fifty boxes before"),
        pytest.param([*labeled(*JUNK, label="dog"), *ONE], ONE, 1.0, id="a class that nobody asked for"),
        # Recall reaches 1/2, and so 51 of 101 levels.
        pytest.param(THREE[:1], THREE[:2], 51 / 101, id="one of two found"),
        # Found at 0.5, 0.55, 0.6, 0.65 and 0.7.
        pytest.param(labeled([0, 0, 72, 100]), ONE, 0.5, id="an IoU of 0.72"),
        pytest.param(labeled([NAN] * 4), ONE, 1.0, id="nan is always a match"),
        pytest.param([*labeled(*JUNK * 3)[:100], *ONE], ONE, 0.0, id="the hundred and first box"),
        pytest.param([], ONE, 0.0, id="nothing said"),
        pytest.param(ONE, [], 0.0, id="nothing to find"),
    ],
)
def test_vlm_r1(predicted: list[Labeled], reference: list[Labeled], score: float) -> None:
    assert coco_map(predicted, reference) == pytest.approx(score)


@pytest.mark.peer
@pytest.mark.slow
def test_coco_map_is_that_of_pycocotools() -> None:
    if not box_peers.installed():
        pytest.skip("needs the packages of `make .venv/.peers`")
    done = subprocess.run(
        [sys.executable, "-m", "tests.hacks.coco_peer"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("predicted", "reference", "by_label", "by_iou"),
    [
        pytest.param(ONE, ONE, 1.0, 1.0, id="right"),
        # The loop takes the last box and the last reference away with each match: two matches of three.
        pytest.param([*THREE[1:], THREE[0]], THREE, 1.0, 2 / 3, id="a perfect answer in another order"),
        # By label: completeness 1/3, IoU 1/3. By IoU the right box stays to the last and pays for all.
        pytest.param([THREE[0], *labeled(*JUNK[:2])], THREE, 1 / 3, 1.0, id="one right box and two others"),
        pytest.param([*ONE, *labeled(JUNK[0])], ONE, 0.6 * (0.3 * 0.75 + 0.7), 0.6 * (0.3 * 0.75 + 0.7), id="junk"),
        # Wrong labels: no match by label, matches of IoU 0 by IoU.
        pytest.param(labeled(SQUARE, label="dog"), ONE, 0.0, 0.3, id="wrong label"),
        # Matched at 5 of 11 thresholds: 0.3 + 0.7 * 0.72 there.
        pytest.param(labeled([0, 0, 72, 100]), ONE, 5 / 11 * 0.804, 5 / 11 * 0.804, id="an IoU of 0.72"),
        pytest.param([], ONE, 0.0, 0.0, id="nothing said"),
        pytest.param([], [], 0.0, 0.0, id="nothing to find"),
    ],
)
def test_v_triune(predicted: list[Labeled], reference: list[Labeled], by_label: float, by_iou: float) -> None:
    assert v_triune_score(predicted, reference, by="label") == pytest.approx(by_label)
    assert v_triune_score(predicted, reference, by="iou") == pytest.approx(by_iou)


@pytest.mark.parametrize(
    ("predicted", "score"),
    [
        pytest.param([SQUARE], 3.0, id="right"),
        pytest.param([SQUARE, JUNK[0]], 1.5, id="junk halves it"),
        pytest.param([[10, 0, 110, 100]], 3.0, id="ten pixels beside"),
        # IoU 0.6, mean difference 12.5, middles 25 apart.
        pytest.param([[25, 0, 125, 100]], 2.0, id="twenty-five pixels beside"),
        pytest.param([[50, 50, 50, 50]], 1.0, id="a point in the middle"),
        pytest.param([[NAN] * 4], 0.0, id="nan"),
        pytest.param([], 0.0, id="nothing said"),
    ],
)
def test_vision_reasoner(predicted: list[list[float]], score: float) -> None:
    assert vision_reasoner_score(predicted, [SQUARE]) == pytest.approx(score)


@pytest.mark.parametrize(
    ("predicted", "reference", "score"),
    [
        pytest.param([[10, 20]], [[10, 20]], 2.0, id="right"),
        # Precision 1/4, recall 1: F1 0.4. IoU 1/4 and no gap: (1 + 1/4) / 2.
        pytest.param([[0, 40]], [[10, 20]], 0.4 + 0.625, id="around"),
        # Each pair: no overlap, half of the hull empty.
        pytest.param([[40, 50], [10, 20]], [[10, 20], [40, 50]], 1 + 0.25, id="another order"),
        pytest.param([[10, 20], [10, 20]], [[10, 20]], 1 + 0.5, id="twice"),
        # Merged for the seconds; in order, (1 + 4/10) / 2 for the first and nothing for the second.
        pytest.param([[10, 14], [13, 20]], [[10, 20]], 1 + 0.35, id="two that overlap"),
        pytest.param([], [[10, 20]], 0.0, id="nothing said"),
        pytest.param([], [], 0.0, id="nothing to find"),
    ],
)
def test_museg(predicted: list[list[float]], reference: list[list[float]], score: float) -> None:
    assert museg_score(predicted, reference) == pytest.approx(score, abs=1e-5)


def test_museg_has_no_number_for_infinity() -> None:
    assert math.isnan(museg_score([[0, math.inf]], [[10, 20]]))


@pytest.mark.parametrize(("distance", "score"), [(0.0, 1.0), (0.075, 0.25), (0.15, 0.0), (0.9, 0.0)])
def test_nemo_gym(distance: float, score: float) -> None:
    assert gym_click_score([0.05, 0.5 + distance], [0.05, 0.5]) == pytest.approx(score, abs=1e-9)


BUTTON = '{"box": [400, 300, 460, 340]}'


def click(name: str, *points: list[int], reference: str = BUTTON) -> float | None:
    answer = " ".join(json.dumps({"point": point}) for point in points)
    (reward,) = PUBLIC_REWARDS[name]([plain(answer)], [reference], ["gui_click"])
    return reward


@pytest.mark.parametrize(
    ("name", "inside", "border", "near"),
    [("Vero", 1.0, 1.0, 0.0), ("GUI-R1, box", 1.0, 0.0, 0.0), ("GUI-R1, point", 1.0, 1.0, 1.0)],
)
def test_clicks(name: str, inside: float, border: float, near: float) -> None:
    assert [click(name, [430, 320]), click(name, [400, 300]), click(name, [500, 380])] == [inside, border, near]
    assert click(name, [900, 900]) == 0.0


def test_which_of_two_clicks_counts() -> None:
    names = ("Vero", "GUI-R1, box", "NeMo-Gym")
    assert [click(name, [430, 320], [20, 20]) for name in names] == [0.0, 0.0, 1.0]
    assert [click(name, [20, 20], [430, 320]) for name in names] == [0.0, 1.0, 0.0]


RIGHT = {
    "detection": '{"objects": [{"box": [100, 100, 300, 400], "label": "cat"}, {"box": [500, 500, 700, 800]}]}',
    "pointing": '{"boxes": [[100, 100, 300, 300]]}',
    "gui_click": BUTTON,
    "temporal_segments": '{"times": [[10, 20], [40, 55]]}',
    "ordering": '{"order": ["C", "A", "B"]}',
}
ANSWERS = RIGHT | {"pointing": '{"points": [[200, 200]]}', "gui_click": '{"point": [430, 320]}'}
MOST = {"VisionReasoner": 3.0, "MUSEG": 2.0}


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, tasks in PUBLIC_TASKS.items() for task in tasks])
def test_the_right_answer_earns_the_most_and_none_earns_nothing(name: str, task: str) -> None:
    reward = PUBLIC_REWARDS[name]
    answers = [plain(ANSWERS[task]), plain("I cannot tell."), "", ANSWERS[task].replace("}", "", 1)]
    right, *others = reward(answers, [RIGHT[task]] * 4, [task] * 4)
    assert right == pytest.approx(MOST.get(name, 1.0), abs=1e-5)
    assert others == [0.0] * 3


def test_they_have_no_say_on_other_tasks() -> None:
    assert [reward(["<answer>B</answer>"], ["B"], ["multiple_choice"]) for reward in PUBLIC_REWARDS.values()] == [
        [None]
    ] * len(PUBLIC_REWARDS)
    assert PUBLIC_REWARDS["Rex-Omni"]([""], ['{"points": [[1, 2]]}'], ["pointing"]) == [None]


@pytest.mark.parametrize(
    ("response", "written"),
    [
        pytest.param("no answer", "no answer", id="text"),
        pytest.param('{"objects": []}', "[]", id="alone"),
        pytest.param('a {b {"objects": []} c', "a {b [] c", id="in text with braces"),
        pytest.param('{"objects": []}{"objects": []}', "[][]", id="twice"),
        pytest.param('{"points": []}', '{"points": []}', id="another task's"),
        pytest.param('{"objects": [1]}', '{"objects": [1]}', id="no objects"),
        pytest.param('{"objects": [{"box": [1]}]}', '[{"bbox_2d": [1], "label": ""}]', id="a box of one number"),
        pytest.param('{"objects": ', '{"objects": ', id="cut off"),
    ],
)
def test_translation(response: str, written: str) -> None:
    assert translated(response, qwen_boxes) == written


def test_items_by_their_numbers() -> None:
    write = number_list(["C", "A", "B"])
    assert write({"order": ["C", "A", "B"]}) == "3, 1, 2"
    assert write({"order": ["C", ["A", "Z"], 7]}) == "3, 1, 99, 7"
    assert write({"order": "C"}) is None
