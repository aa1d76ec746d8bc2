"""Segmentation: a box and points that prompt a segmentation model, for an image or for a frame of a video."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    PromptColumns,
    SegmentationPrompt,
    TimedPromptColumns,
    VideoSegmentationPrompt,
)
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec


def image_segmentation(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-)."""
    sigma = context.constants["point_sigma"]
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    positive = metrics.point_similarity(predicted.positive_points, reference.positive_points, sigma=sigma)
    negative = metrics.point_similarity(predicted.negative_points, reference.negative_points, sigma=sigma)
    parts = {"box_iou": box_iou, "positive_points": positive, "negative_points": negative}
    return Scores(box_iou + positive + negative, parts)


def video_segmentation(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G(|t_p - t_r|)."""
    prompt = image_segmentation(predicted, reference, context)
    proximity = metrics.time_proximity(predicted.times, reference.times, sigma=context.constants["time_sigma"])
    return Scores(prompt.accuracy + proximity, {**prompt.parts, "time_proximity": proximity})


IMAGE_SEGMENTATION = TaskSpec(
    name="image_segmentation",
    schema=SegmentationPrompt,
    accuracy=image_segmentation,
    parts=("box_iou", "positive_points", "negative_points"),
    maximum=3.0,
    # Thousandths of width and height.
    constants={"point_sigma": 50.0},
    instruction=(
        "Your answer prompts a segmentation model. Give one box around the object, three points that lie well "
        "inside it and three points that lie off it, best near its border where a model could go wrong, as a JSON "
        "object with x, y in thousandths of the image's width and height."
    ),
    example='{"boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
)

VIDEO_SEGMENTATION = TaskSpec(
    name="video_segmentation",
    schema=VideoSegmentationPrompt,
    accuracy=video_segmentation,
    parts=("box_iou", "positive_points", "negative_points", "time_proximity"),
    maximum=4.0,
    # Thousandths of width and height; seconds.
    constants={"point_sigma": 50.0, "time_sigma": 1.0},
    instruction=(
        "Your answer prompts a segmentation model. Choose one time in seconds at which the object is well seen. For "
        "that frame give one box around the object, three points that lie well inside it and three points that lie "
        "off it, best near its border where a model could go wrong, as a JSON object with x, y in thousandths of "
        "the frame's width and height."
    ),
    example='{"time": 4.5, "boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
)
