"""Image segmentation: a box and points that prompt a segmentation model."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import PromptColumns
from onethinker_rewards.schemas import SegmentationPrompt
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["IMAGE_SEGMENTATION", "POINT_SIGMA"]

# Thousandths of width and height.
POINT_SIGMA = 50.0


def accuracy(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-)."""
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    positive = metrics.point_similarity(predicted.positive_points, reference.positive_points, sigma=POINT_SIGMA)
    negative = metrics.point_similarity(predicted.negative_points, reference.negative_points, sigma=POINT_SIGMA)
    return Scores(
        box_iou + positive + negative,
        {"box_iou": box_iou, "positive_points": positive, "negative_points": negative},
    )


IMAGE_SEGMENTATION = TaskSpec(
    name="image_segmentation",
    schema=SegmentationPrompt,
    accuracy=accuracy,
    parts=("box_iou", "positive_points", "negative_points"),
    maximum=3.0,
    instruction=(
        "Your answer prompts a segmentation model. Give one box around the object, three points that lie well "
        "inside it and three points that lie off it, best near its border where a model could go wrong, as a JSON "
        "object with x, y in thousandths of the image's width and height."
    ),
    example='{"boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
    released=released.image_segmentation,
)
