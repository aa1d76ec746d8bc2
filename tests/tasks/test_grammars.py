"""Schemas and grammars in two real engines: what they let a model write is what strict parsing reads."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from pydantic import BaseModel, ConfigDict

import onethinker_rewards as otr
from onethinker_rewards.answers import Number, Think
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.tasks import Scores
from onethinker_rewards.testing import any_answer
from tests.rewards.cases import ANSWERS
from tests.tasks.engines import ENGINES, accepts, matchers, samples

JSON_TASKS = [name for name, spec in otr.TASKS.items() if spec.is_json]
THINKS: list[Think] = ["required", "prefilled", "none"]
# A number that stands in a list, or behind a key.
NUMBER = re.compile(r"(?<=[\[ ])[0-9.]+(?=[,\]}])")
HEADS = {"required": "<think>I look.</think>\n", "prefilled": "I look.</think>\n", "none": ""}


def put_in_order(answer: dict[str, Any]) -> bool:
    """Sort spans and boxes in place; return whether a box has no width or height even so, or no order would help."""
    boxes = answer.get("boxes", [])
    every = list(boxes.values()) if isinstance(boxes, dict) else [boxes] if boxes else []
    every += [item["box"] for item in answer.get("objects", [])]
    for box in every:
        box[0::2], box[1::2] = sorted(box[0::2]), sorted(box[1::2])
    for span in [answer["time"]] if isinstance(answer.get("time"), list) else answer.get("times", []):
        span.sort()
    return "corners" in answer or any(box[0] == box[2] or box[1] == box[3] for box in every)


def check_refusal(text: str, task: str, failure: FailureCode | None) -> None:
    """A text of the schema is refused for its order alone: put in order, it is read."""
    if failure is None:
        return
    assert failure == FailureCode.BAD_ORDER, text
    answer = json.loads(text)
    if not put_in_order(answer):
        assert otr.parse_answer(json.dumps(answer), task).failure is None


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", JSON_TASKS)
def test_schemas_compile_and_what_they_allow_is_read(task: str, engine: str) -> None:
    schema = otr.json_schema(task)
    validator = jsonschema.Draft202012Validator(schema)
    read = 0
    for text in samples(matchers(engine, "schema", json.dumps(schema)), 60):
        parsed = otr.parse_answer(text, task)
        assert not parsed.repairs
        check_refusal(text, task, parsed.failure)
        validator.validate(json.loads(text.strip()))
        read += parsed.failure is None
    assert read


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("task", JSON_TASKS)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda text: text[:-1] + ', "note": 1}', id="another key"),
        pytest.param(lambda text: "{}", id="no key"),
        pytest.param(lambda text: NUMBER.sub("true", text, count=1), id="a boolean"),
        pytest.param(lambda text: NUMBER.sub('"10"', text, count=1), id="a string"),
        pytest.param(lambda text: NUMBER.sub("NaN", text, count=1), id="NaN"),
        pytest.param(lambda text: NUMBER.sub("-10", text, count=1), id="before 0"),
        pytest.param(lambda text: text.replace("]", ", 5]", 1), id="a number too many"),
        pytest.param(lambda text: text[:-1], id="cut off"),
        pytest.param(lambda text: f"[{text}]", id="a list"),
    ],
)
def test_engines_refuse_what_is_not_in_the_schema(task: str, engine: str, spoil: Any) -> None:
    start = matchers(engine, "schema", json.dumps(otr.json_schema(task)))
    text = ANSWERS[task]
    assert accepts(start, text)
    # An order has no numbers to spoil.
    assert not accepts(start, spoil(text)) or (task == "ordering" and spoil(text) == text)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("boxes", "is_allowed"),
    [
        pytest.param('{"0": [1, 2, 3, 4]}', True, id="second 0"),
        pytest.param('{"123456789": [1, 2, 3, 4]}', True, id="nine digits"),
        pytest.param('{"1234567890": [1, 2, 3, 4]}', False, id="ten digits"),
        pytest.param('{"01": [1, 2, 3, 4]}', False, id="a leading zero"),
        pytest.param('{"a": [1, 2, 3, 4]}', False, id="no number"),
        pytest.param('{"1": [1, 2, 3, 1001]}', False, id="outside"),
        pytest.param('{"1": [1, 2, 3, 1000]}', True, id="at the border"),
        pytest.param("{}", False, id="no box"),
    ],
)
def test_tracks_in_engines(engine: str, boxes: str, is_allowed: bool) -> None:
    text = f'{{"boxes": {boxes}}}'
    assert accepts(matchers(engine, "schema", json.dumps(otr.json_schema("tracking"))), text) == is_allowed
    parsed = otr.parse_answer(text, "tracking")
    assert (parsed.failure is None and not parsed.repairs) == is_allowed


@pytest.mark.parametrize("task", JSON_TASKS)
def test_what_is_read_without_repair_is_in_the_schema(task: str) -> None:
    validator = jsonschema.Draft202012Validator(otr.json_schema(task))

    @given(text=any_answer(task))
    def check(text: str) -> None:
        parsed = otr.parse_answer(text, task)
        if parsed.failure is None and not parsed.repairs:
            validator.validate(json.loads(text.strip()))

    check()


@pytest.mark.parametrize("task", sorted(set(otr.TASKS) - set(JSON_TASKS)))
def test_what_a_text_is_read_as_is_in_the_schema(task: str) -> None:
    validator = jsonschema.Draft202012Validator(otr.json_schema(task))

    @given(text=any_answer(task))
    def check(text: str) -> None:
        answer = otr.parse_answer(text, task).answer
        if answer is not None:
            validator.validate(answer.root)

    check()


@pytest.mark.parametrize("value", ["9" * 400, "1e999", "1E400"])
@pytest.mark.parametrize("engine", ENGINES)
def test_numbers_beyond_double_range(engine: str, value: str) -> None:
    """A schema cannot say it; such a text is no JSON that can be read."""
    text = f'{{"time": [0, {value}]}}'
    assert accepts(matchers(engine, "schema", json.dumps(otr.json_schema("temporal_grounding"))), text) == (
        "e" not in value.lower()  # neither engine writes exponents where there is a least value
    )
    assert otr.parse_answer(text, "temporal_grounding").failure == FailureCode.INVALID_JSON


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("think", THINKS)
@pytest.mark.parametrize("task", otr.TASKS)
def test_responses_have_the_format(task: str, think: Think, engine: str) -> None:
    start = matchers(engine, "response", otr.response_grammar(task, engine=engine, think=think))
    for text in samples(start, 8):
        parsed = otr.parse(text, task, think=think)
        assert parsed.format_fault == parsed.failure
        assert (parsed.think is None) == (think == "none")
        answer = text.rpartition("<answer>")[2].removesuffix("</answer>")
        if parsed.failure is not None and otr.TASKS[task].schema is Number:
            assert math.isinf(float(answer.replace(",", "")))
        else:
            check_refusal(answer, task, parsed.failure)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("think", THINKS)
@pytest.mark.parametrize("task", otr.TASKS)
def test_honest_responses_are_in_the_grammar(task: str, think: Think, engine: str) -> None:
    start = matchers(engine, "response", otr.response_grammar(task, engine=engine, think=think))
    response = f"{HEADS[think]}<answer>{ANSWERS[task]}</answer>"
    assert accepts(start, response)
    assert accepts(start, response.replace("I look.", "<answer>x</answer> a < b </thin")) or think == "none"
    for spoiled in (
        f"Sure. {response}",
        f"{response}.",
        response.replace("<answer>", "<answer><answer>"),
        response.replace("<answer>", "<answer></answer><answer>"),
        response.replace(ANSWERS[task], ""),
        response.removesuffix("</answer>"),
    ):
        # Where thinking is begun by the prompt, what stands before it is thinking.
        assert not accepts(start, spoiled) or (think == "prefilled" and spoiled.startswith("Sure."))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("gap", "is_allowed"), [("", True), ("\n", True), ("\n\n", True), ("\n\n\n", False), (" ", False)]
)
def test_line_breaks_between_the_blocks(engine: str, gap: str, is_allowed: bool) -> None:
    start = matchers(engine, "response", otr.response_grammar("ocr", engine=engine))
    assert accepts(start, f"<think>I look.</think>{gap}<answer>x</answer>") == is_allowed


@pytest.mark.parametrize("engine", ENGINES)
def test_letters_of_the_options(engine: str) -> None:
    grammar = otr.response_grammar("multiple_choice", engine=engine, think="none", options=["a dog", "a cat"])
    start = matchers(engine, "response", grammar)
    assert accepts(start, "<answer>B</answer>")
    assert not accepts(start, "<answer>C</answer>")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_task_of_your_own(engine: str) -> None:
    class Count(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        cars: int

    count = otr.TaskSpec(name="count", schema=Count, accuracy=lambda predicted, reference, context: Scores(predicted))
    table = {**otr.TASKS, "count": count}
    start = matchers(engine, "response", otr.response_grammar("count", engine=engine, think="none", table=table))
    assert accepts(start, '<answer>{"cars": 3}</answer>')
    assert not accepts(start, '<answer>{"cars": 3.5}</answer>')


@pytest.mark.parametrize(("name", "value"), [("engine", "outlines"), ("think", "maybe")])
def test_arguments(name: str, value: str) -> None:
    arguments: dict[str, Any] = {"engine": "xgrammar", name: value}
    with pytest.raises(otr.ArgumentError, match=f"{name} is one of .*'{value}'"):
        otr.response_grammar("ocr", **arguments)


def test_unknown_task() -> None:
    with pytest.raises(otr.UnknownTaskError):
        otr.response_grammar("poetry", engine="xgrammar")
