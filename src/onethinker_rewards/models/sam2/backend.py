"""What SAM 2 has to do for a segmenter, whichever package it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2.extra import torch

__all__ = ["Backend", "Decoded", "Prompts", "weights_digest"]

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Prompts:
    """Prompts in the model's frame; all rows have equally many points.

    Attributes:
        points: ``[B, P, 2]`` x, y in pixels, the two corners of the box first.
        labels: ``[B, P]`` int32: 2 and 3 are the corners, 1 is on the object, 0 is off it.
    """

    points: torch.Tensor
    labels: torch.Tensor

    @property
    def boxes(self) -> Prompts:
        """The corners alone."""
        return Prompts(self.points[:, :2], self.labels[:, :2])


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the mask decoder gives for a batch of prompts.

    Attributes:
        logits: ``[B, 1, S/4, S/4]`` mask logits.
        quality: ``[B, 1]`` the model's estimate of the mask's IoU.
        presence: ``[B, 1]`` logits that there is an object at all.
    """

    logits: torch.Tensor
    quality: torch.Tensor
    presence: torch.Tensor


class Backend(Protocol):
    """SAM 2's parts, in inference.

    An embedding is what the image encoder gives: feature maps ``[C, S/4, S/4]``, ``[C', S/8, S/8]`` and ``[C'', S/16,
    S/16]`` of an image of S pixels a side, or of several on a first axis. They are what the mask decoder takes but for
    the vector that says "no memory", which frames of a video that is followed go without: one embedding serves both.
    """

    @property
    def model(self) -> torch.nn.Module:
        """The model."""
        ...

    @property
    def name(self) -> str:
        """The package and its version: two implementations share no embedding."""
        ...

    @property
    def side(self) -> int:
        """Height and width of the images that the encoder takes."""
        ...

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        ...

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask a prompt.

        Args:
            embedding: ``[B, ...]`` one a prompt, in the model's precision.
            prompts: ``B`` prompts. The box is two points among them, as in the original's predictor of videos.
            mask: ``[B, 1, S/4, S/4]`` logits as another prompt.
        """
        ...

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Give each frame's number and ``[B, 1, S/4, S/4]`` logits, from the keyframe to the end, then to the start.

        Raises:
            ArgumentError: If the model has no memory.
        """
        ...


def weights_digest(model: torch.nn.Module) -> str:
    """Return a digest of a model's weights: what was fine-tuned or comes in another precision has another one.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {list(weight.shape)}\n".encode())
        content = weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()
