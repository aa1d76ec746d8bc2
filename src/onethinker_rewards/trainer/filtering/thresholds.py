"""What an answer has to reach to be worth fine-tuning on.

Source: OneThinker (arXiv 2512.03043) keeps 340,000 of 600,000 rows by thresholds that differ by task. We do not know
them, so these are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["THRESHOLDS", "Threshold"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least accuracy of an answer that is kept.

    Attributes:
        least: Of the task's maximum, in [0, 1]; an answer that has just as much is kept.
        why: The reason for this number, in one sentence.
    """

    least: float
    why: str


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "multiple_choice": Threshold(1.0, "Right or wrong."),
        "numerical": Threshold(1.0, "Right or wrong."),
        "regression": Threshold(0.8, "Eight of the ten tolerances hold: less than 15 % off."),
        "math": Threshold(1.0, "Right or wrong."),
        "ocr": Threshold(0.9, "One word in ten may be wrong."),
        "open_ended": Threshold(0.3, "ROUGE: right answers in other words share few of them."),
        "temporal_grounding": Threshold(0.5, "The usual limit of a span that counts as found."),
        "spatial_grounding": Threshold(0.5, "The usual limit of a box that counts as found."),
        "spatio_temporal_grounding": Threshold(0.5, "Span and boxes on average at that limit."),
        "tracking": Threshold(0.5, "Boxes on average at that limit."),
        "image_segmentation": Threshold(0.5, "Box and points on average half right; points are at 59 thousandths off."),
        "video_segmentation": Threshold(0.5, "The same, and the moment at 1.18 seconds off."),
    }
)
