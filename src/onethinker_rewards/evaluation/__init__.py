"""Scores of masks over a whole data set, from sums that can be merged before they are divided."""

from __future__ import annotations

from onethinker_rewards.answers.masks import encode_mask, read_mask, read_masks
from onethinker_rewards.evaluation.images import ImageScores, ImageTotals, ciou, giou
from onethinker_rewards.evaluation.overlaps import Overlaps, mask_overlaps, reference_masks
from onethinker_rewards.evaluation.videos import VideoScores, VideoTotals, j_and_f

__all__ = [
    "ImageScores",
    "ImageTotals",
    "Overlaps",
    "VideoScores",
    "VideoTotals",
    "ciou",
    "encode_mask",
    "giou",
    "j_and_f",
    "mask_overlaps",
    "read_mask",
    "read_masks",
    "reference_masks",
]
