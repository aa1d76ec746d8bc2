"""Masks drawn by SAM 2: each image is encoded once, each prompt decoded once. Needs the extra ``sam2``."""

from __future__ import annotations

from onethinker_rewards.models.sam2.segmenter import Sam2Segmenter, SegmenterCounts, SegmenterOptions

__all__ = ["Sam2Segmenter", "SegmenterCounts", "SegmenterOptions"]
