"""How columns are read in tests, and how they are compared with the one-row definition."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from onethinker_rewards.answers import (
    DEFAULT_LIMITS,
    Answers,
    BoxColumns,
    BoxTrack,
    LetterColumns,
    Limits,
    Number,
    NumberColumns,
    OptionLetter,
    PromptColumns,
    ReadAnswer,
    Reader,
    ReadOptions,
    Rules,
    SegmentationPrompt,
    SingleBox,
    SpanColumns,
    Text,
    TextColumns,
    TimedBoxTrack,
    TimedPromptColumns,
    TimedTrackColumns,
    TimeSpan,
    TrackColumns,
    VideoSegmentationPrompt,
    read_answer,
)
from onethinker_rewards.codes import FailureCode, RepairCode

POINTS = "[[1, 2], [3, 4], [5, 6]]"
PROMPT = f'"positive_points": {POINTS}, "negative_points": {POINTS}'
# An answer of one row, or of one box, for each schema.
VALID: dict[type[BaseModel], str] = {
    TimeSpan: '{"time": [1, 2]}',
    SingleBox: '{"boxes": [1, 2, 3, 4]}',
    BoxTrack: '{"boxes": {"1": [1, 2, 3, 4]}}',
    TimedBoxTrack: '{"time": [1, 2], "boxes": {"1": [1, 2, 3, 4]}}',
    SegmentationPrompt: f'{{"boxes": [1, 2, 3, 4], {PROMPT}}}',
    VideoSegmentationPrompt: f'{{"time": 3, "boxes": [1, 2, 3, 4], {PROMPT}}}',
    OptionLetter: "B",
    Number: "5",
    Text: "five",
}
# How many rows are decoded at a time; the number is not public, so tests use texts around it.
BLOCK = 256


class BatchRead(NamedTuple):
    """What reading some texts gives: columns, and each row's codes."""

    columns: Any
    failure: list[FailureCode | None]
    format_fault: list[FailureCode | None]
    repairs: list[tuple[RepairCode, ...]]

    @property
    def failures(self) -> dict[int, FailureCode]:
        """The codes of the rows that could not be read, by row."""
        return {row: code for row, code in enumerate(self.failure) if code is not None}

    @property
    def readable(self) -> list[int]:
        """The rows that could be read."""
        return [row for row, code in enumerate(self.failure) if code is None]


def read(schema: type[BaseModel], texts: Sequence[str], rows: Sequence[int] | None = None, **options: Any) -> BatchRead:
    """Read texts, all of them or those of ``rows``, in the columns of ``schema``."""
    answers = Answers.of_texts(list(texts))
    wanted = np.arange(len(texts)) if rows is None else np.array(rows, dtype=np.int64)
    columns = Reader().read(answers, wanted, schema, ReadOptions(**options))
    return BatchRead(columns, answers.failure, answers.format_fault, answers.repairs)


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


def values_of(columns: Any) -> list[Any]:
    """Return what each row of ``columns`` says."""
    return [value_of(columns, row) for row in range(len(columns))]


def assert_agrees(
    schema: type[BaseModel], texts: Sequence[str], *, rules: Rules = "strict", limits: Limits = DEFAULT_LIMITS
) -> None:
    """Compare the columns of ``texts`` with `read_answer`, row by row: codes, repairs, values.

    All at once, in two calls, backwards, and where a block of rows ends among them.
    """
    expected = [read_answer(text, schema, rules=rules, limits=limits) for text in texts]
    options = ReadOptions(rules=rules, limits=limits)
    everything, middle = np.arange(len(texts)), len(texts) // 2
    for calls in ([everything], [everything[:middle], everything[middle:]], [everything[::-1]]):
        answers = Answers.of_texts(list(texts))
        columns = [Reader().read(answers, rows, schema, options) for rows in calls]
        assert_codes(answers, expected)
        for part, rows in zip(columns, calls, strict=True):
            assert_columns(schema, part, [expected[row] for row in rows], [texts[row] for row in rows])

    if "boxes" in schema.model_fields or "time" in schema.model_fields:
        filler = read_answer(VALID[schema], schema, rules=rules, limits=limits)
        padded = [VALID[schema]] * (BLOCK - middle)
        answers = Answers.of_texts([*padded, *texts])
        columns = Reader().read(answers, np.arange(len(answers.texts)), schema, options)
        assert_codes(answers, [filler] * len(padded) + expected)
        after = columns.take(np.arange(len(padded), len(columns)))
        assert_columns(schema, after, expected, texts)


def assert_codes(answers: Answers, expected: Sequence[ReadAnswer]) -> None:
    """Check every row's codes."""
    assert answers.failure == [read.failure for read in expected]
    assert answers.repairs == [read.repairs for read in expected]
    assert answers.format_fault == [read.schema_fault for read in expected]


def assert_columns(schema: type[BaseModel], columns: Any, expected: Sequence[ReadAnswer], texts: Sequence[str]) -> None:
    """Check every row's value: the definition's, or any that is valid in the schema where there is none."""
    assert len(columns) == len(expected)
    values = values_of(columns)
    for value, read in zip(values, expected, strict=True):
        if read.answer is None:
            schema.model_validate(value)
        else:
            assert value == read.answer.model_dump()
    readable = [row for row, read in enumerate(expected) if read.answer is not None]
    assert_texts_agree(schema, columns.take(np.array(readable, dtype=np.int64)), [texts[row] for row in readable])


def assert_texts_agree(schema: type[BaseModel], columns: Any, texts: Sequence[str]) -> None:
    """The text that comes with a number says the same number; the one with a letter is the answer as written."""
    if schema is Number:
        assert [float(Decimal(text)) for text in columns.texts] == columns.values.tolist()
    if schema is OptionLetter:
        assert columns.texts.tolist() == list(texts)
    if schema is Text:
        assert columns.texts.tolist() == [text.strip() for text in texts]
