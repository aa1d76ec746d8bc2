"""Masks by SAM 2: image encoder once an image, mask decoder once a prompt. Needs the extra ``sam2``."""

from __future__ import annotations

from onethinker_rewards.models.sam2.counts import SegmenterCounts
from onethinker_rewards.models.sam2.segmenter import Sam2Segmenter, SegmenterOptions

__all__ = ["Sam2Segmenter", "SegmenterCounts", "SegmenterOptions"]
