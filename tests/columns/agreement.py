"""How columns and the one-row definition are held together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from pydantic import BaseModel

from onethinker_rewards.columns import (
    BoxColumns,
    LetterColumns,
    NumberColumns,
    PromptColumns,
    SpanColumns,
    TextColumns,
    TimedPromptColumns,
    TimedTrackColumns,
    TrackColumns,
    reader_of,
)
from onethinker_rewards.columns.reading import Reading, Request
from onethinker_rewards.parsing import DEFAULT_LIMITS, Limits, Read, Rules, read_answer
from onethinker_rewards.schemas import Number, OptionLetter, Text


def tupled(values: Any) -> Any:
    """Return nested lists as nested tuples, which is what the schemas hold."""
    return tuple(map(tupled, values)) if isinstance(values, list) else values


def track_values(tracks: TrackColumns, row: int) -> dict[str, Any]:
    part = slice(tracks.starts[row], tracks.starts[row + 1])
    frames, boxes = tracks.frames[part].tolist(), tupled(tracks.boxes[part].tolist())
    assert len(set(frames)) == len(frames)
    return {str(frame): box for frame, box in zip(frames, boxes, strict=True)}


def prompt_values(columns: PromptColumns, row: int) -> dict[str, Any]:
    values = {name: getattr(columns, name)[row] for name in ("boxes", "positive_points", "negative_points")}
    if isinstance(columns, TimedPromptColumns):
        values["time"] = columns.times[row]
    return {name: tupled(value.tolist()) for name, value in values.items()}


def value_of(columns: Any, row: int) -> Any:
    """Return what a row of ``columns`` says, in the words of its schema."""
    match columns:
        case SpanColumns():
            return {"time": tupled(columns.spans[row].tolist())}
        case BoxColumns():
            return {"boxes": tupled(columns.boxes[row].tolist())}
        case PromptColumns():
            return prompt_values(columns, row)
        case TrackColumns():
            return {"boxes": track_values(columns, row)}
        case TimedTrackColumns():
            return {"time": tupled(columns.spans[row].tolist()), "boxes": track_values(columns.tracks, row)}
        case LetterColumns():
            return chr(columns.letters[row])
        case NumberColumns():
            return columns.values[row].item()
        case TextColumns():
            return columns.texts[row]
        case _:
            return columns.models[row].model_dump()


def assert_agrees(
    schema: type[BaseModel], texts: Sequence[str], *, rules: Rules = "strict", limits: Limits = DEFAULT_LIMITS
) -> None:
    """Hold the columns of ``texts`` against `read_answer`, row by row: codes, repairs, values."""
    reading = reader_of(schema)(texts, Request(rules=rules, limits=limits))
    expected = [read_answer(text, schema, rules=rules, limits=limits) for text in texts]
    assert_reading(schema, reading, expected, texts)
    at = len(texts) // 2
    first, rest = reading.split(at)
    assert_reading(schema, first, expected[:at], texts[:at])
    assert_reading(schema, rest, expected[at:], texts[at:])


def assert_reading(
    schema: type[BaseModel], reading: Reading[Any], expected: Sequence[Read], texts: Sequence[str]
) -> None:
    """Hold one reading against what each of its texts is by definition."""
    rows = range(len(texts))
    assert reading.faults.failures == {row: expected[row].failure for row in rows if expected[row].failure}
    assert reading.faults.repairs == {row: expected[row].repairs for row in rows if expected[row].repairs}
    assert reading.faults.schema_faults == {
        row: expected[row].schema_fault for row in rows if expected[row].schema_fault
    }

    sound = [row for row in rows if expected[row].failure is None]
    assert reading.rows.dtype == np.int64
    assert reading.rows.tolist() == sound
    assert len(reading.columns) == len(sound)
    values = [value_of(reading.columns, place) for place in range(len(sound))]
    assert values == [expected[row].answer.model_dump() for row in sound]  # type: ignore[union-attr]
    assert_texts_agree(schema, reading.columns, [texts[row] for row in sound])


def assert_texts_agree(schema: type[BaseModel], columns: Any, texts: Sequence[str]) -> None:
    """The text that comes with a number says the same number; the one with a letter is the answer as written."""
    if schema is Number:
        assert [float(Decimal(text)) for text in columns.texts] == columns.values.tolist()
    if schema is OptionLetter:
        assert columns.texts.tolist() == list(texts)
    if schema is Text:
        assert columns.texts.tolist() == [text.strip() for text in texts]
