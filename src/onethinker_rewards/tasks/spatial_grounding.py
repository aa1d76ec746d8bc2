"""Spatial grounding: where something is in an image."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import BoxColumns
from onethinker_rewards.schemas import SingleBox
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["SPATIAL_GROUNDING"]


def accuracy(predicted: BoxColumns, reference: BoxColumns, context: Context) -> Scores:
    """R_acc = sIoU."""
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    return Scores(box_iou, {"box_iou": box_iou})


SPATIAL_GROUNDING = TaskSpec(
    name="spatial_grounding",
    schema=SingleBox,
    accuracy=accuracy,
    parts=("box_iou",),
    instruction=(
        "Give one box around the object as a JSON object: x1, y1, x2, y2 in thousandths of the image's width "
        "and height, the upper left corner first."
    ),
    example='{"boxes": [35, 227, 437, 932]}',
    released=released.spatial_grounding,
)
