"""A task whose answer has an array, or any other JSON that is not an object, at its root."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel

import onethinker_rewards as otr
from onethinker_rewards.answers import ModelColumns
from onethinker_rewards.tasks import Context
from tests.rewards.cases import wrap
from tests.tasks.engines import ENGINES, accepts, matchers, samples


class Detection(BaseModel):
    """One object of an image."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    label: str
    box: tuple[Annotated[float, Field(ge=0, le=1000)], Annotated[float, Field(ge=0, le=1000)]]


def same(predicted: ModelColumns, reference: ModelColumns, context: Context) -> otr.Scores:
    pairs = zip(predicted.models, reference.models, strict=True)
    return otr.Scores(np.array([float(answer == right) for answer, right in pairs]))


def spec(schema: type[BaseModel], example: str) -> otr.TaskSpec:
    return otr.TaskSpec(name="objects", schema=schema, accuracy=same, example=example)


ONE = '[{"label": "cat", "box": [1, 2]}]'
TWO = '[{"label": "cat", "box": [1, 2]}, {"label": "dog", "box": [3, 4.5]}]'
TABLE = {"objects": spec(RootModel[list[Detection]], ONE)}


@pytest.mark.parametrize("rules", ["strict", "lenient"])
@pytest.mark.parametrize("text", ["[]", ONE, TWO, f"  {TWO}\n"])
def test_an_array_is_read_and_has_the_format(text: str, rules: Any) -> None:
    recipe = otr.Recipe(rules=rules)
    batch = otr.score(
        [wrap(text), wrap(text)], [text, '[{"label": "a", "box": [0, 0]}]'], "objects", table=TABLE, recipe=recipe
    )
    assert batch.accuracy.tolist() == [1.0, 0.0]
    assert batch.format.tolist() == [1.0, 1.0]
    assert batch.repairs == [(), ()]
    parsed = otr.parse(wrap(text), "objects", table=TABLE, rules=rules)
    assert parsed.answer.root == otr.parse_reference(text, "objects", table=TABLE).root
    assert (parsed.failure, parsed.format_fault, parsed.repairs) == (None, None, ())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"label": "cat", "box": [1, 2]}', "wrong_type"),
        ("5", "wrong_type"),
        ("null", "wrong_type"),
        ("[5]", "wrong_type"),
        (f"[{ONE}]", "wrong_type"),
        ('[{"label": "cat"}]', "missing_key"),
        ('[{"label": "cat", "box": [1, 2], "score": 1}]', "unknown_key"),
        ('[{"label": "cat", "box": [1]}]', "wrong_length"),
        ('[{"label": "cat", "box": [1, 1001]}]', "out_of_range"),
        ("[NaN]", "invalid_json"),
        ("[" * 300 + "]" * 300, "invalid_json"),
        ("[{", "invalid_json"),
        ("", "empty_answer"),
    ],
)
@pytest.mark.parametrize("rules", ["strict", "lenient"])
def test_what_is_not_in_the_schema_has_its_code(text: str, code: str, rules: Any) -> None:
    parsed = otr.parse(wrap(text), "objects", table=TABLE, rules=rules)
    assert (parsed.failure, parsed.format_fault) == (code, code)
    with pytest.raises(otr.BadReferenceError, match=f"{code} for objects"):
        otr.score([wrap(ONE)], [text], "objects", table=TABLE)


@pytest.mark.parametrize(
    ("text", "repairs"),
    [
        (f"```json\n{ONE}\n```", ("code_fence",)),
        (ONE.replace('"', "'"), ("single_quotes",)),
        (f"{ONE[:-1]},]", ("trailing_comma",)),
        (f"```\n{TWO[:-1]},]\n```", ("code_fence", "trailing_comma")),
    ],
)
def test_lenient_rules_repair_an_array(text: str, repairs: tuple[str, ...]) -> None:
    """A list of one object stays a list: there, it is the answer and no slip."""
    assert otr.parse(wrap(text), "objects", table=TABLE).failure == "invalid_json"
    parsed = otr.parse(wrap(text), "objects", table=TABLE, rules="lenient")
    assert (parsed.failure, parsed.repairs) == (None, repairs)
    assert parsed.format_fault == "invalid_json"
    assert len(parsed.answer.root) == text.count("label")


def test_an_array_that_was_never_closed_may_be_repaired() -> None:
    response = f"<think>…</think><answer>{TWO}"
    batch = otr.score([response], [TWO], "objects", table=TABLE, recipe=otr.Recipe(rules="lenient"))
    assert batch.accuracy.tolist() == [1.0]
    assert batch.repairs == [("closed_answer",)]


def test_prompt_and_json_schema() -> None:
    assert otr.prompt("objects", "Which?", table=TABLE).endswith(f"For example: <answer>{ONE}</answer>")
    schema = otr.json_schema("objects", table=TABLE)
    assert schema["type"] == "array"
    jsonschema.validate(json.loads(TWO), schema)
    with pytest.raises(otr.ArgumentError, match="answers of objects are JSON"):
        otr.answer_pattern("objects", table=TABLE)


class Animal(Detection):
    """An object whose label cannot quote a tag."""

    label: Literal["cat", "dog"]


@pytest.mark.parametrize("engine", ENGINES)
def test_grammars_of_an_array(engine: Any) -> None:
    table = {"objects": spec(RootModel[list[Animal]], ONE)}
    start = matchers(engine, "response", otr.response_grammar("objects", engine=engine, think="none", table=table))
    for text in ("[]", ONE, TWO):
        assert accepts(start, f"<answer>{text}</answer>")
    assert not accepts(start, '<answer>{"label": "cat", "box": [1, 2]}</answer>')
    read = [otr.parse(text, "objects", table=table, think="none") for text in samples(start, 20)]
    assert [parsed.failure for parsed in read] == [None] * len(read)


@pytest.mark.parametrize(
    ("schema", "right", "wrong", "code"),
    [
        (RootModel[int], "5", "[5]", "wrong_type"),
        (RootModel[Annotated[float, Field(ge=0)]], "0.5", "-1", "out_of_range"),
        (RootModel[Literal["left", "right"]], '"left"', '"up"', "invalid_value"),
        (RootModel[bool], "true", "[]", "wrong_type"),
        (RootModel[dict[str, int]], '{"cat": 2}', "[2]", "wrong_type"),
        (RootModel[Detection], ONE[1:-1], ONE, "wrong_type"),
        (RootModel[list[list[int]]], "[[1, 2], [3]]", "[1, 2]", "wrong_type"),
    ],
)
def test_any_json_may_be_at_the_root(schema: type[BaseModel], right: str, wrong: str, code: str) -> None:
    table = {"objects": spec(schema, right)}
    batch = otr.score([wrap(right), wrap(wrong)], [right, right], "objects", table=table)
    assert batch.accuracy.tolist() == [1.0, 0.0]
    assert batch.failure == [None, code]
    assert batch.format.tolist() == [1.0, 0.0]


BOXES = st.tuples(st.floats(0, 1000), st.floats(0, 1000)).map(list)


@given(st.lists(st.fixed_dictionaries({"label": st.text(max_size=5), "box": BOXES}), max_size=4))
def test_every_array_of_the_schema_is_read_as_it_is(objects: list[dict[str, Any]]) -> None:
    text = json.dumps(objects)
    parsed = otr.parse_answer(text, "objects", table=TABLE)
    assert parsed.failure is None
    assert [found.model_dump() | {"box": list(found.box)} for found in parsed.answer.root] == objects
