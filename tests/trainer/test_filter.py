"""Which answers are kept, by which thresholds, and what a teacher is asked."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules, verl_row
from onethinker_rewards.trainer.filter import BELOW, THRESHOLDS, Candidate, Judged, Keep, Question, Rule, judge
from onethinker_rewards.trainer.media import MediaRules
from tests.rewards.cases import ANSWERS, REFERENCES, wrap
from tests.trainer.examples import example_row, rl_rows

LEAST = {task: threshold.least for task, threshold in THRESHOLDS.items()}
RIGHT, WRONG, BARE = wrap("B"), wrap("C"), "<answer>B</answer>"
LONG = wrap("B", "I looked at it for a long time.")


def candidate(responses: Sequence[str], task: str = "multiple_choice", reference: str = "B", **more: Any) -> Candidate:
    return Candidate(task, reference, list(responses), more.get("options"))


def judged(*candidates: Candidate, keep: Keep = "best", **thresholds: float) -> list[Judged]:
    with otr.Scorer() as scorer:
        return judge(candidates, scorer, Rule(thresholds=LEAST | thresholds, keep=keep))


@pytest.mark.parametrize(
    ("responses", "keep", "kept"),
    [
        pytest.param([WRONG, LONG, RIGHT], "best", [2], id="the-shortest-of-equals"),
        pytest.param([WRONG, LONG, RIGHT], "first", [1], id="the-first"),
        pytest.param([LONG, WRONG, RIGHT], "all", [0, 2], id="all"),
        pytest.param([LONG, RIGHT, LONG, RIGHT], "all", [0, 1], id="equal-texts-once"),
        pytest.param([RIGHT, RIGHT], "best", [0], id="the-first-of-equals"),
        pytest.param([WRONG, BARE], "best", [], id="none"),
        pytest.param([WRONG, BARE], "all", [], id="none-of-all"),
    ],
)
def test_what_is_kept(responses: list[str], keep: Keep, kept: list[int]) -> None:
    assert judged(candidate(responses), keep=keep)[0].kept == kept


def test_the_most_accurate_is_best_before_the_shortest() -> None:
    (one,) = judged(candidate([wrap("108"), wrap("100", "It is just a hundred."), wrap("92")], "regression", "100"))
    assert one.kept == [1]


def test_codes_say_why() -> None:
    (one,) = judged(candidate([RIGHT, WRONG, BARE, "?", wrap("A or B")]))
    assert one.codes == [None, BELOW, "missing_think", "missing_answer", "no_option_letter"]
    assert [row["normalized"] for row in one.rewards] == [1.0, 0.0, 1.0, 0.0, 0.0]


def test_a_threshold_that_is_just_reached_is_reached() -> None:
    half = candidate([wrap('{"time": [0, 5]}')], "temporal_grounding", '{"time": [0, 10]}')
    assert judged(half)[0].kept == [0]
    assert judged(half, temporal_grounding=math.nextafter(0.5, 1))[0].codes == [BELOW]


def test_a_wrong_format_never_passes() -> None:
    assert judged(candidate([BARE]), multiple_choice=0.0)[0].kept == []
    assert judged(candidate([WRONG]), multiple_choice=0.0)[0].kept == [0]


def test_rows_do_not_touch_each_other() -> None:
    rows = [
        candidate([RIGHT]),
        candidate([WRONG, wrap("A. dog")], reference="A", options=["dog", "cat"]),
        candidate([wrap("7"), wrap("8")], "numerical", "8"),
    ]
    together = judged(*rows)
    assert together == [one for row in rows for one in judged(row)]
    assert [one.kept for one in together] == [[0], [1], [1]]
    assert judged() == []


def test_where_there_is_no_number_nothing_is_kept() -> None:
    def judge_of_nothing(*_: Any) -> list[None]:
        return [None]

    with otr.Scorer(judge=judge_of_nothing) as scorer:
        (one,) = judge(
            [candidate([wrap("x")], "open_ended", "x")], scorer, Rule(thresholds=LEAST | {"open_ended": 0.0})
        )
    assert (one.kept, one.codes) == ([], ["judge_failed"])


@given(st.lists(st.sampled_from([RIGHT, WRONG, BARE, LONG, "?"]), min_size=1, max_size=6))
def test_the_ways_to_keep_agree(responses: list[str]) -> None:
    best, first, every = (judged(candidate(responses), keep=keep)[0] for keep in ("best", "first", "all"))
    passing = [place for place, code in enumerate(every.codes) if code is None]
    assert first.kept == passing[:1]
    assert every.kept == [place for place in passing if responses.index(responses[place]) == place]
    assert set(best.kept) <= set(every.kept)
    assert len(best.kept) == min(len(passing), 1)
    assert all(len(responses[best.kept[0]]) <= len(responses[place]) for place in passing)


# Thresholds.


def accuracy(task: str, answer: str, reference: str) -> float:
    return otr.score([wrap(answer)], [reference], task).normalized[0]


def test_every_task_has_one() -> None:
    assert list(THRESHOLDS) == list(otr.TASKS)
    assert all(0 < one.least <= 1 and one.why.endswith(".") for one in THRESHOLDS.values())


@pytest.mark.parametrize("task", otr.TASKS)
def test_the_right_answer_passes(task: str) -> None:
    assert accuracy(task, ANSWERS[task], REFERENCES[task]) >= THRESHOLDS[task].least


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


# What a teacher is asked.


def question(row: dict[str, Any], root: Path, **media: Any) -> Question:
    return Question(verl_row(row, 3, Rules(media=MediaRules(root=str(root), **media))))


@pytest.mark.parametrize("row", rl_rows(), ids=lambda row: f"{row['problem_type']}-{row['problem_id']}")
def test_the_text_is_that_of_training(row: dict[str, Any], drawn: Path) -> None:
    asked = question(row, drawn)
    prompt = verl_row(row, 3, Rules())["prompt"][0]["content"]
    (message,) = asked.messages("file")
    parts: Any = message["content"]
    said = "".join(part.get("text") or f"<{part['type'].removesuffix('_url')}>" for part in parts)
    assert said.replace("\n", "") == prompt.replace("\n", "")
    assert asked.keys() == {}


def test_frames_go_along_with_their_rate(drawn: Path) -> None:
    asked = question(example_row("tracking", videos=["frames"], fps=8), drawn, frames=True)
    # 12 frames, 8 a second, of which 2 a second are wanted.
    assert asked.row["videos"][0]["video"] == [str(drawn / "frames" / f"{number}.png") for number in (1, 5, 9)]
    assert asked.keys() == {"media_io_kwargs": {"video": {"num_frames": -1, "fps": 2.0}}}


@pytest.mark.parametrize(
    ("row", "how", "reason"),
    [
        pytest.param(example_row("tracking", videos=["frames"]), "file", "frames have no file URL", id="frames"),
        pytest.param(example_row("ocr", images=["away.png"]), "data", "away.png: No such file", id="gone"),
    ],
)
def test_a_file_that_cannot_go_along_costs_its_row(drawn: Path, row: dict[str, Any], how: Any, reason: str) -> None:
    asked = question(row, drawn, frames=row["problem_type"] == "tracking")
    with pytest.raises(InvalidRowError, match=reason) as caught:
        asked.messages(how)
    assert caught.value.fault is Fault.MEDIA
