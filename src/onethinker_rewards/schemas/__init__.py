"""What a model may write: one pydantic model a kind of answer."""

from onethinker_rewards.schemas.answers import (
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

__all__ = [
    "Box",
    "BoxTrack",
    "Number",
    "OptionLetter",
    "SegmentationPrompt",
    "SingleBox",
    "Text",
    "TimeSpan",
    "TimedBoxTrack",
    "VideoSegmentationPrompt",
]
