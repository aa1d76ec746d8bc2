"""Segmenters that a reward may ask for masks, and what they share. Importing this package imports no torch."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from onethinker_rewards.models.embeddings import CacheCounts, Embedding, EmbeddingCache
from onethinker_rewards.models.grabcut import GrabCutSegmenter
from onethinker_rewards.models.images import ImageLike, Pixels, image_key, read_image, read_images

if TYPE_CHECKING:
    from onethinker_rewards.models.sam2 import Sam2Segmenter, SegmenterCounts

__all__ = [
    "CacheCounts",
    "Embedding",
    "EmbeddingCache",
    "GrabCutSegmenter",
    "ImageLike",
    "Pixels",
    "Sam2Segmenter",
    "SegmenterCounts",
    "image_key",
    "read_image",
    "read_images",
]


def __getattr__(name: str) -> object:
    """Import the names that need torch when they are first used."""
    if name not in {"Sam2Segmenter", "SegmenterCounts"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if find_spec("torch") is None:
        raise ImportError("Sam2Segmenter needs torch: pip install 'onethinker-rewards[sam2]'")
    from onethinker_rewards.models import sam2  # noqa: PLC0415 - imports torch

    return getattr(sam2, name)
