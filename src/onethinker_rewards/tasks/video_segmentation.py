"""Video segmentation: a time, and a box and points in that frame."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import TimedPromptColumns
from onethinker_rewards.schemas import VideoSegmentationPrompt
from onethinker_rewards.tasks import image_segmentation, released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["TIME_SIGMA", "VIDEO_SEGMENTATION"]

# Seconds.
TIME_SIGMA = 1.0


def accuracy(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G(|t_p - t_r|)."""
    prompt = image_segmentation.accuracy(predicted, reference, context)
    proximity = metrics.time_proximity(predicted.times, reference.times, sigma=TIME_SIGMA)
    return Scores(prompt.accuracy + proximity, {**prompt.parts, "time_proximity": proximity})


VIDEO_SEGMENTATION = TaskSpec(
    name="video_segmentation",
    schema=VideoSegmentationPrompt,
    accuracy=accuracy,
    parts=("box_iou", "positive_points", "negative_points", "time_proximity"),
    maximum=4.0,
    instruction=(
        "Your answer prompts a segmentation model. Choose one time in seconds at which the object is well seen. For "
        "that frame give one box around the object, three points that lie well inside it and three points that lie "
        "off it, best near its border where a model could go wrong, as a JSON object with x, y in thousandths of "
        "the frame's width and height."
    ),
    example='{"time": 4.5, "boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
    released=released.video_segmentation,
)
