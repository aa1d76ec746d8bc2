"""Metrics: arrays in, one score a row out."""

from __future__ import annotations

from onethinker_rewards.metrics.iou import (
    box_iou,
    generalized_box_iou,
    pairwise_box_iou,
    pairwise_temporal_iou,
    polygon_iou,
    rotated_box_iou,
    temporal_iou,
)
from onethinker_rewards.metrics.masks import boundary_f, mask_iou
from onethinker_rewards.metrics.matching import matched_f1
from onethinker_rewards.metrics.math import MathVerdict, compare_math, math_equal, release_math_equal
from onethinker_rewards.metrics.numbers import relative_accuracy
from onethinker_rewards.metrics.points import point_similarity, time_proximity
from onethinker_rewards.metrics.text import character_error_rate, edit_similarity, rouge, rouge_reward, word_error_rate

__all__ = [
    "MathVerdict", "boundary_f", "box_iou", "character_error_rate", "compare_math", "edit_similarity",
    "generalized_box_iou", "mask_iou", "matched_f1", "math_equal", "pairwise_box_iou", "pairwise_temporal_iou",
    "point_similarity", "polygon_iou", "relative_accuracy", "release_math_equal", "rotated_box_iou", "rouge",
    "rouge_reward", "temporal_iou", "time_proximity", "word_error_rate",
]  # fmt: skip
