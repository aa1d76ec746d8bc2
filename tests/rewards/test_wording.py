"""How scored answers are put into words."""

from __future__ import annotations

from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.rewards import wording
from tests.rewards.cases import wrap


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        pytest.param(
            "<think>a b\nc</think>\n<answer>B</answer>", "<think>… 3 words …</think> <answer>B</answer>", id="usual"
        ),
        pytest.param("Hm.\n<think>a</think><answer>", "Hm. <think>… 1 words …</think><answer>", id="text-before"),
        pytest.param("<answer>B</answer>", "<answer>B</answer>", id="no-thinking"),
        pytest.param("<think>a</think> b</think>B", "<think>… 2 words …</think>B", id="two-ends"),
        pytest.param("</think>x<think>", "</think>x<think>", id="wrong-order"),
        pytest.param(
            "<think>a <answer>A</answer> b</think>", "<think>… 3 words … <answer>A</answer> …</think>", id="draft"
        ),
        pytest.param("<think>a <answer> b</think>", "<think>… 3 words …</think>", id="draft-without-end"),
    ],
)
def test_thinking_is_shown_by_its_length(response: str, shown: str) -> None:
    assert wording.shorten_response(response) == shown


def test_long_texts_keep_beginning_and_end() -> None:
    assert wording.shorten_text("a" * 300) == "a" * 300
    shown = wording.shorten_text("a" * 300 + "z" * 300)
    assert shown == "a" * 150 + " … " + "z" * 150
    assert len(shown) < 310


def test_a_fault_of_each_kind_has_its_own_heading() -> None:
    lenient = {"failure": "not_a_number", "repairs": [], "accuracy": 0.0}
    row = {"failure": "unreadable_math", "format_fault": "missing_think", "repairs": ["clipped"]}
    headings = [heading for heading, _ in wording.codes_in_words(row, lenient)]
    assert headings == ["why accuracy is 0", "why format is 0", "repaired"]
    mended = {"failure": None, "repairs": ["code_fence"], "accuracy": 0.5}
    both = {"failure": "invalid_json", "format_fault": "invalid_json", "repairs": []}
    sound = {"failure": None, "format_fault": None, "repairs": []}
    assert list(wording.codes_in_words(sound, sound)) == []
    assert list(wording.codes_in_words(both, mended))[1] == (
        "lenient rules",
        "accuracy 0.50 after code_fence: a Markdown code fence was removed",
    )


def in_words(recipe: str | otr.Recipe, *, reference: str = '{"time": [1, 3]}', **more: Any) -> str:
    batch = otr.score(
        [wrap('{"time": [1, 2]}')], [reference], "temporal_grounding", recipe=recipe, on_bad_reference="skip", **more
    )
    return wording.rewards_in_words(batch.to_rows()[0], recipe)


def test_a_total_is_the_sum_that_its_recipe_makes() -> None:
    assert in_words("paper") == "total 1.50 = accuracy 0.50 (temporal_iou 0.50) + format 1.00"
    assert in_words("release") == (
        "total 1.05 = 0.9 · accuracy 0.50 (temporal_iou 0.50) + 0.1 · format 1.00 + structure 0.50"
    )
    normalized = otr.Recipe(accuracy="normalized", format_weight=0.5)
    assert in_words(normalized) == "total 1.00 = normalized accuracy 0.50 (temporal_iou 0.50) + 0.5 · format 1.00"
    penalized = otr.Recipe(penalties=(otr.SoftOverlong(max_length=10, cache_length=4),))
    assert in_words(penalized, tokens=[8]) == (
        "total 1.00 = accuracy 0.50 (temporal_iou 0.50) + format 1.00 - soft_overlong 0.50"
    )
    assert in_words("paper", reference="[]") == "total NaN: there is no reward"
