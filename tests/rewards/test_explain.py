"""`explain`: what was read, where reading stopped, what else would have read it, and each number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import onethinker_rewards as otr
from onethinker_rewards.answers import SingleBox
from onethinker_rewards.rewards import fault_offset
from onethinker_rewards.testing.hostile import hostile_text
from onethinker_rewards.testing.response_texts import any_response
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "answers" / "structured_cases.jsonl").read_text("utf-8").splitlines()
]
BOX = '{"boxes": [100, 100, 300, 300]}'
HEAD = "think      4 words: I look at it.\n"


def body(answer: str, task: str, reference: Any = None, **more: Any) -> str:
    """Return what is said of an answer, without the title and the thinking, which are the same each time."""
    said = otr.explain(wrap(answer), task, reference, **more)
    title, _, rest = said.partition("\n")
    assert title.startswith(f"{task} by the recipe ")
    assert rest.startswith(HEAD)
    return rest.removeprefix(HEAD)


def caret(said: str) -> str:
    """Return what the caret points at, up to five characters of it."""
    lines = said.splitlines()
    index = next(index for index, line in enumerate(lines) if line.strip() == "^")
    return lines[index - 1][lines[index].index("^") :][:5]


def test_a_wrong_value_has_a_caret_under_it() -> None:
    assert body('{"boxes": [100, "8", 300, 300]}', "spatial_grounding", BOX) == (
        """\
answer     {"boxes": [100, "8", 300, 300]}
failure    wrong_type: a value of the wrong type, such as a string or boolean for a number
where      boxes.1: found "8", expected a valid number
           {"boxes": [100, "8", 300, 300]}
                           ^
reference  {"boxes": [100, 100, 300, 300]}
total      0.00 = accuracy 0.00 + format 0.00"""
    )


def test_what_lenient_rules_and_other_dialects_would_read() -> None:
    native = '```json\n[{"bbox_2d": [64, 48, 192, 144], "label": "cat"}]\n```'
    assert body(native, "spatial_grounding", BOX, size=(640, 480)) == (
        """\
answer     ```json [{"bbox_2d": [64, 48, 192, 144], "label": "cat"}] ```
failure    invalid_json: not JSON, or nested too deeply; NaN, Infinity and numbers beyond double
           range are not JSON
where      character 0: found ```json⏎[{"bbox_2d": [64, 48, 192, 144], "label": "cat"}]⏎``…,
           expected JSON
           ```json⏎[{"bbox_2d": [64, 48, 192, 144], "label": "cat"}]⏎```
           ^
instead    lenient rules would read {"boxes": [64.0, 48.0, 192.0, 144.0]} (after code_fence,
           unwrapped_list, renamed_key, dropped_label), accuracy 0.08
instead    the dialect qwen3-vl would read {"boxes": [64.0, 48.0, 192.0, 144.0]}, accuracy 0.08
instead    the dialect qwen2.5-vl would read {"boxes": [100.0, 100.0, 300.0, 300.0]}, accuracy 1.00
reference  {"boxes": [100, 100, 300, 300]}
total      0.00 = accuracy 0.00 + format 0.00"""
    )


def test_words_are_aligned() -> None:
    assert body("the cat sit on the mat now", "ocr", "the cat sat on mat") == (
        """\
answer     the cat sit on the mat now
reference  the cat sat on mat
words      5 in the reference: 1 substituted, 0 deleted, 2 inserted
           REF: the cat sat on *** mat ***
           HYP: the cat sit on the mat now
                          S      I       I
total      1.40 = accuracy 0.40 (word_accuracy 0.40) + format 1.00"""
    )


def test_frames_that_are_missing_or_cost_most_are_named() -> None:
    answer = '{"boxes": {"1": [100, 100, 300, 400], "2": [110, 120, 310, 400], "9": [1, 1, 2, 2]}}'
    reference = '{"boxes": {"1": [100, 100, 300, 400], "2": [110, 100, 310, 400], "3": [1, 2, 3, 4]}}'
    assert body(answer, "tracking", reference) == (
        f"""\
answer     {answer}
reference  {reference}
frames     2 of the reference's 3; missing: 3; 1 that the reference does not have
           frame 2 costs 0.022: IoU 0.933 of [110, 120, 310, 400] with [110, 100, 310, 400]
total      1.64 = accuracy 0.64 (box_iou 0.64) + format 1.00"""
    )


def test_many_missing_frames_are_cut_short() -> None:
    boxes = {str(second): [1, 1, 9, 9] for second in range(30)}
    said = body('{"boxes": {"40": [1, 1, 9, 9]}}', "tracking", {"boxes": boxes})
    assert "0 of the reference's 30; missing: 0, 1, 2," in said
    assert "18, 19 and 10 more; 1 that the reference does not" in " ".join(said.split())


def test_points_of_a_track() -> None:
    answer = '{"points": {"1": [400, 230], "2": null, "3": [9, 9], "4": [7, 7]}}'
    reference = '{"points": {"1": [400, 200], "2": [411, 236], "3": null, "4": [7, 7], "5": null}}'
    lines = body(answer, "point_tracking", reference).splitlines()
    assert [line.strip() for line in lines[2:-1]] == [
        "frames     4 of the reference's 5; missing: 5",
        "frame 2: hidden in the answer, visible in the reference",
        "frame 3: visible in the answer, hidden in the reference",
        "frame 1: 30 thousandths apart, [400, 230] for [400, 200]",
    ]


@pytest.mark.parametrize(
    ("answer", "reference", "said", "right", "difference"),
    [
        (r"$\frac{1}{3}$", "0.5", r"\frac{1}{3}, read as div(1, 3), which is 0.333333333333",
         "0.5, read as 0.5, which is 0.5", "0.166666666667"),
        ("x=3", r"$\{1,2\}$", "x=3, read as rel(x, =, 3)", r"\{1,2\}, read as set(1, 2)",
         "the answer is an equation or inequality, the reference a set"),
        ("x+1", "x+2", "x+1, read as add(x, 1)", "x+2, read as add(x, 2)",
         "neither the rules nor algebra find them equal"),
        (r"\frac{1", "2", r"\frac{1", "2, read as 2, which is 2", None),
        ("4", "4.0", "4, read as 4, which is 4", "4.0, read as 4.0, which is 4", None),
    ],
)  # fmt: skip
def test_mathematics_has_both_normal_forms(
    answer: str, reference: str, said: str, right: str, difference: str | None
) -> None:
    lines = [line.strip() for line in body(answer, "math", reference).splitlines()]
    assert f"said       {said}" in lines
    assert f"right      {right}" in lines
    shown = [line.removeprefix("difference ") for line in lines if line.startswith("difference")]
    if answer.startswith("\\frac{1"):
        assert "unreadable_math" in lines[1]
        assert shown[0].startswith("the answer cannot be read: ")
    else:
        assert shown == ([] if difference is None else [difference])


def test_coordinates_in_another_unit_show_themselves() -> None:
    said = body('{"boxes": [64, 48, 192, 144]}', "spatial_grounding", BOX, size=(640, 480))
    assert 'instead    with coordinates in pixels it is {"boxes": [100.0, 100.0, 300.0, 300.0]}, accuracy 1.00' in said
    said = body('{"boxes": [0.1, 0.1, 0.3, 0.3]}', "spatial_grounding", BOX)
    assert "with coordinates in unit it is" in said
    assert "instead" not in body(BOX, "spatial_grounding", BOX, size=(640, 480))


def test_times_in_another_dialect() -> None:
    said = body("12.5 to 17.8", "temporal_grounding")
    assert 'instead    the dialect seconds-text would read {"time": [12.5, 17.8]}' in said.splitlines()
    said = otr.explain(wrap("[12, 18]"), "temporal_grounding", dialect="seconds-text")
    assert said.startswith("temporal_grounding by the recipe paper in the dialect seconds-text\n")


def test_what_lenient_rules_still_find() -> None:
    said = body('```json\n{"boxes": [300, 300, 100, 100]}\n```', "spatial_grounding")
    assert "instead    lenient rules would find bad_order: boxes: found [300,300,100,100], expected" in said
    assert "instead" not in body('{"boxes": [300, 300, 100, 100]}', "spatial_grounding")


def test_repairs_and_what_was_read() -> None:
    said = body("{'boxes': [-5, 100, 300, 300]}", "spatial_grounding", BOX, recipe="lenient").splitlines()
    assert said[1:3] == [
        "format     is 0: invalid_json: not JSON, or nested too deeply; NaN, Infinity and numbers beyond",
        "           double range are not JSON",
    ]
    assert 'read as    {"boxes": [0.0, 100.0, 300.0, 300.0]}' in said
    assert "repaired   single_quotes: single quotes became double quotes" in said
    assert "repaired   clipped: coordinates outside 0…1000 were moved to the border" in said


@pytest.mark.parametrize(
    ("answer", "task", "at"),
    [
        ('{"time": [3, Infinity]}', "temporal_grounding", "Infin"),
        ('{"time": [1, 2], "unit": "s"}', "temporal_grounding", '"unit'),
        ('{"boxes": {"1": [1, 2, 3, 4], "01": [1, 2, 3, 4]}}', "tracking", '"01":'),
        ('{"boxes": {"1": [1, 2, 3, 4], "2": [1, 2, 3]}}', "tracking", "[1, 2"),
        ('{"time": [1]}', "temporal_grounding", "[1]}"),
        ('{"boxes": {"1": [1, 2, 3, 4]}}', "spatio_temporal_grounding", '{"box'),
        ('{"time": [1, 2], "time": ["1", 2]}', "temporal_grounding", '"1", '),
        ('{"objects": [{"box": [1, 2, 3, 4]}, {"box": [1, 2, true, 4]}]}', "detection", "true,"),
        ('{"boxes": "' + "你" * 60 + '", "x\\ty": 1}', "spatial_grounding", '"你你你你'),
    ],
)
def test_the_caret_is_under_the_place(answer: str, task: str, at: str) -> None:
    assert caret(otr.explain(wrap(answer), task)) == at


def test_the_caret_counts_columns_and_long_texts_are_cut() -> None:
    wide = '{"x": "' + "你" * 60 + "\u0301\t\n\u0000" + '", "time": [1, 2]}'
    lines = otr.explain(wrap(wide.replace("\t\n\u0000", "")), "temporal_grounding").splitlines()
    text, mark = lines[-2], lines[-1]
    # The fault is the key, whose text is wide: a character takes two columns.
    assert text.startswith('           {"x": "你你')
    assert text.endswith("…")
    assert mark == " " * 12 + "^"
    far = otr.explain(
        wrap(f'{{"label": "{"你" * 60}", "time": [1, "2"]}}'), "temporal_grounding", rules_of_size := None
    )
    assert rules_of_size is None
    shown, mark = far.splitlines()[-2:]
    assert shown.startswith("           …你")
    ends = otr.explain(wrap('{"time": [1, 2]'), "temporal_grounding").splitlines()
    assert ends[-2] == " " * (11 + len('{"time": [1, 2]')) + "^"
    control = otr.explain("a\tb\u0000\n<answer>B</answer>", "multiple_choice")
    assert "a b\ufffd⏎<answer>B</answer>" in control


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("It is B", ["think      none", "answer     none"]),
        ("<think>a</think><answer>B", ["answer     B", "where      character"]),
        ("<think>a</think><answer>B</answer> OK", ["think      1 word: a", "format     is 0: text_outside_tags"]),
        (wrap("A or B"), ["failure    no_option_letter", "where      found A or B, expected the letter of one option"]),
    ],
)
def test_faults_of_the_tags(response: str, expected: list[str]) -> None:
    said = otr.explain(response, "multiple_choice", "B")
    for line in expected:
        assert f"\n{line}" in said


def test_options_are_known() -> None:
    assert "total      2.00" in body("cat", "multiple_choice", "B", options=["dog", "cat"])
    assert "failure" not in body("cat", "multiple_choice", options=["dog", "cat"])
    assert "failure" in body("cat", "multiple_choice", "B")


@pytest.mark.parametrize("reference", [json.loads(BOX), SingleBox(boxes=(100.0, 100.0, 300.0, 300.0)), BOX])
def test_references_may_be_objects(reference: dict[str, Any] | BaseModel | str) -> None:
    assert "total      2.00 = accuracy 1.00" in body(BOX, "spatial_grounding", reference)


def test_a_bad_reference_is_said_to_be_bad() -> None:
    said = " ".join(body('{"time": [1, 2]}', "temporal_grounding", "[]").split())
    assert said == (
        'answer {"time": [1, 2]} reference cannot be read, so there is no reward: not_an_object for '
        "temporal_grounding: '[]' (found [], expected an object with \"time\")"
    )


def test_the_release_is_explained_by_its_own_sum() -> None:
    said = otr.explain(wrap('{"time": [1, 2]}'), "temporal_grounding", '{"time": [1, 5]}', recipe="release")
    assert said.splitlines() == [
        "temporal_grounding by the recipe release",
        "think      none",
        'answer     {"time": [1, 2]}',
        'reference  {"time": [1, 5]}',
        "total      0.82 = 0.9 · accuracy 0.25 (temporal_iou 0.25) + 0.1 · format 1.00 + structure 0.50",
    ]
    broken = otr.explain(wrap("{"), "temporal_grounding", recipe="release")
    assert "failure    invalid_json" in broken
    assert "where" not in broken


def test_a_formula_of_the_recipe_s_own_is_not_taken_for_ours() -> None:
    recipe = otr.Recipe(formulas={"ocr": lambda predicted, reference, context: otr.Scores(reference.texts == "a")})
    assert "words" not in body("b", "ocr", "a", recipe=recipe).replace("4 words", "")
    spaces = otr.Recipe(constants={"nfkc": 0.0})
    assert "1 substituted" in body("\uff21", "ocr", "A", recipe=spaces)
    assert "0 substituted" in body("\uff21", "ocr", "A")


@pytest.mark.parametrize("task", ANSWERS)
@pytest.mark.parametrize("recipe", ["paper", "lenient"])
def test_right_answers_of_all_tasks(task: str, recipe: str) -> None:
    said = otr.explain(wrap(ANSWERS[task]), task, REFERENCES[task], recipe=recipe)
    assert "instead" not in said
    assert f"total      {(otr.TASKS[task].maximum or 0.0) + 1.0:.2f} = " in said


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']}-{case['rules']}" for case in CASES])
def test_every_case_of_the_structured_answers_is_explained(case: dict[str, Any]) -> None:
    recipe = "lenient" if case["rules"] == "lenient" else "paper"
    said = otr.explain(case["response"], case["task"], case["reference"], recipe=recipe)
    assert max(map(len, said.splitlines())) <= 100
    batch = otr.score([case["response"]], [case["reference"]], case["task"], recipe=recipe)
    if batch.failure[0] is not None:
        assert f"\nfailure    {batch.failure[0]}: " in said
    assert f"\ntotal      {batch.total[0]:.2f} = " in said


def test_own_tables_and_wrong_arguments() -> None:
    table = {"place": otr.TASKS["spatial_grounding"]}
    assert otr.explain(wrap(BOX), "place", BOX, table=table).startswith("spatial_grounding by the recipe paper\n")
    with pytest.raises(otr.UnknownTaskError):
        otr.explain("B", "poetry")
    with pytest.raises(otr.ArgumentError, match="response: expected str, got int"):
        otr.explain(7, "math")  # pyright: ignore[reportArgumentType]
    with pytest.raises(otr.ArgumentError, match="give the size"):
        otr.explain(wrap('[{"bbox_2d": [1, 2, 3, 4]}]'), "spatial_grounding", dialect="qwen2.5-vl")


@settings(deadline=None)
@given(data=st.data(), task=st.sampled_from([task for task in ANSWERS if task != "math"]))
def test_whatever_a_model_writes_is_explained_as_it_is_scored(data: st.DataObject, task: str) -> None:
    response = data.draw(any_response(otr.TASKS[task].schema) | hostile_text())
    recipe = data.draw(st.sampled_from([*otr.RECIPES])) if task in otr.RECIPES["release"].tasks else "paper"
    said = otr.explain(response, task, REFERENCES[task], recipe=recipe, size=(640, 480))
    batch = otr.score([response], [REFERENCES[task]], task, recipe=recipe)
    assert max(map(len, said.splitlines())) <= 100
    assert f"\ntotal      {batch.total[0]:.2f} = " in said
    for code in (batch.failure[0], batch.format_fault[0]):
        assert code is None or f"{code}: {code.meaning}" in " ".join(said.split())


@pytest.mark.parametrize(
    ("response", "rest"),
    [
        ('<think>a</think><answer>{"time": [1, 8]}</answer>', None),
        ('<think>a</think><answer>{"time": [1, "8"]}</answer>', '"8"]}</answer>'),
        # What the thinking says in the same words is not the answer.
        ('<think>{"time": [1, "8"]}</think><answer>{"time": [1, "8"]}</answer>', '"8"]}</answer>'),
        ("<think>a</think><answer>3</answer>", None),
        (
            'So. <think></think><answer>{"time": [1, 8]}</answer>',
            'So. <think></think><answer>{"time": [1, 8]}</answer>',
        ),
        ("<think>a</think><answer>no brackets</answer>", "no brackets</answer>"),
    ],
)
def test_the_offset_of_a_fault_is_where_the_caret_is(response: str, rest: str | None) -> None:
    offset = fault_offset(response, otr.parse(response, "temporal_grounding"))
    assert (None if offset is None else response[offset:]) == rest


def test_the_recipe_release_knows_no_offsets() -> None:
    response = "<think>a</think><answer>{broken</answer>"
    parsed = otr.parse(response, "temporal_grounding", recipe="release")
    assert parsed.failure == "invalid_json"
    assert fault_offset(response, parsed, recipe="release") is None
