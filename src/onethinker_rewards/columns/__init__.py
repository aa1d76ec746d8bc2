"""From the answer texts of one kind to arrays and failure codes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from onethinker_rewards.columns.fixed import (
    BoxColumns,
    PromptColumns,
    SpanColumns,
    TimedPromptColumns,
    read_boxes,
    read_prompts,
    read_spans,
    read_timed_prompts,
)
from onethinker_rewards.columns.models import ModelColumns, ModelReader
from onethinker_rewards.columns.reading import Columns, Faults, Floats, Integers, Reader, Reading, Request
from onethinker_rewards.columns.texts import (
    LetterColumns,
    NumberColumns,
    TextColumns,
    read_letters,
    read_numbers,
    read_texts,
)
from onethinker_rewards.columns.tracks import (
    TimedTrackColumns,
    TrackColumns,
    match_frames,
    read_timed_tracks,
    read_tracks,
)
from onethinker_rewards.schemas import (
    BoxTrack,
    Number,
    OptionLetter,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
)

__all__ = [
    "BoxColumns",
    "Columns",
    "Faults",
    "Floats",
    "Integers",
    "LetterColumns",
    "ModelColumns",
    "ModelReader",
    "NumberColumns",
    "PromptColumns",
    "Reader",
    "Reading",
    "Request",
    "SpanColumns",
    "TextColumns",
    "TimedPromptColumns",
    "TimedTrackColumns",
    "TrackColumns",
    "match_frames",
    "reader_of",
]

_READERS: dict[type[BaseModel], Reader[Any]] = {
    OptionLetter: read_letters,
    Number: read_numbers,
    Text: read_texts,
    TimeSpan: read_spans,
    SingleBox: read_boxes,
    BoxTrack: read_tracks,
    TimedBoxTrack: read_timed_tracks,
    SegmentationPrompt: read_prompts,
    VideoSegmentationPrompt: read_timed_prompts,
}


def reader_of(schema: type[BaseModel]) -> Reader[Any]:
    """Return the fast reader of one of our schemas, or one that gives the models of any other."""
    return _READERS.get(schema) or ModelReader(schema)
