"""Answers that each schema takes or refuses, as JSON values, with the rule that decides."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from onethinker_rewards.answers import (
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

BOX = [10, 20, 30, 40]
TRIPLE = [[0, 0], [500.5, 1], [1000, 1000]]
PROMPT = {"boxes": BOX, "positive_points": TRIPLE, "negative_points": TRIPLE}

Case = tuple[str, type[BaseModel], Any]

ACCEPTED: list[Case] = [
    ("whole seconds", TimeSpan, {"time": [1, 2]}),
    ("decimal seconds", TimeSpan, {"time": [0.5, 2.25]}),
    ("a moment", TimeSpan, {"time": [3, 3]}),
    ("from 0", TimeSpan, {"time": [0, 0]}),
    ("minus 0", TimeSpan, {"time": [-0.0, 1]}),
    ("a very late time", TimeSpan, {"time": [0, 1e308]}),
    ("a box", SingleBox, {"boxes": BOX}),
    ("the whole image", SingleBox, {"boxes": [0, 0, 1000, 1000]}),
    ("a sliver", SingleBox, {"boxes": [1, 1, 1.0001, 2]}),
    ("one second", BoxTrack, {"boxes": {"0": BOX}}),
    ("some seconds in any order", BoxTrack, {"boxes": {"9": BOX, "2": BOX, "10": BOX}}),
    ("the last second", BoxTrack, {"boxes": {"999999999": BOX}}),
    ("span and track", TimedBoxTrack, {"time": [1, 2], "boxes": {"1": BOX}}),
    ("frames outside the span", TimedBoxTrack, {"time": [1, 2], "boxes": {"77": BOX}}),
    ("box and points", SegmentationPrompt, PROMPT),
    ("points that are all the same", SegmentationPrompt, {**PROMPT, "positive_points": [[5, 5]] * 3}),
    ("points outside the box", SegmentationPrompt, {**PROMPT, "positive_points": [[999, 999]] * 3}),
    ("time, box and points", VideoSegmentationPrompt, {"time": 1.5, **PROMPT}),
    ("time 0", VideoSegmentationPrompt, {"time": 0, **PROMPT}),
    ("a letter", OptionLetter, "B"),
    ("the last letter", OptionLetter, "Z"),
    ("a whole number", Number, 5),
    ("a decimal number", Number, -0.25),
    ("text", Text, "a / b"),
    ("one space", Text, " "),
]

REFUSED: list[Case] = [
    ("no key", TimeSpan, {}),
    ("another key beside", TimeSpan, {"time": [1, 2], "why": "x"}),
    ("another key", TimeSpan, {"times": [1, 2]}),
    ("no object", TimeSpan, [1, 2]),
    ("null", TimeSpan, None),
    ("one time", TimeSpan, {"time": [1]}),
    ("three times", TimeSpan, {"time": [1, 2, 3]}),
    ("a number for a list", TimeSpan, {"time": 1}),
    ("a string for a number", TimeSpan, {"time": ["1", 2]}),
    ("a boolean for a number", TimeSpan, {"time": [True, 2]}),
    ("null for a number", TimeSpan, {"time": [None, 2]}),
    ("before 0", TimeSpan, {"time": [-1, 2]}),
    ("three coordinates", SingleBox, {"boxes": [1, 2, 3]}),
    ("five coordinates", SingleBox, {"boxes": [1, 2, 3, 4, 5]}),
    ("a list of boxes", SingleBox, {"boxes": [BOX]}),
    ("a track for a box", SingleBox, {"boxes": {"1": BOX}}),
    ("beyond 1000", SingleBox, {"boxes": [0, 0, 1000.5, 10]}),
    ("below 0", SingleBox, {"boxes": [-0.5, 0, 10, 10]}),
    ("an empty track", BoxTrack, {"boxes": {}}),
    ("a box for a track", BoxTrack, {"boxes": BOX}),
    ("a leading zero", BoxTrack, {"boxes": {"01": BOX}}),
    ("a decimal second", BoxTrack, {"boxes": {"1.0": BOX}}),
    ("a sign", BoxTrack, {"boxes": {"-0": BOX}}),
    ("a space", BoxTrack, {"boxes": {" 1": BOX}}),
    ("an empty second", BoxTrack, {"boxes": {"": BOX}}),
    ("digits of another script", BoxTrack, {"boxes": {"\u0661": BOX}}),
    ("ten digits", BoxTrack, {"boxes": {"1000000000": BOX}}),
    ("a short box in a track", BoxTrack, {"boxes": {"1": [1, 2, 3]}}),
    ("a second's box beyond 1000", BoxTrack, {"boxes": {"1": [0, 0, 1001, 5]}}),
    ("a track without its span", TimedBoxTrack, {"boxes": {"1": BOX}}),
    ("a span without its track", TimedBoxTrack, {"time": [1, 2]}),
    ("one time for a span", TimedBoxTrack, {"time": 1, "boxes": {"1": BOX}}),
    ("two points", SegmentationPrompt, {**PROMPT, "positive_points": TRIPLE[:2]}),
    ("four points", SegmentationPrompt, {**PROMPT, "negative_points": [*TRIPLE, [1, 1]]}),
    ("a point of three", SegmentationPrompt, {**PROMPT, "negative_points": [[1, 1], [1, 1], [1, 1, 1]]}),
    ("a point beyond 1000", SegmentationPrompt, {**PROMPT, "positive_points": [[1, 1], [1, 1], [1, 1001]]}),
    ("no negative points", SegmentationPrompt, {"boxes": BOX, "positive_points": TRIPLE}),
    ("a time beside an image's prompt", SegmentationPrompt, {"time": 1, **PROMPT}),
    ("a span for a time", VideoSegmentationPrompt, {"time": [1, 2], **PROMPT}),
    ("a prompt without a time", VideoSegmentationPrompt, PROMPT),
    ("a time before 0", VideoSegmentationPrompt, {"time": -0.5, **PROMPT}),
    ("lower case", OptionLetter, "b"),
    ("two letters", OptionLetter, "AB"),
    ("no letter", OptionLetter, ""),
    ("a letter of another script", OptionLetter, "\u0410"),
    ("a number as text", Number, "5"),
    ("a boolean", Number, True),
    ("no text", Text, ""),
    ("a number for text", Text, 5),
    ("null for text", Text, None),
]

# What JSON Schema has no words for: one number compared with another, and a number too large for a double.
BEYOND_JSON_SCHEMA: list[Case] = [
    ("an inverted span", TimeSpan, {"time": [2, 1]}),
    ("x inverted", SingleBox, {"boxes": [30, 20, 10, 40]}),
    ("y inverted", SingleBox, {"boxes": [10, 40, 30, 20]}),
    ("no width", SingleBox, {"boxes": [10, 20, 10, 40]}),
    ("no height", SingleBox, {"boxes": [10, 20, 30, 20]}),
    ("an inverted box in a track", BoxTrack, {"boxes": {"1": BOX, "2": [30, 20, 10, 40]}}),
    ("an inverted span beside a track", TimedBoxTrack, {"time": [2, 1], "boxes": {"1": BOX}}),
    ("an inverted box beside points", SegmentationPrompt, {**PROMPT, "boxes": [30, 20, 10, 40]}),
    ("an infinite time", TimeSpan, {"time": [0, float("inf")]}),
    ("an infinite frame time", VideoSegmentationPrompt, {"time": float("inf"), **PROMPT}),
    ("an infinite number", Number, float("inf")),
]
