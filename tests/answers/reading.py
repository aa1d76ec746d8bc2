"""How columns are read in tests, and how they are compared with the one-row definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel

from onethinker_rewards.answers import (
    DEFAULT_LIMITS,
    Answers,
    BoxColumns,
    BoxTrack,
    ClickColumns,
    ClickPoint,
    ClickTarget,
    Columns,
    CornersColumns,
    DetectionColumns,
    Detections,
    Dialect,
    LabeledDetections,
    LetterColumns,
    Limits,
    ModelColumns,
    Number,
    NumberColumns,
    OptionLetter,
    Order,
    OrderColumns,
    OrderedItems,
    PointsColumns,
    PointSet,
    PointTargets,
    PointTrack,
    PointTrackColumns,
    PromptColumns,
    RatedImage,
    RatingColumns,
    ReadAnswer,
    Reader,
    ReadOptions,
    RotatedBox,
    Rules,
    SegmentationPrompt,
    SingleBox,
    Size,
    SpanColumns,
    SpansColumns,
    TargetsColumns,
    Text,
    TextColumns,
    TimedBoxTrack,
    TimedPromptColumns,
    TimedTrackColumns,
    TimeSpan,
    TimeSpans,
    TrackColumns,
    VideoSegmentationPrompt,
    read_answer,
)
from onethinker_rewards.answers.dialects import ONETHINKER
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
    Detections: '{"objects": [{"box": [1, 2, 3, 4], "label": "cat"}]}',
    LabeledDetections: '{"objects": [{"box": [1, 2, 3, 4], "label": "cat"}]}',
    PointSet: '{"points": [[1, 2]]}',
    PointTargets: '{"boxes": [[1, 2, 3, 4]]}',
    ClickPoint: '{"point": [1, 2]}',
    ClickTarget: '{"box": [1, 2, 3, 4]}',
    RotatedBox: '{"corners": [[5, 1], [9, 5], [5, 9], [1, 5]]}',
    TimeSpans: '{"times": [[1, 2]]}',
    PointTrack: '{"points": {"1": [1, 2]}}',
    RatedImage: '{"score": 3, "scale": [1, 5]}',
    Order: '{"order": ["B", "A"]}',
    OrderedItems: '{"order": ["B", "A"]}',
    OptionLetter: "B",
    Number: "5",
    Text: "five",
}
_SQUARE = (1000.0, 1000.0)
# So many rows that they fill more than one block; how long a block is is not public.
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


def part_of(columns: Any, row: int, name: str) -> list[Any]:
    """Return a row's entries in a column in which rows of any length are laid end to end."""
    entries = getattr(columns, name)[columns.starts[row] : columns.starts[row + 1]]
    return [tupled(entry) for entry in entries.tolist()]


def point_track_values(columns: PointTrackColumns, row: int) -> dict[str, Any]:
    frames, points, visible = (part_of(columns, row, name) for name in ("frames", "points", "visible"))
    assert len(set(frames)) == len(frames)
    return {str(frame): point if seen else None for frame, point, seen in zip(frames, points, visible, strict=True)}


def target_values(columns: TargetsColumns, row: int) -> dict[str, Any]:
    by_boxes = columns.by_boxes[row]
    boxes, points = part_of(columns.boxes, row, "boxes"), part_of(columns.points, row, "points")
    assert not (points if by_boxes else boxes)
    return {"points": None, "boxes": tuple(boxes)} if by_boxes else {"points": tuple(points), "boxes": None}


def detection_values(columns: DetectionColumns, row: int) -> dict[str, Any]:
    pairs = zip(part_of(columns, row, "boxes"), part_of(columns, row, "labels"), strict=True)
    return {"objects": tuple({"box": box, "label": label} for box, label in pairs)}


def entry(columns: Any, row: int, name: str) -> Any:
    return tupled(getattr(columns, name)[row].tolist())


VALUES: dict[type[Columns], Callable[[Any, int], Any]] = {
    SpanColumns: lambda columns, row: {"time": entry(columns, row, "spans")},
    BoxColumns: lambda columns, row: {"boxes": entry(columns, row, "boxes")},
    PromptColumns: prompt_values,
    TrackColumns: lambda columns, row: {"boxes": track_values(columns, row)},
    TimedTrackColumns: lambda columns, row: {
        "time": entry(columns, row, "spans"),
        "boxes": track_values(columns.tracks, row),
    },
    DetectionColumns: detection_values,
    TargetsColumns: target_values,
    PointsColumns: lambda columns, row: {"points": tuple(part_of(columns, row, "points"))},
    ClickColumns: lambda columns, row: {"point": entry(columns, row, "points")},
    CornersColumns: lambda columns, row: {"corners": entry(columns, row, "corners")},
    SpansColumns: lambda columns, row: {"times": tuple(part_of(columns, row, "spans"))},
    PointTrackColumns: lambda columns, row: {"points": point_track_values(columns, row)},
    RatingColumns: lambda columns, row: {
        "score": entry(columns, row, "scores"),
        "scale": entry(columns, row, "scales"),
    },
    OrderColumns: lambda columns, row: {"order": columns.orders[row]},
    LetterColumns: lambda columns, row: chr(columns.letters[row]),
    NumberColumns: lambda columns, row: columns.values[row].item(),
    TextColumns: lambda columns, row: columns.texts[row],
    ModelColumns: lambda columns, row: columns.models[row].model_dump(),
}


def value_of(columns: Any, row: int) -> Any:
    """Return what a row of ``columns`` says, in the words of its schema."""
    return next(value for kind, value in VALUES.items() if isinstance(columns, kind))(columns, row)


def values_of(columns: Any) -> list[Any]:
    """Return what each row of ``columns`` says."""
    return [value_of(columns, row) for row in range(len(columns))]


def as_written(schema: type[BaseModel], value: Any) -> Any:
    """Return what columns say in the words of their schema."""
    return {"box": value["boxes"]} if schema is ClickTarget else value


def said(answer: BaseModel) -> Any:
    """Return what a model says, as its columns say it: labels stripped and casefolded, a target's box by itself."""
    value = answer.model_dump()
    if isinstance(answer, Detections):
        objects = [{**item, "label": item["label"].strip().casefold()} for item in value["objects"]]
        return {"objects": tuple(objects)}
    return {"boxes": value["box"]} if isinstance(answer, ClickTarget) else value


def assert_agrees(
    schema: type[BaseModel],
    texts: Sequence[str],
    *,
    rules: Rules = "strict",
    limits: Limits = DEFAULT_LIMITS,
    sizes: Sequence[Size | None] | None = None,
    dialect: Dialect = ONETHINKER,
) -> None:
    """Compare the columns of ``texts`` with `read_answer`, row by row: codes, repairs, values.

    All at once, in two calls, backwards, and where a block of rows ends among them.
    """
    every = sizes or [None] * len(texts)
    expected = [
        read_answer(text, schema, rules=rules, limits=limits, dialect=dialect, size=size)
        for text, size in zip(texts, every, strict=True)
    ]
    options = ReadOptions(rules=rules, limits=limits, dialect=dialect)
    everything, middle = np.arange(len(texts)), len(texts) // 2
    for calls in ([everything], [everything[:middle], everything[middle:]], [everything[::-1]]):
        answers = Answers.of_texts(list(texts), sizes)
        columns = [Reader().read(answers, rows, schema, options) for rows in calls]
        assert_codes(answers, expected)
        for part, rows in zip(columns, calls, strict=True):
            assert_columns(schema, part, [expected[row] for row in rows], [texts[row] for row in rows])

    if schema not in (OptionLetter, Number, Text):
        filler = read_answer(VALID[schema], schema, rules=rules, limits=limits, dialect=dialect, size=_SQUARE)
        padded = [VALID[schema]] * (BLOCK - middle)
        answers = Answers.of_texts([*padded, *texts], None if sizes is None else [*[_SQUARE] * len(padded), *sizes])
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
            schema.model_validate(as_written(schema, value))
        else:
            assert value == said(read.answer)
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
