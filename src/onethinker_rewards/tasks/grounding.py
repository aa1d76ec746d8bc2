"""Grounding and tracking: when something happens in a video, once or often, where something is, and both."""

from __future__ import annotations

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    COORDINATE_MAX,
    BoxColumns,
    BoxTrack,
    Floats,
    Integers,
    PointTrack,
    PointTrackColumns,
    SingleBox,
    SpanColumns,
    SpansColumns,
    TimedBoxTrack,
    TimedTrackColumns,
    TimeSpan,
    TimeSpans,
    TrackColumns,
    match_frames,
)
from onethinker_rewards.metrics.iou import broadcast_temporal_iou
from onethinker_rewards.tasks.objects import assigned
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


def temporal_segments(predicted: SpansColumns, reference: SpansColumns, context: Context) -> Scores:
    """R_acc = 2 ΣtIoU / (n + m) under the one-to-one assignment that maximizes ΣtIoU."""

    def pair_scores(spans: Integers, ref_spans: Integers) -> Floats:
        return broadcast_temporal_iou(np, predicted.spans[spans][:, :, None], reference.spans[ref_spans][:, None])

    return assigned(predicted.starts, reference.starts, pair_scores)


TEMPORAL_SEGMENTS = TaskSpec(
    name="temporal_segments",
    schema=TimeSpans,
    accuracy=temporal_segments,
    parts=("precision", "recall"),
    instruction=(
        "Give the start and the end in seconds of every time at which it happens, each once, as a JSON object. If it "
        "never happens, give an empty list."
    ),
    example='{"times": [[3.2, 7.5], [21.0, 24.8]]}',
)

# TAP-Vid's thresholds in pixels of a video of 256 by 256.
_TAP_SIZE = 256.0
_TAP_THRESHOLDS = np.array([1.0, 2.0, 4.0, 8.0, 16.0])


def point_tracking(predicted: PointTrackColumns, reference: PointTrackColumns, context: Context) -> Scores:
    """R_acc = TAP-Vid's average Jaccard, mean over thresholds of TP / (visible + FP), over the reference's frames."""
    matches = match_frames(predicted, reference)
    # A frame that is missing takes some point, and is hidden.
    said = predicted.visible.take(matches, mode="clip") & (matches >= 0)
    apart = predicted.points.take(matches, axis=0, mode="clip") - reference.points
    distance = np.hypot(apart[:, 0], apart[:, 1]) * (_TAP_SIZE / COORDINATE_MAX)
    # For each frame and threshold.
    within = (said & reference.visible)[:, None] & (distance[:, None] < _TAP_THRESHOLDS)
    found = np.add.reduceat(within, reference.starts[:-1], axis=0, dtype=np.int64)
    points, visible, alike = (
        np.add.reduceat(frames, reference.starts[:-1], dtype=np.int64)
        for frames in (said, reference.visible, said == reference.visible)
    )
    nothing = (points == 0) & (visible == 0)
    wrong = points[:, None] - found
    jaccard = (found / np.maximum(visible[:, None] + wrong, 1)).mean(axis=1)
    position = (found / np.maximum(visible, 1)[:, None]).mean(axis=1)
    return Scores(
        np.where(nothing, 1.0, jaccard),
        {"position": np.where(nothing, 1.0, position), "visibility": alike / reference.lengths},
    )


POINT_TRACKING = TaskSpec(
    name="point_tracking",
    schema=PointTrack,
    accuracy=point_tracking,
    parts=("position", "visibility"),
    instruction=(
        "Follow the point through the video and say where it is at each second, as a JSON object whose keys are the "
        "seconds: x, y in thousandths of the frame's width and height, or null where it is hidden or out of view."
    ),
    example='{"points": {"1": [405, 230], "2": [411, 236], "3": null}}',
)
