"""How verdicts are read in what a judge wrote."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.judges import YES_NO, Criterion, JsonVerdict, Labels, Scale
from onethinker_rewards.judges.verdicts import NoVerdictError, RubricVerdict, VerdictForm

THREE = Labels("right", "partly right", "wrong")
JSON = JsonVerdict(YES_NO)
RUBRIC = RubricVerdict(
    (Criterion("color", "Is the color right?", 3.0), Criterion("place", "Where?", 1.0, ("in", "near", "off")))
)


def rubric(**choices: object) -> str:
    return json.dumps({name: {"reason": "…", "verdict": choice} for name, choice in choices.items()})


@pytest.mark.parametrize(
    ("form", "text", "score"),
    [
        pytest.param(YES_NO, "yes", 1.0, id="alone"),
        pytest.param(YES_NO, "They agree.\nNo", 0.0, id="last-line"),
        pytest.param(YES_NO, "They agree.\n\n**Verdict: YES.**\n", 1.0, id="dressed"),
        pytest.param(YES_NO, "yes\nIt is.\nyes", 1.0, id="twice-the-same"),
        pytest.param(YES_NO, "<think>no\nno</think>yes", 1.0, id="thinking"),
        pytest.param(YES_NO, "no\n</think>\n\nyes", 1.0, id="thinking-whose-beginning-is-cut"),
        pytest.param(YES_NO, "The answer says yes, no doubt.\nno", 0.0, id="words-in-a-sentence"),
        pytest.param(YES_NO, '{"reason": "x", "verdict": "Yes"}', 1.0, id="json-all-the-same"),
        pytest.param(YES_NO, '```json\n{"verdict": "no"}\n```', 0.0, id="fenced-json-all-the-same"),
        pytest.param(Scale(), '{"reason": "x", "score": 10}', 1.0, id="number-in-json-all-the-same"),
        pytest.param(THREE, "Score: partly right", 0.5, id="three"),
        pytest.param(THREE, "wrong", 0.0, id="the-last"),
        pytest.param(Scale(), "7", 2 / 3, id="scale"),
        pytest.param(Scale(), "It says 3 of 4 things.\nScore: 10/10", 1.0, id="out-of"),
        pytest.param(Scale(0, 5), "rating = 2.5 out of 5", 0.5, id="half"),
        pytest.param(Scale(-1, 1), "-1", 0.0, id="negative"),
        pytest.param(JSON, '{"reason": "x", "verdict": "yes"}', 1.0, id="json"),
        pytest.param(JSON, '```json\n{"reason": "x", "verdict": "no"}\n```', 0.0, id="fenced"),
        pytest.param(JSON, 'It wrote {"verdict": "yes"}.\n{"reason": "x", "verdict": "no"}', 0.0, id="quoted-half"),
        pytest.param(JSON, "{{{" + '{"reason": "x", "verdict": "no"}', 0.0, id="brackets-before"),
        pytest.param(JsonVerdict(Scale()), '{"verdict": 10, "reason": "x"}', 1.0, id="json-number"),
        pytest.param(RUBRIC, rubric(color="yes", place="near"), 0.875, id="rubric"),
        pytest.param(RUBRIC, rubric(place="off", color="no"), 0.0, id="rubric-in-another-order"),
    ],
)
def test_verdicts(form: VerdictForm, text: str, score: float) -> None:
    assert form.score(text) == pytest.approx(score)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        pytest.param(YES_NO, "", id="nothing"),
        pytest.param(YES_NO, "maybe", id="another-word"),
        pytest.param(YES_NO, "I would say yes to that.", id="in-a-sentence"),
        pytest.param(YES_NO, "yes\nno", id="both"),
        pytest.param(YES_NO, 'It says {"verdict": "yes"}', id="json-in-a-sentence"),
        pytest.param(YES_NO, '{"verdict": "yes"', id="half-json"),
        pytest.param(YES_NO, '{"verdict": "yes"} {"verdict" "no"}', id="more-than-json"),
        pytest.param(YES_NO, '["yes", 1]', id="a-json-list"),
        pytest.param(YES_NO, '{"verdict": ["yes"]}', id="json-with-a-list"),
        pytest.param(YES_NO, "<think>yes", id="thinking-without-end"),
        pytest.param(Scale(), "11", id="above"),
        pytest.param(Scale(), "0", id="below"),
        pytest.param(Scale(), "7/5", id="of-another-scale"),
        pytest.param(Scale(), "7\n8", id="two-numbers"),
        pytest.param(Scale(), "7 or 8", id="a-range"),
        pytest.param(Scale(), "seven", id="a-word"),
        pytest.param(JSON, "yes", id="no-json"),
        pytest.param(JSON, "[" * 100_000, id="nested"),
        pytest.param(JSON, '{"a":' * 100_000, id="nested-objects"),
        pytest.param(JSON, '{"verdict": "yes"}', id="no-reason"),
        pytest.param(JSON, '{"reason": "x", "verdict": ["yes"]}', id="a-list"),
        pytest.param(JSON, '{"reason": "x", "verdict": "yes"} {"reason": "x", "verdict": "no"}', id="two"),
        pytest.param(JsonVerdict(Scale()), '{"reason": "x", "verdict": 1e300}', id="too-large"),
        pytest.param(JsonVerdict(Scale()), '{"reason": "x", "verdict": true}', id="true"),
        pytest.param(RUBRIC, rubric(color="yes"), id="criterion-missing"),
        pytest.param(RUBRIC, rubric(color="yes", place="in", taste="yes"), id="criterion-of-its-own"),
        pytest.param(RUBRIC, rubric(color="yes", place="yes"), id="no-choice-of-it"),
        pytest.param(RUBRIC, rubric(color="yes", place=1), id="a-number"),
        pytest.param(RUBRIC, '{"color": "yes", "place": "in"}', id="no-reasons"),
    ],
)
def test_no_verdict(form: VerdictForm, text: str) -> None:
    with pytest.raises(NoVerdictError) as caught:
        form.score(text)
    assert caught.value.code == "judge_unreadable"
    assert caught.value.reason.startswith("expected ")
    assert len(caught.value.reason) < 400


@given(st.text(), st.sampled_from([YES_NO, THREE, Scale(), JSON, RUBRIC]))
def test_any_text_is_a_score_or_none(text: str, form: VerdictForm) -> None:
    try:
        score = form.score(text)
    except NoVerdictError:
        return
    assert 0 <= score <= 1


@given(st.sampled_from([*THREE.labels]), st.text(alphabet="abc .,\n"))
def test_a_label_on_a_last_line_counts(label: str, before: str) -> None:
    assert THREE.score(f"{before}\n{label}") == THREE.score(label)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Labels("yes"),
        lambda: Labels("yes", "Yes"),
        lambda: Labels("yes", "no."),
        lambda: Labels("yes", ""),
        lambda: Labels("yes", "n\no"),
        lambda: Scale(2, 1),
        lambda: Scale(0, float("inf")),
        lambda: Criterion("a", "?", 0.0),
        lambda: Criterion("a", "?", choices=("one",)),
    ],
)
def test_forms_that_cannot_be(make: Any) -> None:
    with pytest.raises(otr.ArgumentError):
        make()


def test_forms_are_asked_for() -> None:
    assert YES_NO.instruction.endswith("a line that holds your verdict alone: yes or no.")
    assert "from 1 (worst) to 10 (best)" in Scale().instruction
    assert '"verdict", which is "yes" or "no".' in JSON.instruction
    assert "which is a number from 1 (worst) to 10 (best)" in JsonVerdict(Scale()).instruction
    assert "- place: Where? (in, near, off)" in RUBRIC.instruction
    assert repr(THREE) == "Labels('right', 'partly right', 'wrong')"


def test_decoding_by_a_schema() -> None:
    assert [form.response_format for form in (YES_NO, Scale(), JSON, RUBRIC)] == [None] * 4
    asked: Any = JsonVerdict(YES_NO, is_guided=True).response_format
    assert asked == {
        "type": "json_schema",
        "json_schema": {
            "name": "verdict",
            "strict": True,
            "schema": {
                "type": "object",
                "properties": {"reason": {"type": "string"}, "verdict": {"enum": ["yes", "no"]}},
                "required": ["reason", "verdict"],
                "additionalProperties": False,
            },
        },
    }
    number: Any = JsonVerdict(Scale(), is_guided=True).response_format
    properties = number["json_schema"]["schema"]["properties"]
    assert properties["verdict"] == {"type": "number", "minimum": 1, "maximum": 10}
    guided: Any = RubricVerdict(RUBRIC.criteria, is_guided=True).response_format
    place = guided["json_schema"]["schema"]["properties"]["place"]
    assert place["properties"]["verdict"] == {"enum": ["in", "near", "off"]}
