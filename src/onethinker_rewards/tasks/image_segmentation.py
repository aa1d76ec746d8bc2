"""Image segmentation: a box and points that prompt a segmentation model."""

from __future__ import annotations

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.columns import Floats, PromptColumns
from onethinker_rewards.schemas import SegmentationPrompt
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["IMAGE_SEGMENTATION", "POINT_SIGMA"]

# Thousandths of width and height.
POINT_SIGMA = 50.0


def accuracy(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-)."""
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    # One call for both kinds: for the rows of a step it costs little more than for half of them.
    points = metrics.point_similarity(_points(predicted), _points(reference), sigma=POINT_SIGMA)
    positive, negative = points.reshape(2, -1)
    return Scores(
        box_iou + positive + negative,
        {"box_iou": box_iou, "positive_points": positive, "negative_points": negative},
    )


def _points(prompts: PromptColumns) -> Floats:
    """Return ``[2 N, 3, 2]``: all positive points, then all negative ones."""
    return np.concatenate((prompts.positive_points, prompts.negative_points))


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
