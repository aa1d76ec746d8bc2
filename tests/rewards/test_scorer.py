"""Scorer: a judge, a segmenter, workers of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.tasks import Context, Scores
from tests.rewards.cases import REFERENCES, wrap


def test_a_judge_scores_open_ended_answers_only() -> None:
    asked: list[tuple[Any, Any, Any]] = []

    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        asked.append((questions, answers, references))
        return [0.25] * len(answers)

    with otr.Scorer(judge=judge) as scorer:
        batch = scorer.score(
            [wrap("B"), wrap("a dog"), "no tags"],
            ["B", "a cat", "a cow"],
            ["multiple_choice", "open_ended", "open_ended"],
            questions=["q0", "q1", "q2"],
        )
    assert asked == [(["q1"], ["a dog"], ["a cat"])]
    assert batch.accuracy.tolist() == [1.0, 0.25, 0.0]
    assert batch.parts["judge"].tolist()[1:] == [0.25, 0.0]
    assert np.isnan(batch.parts["rouge"]).all()


def test_a_judge_without_questions_gets_none() -> None:
    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        assert questions == [None]
        return [1.0]

    assert otr.Scorer(judge=judge).score([wrap("a")], ["b"], "open_ended").accuracy[0] == 1.0


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_judge_may_miss_single_rows(score: float | None) -> None:
    judge = lambda questions, answers, references: [0.5, score]  # noqa: E731
    batch = otr.Scorer(judge=judge).score([wrap("a"), wrap("b")], ["a", "b"], "open_ended")
    assert batch.accuracy[0] == 0.5
    assert math.isnan(batch.total[1])
    assert batch.failure == [None, "judge_failed"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (otr.JudgeError("no answer"), "judge_failed"),
        (otr.JudgeError("no verdict", otr.FailureCode.JUDGE_UNREADABLE), "judge_unreadable"),
        (TimeoutError("slow"), "judge_timeout"),
        (ConnectionError("gone"), "judge_unreachable"),
    ],
)
def test_a_judge_that_cannot_be_reached_fails_all_its_rows(error: Exception, code: str) -> None:
    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        raise error

    batch = otr.Scorer(judge=judge).score([wrap("a"), wrap("B")], ["a", "B"], ["open_ended", "multiple_choice"])
    assert batch.failure == [code, None]
    assert math.isnan(batch.total[0])
    assert batch.details[0] is not None
    assert batch.details[0].found == str(error)
    assert batch.total[1] == 2.0


def test_a_bug_in_a_judge_is_not_hidden() -> None:
    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        otr.Scorer(judge=judge).score([wrap("a")], ["a"], "open_ended")


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.5, 0.5], "2 scores for 1"),
        ([1.5], "outside"),
        ([-0.1], "outside"),
        (None, "the judge returned NoneType, not a list of scores"),
        (0.5, "the judge returned float, not a list of scores"),
        ("1", "the judge returned str, not a list of scores"),
        ([[0.5]], "the judge returned a score that is not a number"),
        (["good"], "the judge returned a score that is not a number"),
    ],
)
def test_a_judge_that_breaks_its_contract(scores: Any, message: str) -> None:
    judge = lambda questions, answers, references: scores  # noqa: E731
    with pytest.raises(otr.ArgumentError, match=message):
        otr.Scorer(judge=judge).score([wrap("a")], ["a"], "open_ended")


def test_a_formula_gets_images_and_the_segmenter() -> None:
    """What is injected reaches a formula, row by row."""

    def segmenter(images: Any, boxes: Any, positive_points: Any, negative_points: Any) -> list[Any]:
        return [np.full((2, 2), image == "good") for image in images]

    def by_mask(predicted: Any, reference: Any, context: Context) -> Scores:
        assert context.segmenter is not None
        masks = context.segmenter(
            context.images or [], predicted.boxes, predicted.positive_points, predicted.negative_points
        )
        return Scores(np.array([float(mask.all()) for mask in masks]))

    recipe = otr.Recipe(formulas={"image_segmentation": by_mask})
    reference = REFERENCES["image_segmentation"]
    with otr.Scorer(recipe=recipe, segmenter=segmenter) as scorer:
        batch = scorer.score(
            [wrap(reference), "no tags", wrap(reference)],
            [reference] * 3,
            "image_segmentation",
            images=["bad", "good", "good"],
        )
    assert batch.accuracy.tolist() == [0.0, 0.0, 1.0]


def test_workers_of_its_own() -> None:
    with otr.Scorer(workers=1) as scorer:
        batch = scorer.score([wrap("$\\frac{2}{4}$"), wrap("$2$")], ["$\\frac{1}{2}$"] * 2, "math")
    assert batch.accuracy.tolist() == [1.0, 0.0]


def test_math_failures_have_codes() -> None:
    batch = otr.score([wrap("$9^{9^{9^{9^{9}}}}+\\frac{1}{x}$"), wrap("$$ $$")], ["$\\frac{1}{2}$"] * 2, "math")
    assert batch.accuracy.tolist() == [0.0, 0.0]
    assert not np.isnan(batch.total).any()


def test_an_unreadable_math_reference_is_an_error() -> None:
    with pytest.raises(otr.BadReferenceError) as caught:
        otr.score([wrap("$1$"), wrap("$2$")], ["$1$", "$$ $$"], "math")
    assert caught.value.rows == (1,)


def test_an_unreadable_math_reference_does_not_depend_on_the_answers() -> None:
    with pytest.raises(otr.BadReferenceError, match=r"unreadable_math for math: '\?!'") as caught:
        otr.score(["no tags", wrap("$1$")], ["?!", "$1$"], "math")
    assert caught.value.rows == (0,)
    with pytest.raises(otr.BadReferenceError, match="unreadable_math"):
        otr.parse_reference("?!", "math")
