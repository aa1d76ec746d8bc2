"""Temporal grounding: when something happens in a video."""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.columns import SpanColumns
from onethinker_rewards.schemas import TimeSpan
from onethinker_rewards.tasks import released
from onethinker_rewards.tasks.spec import Context, Scores, TaskSpec

__all__ = ["TEMPORAL_GROUNDING"]


def accuracy(predicted: SpanColumns, reference: SpanColumns, context: Context) -> Scores:
    """R_acc = tIoU."""
    temporal_iou = metrics.temporal_iou(predicted.spans, reference.spans)
    return Scores(temporal_iou, {"temporal_iou": temporal_iou})


TEMPORAL_GROUNDING = TaskSpec(
    name="temporal_grounding",
    schema=TimeSpan,
    accuracy=accuracy,
    parts=("temporal_iou",),
    instruction="Give the start and the end of the event in seconds, as a JSON object.",
    example='{"time": [12.3, 25.7]}',
    released=released.temporal_grounding,
)
