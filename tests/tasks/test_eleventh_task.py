"""A task of one's own costs a schema, a formula and a line; the package is not touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

import onethinker_rewards as otr
from onethinker_rewards.answers import ModelColumns, OptionLetter
from onethinker_rewards.tasks import Context, Scores
from tests.rewards.cases import REFERENCES, wrap


class Counts(BaseModel):
    """How many of each thing there are."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
    counts: Annotated[dict[str, Annotated[int, Field(ge=0)]], Field(min_length=1)]


def accuracy(predicted: ModelColumns, reference: ModelColumns, context: Context) -> Scores:
    """Return the share of the reference's things that are counted right."""
    shares = [
        np.mean([answer.counts.get(thing) == count for thing, count in right.counts.items()])
        for answer, right in zip(predicted.models, reference.models, strict=True)
    ]
    return Scores(np.array(shares), {"count_match": np.array(shares)})


COUNTING = otr.TaskSpec(
    name="counting",
    schema=Counts,
    accuracy=accuracy,
    parts=("count_match",),
    instruction="Count the things and give a JSON object.",
    example='{"counts": {"dog": 2, "cat": 0}}',
)
TABLE = {**otr.TASKS, "counting": COUNTING}


def test_a_mixed_batch_with_a_new_task() -> None:
    right = '{"counts": {"dog": 2, "cat": 1}}'
    batch = otr.score(
        [
            wrap(right),
            wrap('{"counts": {"dog": 2}}'),
            wrap("B"),
            wrap('{"counts": {"dog": -1}}'),
            wrap('{"counts": {}}'),
        ],
        [right, right, "B", right, right],
        ["counting", "counting", "multiple_choice", "counting", "Counting"],
        table=TABLE,
    )
    assert batch.accuracy.tolist() == [1.0, 0.5, 1.0, 0.0, 0.0]
    assert batch.parts["count_match"].tolist()[:2] == [1.0, 0.5]
    assert np.isnan(batch.parts["count_match"][2])
    assert batch.failure == [None, None, None, "out_of_range", "wrong_length"]
    assert "counting" in batch.summary()


def test_the_one_row_views_know_it_too() -> None:
    assert otr.parse(wrap('{"counts": {"dog": 2}}'), "counting", table=TABLE).answer == Counts(counts={"dog": 2})
    assert otr.parse_reference('{"counts": {"dog": 2}}', "counting", table=TABLE) == Counts(counts={"dog": 2})
    assert otr.json_schema("counting", table=TABLE)["title"] == "Counts"
    assert COUNTING.example in otr.prompt("counting", "How many?", table=TABLE)
    with pytest.raises(otr.BadReferenceError):
        otr.score([wrap("x")], ["x"], "counting", table=TABLE)


def test_the_package_does_not_know_it() -> None:
    with pytest.raises(otr.UnknownTaskError):
        otr.score([wrap("x")], ["x"], "counting")


def test_the_release_has_no_such_task() -> None:
    with pytest.raises(otr.ArgumentError, match="the recipe release has no formula for 'counting'"):
        otr.score([wrap("x")], ["x"], "counting", recipe="release", table=TABLE)


def test_a_new_task_on_an_old_kind_of_answer() -> None:
    """A schema of ours brings its fast columns along."""

    def nearness(predicted: object, reference: object, context: Context) -> Scores:
        return Scores(np.exp(-np.abs(predicted.values - reference.values)))  # type: ignore[attr-defined]

    depth = otr.TaskSpec(name="depth", schema=otr.TASKS["numerical"].schema, accuracy=nearness)
    batch = otr.score(
        [wrap("2"), wrap(REFERENCES["ocr"])],
        ["2", REFERENCES["ocr"]],
        ["depth", "ocr"],
        table={**otr.TASKS, "depth": depth},
    )
    assert batch.accuracy.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("task", ["multiple_choice", "numerical", "ocr", "spatial_grounding", "tracking"])
@pytest.mark.parametrize("response", ["unreadable", None])
def test_a_schema_of_ones_own_needs_a_formula_of_ones_own(task: str, response: str | None) -> None:
    spec = otr.TASKS[task]
    schema = type("Mine", (spec.schema,), {"__module__": __name__})
    table = {task: replace(spec, schema=schema)}
    text = response or wrap(REFERENCES[task])
    with pytest.raises(otr.ArgumentError, match=rf"{task}: .* columns of {spec.schema.__name__}; answers in Mine are"):
        otr.score([text], [REFERENCES[task]], task, table=table)


def test_a_subclass_of_our_schema_with_a_formula_of_ones_own() -> None:
    class FirstThree(OptionLetter):
        root: Annotated[str, Field(pattern="^[A-C]$")]

    def same(predicted: ModelColumns, reference: ModelColumns, context: Context) -> Scores:
        return Scores((predicted.models == reference.models).astype(float))

    table = {"choice": otr.TaskSpec(name="choice", schema=FirstThree, accuracy=same)}
    batch = otr.score([wrap("B"), wrap("A"), wrap("D")], ["B", "B", "B"], "choice", table=table)
    assert batch.accuracy.tolist() == [1.0, 0.0, 0.0]
    assert batch.failure == [None, None, "invalid_value"]
