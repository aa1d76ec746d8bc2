"""The tables of codes say what happens: each example earns its code, and costs what the table says."""

from __future__ import annotations

import math

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.tasks import Scores

F, R = otr.FailureCode, otr.RepairCode
REFERENCES = {
    "multiple_choice": "B",
    "numerical": "12",
    "math": "80",
    "temporal_grounding": '{"time": [1, 2]}',
    "spatial_grounding": '{"boxes": [0, 0, 9, 9]}',
    "tracking": '{"boxes": {"1": [0, 0, 9, 9]}}',
    "spatio_temporal_grounding": '{"time": [1, 2], "boxes": {"1": [0, 0, 9, 9]}}',
}
# The task in which a code's own example earns it; the others need something that no example shows.
EXAMPLES = {
    **dict.fromkeys([code for code in F if code.example.startswith(("<", "Sure"))], "multiple_choice"),
    F.INVALID_JSON: "temporal_grounding",
    F.NOT_AN_OBJECT: "temporal_grounding",
    F.MISSING_KEY: "spatio_temporal_grounding",
    F.UNKNOWN_KEY: "temporal_grounding",
    F.WRONG_TYPE: "temporal_grounding",
    F.WRONG_LENGTH: "temporal_grounding",
    F.BAD_ORDER: "temporal_grounding",
    F.OUT_OF_RANGE: "temporal_grounding",
    F.BAD_FRAME_KEY: "tracking",
    F.EMPTY_TRACK: "tracking",
    F.NOT_A_NUMBER: "numerical",
    F.NO_OPTION_LETTER: "multiple_choice",
    F.UNREADABLE_MATH: "math",
}
REPAIRS = {
    R.CLIPPED: "spatial_grounding",
    R.SINGLE_QUOTES: "temporal_grounding",
    R.TRAILING_COMMA: "temporal_grounding",
    R.UNWRAPPED_LIST: "temporal_grounding",
    R.RENAMED_KEY: "spatial_grounding",
    R.UNWRAPPED_BOX: "spatial_grounding",
    R.TRUNCATED_TRACK: "tracking",
    R.UNIT: "numerical",
    R.CLOSED_ANSWER: "temporal_grounding",
}


def score(text: str, task: str, recipe: otr.Recipe | str = "paper") -> otr.RewardBatch:
    response = text if "answer>" in text or "think>" in text else f"<think>…</think><answer>{text}</answer>"
    return otr.score([response], [REFERENCES[task]], task, recipe=recipe)


def cost(batch: otr.RewardBatch, code: otr.FailureCode) -> str:
    if math.isnan(batch.total[0]):
        return "the total: NaN"
    hit = {"accuracy": batch.failure[0] == code, "format": batch.format_fault[0] == code}
    return ", ".join(name for name, is_hit in hit.items() if is_hit)


@pytest.mark.parametrize("code", EXAMPLES)
def test_examples_earn_their_failure_code(code: otr.FailureCode) -> None:
    assert cost(score(code.example, EXAMPLES[code]), code) == code.costs


@pytest.mark.parametrize("code", REPAIRS)
def test_examples_earn_their_repair_code(code: otr.RepairCode) -> None:
    text = code.example if code is not R.CLOSED_ANSWER else f"<think>…</think>{code.example}"
    batch = score(text, REPAIRS[code], otr.Recipe(rules="lenient"))
    assert (batch.failure[0], batch.repairs[0]) == (None, (code,))
    assert batch.format[0] == float(code is R.CLIPPED)


@pytest.mark.parametrize(
    ("code", "limits", "text", "task"),
    [
        (F.RESPONSE_TOO_LONG, otr.Limits(response_characters=9), "B", "multiple_choice"),
        (F.ANSWER_TOO_LONG, otr.Limits(answer_characters=3), "four", "multiple_choice"),
        (F.TOO_MANY_BOXES, otr.Limits(track_boxes=0), REFERENCES["tracking"], "tracking"),
        (F.TOO_MANY_DIGITS, otr.Limits(number_characters=5), "111111", "numerical"),
    ],
)
def test_limits_cost_what_the_table_says(code: otr.FailureCode, limits: otr.Limits, text: str, task: str) -> None:
    response = f"<think>…</think><answer>{text}</answer>"
    parsed = otr.parse(response, task, limits=limits)
    assert (parsed.failure, parsed.format_fault) == (code, code)
    assert code.costs == "accuracy, format"


def test_a_timeout_costs_the_accuracy() -> None:
    def formula(predicted: object, reference: object, context: object) -> Scores:
        return Scores(np.zeros(1), {}, {0: F.MATH_TIMEOUT})

    batch = score("80", "math", otr.Recipe(formulas={"math": formula}))
    assert cost(batch, F.MATH_TIMEOUT) == F.MATH_TIMEOUT.costs


def test_a_bad_reference_costs_the_total() -> None:
    response = "<think>…</think><answer>1</answer>"
    batch = otr.score([response], ["one"], "numerical", on_bad_reference="skip")
    assert cost(batch, F.BAD_REFERENCE) == F.BAD_REFERENCE.costs


def test_a_failed_judge_costs_the_total() -> None:
    with otr.Scorer(judge=lambda questions, answers, references: [None]) as scorer:
        batch = scorer.score(["<think>…</think><answer>a</answer>"], ["a"], "open_ended")
    assert cost(batch, F.JUDGE_FAILED) == F.JUDGE_FAILED.costs


def test_examples_earn_their_penalty_code() -> None:
    """A response of 4,000 tokens, one that repeats itself, and a short wrong answer."""
    penalties = (
        otr.SoftOverlong(max_length=4096, cache_length=512),
        otr.Repetition(),
        otr.CosineLength(max_length=4096),
    )
    responses = ["<think>…</think><answer>B</answer>", otr.PenaltyCode.REPETITION.example, "A"]
    recipe = otr.Recipe(penalties=penalties)
    batch = otr.score(responses, ["B"] * 3, "multiple_choice", recipe=recipe, tokens=[4000, 4096, 30])
    assert batch.penalties == [("soft_overlong",), ("soft_overlong", "repetition"), ("cosine_length",)]
