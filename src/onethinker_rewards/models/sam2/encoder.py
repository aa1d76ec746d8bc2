"""From images to embeddings: preprocessing, the cache, and the image encoder in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO

import numpy as np
import torch

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import Embedding, EmbeddingCache
from onethinker_rewards.models.images import Pixels, image_key
from onethinker_rewards.models.sam2.backend import Backend, Chunks, Device, require, weights_digest

# ImageNet's, with which the encoder was trained.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_RESAMPLING = ("bilinear", "bicubic")

# Part of the cache keys: increase it with every change in the preprocessed pixels.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the encoder's input.

    Attributes:
        resampling: ``bilinear``, as the sam2 package resizes images, or ``bicubic``, as it resizes the frames of a
            video; both antialiased.
        jpeg_quality: Encode the image as JPEG of this quality and decode it first, as the release does; Pillow's
            default quality is 75. None leaves the image as it is.

    Raises:
        ArgumentError: If an option is out of range.
    """

    resampling: str = "bilinear"
    jpeg_quality: int | None = None

    def __post_init__(self) -> None:
        if self.resampling not in _RESAMPLING:
            raise ArgumentError(f"resampling: one of {', '.join(_RESAMPLING)}, not {self.resampling}")
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 95:
            raise ArgumentError(f"jpeg_quality: from 1 to 95, not {self.jpeg_quality}")

    @property
    def name(self) -> str:
        """The part of a cache key that tells one preprocessing from another."""
        return f"{_VERSION}-{self.resampling}-{self.jpeg_quality}"

    def __call__(self, pixels: Pixels, side: int, device: torch.device) -> torch.Tensor:
        """Return ``[3, S, S]`` float32, normalized, from ``[H, W, 3]`` uint8."""
        if self.jpeg_quality is not None:
            require("PIL")
            from PIL import Image  # noqa: PLC0415 - an extra

            file = BytesIO()
            Image.fromarray(pixels).save(file, "JPEG", quality=self.jpeg_quality)
            pixels = np.asarray(Image.open(file).convert("RGB"))
        scaled = torch.tensor(pixels, device=device).permute(2, 0, 1).float() / 255
        resized = torch.nn.functional.interpolate(
            scaled[None], size=(side, side), mode=self.resampling, antialias=True, align_corners=False
        )[0].clamp(0, 1)
        mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (_MEAN, _STD))
        return (resized - mean) / std


def image_keys(pixels: Sequence[Pixels]) -> list[str]:
    """Return a digest per image; the same array is digested once."""
    distinct = {id(image): image for image in pixels}
    digests = {name: image_key(image) for name, image in distinct.items()}
    return [digests[id(image)] for image in pixels]


@dataclass
class Encoder:
    """Encodes the images that are not in the cache, in chunks."""

    backend: Backend
    device: Device
    preprocessing: Preprocessing
    cache: EmbeddingCache | None
    dtype: torch.dtype  # of the embeddings
    chunks: Chunks
    encoded: int = 0  # images that went through the model

    def __call__(self, images: Mapping[str, Pixels], *, to_host: bool) -> dict[str, Embedding]:
        """Return the embedding of each image.

        Args:
            images: ``[H, W, 3]`` uint8 by the digest of its content.
            to_host: Put the embeddings into the host's memory, where cached ones always are.
        """
        target = torch.device("cpu") if to_host or self.cache is not None else self.device.device
        pixels = [*images.values()]

        def encode(indices: Sequence[int]) -> list[Embedding]:
            return self.chunks.run([pixels[index] for index in indices], lambda batch: self._batch(batch, target))

        if self.cache is None:
            embeddings = encode(range(len(pixels)))
        else:
            embeddings = self.cache.get([f"{digest}-{self._identity}" for digest in images], encode)
        return dict(zip(images, embeddings, strict=True))

    @cached_property
    def _identity(self) -> str:
        """Everything that an embedding depends on besides the image."""
        model = f"{self.backend.name}-{weights_digest(self.backend.model)}-{self.backend.side}"
        return f"{model}-{self.preprocessing.name}-{self.device.precision}-{self.dtype}"

    def _batch(self, images: Sequence[Pixels], target: torch.device) -> list[Embedding]:
        side, device = self.backend.side, self.device
        pixels = torch.stack([self.preprocessing(image, side, device.device) for image in images])
        with device.inference():
            levels = self.backend.encode(pixels.to(device.dtype))
        self.encoded += len(images)
        return [tuple(self._stored(level[row], target) for level in levels) for row in range(len(images))]

    def _stored(self, level: torch.Tensor, target: torch.device) -> torch.Tensor:
        # Clamped, since float16 ends at 65504 and an infinity makes masks NaN. This also makes a copy; a view would
        # keep the whole batch in memory.
        largest = min(torch.finfo(dtype).max for dtype in (self.dtype, level.dtype))
        return level.clamp(-largest, largest).to(device=target, dtype=self.dtype).contiguous()
