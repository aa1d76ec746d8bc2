"""Tracking: where something is at each second of a video."""

from __future__ import annotations

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.columns import Floats, TrackColumns, match_frames
from onethinker_rewards.schemas import BoxTrack
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["TRACKING", "mean_box_iou"]


def mean_box_iou(predicted: TrackColumns, reference: TrackColumns) -> Floats:
    """Return the mean box IoU over the reference's frames, ``[N]``; a frame that is missing counts 0."""
    if len(reference) == 0:
        return np.zeros(0)
    places = match_frames(predicted, reference)
    # A frame that is missing takes some box, and then 0.
    box_iou = metrics.box_iou(predicted.boxes.take(places, axis=0, mode="clip"), reference.boxes)
    box_iou[places < 0] = 0.0
    return np.add.reduceat(box_iou, reference.starts[:-1]) / reference.lengths


def accuracy(predicted: TrackColumns, reference: TrackColumns, context: Context) -> Scores:
    """R_acc = mean sIoU over the reference's frames."""
    box_iou = mean_box_iou(predicted, reference)
    return Scores(box_iou, {"box_iou": box_iou})


TRACKING = TaskSpec(
    name="tracking",
    schema=BoxTrack,
    accuracy=accuracy,
    parts=("box_iou",),
    instruction=(
        "Follow the object through the video and give one box for each second from 1 to 32 at most, as a JSON "
        "object whose keys are the seconds: x1, y1, x2, y2 in thousandths of the frame's width and height."
    ),
    example='{"boxes": {"1": [405, 230, 654, 463], "2": [435, 223, 678, 446], "3": [415, 203, 691, 487]}}',
    released=released.tracking,
)
