"""Columns of a schema of one's own: its models, a row each."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from onethinker_rewards.columns import ModelColumns, ModelReader, reader_of
from onethinker_rewards.columns.reading import Request
from onethinker_rewards.schemas import Number, OptionLetter, Text


class Count(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    count: int = Field(ge=0)


class Items(BaseModel):
    """A model that is a sequence itself, and that numpy would take apart."""

    items: list[int]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> int:
        return self.items[place]


class Share(Number):
    root: Annotated[float, Field(ge=0, le=1)]


class ShortText(Text):
    root: Annotated[str, Field(max_length=5, pattern="^[a-z]+$")]


class TwoOptions(OptionLetter):
    root: Annotated[str, Field(pattern="^[AB]$")]


def test_models_and_codes() -> None:
    reading = reader_of(Count)(['{"count": 3}', '{"count": -1}', "x", '{"count": 4, "more": 1}', '{"count": 5}'])
    assert isinstance(reading.columns, ModelColumns)
    assert reading.columns.models.tolist() == [Count(count=3), Count(count=5)]
    assert reading.rows.tolist() == [0, 4]
    assert reading.faults.failures == {1: "out_of_range", 2: "invalid_json", 3: "unknown_key"}
    assert reading.faults.schema_faults == reading.faults.failures


def test_lenient_rules() -> None:
    reading = ModelReader(Count)(["```json\n{'count': 3,}\n```"], Request(rules="lenient"))
    assert reading.faults.repairs == {0: ("code_fence", "single_quotes", "trailing_comma")}
    assert reading.columns.take(np.array([0, 0])).models.tolist() == [Count(count=3)] * 2


def test_models_that_are_sequences() -> None:
    models = ModelReader(Items)(['{"items": [1, 2]}', '{"items": []}', '{"items": [3, 4]}']).columns.models
    assert models.shape == (3,)
    assert [model.items for model in models] == [[1, 2], [], [3, 4]]


@pytest.mark.parametrize(
    ("schema", "text", "code"),
    [
        (Share, "0.5", None),
        (Share, "1.5", "out_of_range"),
        (Share, "half", "not_a_number"),
        (ShortText, "abc", None),
        (ShortText, "abcdef", "invalid_value"),
        (ShortText, "ABC", "invalid_value"),
        (ShortText, "\ud800", "invalid_value"),
        (TwoOptions, "(B)", None),
        (TwoOptions, "C", "invalid_value"),
    ],
)
def test_stricter_plain_schemas(schema: type[BaseModel], text: str, code: str | None) -> None:
    """A schema that asks for more than ours gives codes, and never raises."""
    reading = reader_of(schema)([text])
    assert reading.faults.failures == ({} if code is None else {0: code})
