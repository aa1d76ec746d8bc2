"""Pixels as SAM 2's image encoder takes them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.images import Pixels
from onethinker_rewards.models.sam2 import extra
from onethinker_rewards.models.sam2.extra import torch

__all__ = ["Preparation"]

# Of ImageNet, which the encoder was trained with.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
_RESAMPLING = ("bilinear", "bicubic")

# To be counted up whenever the same pixels come out otherwise: embeddings are kept under it.
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are brought into the model's frame.

    Attributes:
        resampling: ``bilinear`` is what the sam2 package does with images, ``bicubic`` what it does with the frames
            of a video, both antialiased.
        jpeg_quality: Write and read the image as JPEG of this quality first; None leaves it alone. The release shows
            SAM 2 such images; Pillow's own quality is 75.

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
        """What embeddings of the same image may share only if it is equal."""
        return f"{_VERSION}-{self.resampling}-{self.jpeg_quality}"

    def __call__(self, pixels: Pixels, side: int, device: torch.device) -> torch.Tensor:
        """Return ``[3, S, S]`` float32 from ``[H, W, 3]`` uint8."""
        if self.jpeg_quality is not None:
            pixels = _as_jpeg(pixels, self.jpeg_quality)
        scaled = torch.tensor(pixels, device=device).permute(2, 0, 1).float() / 255
        sized = torch.nn.functional.interpolate(
            scaled[None], size=(side, side), mode=self.resampling, antialias=True, align_corners=False
        )[0].clamp(0, 1)
        mean, std = (torch.tensor(values, device=device)[:, None, None] for values in (_MEAN, _STD))
        return (sized - mean) / std


def _as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    pillow = extra.module("PIL.Image")
    file = BytesIO()
    pillow.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(pillow.open(file).convert("RGB"))
