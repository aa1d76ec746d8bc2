"""Clients of the big models that a reward may ask, and what they share. Importing this imports no torch."""

from __future__ import annotations

from onethinker_rewards.models.embeddings import CacheCounts, Embedding, EmbeddingCache
from onethinker_rewards.models.images import ImageLike, Pixels, image_key, read_image, read_images

__all__ = [
    "CacheCounts",
    "Embedding",
    "EmbeddingCache",
    "ImageLike",
    "Pixels",
    "image_key",
    "read_image",
    "read_images",
]
