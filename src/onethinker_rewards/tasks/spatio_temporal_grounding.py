"""Spatio-temporal grounding: when something happens in a video, and where at each second of it."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import TimedTrackColumns
from onethinker_rewards.schemas import TimedBoxTrack
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec
from onethinker_rewards.tasks.tracking import mean_box_iou

__all__ = ["SPATIO_TEMPORAL_GROUNDING"]


def accuracy(predicted: TimedTrackColumns, reference: TimedTrackColumns, context: Context) -> Scores:
    """R_acc = tIoU + mean sIoU over the reference's frames."""
    temporal_iou = metrics.temporal_iou(predicted.spans, reference.spans)
    box_iou = mean_box_iou(predicted.tracks, reference.tracks)
    return Scores(temporal_iou + box_iou, {"temporal_iou": temporal_iou, "box_iou": box_iou})


SPATIO_TEMPORAL_GROUNDING = TaskSpec(
    name="spatio_temporal_grounding",
    schema=TimedBoxTrack,
    accuracy=accuracy,
    parts=("temporal_iou", "box_iou"),
    maximum=2.0,
    instruction=(
        "Give the start and the end of the event in seconds, and one box for each whole second in between, as a "
        "JSON object whose box keys are the seconds: x1, y1, x2, y2 in thousandths of the frame's width and height."
    ),
    example='{"time": [8.1, 11.5], "boxes": {"9": [317, 422, 582, 997], "10": [332, 175, 442, 369], '
    '"11": [340, 180, 450, 370]}}',
    released=released.spatio_temporal_grounding,
)
