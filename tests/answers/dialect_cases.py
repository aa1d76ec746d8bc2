"""Answers as models of each dialect write them, with what they say in our own form. The numbers are ours."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import onethinker_rewards as otr
from tests.rewards.cases import wrap


class NativeAnswer(NamedTuple):
    """An answer in a dialect.

    Attributes:
        dialect: Its name.
        task: The task it answers.
        text: What the model writes.
        ours: The same in our own form.
        size: Width and height of the image in pixels, for answers in pixels.
        reference: The reference in our own form, where it is not written as the answer is.
        native_reference: The reference as the dialect's data has it, where it is in another schema.
    """

    dialect: str
    task: str
    text: str
    ours: dict[str, Any]
    size: tuple[float, float] | None = None
    reference: dict[str, Any] | None = None
    native_reference: str | None = None

    @property
    def references(self) -> tuple[str, str | None]:
        """The reference in our own form, and as the dialect's data has it, or None where it has none."""
        ours = json.dumps(self.reference or self.ours)
        return ours, self.native_reference or (self.text if self.reference is None else None)


BOX = [100, 200, 300, 400]
TWO = {"objects": [{"box": BOX, "label": "cat"}, {"box": [500, 500, 600, 750], "label": "red dog"}]}
CLICK = {"box": [100, 100, 300, 140]}
SPAN = {"time": [12.5, 75.25]}
SPANS = {"times": [[12.0, 15.0], [60.0, 75.25]]}
TRACK = {"time": [1.0, 2.0], "boxes": {"1": BOX, "2": BOX}}

# Source: QwenLM/Qwen3-VL, cookbooks/2d_grounding.ipynb: boxes and points as a fenced JSON list, tab-indented.
_QWEN3 = [
    NativeAnswer(
        "qwen3-vl",
        "spatial_grounding",
        '```json\n[\n\t{"bbox_2d": [100, 200, 300, 400], "label": "cat"}\n]\n```',
        {"boxes": BOX},
    ),
    NativeAnswer("qwen3-vl", "spatial_grounding", '{"bbox_2d": [100, 200, 300, 400]}', {"boxes": BOX}),
    NativeAnswer(
        "qwen3-vl",
        "detection",
        '```json\n[\n\t{"bbox_2d": [100, 200, 300, 400], "label": "cat"},\n'
        '\t{"bbox_2d": [500, 500, 600, 750], "label": "red dog"}\n]\n```',
        TWO,
    ),
    NativeAnswer("qwen3-vl", "detection", "[]", {"objects": []}),
    NativeAnswer(
        "qwen3-vl",
        "pointing",
        '[{"point_2d": [100, 200], "label": "cat"}, {"point_2d": [500, 750], "label": "cat"}]',
        {"points": [[100, 200], [500, 750]]},
    ),
    NativeAnswer(
        "qwen3-vl",
        "gui_click",
        '```json\n[\n\t{"point_2d": [200, 120], "label": "OK"}\n]\n```',
        {"point": [200, 120]},
        reference=CLICK,
        native_reference='[{"bbox_2d": [100, 100, 300, 140], "label": "OK"}]',
    ),
]
# Source: QwenLM/Qwen2.5-VL, cookbooks/spatial_understanding.ipynb: pixels of the resized image; points also as XML.
_QWEN25 = [
    NativeAnswer(
        "qwen2.5-vl",
        "spatial_grounding",
        '```json\n[\n\t{"bbox_2d": [64, 96, 192, 192], "label": "cat"}\n]\n```',
        {"boxes": BOX},
        (640, 480),
    ),
    NativeAnswer(
        "qwen2.5-vl",
        "detection",
        '```json\n[\n\t{"bbox_2d": [64, 96, 192, 192], "label": "cat"},\n'
        '\t{"bbox_2d": [320, 240, 384, 360], "label": "red dog"}\n]\n```',
        TWO,
        (640, 480),
    ),
    NativeAnswer(
        "qwen2.5-vl",
        "pointing",
        '<points x1="64" y1="96" x2="320" y2="360" alt="cat">cat</points>',
        {"points": [[100, 200], [500, 750]]},
        (640, 480),
    ),
    NativeAnswer(
        "qwen2.5-vl",
        "gui_click",
        '[{"point_2d": [128, 57.6], "label": "OK"}]',
        {"point": [200, 120]},
        (640, 480),
        CLICK,
        '{"bbox_2d": [64, 48, 192, 67.2]}',
    ),
    NativeAnswer(
        "qwen2.5-vl",
        "spatio_temporal_grounding",
        '{"time": [1.0, 2.0], "boxes": {"1": [64, 96, 192, 192], "2": [64, 96, 192, 192]}}',
        TRACK,
        (640, 480),
    ),
]
# Source: InternVL's documentation of its chat data, grounding: <ref> and <box> with a list of boxes, in thousandths.
_INTERNVL = [
    NativeAnswer(
        "internvl", "spatial_grounding", "<ref>the cat</ref><box>[[100, 200, 300, 400]]</box>", {"boxes": BOX}
    ),
    NativeAnswer("internvl", "spatial_grounding", "[[100, 200, 300, 400]]", {"boxes": BOX}),
    NativeAnswer(
        "internvl",
        "detection",
        "<ref>cat</ref><box>[[100,200,300,400]]</box>\n<ref>red dog</ref><box>[[500,500,600,750]]</box>",
        TWO,
    ),
    NativeAnswer(
        "internvl",
        "detection",
        "<ref>cat</ref><box>[[100, 200, 300, 400], [1, 2, 3, 4]]</box>",
        {"objects": [{"box": BOX, "label": "cat"}, {"box": [1, 2, 3, 4], "label": "cat"}]},
    ),
]
# Source: Molmo's model card and PixMo-Points: one tag, x and y in per cent with one decimal.
_MOLMO = [
    NativeAnswer(
        "molmo", "gui_click", '<point x="20.0" y="12.0" alt="OK">OK</point>', {"point": [200, 120]}, None, CLICK
    ),
    NativeAnswer(
        "molmo",
        "pointing",
        '<points x1="10.0" y1="20.0" x2="50.0" y2="75.0" alt="cats">cats</points>',
        {"points": [[100, 200], [500, 750]]},
    ),
    NativeAnswer("molmo", "pointing", "There are none.", {"points": []}),
]
# Source: Molmo 2's model card: coords has the image's number, then number, x and y of each point in thousandths.
_MOLMO2 = [
    NativeAnswer("molmo2", "gui_click", '<points coords="1 1 200 120">OK</points>', {"point": [200, 120]}, None, CLICK),
    NativeAnswer(
        "molmo2",
        "pointing",
        '<points coords="1 1 073 200 2 500 750" alt="cats">the cats</points>',
        {"points": [[73, 200], [500, 750]]},
    ),
    NativeAnswer("molmo2", "pointing", "There are none.", {"points": []}),
]
# Source: QwenLM/Qwen3-VL, cookbooks/video_understanding.ipynb, and issue 1175: times as mm:ss and mm:ss.ff.
_CLOCK = [
    NativeAnswer("mm:ss", "temporal_grounding", "00:12.5 - 01:15.25", SPAN),
    NativeAnswer("mm:ss", "temporal_grounding", "From 00:12.50 to 0:01:15.25.", SPAN),
    NativeAnswer("mm:ss", "temporal_grounding", '{"start_time": "00:12.50", "end_time": "01:15.25"}', SPAN),
    NativeAnswer("mm:ss", "temporal_grounding", '{"start": "00:12.50", "end": "01:15.25"}', SPAN),
    NativeAnswer("mm:ss", "temporal_grounding", '{"time": ["00:12.50", "01:15.25"]}', SPAN),
    NativeAnswer("mm:ss", "temporal_grounding", '["00:12.50", "01:15.25"]', SPAN),
    NativeAnswer("mm:ss", "temporal_segments", "00:12 \u2013 00:15\n01:00 - 01:15.25", SPANS),
    NativeAnswer("mm:ss", "temporal_segments", '[["00:12", "00:15"], ["01:00", "01:15.25"]]', SPANS),
    NativeAnswer("mm:ss", "temporal_segments", '{"times": [["00:12", "00:15"], ["01:00", "01:15.25"]]}', SPANS),
    NativeAnswer("mm:ss", "temporal_segments", "[]", {"times": []}),
    NativeAnswer(
        "mm:ss",
        "spatio_temporal_grounding",
        '{"time": ["00:01", "00:02"], "boxes": {"1": [100, 200, 300, 400], "2": [100, 200, 300, 400]}}',
        TRACK,
    ),
]
# Source: Time-R1 and VideoChat-R1 ("12.54 to 17.83"); Qwen3-VL, issue 752 ("3.2s").
_SECONDS = [
    NativeAnswer("seconds-text", "temporal_grounding", "12.5 to 75.25", SPAN),
    NativeAnswer("seconds-text", "temporal_grounding", "12.5 - 75.25 seconds", SPAN),
    NativeAnswer("seconds-text", "temporal_grounding", '{"time": ["12.5s", "75.25s"]}', SPAN),
    NativeAnswer("seconds-text", "temporal_segments", "12 to 15; 60 to 75.25", SPANS),
    NativeAnswer("seconds-text", "temporal_segments", "12s - 15s and 60s - 75.25s", SPANS),
]
NATIVE = [*_QWEN3, *_QWEN25, *_INTERNVL, *_MOLMO, *_MOLMO2, *_CLOCK, *_SECONDS]
DIALECTS = sorted({case.dialect for case in NATIVE})


def native_rows(dialect: str, *, native: bool) -> list[dict[str, Any]]:
    """Return rows with native answers, and with references of ours or with native ones, where the data has some."""
    rows = [
        {
            "task": case.task,
            "response": wrap(case.text),
            "reference": case.references[native],
            "size": None if case.size is None else [*case.size],
        }
        for case in NATIVE
        if case.dialect == dialect
    ]
    return [row for row in rows if row["reference"] is not None]


def dialect_settings(dialect: str, *, native: bool) -> dict[str, Any]:
    """Return the settings by which such rows are scored."""
    return {"dialect": dialect} | ({"reference_dialect": dialect} if native else {})


def highest_totals(rows: list[dict[str, Any]]) -> list[float]:
    """Return the total of a perfect answer to each row."""
    return [1.0 + (otr.TASKS[row["task"]].maximum or 1.0) for row in rows]
