"""What the storm found, each by its name."""

from __future__ import annotations

import json

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import REFERENCES, wrap


@pytest.mark.parametrize("task", ["image_segmentation", "video_segmentation"])
@pytest.mark.parametrize("far", [1e154, 1e200, 1e308, -1e308])
def test_points_so_far_away_that_their_square_is_no_number_under_release(task: str, far: float) -> None:
    """They raised OverflowError, and with it the whole batch."""
    answer = json.loads(REFERENCES[task])
    answer["positive_points"][0] = [far, 0]
    batch = otr.score([wrap(json.dumps(answer))], [REFERENCES[task]], task, recipe="release")
    assert batch.parts["positive_points"].tolist() == [0.0]
    assert batch.parts["negative_points"].tolist() == [1.0]


@pytest.mark.parametrize("answer", ["1 = a > 8", "63=answer >8", "x = y < 3", "1 \\leq a = 2"])
@pytest.mark.parametrize("reference", ["8", "63.78", "x", "x = 8", "$(1, 2)$", "1 = b > 8", "x > 8"])
def test_a_chain_of_different_signs_equals_nothing_else(answer: str, reference: str) -> None:
    """Against a plain value it raised IndexError, and with it the whole batch."""
    batch = otr.score([wrap(answer), wrap(reference)], [reference] * 2, "math")
    assert batch.accuracy.tolist() == [0.0, 1.0]
    assert otr.score([wrap(answer)], [answer], "math").accuracy.tolist() == [1.0]


@pytest.mark.parametrize("space", ["", " ", " \n"])
def test_brackets_in_brackets_without_end_under_release(space: str) -> None:
    """A copy of the text for each pair took hours for a megabyte of them."""
    depth = 300_000 // (1 + len(space))
    answer = f"({space}" * depth + "b" + f"{space})" * depth
    batch = otr.score([wrap(answer), wrap("([b)]")], ["[B]", "B"], "multiple_choice", recipe="release")
    assert batch.accuracy.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("depth", [8, 9, 1000, 1200])
def test_boxes_in_boxes_without_end(depth: int) -> None:
    """A thousand of them raised RecursionError, and with it the whole batch."""
    batch = otr.score([wrap("\\boxed{" * depth + "5" + "}" * depth), wrap("\\boxed{\\boxed{5}}")], ["5"] * 2, "math")
    assert batch.failure == ["unreadable_math", None]
    assert batch.accuracy.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("answer", ["yes", "…", "日本語", "a", "ha ha", "\u200b"])
@pytest.mark.parametrize("recipe", ["paper", otr.Recipe(accuracy="normalized"), otr.Recipe(rules="lenient")])
def test_an_open_ended_reference_of_less_than_two_words_can_be_matched_in_full(
    answer: str, recipe: str | otr.Recipe
) -> None:
    """One word earned 2/3 against itself, and a text without a word of a-z0-9 nothing."""
    assert otr.score([wrap(answer)], [answer], "open_ended", recipe=recipe).accuracy.tolist() == [1.0]


@pytest.mark.parametrize("between", [" ", "\n", ". "])
def test_an_open_ended_answer_said_twice(between: str) -> None:
    """The pair of words that the second time makes with the first one earned it more."""
    batch = otr.score([wrap("b a"), wrap(f"b a{between}b a")], ["a b c"] * 2, "open_ended")
    assert batch.accuracy.tolist() == [pytest.approx(0.4)] * 2


def test_a_reference_box_without_an_area_that_a_double_holds_cannot_be_matched() -> None:
    """Its area is 0 in double precision, and 0/0 is 0."""
    box = '{"boxes": [0, 0, 1e-200, 1e-200]}'
    assert otr.score([wrap(box)], [box], "spatial_grounding").accuracy.tolist() == [0.0]
