"""What a model may write: schemas and tags, and how one answer, or many at once, are read."""

from __future__ import annotations

from onethinker_rewards.answers.batch import Answers, ModelColumns, Reader, ReadOptions, find_answers
from onethinker_rewards.answers.boxes import BoxColumns, PromptColumns, SpanColumns, TimedPromptColumns
from onethinker_rewards.answers.columns import Booleans, Columns, Floats, Integers, Texts
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits
from onethinker_rewards.answers.pixels import to_pixels, to_thousandths
from onethinker_rewards.answers.read import Parsed, ReadAnswer, Rules, is_plain_text, read_answer
from onethinker_rewards.answers.schemas import (
    Box,
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
from onethinker_rewards.answers.tags import END_TOKENS, FoundAnswer, Think, bare_reference, find_answer
from onethinker_rewards.answers.text import LetterColumns, NumberColumns, TextColumns, exact_number, option_letter
from onethinker_rewards.answers.tracks import TimedTrackColumns, TrackColumns, match_frames

__all__ = [
    "DEFAULT_LIMITS", "END_TOKENS", "Answers", "Booleans", "Box", "BoxColumns", "BoxTrack", "Columns", "Floats",
    "FoundAnswer", "Integers", "LetterColumns", "Limits", "ModelColumns", "Number", "NumberColumns", "OptionLetter",
    "Parsed", "PromptColumns", "ReadAnswer", "ReadOptions", "Reader", "Rules", "SegmentationPrompt", "SingleBox",
    "SpanColumns", "Text", "TextColumns", "Texts", "Think", "TimeSpan", "TimedBoxTrack", "TimedPromptColumns",
    "TimedTrackColumns", "TrackColumns", "VideoSegmentationPrompt", "bare_reference", "exact_number", "find_answer",
    "find_answers", "is_plain_text", "match_frames", "option_letter", "read_answer", "to_pixels", "to_thousandths",
]  # fmt: skip
