"""What each schema takes and refuses, in Python and as JSON Schema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from onethinker_rewards import answers
from onethinker_rewards.answers import BoxTrack, Number, OptionLetter, PointTargets, SingleBox, Text, TimeSpan
from onethinker_rewards.testing import valid
from tests.answers.cases import ACCEPTED, BEYOND_JSON_SCHEMA, REFUSED, Case


def cases(*tables: list[Case]) -> pytest.MarkDecorator:
    rows = [
        pytest.param(schema, value, id=f"{schema.__name__}: {name}")
        for table in tables
        for name, schema, value in table
    ]
    return pytest.mark.parametrize(("schema", "value"), rows)


def fits(schema: type[BaseModel], value: Any) -> bool:
    """Say whether ``value``, as JSON, is in the JSON Schema of ``schema``."""
    validator = jsonschema.Draft202012Validator(schema.model_json_schema())
    return validator.is_valid(value)


@cases(ACCEPTED)
def test_accepts(schema: type[BaseModel], value: Any) -> None:
    model = schema.model_validate_json(json.dumps(value))
    assert json.loads(model.model_dump_json()) == value
    assert fits(schema, value)


@cases(REFUSED)
def test_refuses(schema: type[BaseModel], value: Any) -> None:
    with pytest.raises(ValidationError):
        schema.model_validate_json(json.dumps(value))
    assert not fits(schema, value)


@cases(BEYOND_JSON_SCHEMA)
def test_refuses_what_json_schema_cannot_say(schema: type[BaseModel], value: Any) -> None:
    with pytest.raises(ValidationError):
        schema.model_validate_json(json.dumps(value))
    assert fits(schema, value)


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS)
@given(data=st.data())
@settings(max_examples=settings().max_examples // 4)
def test_generated_answers_are_accepted(schema: type[BaseModel], data: st.DataObject) -> None:
    value = json.loads(data.draw(valid.json_texts(valid.values(schema))))
    schema.model_validate_json(json.dumps(value))
    assert fits(schema, value)


@pytest.mark.parametrize("schema", valid.SCHEMAS)
def test_json_schema_is_one(schema: type[BaseModel]) -> None:
    described = schema.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(described)
    assert described["description"]
    # Points or boxes, which JSON Schema says nothing of here.
    optional = {"points", "boxes"} if schema is PointTargets else set[str]()
    assert set(described.get("required", ())) == set(described.get("properties", ())) - optional


@cases(ACCEPTED)
def test_frozen(schema: type[BaseModel], value: Any) -> None:
    model = schema.model_validate_json(json.dumps(value))
    for name in schema.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, getattr(model, name))


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (TimeSpan, {"time": ("1", 2.0)}),
        (TimeSpan, {"time": [1.0, 2.0]}),
        (SingleBox, {"boxes": (1.0, 2.0, True, 4.0)}),
        (BoxTrack, {"boxes": {1: (1.0, 2.0, 3.0, 4.0)}}),
    ],
)
def test_strict_in_python(schema: type[BaseModel], arguments: dict[str, Any]) -> None:
    """Nothing is converted: no strings, booleans, lists for tuples, numbers for keys."""
    with pytest.raises(ValidationError):
        schema(**arguments)


def test_nan_is_no_time() -> None:
    with pytest.raises(ValidationError):
        TimeSpan(time=(float("nan"), 1.0))


def test_fault_names() -> None:
    """Order has its own kind of error, with a sentence that says the rule."""
    with pytest.raises(ValidationError, match="x1 < x2 and y1 < y2") as box:
        SingleBox(boxes=(1.0, 2.0, 1.0, 4.0))
    with pytest.raises(ValidationError, match="start <= end") as span:
        TimeSpan(time=(2.0, 1.0))
    assert [error.value.errors()[0]["type"] for error in (box, span)] == ["bad_order", "bad_order"]


@pytest.mark.parametrize(
    ("model", "plain", "other"), [(OptionLetter("B"), "B", "C"), (Number(2.5), 2.5, 2.0), (Text("a b"), "a b", "a")]
)
def test_plain_answers_equal_their_value(model: Any, plain: Any, other: Any) -> None:
    assert model == plain
    assert plain == model
    assert model == type(model)(plain)
    assert model != other
    assert model != type(model)(other)
    assert hash(model) == hash(plain)
    assert str(model) == str(plain)
    assert {model: 1}[plain] == 1


def test_a_number_is_a_float() -> None:
    assert float(Number(2.5)) == 2.5


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\U0001f600", "\u2028"])
def test_text_is_any_text(text: str) -> None:
    assert Text(text).root == text
    assert Text(text).model_dump() == text


def test_a_letter_equals_the_same_text() -> None:
    assert OptionLetter("B") == Text("B")
    assert OptionLetter("B") != Number(2.0)


def test_public_names() -> None:
    assert all(hasattr(answers, name) for name in answers.__all__)
    assert {schema.__name__ for schema in valid.SCHEMAS} <= set(answers.__all__)
