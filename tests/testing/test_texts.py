"""Strategies of text: valid ones are valid, the others reach each code, in every task."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys

import pytest
from hypothesis import find
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import Rules, Think, TimeSpan
from onethinker_rewards.testing import valid
from onethinker_rewards.testing.hostile import LONG
from onethinker_rewards.testing.response_texts import retagged
from tests.testing.collecting import drawn_until, some_of

TASKS = list(otr.TASKS)
# No answer causes these: they need a judge, a reference, another schema, or a comparison that does not end.
ELSEWHERE = {
    "bad_reference",
    "invalid_value",
    "math_timeout",
    *(code for code in otr.FailureCode if code.is_judge_failure),
}


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_read_without_a_repair(task: str) -> None:
    for text in some_of(testing.answers(task), 25):
        parsed = otr.parse_answer(text, task)
        assert (parsed.failure, parsed.format_fault, parsed.repairs) == (None, None, ())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("think", ["required", "prefilled", "none"])
def test_responses_are_in_the_format(task: str, think: Think) -> None:
    for response in some_of(testing.responses(task, think=think), 10):
        parsed = otr.parse(response, task, think=think)
        assert (parsed.failure, parsed.format_fault) == (None, None)


@pytest.mark.parametrize("task", TASKS)
def test_near_misses_are_near_and_mostly_misses(task: str) -> None:
    failed = [otr.parse_answer(text, task).failure for text in some_of(testing.near_misses(task), 40)]
    if otr.TASKS[task].schema.__name__ != "Text":
        assert sum(code is not None for code in failed) > len(failed) / 3


@pytest.mark.parametrize("task", TASKS)
def test_damage_hurts_some_responses_and_not_all(task: str) -> None:
    parsed = [otr.parse(text, task) for text in some_of(testing.damaged(task), 40)]
    assert {response.format_fault is None for response in parsed} == {True, False}


def test_damage_of_any_strategy_of_texts() -> None:
    assert find(testing.damaged(st.just("abc")), lambda text: "abc" not in text) in {"bc", "ac", "ab", ""}


def codes(*parsed: otr.Parsed) -> set[str]:
    return {code for text in parsed for code in (text.failure, text.format_fault, *text.repairs) if code is not None}


MISSES = {
    "multiple_choice": "no_option_letter empty_answer code_fence",
    "numerical": "not_a_number too_many_digits unit",
    "temporal_grounding": (
        "wrong_type missing_key invalid_json wrong_length bad_order unknown_key trailing_comma out_of_range"
    ),
    "spatial_grounding": "not_an_object unwrapped_list single_quotes clipped renamed_key bare_box",
    "tracking": "empty_track truncated_track bad_frame_key",
    "image_segmentation": "extra_points repeated_points unwrapped_box",
}
TAGGED = (
    "missing_answer unclosed_answer closed_answer several_thinks several_answers missing_think text_outside_tags "
    "tag_in_answer"
)


def test_the_strategies_reach_each_code() -> None:
    """Drawn until all are seen: how soon that is shifts with any change of a source file."""
    seen = codes(*(otr.parse_answer(text, "tracking") for text in testing.HOSTILE.values()))
    seen |= codes(*(otr.parse(text, "ocr") for text in LONG.values()))
    rules: tuple[Rules, ...] = ("strict", "lenient")
    for task, wanted in MISSES.items():

        def answer_codes(text: str, task: str = task) -> set[str]:
            return codes(*(otr.parse_answer(text, task, rules=name) for name in rules))

        seen |= drawn_until(testing.near_misses(task), answer_codes, set(wanted.split()))

    def tag_codes(text: str) -> set[str]:
        return codes(*(otr.parse(text, "temporal_grounding", rules=name) for name in rules))

    tagged = testing.any_response("temporal_grounding") | retagged(testing.responses("temporal_grounding"))
    seen |= drawn_until(tagged, tag_codes, set(TAGGED.split()))
    misses = [f"<answer>{text}</answer>" for text in some_of(testing.near_misses("math"), 40)]
    seen.update(filter(None, otr.score(misses, ["1"] * len(misses), "math").failure))
    assert {*otr.FailureCode, *otr.RepairCode} - seen == ELSEWHERE


@pytest.mark.parametrize("task", TASKS)
def test_nothing_that_is_drawn_raises(task: str) -> None:
    texts = some_of(testing.any_response(task), 20)
    batch = otr.score(texts, ["1"] * len(texts), task, on_bad_reference="skip")
    assert len(batch) == len(texts)


def test_hostile_text_has_a_name_each() -> None:
    assert set(testing.HOSTILE).isdisjoint(LONG)
    assert {*some_of(testing.hostile_text(), 200)} <= {*testing.HOSTILE.values()}
    assert any(len(text) >= 900_000 for text in some_of(testing.hostile_text(long=True), 60))


@pytest.mark.parametrize("name", list(LONG))
def test_long_text_is_long(name: str) -> None:
    assert 900_000 <= len(LONG[name]) < 6_000_000


def test_values_are_what_answers_say() -> None:
    assert find(testing.values("temporal_grounding"), bool) == {"time": [0, 0]}
    assert json.loads(find(testing.answers(TimeSpan), bool)) == {"time": [0, 0]}


def test_mathematics_is_the_task_s_and_not_the_schema_s() -> None:
    texts = some_of(testing.answers("math"), 40)
    assert not any(otr.score([f"<answer>{text}</answer>" for text in texts], ["1"] * len(texts), "math").failure)
    assert "\\frac{1}{" in some_of(testing.near_misses("math"), 200)


@pytest.mark.parametrize("task", TASKS)
def test_references_are_read(task: str) -> None:
    for text in some_of(testing.references(task), 25):
        otr.parse_reference(text, task)


def test_references_are_in_their_own_schema() -> None:
    assert json.loads(find(testing.references("gui_click"), bool)) == {"box": [0, 0, 1, 1]}
    assert find(testing.references("tracking"), bool) == find(testing.answers("tracking"), bool)
    drawn = [json.loads(text.strip()) for text in some_of(testing.references("pointing"), 20)]
    assert {next(iter(reference)) for reference in drawn} == {"points", "boxes"}


@pytest.mark.parametrize(
    "strategy", [testing.answers, testing.values, testing.responses, testing.near_misses, testing.references]
)
def test_what_is_no_task(strategy: object) -> None:
    with pytest.raises(otr.ArgumentError, match=r"kind is a task, its name or a schema, not 5"):
        strategy(5)  # type: ignore[operator]
    with pytest.raises(otr.UnknownTaskError, match="'chess' is no task"):
        strategy("chess")  # type: ignore[operator]


def test_without_hypothesis_it_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(ImportError, match=r"needs hypothesis: pip install 'onethinker-rewards\[testing\]'"):
        runpy.run_path(testing.__file__)


def test_without_hypothesis_it_is_one_line() -> None:
    code = "import sys; sys.modules['hypothesis'] = None; import onethinker_rewards.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert last == (
        "ImportError: onethinker_rewards.testing needs hypothesis: pip install 'onethinker-rewards[testing]'"
    )


def test_answers_in_a_dialect_are_written_by_it() -> None:
    texts = some_of(testing.any_answer("detection", dialect="internvl"), 40)
    assert any(otr.parse_answer(text, "detection", dialect="internvl").answer is not None for text in texts)


def test_what_a_dialect_has_no_words_for_is_left_out() -> None:
    written = valid._written
    label = {"objects": [{"box": [1, 2, 3, 4], "label": "</ref>"}]}
    assert written(otr.DIALECTS["internvl"], otr.TASKS["detection"].schema, (1000.0, 1000.0), label) == ""
