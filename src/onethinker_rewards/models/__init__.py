"""Clients of the big models that a reward may ask, and what they share. Importing this imports no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_OF_SAM2 = ("Sam2Segmenter", "SegmenterCounts")


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is asked for."""
    if name not in _OF_SAM2:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from onethinker_rewards.models import sam2  # noqa: PLC0415 - imports torch

    return getattr(sam2, name)
