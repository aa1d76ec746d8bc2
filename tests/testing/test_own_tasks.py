"""Tasks of the user's own: strategies from the JSON Schema of a model, and laws that need to know no more of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import find
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import Number, OptionLetter, PointTrack, SingleBox, Text
from onethinker_rewards.tasks import Scores, TaskSpec
from onethinker_rewards.testing import LawViolation, check_rewards
from tests.testing.collecting import some_of


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Points(Strict):
    points: dict[str, tuple[float, float] | None]


class Numbers(RootModel[list[int]]):
    pass


class Count(Strict):
    count: Annotated[int, Field(ge=0, lt=6)]
    kind: Literal["a", "b"]
    color: Literal["red"] = "red"
    share: Annotated[float, Field(gt=0, le=1)]
    name: Annotated[str, Field(pattern="^x[0-9]+$")]
    note: Annotated[str, Field(max_length=3)] | None = None
    is_sure: bool = False


class Counts(Strict):
    counts: Annotated[list[Count], Field(min_length=1, max_length=2)]
    seconds: Annotated[dict[Annotated[str, Field(pattern="^[0-9]$")], int], Field(min_length=1, max_length=3)]
    words: dict[str, str]
    extra: Any = None


class Tree(Strict):
    leaves: list[Tree]
    tags: set[int] = set()


class Notes(Strict):
    notes: dict[str, Any]
    names: dict[Annotated[str, Field(max_length=2)], int]


class Even(Strict):
    """A validator of which its JSON Schema says nothing."""

    number: int

    @field_validator("number")
    @classmethod
    def _is_even(cls, number: int) -> int:
        if number % 2:
            raise ValueError("odd")
        return number


class Password(Strict):
    word: str

    @field_validator("word")
    @classmethod
    def _is_known(cls, word: str) -> str:
        if word != "open sesame":
            raise ValueError("wrong")
        return word


class Share(Number):
    root: Annotated[float, Field(ge=0, le=1)]


class Yes(OptionLetter):
    root: Annotated[str, Field(pattern="^[AB]$")]


def equal(predicted: Any, reference: Any, context: Any) -> Scores:
    return Scores((predicted.models == reference.models).astype(np.float64))


def spec_of(schema: type[BaseModel], **fields: Any) -> TaskSpec:
    return TaskSpec(name="mine", schema=schema, accuracy=equal, **fields)


@pytest.mark.parametrize("schema", [Points, Numbers, Count, Counts, Tree, Notes, Even])
def test_values_of_any_model_are_in_it(schema: type[BaseModel]) -> None:
    for kind in (schema, spec_of(schema)):
        for text in some_of(testing.answers(kind), 8):
            schema.model_validate_json(text.strip())
        for value in some_of(testing.values(kind), 4):
            schema.model_validate_json(json.dumps(value))


def test_values_reach_what_a_model_allows() -> None:
    points = testing.values(Points)
    find(points, lambda value: None in value["points"].values())
    find(points, lambda value: any(value["points"].values()))
    find(testing.values(Numbers), lambda value: len(value) > 2)
    find(testing.values(Tree), lambda value: bool(value["leaves"]))
    counts = testing.values(Count)
    assert find(counts, lambda value: value["count"] == 5)
    assert find(counts, lambda value: value["kind"] == "b")
    assert find(counts, lambda value: "note" not in value)
    assert find(counts, lambda value: value.get("is_sure", False))


@pytest.mark.parametrize("schema", [Share, Yes])
def test_values_of_a_narrower_text(schema: type[BaseModel]) -> None:
    for text in some_of(testing.answers(schema), 20):
        assert otr.parse_answer(text, "mine", table={"mine": spec_of(schema)}).failure is None
    assert some_of(testing.near_misses(schema), 10)


@pytest.mark.parametrize("schema", [Points, Count])
def test_all_strategies_take_a_task(schema: type[BaseModel]) -> None:
    spec = spec_of(schema)
    table = {"mine": spec}
    for strategy in (testing.any_response(spec), testing.damaged(spec), testing.responses(spec, think="prefilled")):
        for text in some_of(strategy, 8):
            otr.parse(text, "mine", table=table)
    for text in some_of(testing.responses(spec), 6):
        assert otr.parse(text, "mine", table=table).format_fault is None
    misses = [otr.parse_answer(text, "mine", table=table).failure for text in some_of(testing.near_misses(spec), 20)]
    assert sum(code is not None for code in misses) > 5


def test_near_misses_of_what_is_no_object() -> None:
    assert some_of(testing.near_misses(Numbers), 60)


def test_references_in_another_schema() -> None:
    spec = spec_of(Points, reference_schema=Count)
    for text in some_of(testing.references(spec), 10):
        Count.model_validate_json(text.strip())


# Laws.


@pytest.mark.parametrize("schema", [Points, Count, Counts, Even, Share, Yes])
def test_a_sound_task_keeps_the_laws(schema: type[BaseModel]) -> None:
    check_rewards("mine", table={"mine": spec_of(schema)}, examples=4)


def test_a_task_is_found_by_the_name_that_the_table_gives_it() -> None:
    check_rewards("other name", ["text_around"], table={"other name": spec_of(Even)}, examples=5)


@pytest.mark.parametrize("law", ["adding_a_key", "repeating_the_answer", "text_around", "reference_is_best"])
def test_an_unsound_reward_of_a_task_of_ones_own(law: str) -> None:
    def longer(responses: list[str], references: list[str], task: str) -> list[float]:
        assert task == "mine"
        return [1.0 if law == "reference_is_best" else float(len(response)) for response in responses]

    with pytest.raises(LawViolation, match=law):
        check_rewards("mine", [law], table={"mine": spec_of(Points)}, totals=longer)


def test_a_formula_of_ones_own_on_a_schema_of_ours() -> None:
    """All laws apply, by the schema; the name is the caller's."""
    table = {"find": replace(otr.TASKS["detection"], name="find")}
    check_rewards("find", table=table, examples=5)

    def generous(predicted: Any, reference: Any, context: Any) -> Scores:
        return Scores(np.minimum(1.0, 1.5 * otr.TASKS["detection"].accuracy(predicted, reference, context).accuracy))

    table = {"find": replace(otr.TASKS["detection"], name="find", accuracy=generous, parts=())}
    with pytest.raises(LawViolation, match="adding_junk"):
        check_rewards("find", ["adding_junk"], table=table)


def test_a_schema_of_ours_with_references_of_ones_own() -> None:
    def inside(predicted: Any, reference: Any, context: Any) -> Scores:
        return Scores(np.ones(len(reference)))

    spec = replace(spec_of(PointTrack, reference_schema=Count), accuracy=inside)
    check_rewards("mine", table={"mine": spec}, examples=5)
    with pytest.raises(LawViolation, match="text_around"):
        check_rewards("mine", ["text_around"], table={"mine": spec}, totals=lambda texts, *_: [len(t) for t in texts])


def test_a_schema_that_says_too_little() -> None:
    with pytest.raises(
        otr.ArgumentError, match=r"mine: nothing that .* give strategies .* as answers= and references="
    ):
        check_rewards("mine", table={"mine": spec_of(Password)})


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"references": st.just({"word": "open sesame"})}, id="values"),
        pytest.param({"answers": st.just('{"word": "open sesame"}')}, id="texts"),
        pytest.param({"answers": st.just(Password(word="open sesame")), "references": st.just({"word": "open sesame"})},
                     id="models"),
    ],
)  # fmt: skip
def test_strategies_of_ones_own(given: dict[str, Any]) -> None:
    check_rewards("mine", table={"mine": spec_of(Password)}, examples=5, **given)


def test_strategies_of_ones_own_for_texts() -> None:
    check_rewards("ocr", ["text_around"], references=st.sampled_from(["a b", "c"]), examples=5)
    seen: set[str] = set()

    def note(responses: list[str], references: list[str], task: str) -> list[float]:
        seen.update(references)
        return [0.0] * len(responses)

    check_rewards("ocr", ["text_around"], references=st.just("a b"), answers=st.just("c"), totals=note, examples=5)
    assert seen == {"a b"}


def test_one_strategy_where_references_are_in_another_schema() -> None:
    spec = replace(spec_of(SingleBox, reference_schema=Text), accuracy=lambda p, r, c: Scores(np.zeros(len(r))))
    for given in ({"answers": st.just({"boxes": [0, 0, 1, 1]})}, {"references": st.just("here")}):
        check_rewards("mine", ["text_around", "adding_a_key"], table={"mine": spec}, examples=5, **given)
