"""What a model may write: schemas and tags, and how one answer, or many at once, are read."""

from __future__ import annotations

from onethinker_rewards.answers.batch import Answers, ModelColumns, Reader, ReadOptions, find_answers
from onethinker_rewards.answers.boxes import BoxColumns, PromptColumns, SpanColumns, TimedPromptColumns
from onethinker_rewards.answers.columns import Booleans, Columns, Floats, Integers, Texts
from onethinker_rewards.answers.dialects import DIALECTS, AnyDialect, Dialect, Size, find_dialect
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits
from onethinker_rewards.answers.objects import (
    ClickColumns,
    CornersColumns,
    DetectionColumns,
    OrderColumns,
    PointsColumns,
    RatingColumns,
    SpansColumns,
    TargetsColumns,
)
from onethinker_rewards.answers.pixels import resized, to_pixels, to_thousandths
from onethinker_rewards.answers.read import Parsed, ReadAnswer, Rules, is_plain_text, read_answer
from onethinker_rewards.answers.schemas import (
    COORDINATE_MAX,
    Box,
    BoxTrack,
    ClickPoint,
    ClickTarget,
    Detections,
    LabeledDetections,
    Number,
    OptionLetter,
    Order,
    OrderedItems,
    PointSet,
    PointTargets,
    PointTrack,
    RatedImage,
    RotatedBox,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    TimeSpans,
    VideoSegmentationPrompt,
)
from onethinker_rewards.answers.syntaxes import DialectFault, Item, Syntax
from onethinker_rewards.answers.tags import END_TOKENS, FoundAnswer, Think, bare_reference, find_answer
from onethinker_rewards.answers.text import LetterColumns, NumberColumns, TextColumns, exact_number, option_letter
from onethinker_rewards.answers.tracks import PointTrackColumns, TimedTrackColumns, TrackColumns, match_frames

__all__ = [
    "COORDINATE_MAX", "DEFAULT_LIMITS", "DIALECTS", "END_TOKENS", "Answers", "AnyDialect", "Booleans", "Box",
    "BoxColumns", "BoxTrack", "ClickColumns", "ClickPoint", "ClickTarget", "Columns", "CornersColumns",
    "DetectionColumns", "Detections", "Dialect", "DialectFault", "Floats", "FoundAnswer", "Integers", "Item",
    "LabeledDetections", "LetterColumns", "Limits", "ModelColumns", "Number", "NumberColumns", "OptionLetter", "Order",
    "OrderColumns", "OrderedItems", "Parsed", "PointSet", "PointTargets", "PointTrack", "PointTrackColumns",
    "PointsColumns", "PromptColumns", "RatedImage", "RatingColumns", "ReadAnswer", "ReadOptions", "Reader",
    "RotatedBox", "Rules", "SegmentationPrompt", "SingleBox", "Size", "SpanColumns", "SpansColumns", "Syntax",
    "TargetsColumns", "Text", "TextColumns", "Texts", "Think", "TimeSpan", "TimeSpans", "TimedBoxTrack",
    "TimedPromptColumns", "TimedTrackColumns", "TrackColumns", "VideoSegmentationPrompt", "bare_reference",
    "exact_number", "find_answer", "find_answers", "find_dialect", "is_plain_text", "match_frames", "option_letter",
    "read_answer", "resized", "to_pixels", "to_thousandths",
]  # fmt: skip
