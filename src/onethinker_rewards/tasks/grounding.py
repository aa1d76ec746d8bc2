"""Grounding and tracking: when something happens in a video, where something is in an image, and both."""

from __future__ import annotations

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    BoxColumns,
    BoxTrack,
    Floats,
    SingleBox,
    SpanColumns,
    TimedBoxTrack,
    TimedTrackColumns,
    TimeSpan,
    TrackColumns,
    match_frames,
)
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec


def temporal_grounding(predicted: SpanColumns, reference: SpanColumns, context: Context) -> Scores:
    """R_acc = tIoU."""
    temporal_iou = metrics.temporal_iou(predicted.spans, reference.spans)
    return Scores(temporal_iou, {"temporal_iou": temporal_iou})


TEMPORAL_GROUNDING = TaskSpec(
    name="temporal_grounding",
    schema=TimeSpan,
    accuracy=temporal_grounding,
    parts=("temporal_iou",),
    instruction="Give the start and the end of the event in seconds, as a JSON object.",
    example='{"time": [12.3, 25.7]}',
)


def spatial_grounding(predicted: BoxColumns, reference: BoxColumns, context: Context) -> Scores:
    """R_acc = sIoU."""
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    return Scores(box_iou, {"box_iou": box_iou})


SPATIAL_GROUNDING = TaskSpec(
    name="spatial_grounding",
    schema=SingleBox,
    accuracy=spatial_grounding,
    parts=("box_iou",),
    instruction=(
        "Give one box around the object as a JSON object: x1, y1, x2, y2 in thousandths of the image's width "
        "and height, the upper left corner first."
    ),
    example='{"boxes": [35, 227, 437, 932]}',
)


def mean_box_iou(predicted: TrackColumns, reference: TrackColumns) -> Floats:
    """Return the mean box IoU over the reference's frames, ``[N]``; a frame that is missing counts 0."""
    if len(reference) == 0:
        return np.zeros(0)
    matches = match_frames(predicted, reference)
    # A frame that is missing takes some box, and then 0.
    box_iou = metrics.box_iou(predicted.boxes.take(matches, axis=0, mode="clip"), reference.boxes)
    box_iou[matches < 0] = 0.0
    return np.add.reduceat(box_iou, reference.starts[:-1]) / reference.lengths


def tracking(predicted: TrackColumns, reference: TrackColumns, context: Context) -> Scores:
    """R_acc = mean sIoU over the reference's frames."""
    box_iou = mean_box_iou(predicted, reference)
    return Scores(box_iou, {"box_iou": box_iou})


TRACKING = TaskSpec(
    name="tracking",
    schema=BoxTrack,
    accuracy=tracking,
    parts=("box_iou",),
    instruction=(
        "Follow the object through the video and give one box for each second from 1 to 32 at most, as a JSON "
        "object whose keys are the seconds: x1, y1, x2, y2 in thousandths of the frame's width and height."
    ),
    example='{"boxes": {"1": [405, 230, 654, 463], "2": [435, 223, 678, 446], "3": [415, 203, 691, 487]}}',
)


def spatio_temporal_grounding(predicted: TimedTrackColumns, reference: TimedTrackColumns, context: Context) -> Scores:
    """R_acc = tIoU + mean sIoU over the reference's frames."""
    temporal_iou = metrics.temporal_iou(predicted.spans, reference.spans)
    box_iou = mean_box_iou(predicted.tracks, reference.tracks)
    return Scores(temporal_iou + box_iou, {"temporal_iou": temporal_iou, "box_iou": box_iou})


SPATIO_TEMPORAL_GROUNDING = TaskSpec(
    name="spatio_temporal_grounding",
    schema=TimedBoxTrack,
    accuracy=spatio_temporal_grounding,
    parts=("temporal_iou", "box_iou"),
    maximum=2.0,
    instruction=(
        "Give the start and the end of the event in seconds, and one box for each whole second in between, as a "
        "JSON object whose box keys are the seconds: x1, y1, x2, y2 in thousandths of the frame's width and height."
    ),
    example='{"time": [8.1, 11.5], "boxes": {"9": [317, 422, 582, 997], "10": [332, 175, 442, 369], '
    '"11": [340, 180, 450, 370]}}',
)
