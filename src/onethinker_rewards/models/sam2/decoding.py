"""Prompts to masks, many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.images import Pixels
from onethinker_rewards.models.prompts import PixelPrompt
from onethinker_rewards.models.sam2.backend import Backend, Prompts
from onethinker_rewards.models.sam2.chunks import Chunks
from onethinker_rewards.models.sam2.device import Device
from onethinker_rewards.models.sam2.extra import torch
from onethinker_rewards.models.sam2.plan import Job, by_points
from onethinker_rewards.models.sam2.two_passes import draw

__all__ = ["Decoder", "as_mask", "as_prompts"]

Mask = NDArray[np.bool_]


class Decoder:
    """Runs the mask decoder.

    Attributes:
        chunks: How many prompts at once.
        decoded: Prompts that went through the model.
    """

    def __init__(self, backend: Backend, device: Device, chunks: Chunks) -> None:
        self._backend, self._device = backend, device
        self.chunks = chunks
        self.decoded = 0

    def __call__(self, jobs: Sequence[Job], images: Sequence[Pixels], embeddings: Sequence[Embedding]) -> list[Mask]:
        """Return a mask a job, as large as its image."""
        masks: dict[int, Mask] = {}
        for places in by_points((place, job.prompt) for place, job in enumerate(jobs)):
            bucket = [jobs[place] for place in places]
            drawn = self.chunks.run(bucket, lambda some: self._batch(some, images, embeddings))
            masks.update(zip(places, drawn, strict=True))
        return [masks[place] for place in range(len(jobs))]

    def _batch(self, jobs: Sequence[Job], images: Sequence[Pixels], embeddings: Sequence[Embedding]) -> list[Mask]:
        prompts = as_prompts(
            [job.prompt for job in jobs], [images[job.image] for job in jobs], self._backend.side, self._device
        )
        with self._device.inference():
            logits = draw(self._backend, self._gathered(jobs, embeddings), prompts)
        self.decoded += len(jobs)
        return [as_mask(one, images[job.image]) for one, job in zip(logits, jobs, strict=True)]

    def _gathered(self, jobs: Sequence[Job], embeddings: Sequence[Embedding]) -> Embedding:
        """Return the jobs' embeddings, one a job; without a copy where they are all of one image."""
        numbers = sorted({job.image for job in jobs})
        levels = [
            torch.stack([level.to(self._device.device, self._device.dtype) for level in same])
            for same in zip(*(embeddings[number] for number in numbers), strict=True)
        ]
        if len(numbers) == 1:
            return tuple(level.expand(len(jobs), -1, -1, -1) for level in levels)
        index = torch.tensor([numbers.index(job.image) for job in jobs], device=self._device.device)
        return tuple(level[index] for level in levels)


def as_prompts(prompts: Sequence[PixelPrompt], images: Sequence[Pixels], side: int, device: Device) -> Prompts:
    """Return prompts of equally many points in the model's frame."""
    points = np.stack([prompt.in_frame(image, side) for prompt, image in zip(prompts, images, strict=True)])
    labels = np.stack([prompt.labels for prompt in prompts])
    return Prompts(
        torch.tensor(points, dtype=torch.float32, device=device.device), torch.tensor(labels, device=device.device)
    )


def as_mask(logits: torch.Tensor, image: Pixels) -> Mask:
    """Return ``[1, h, w]`` logits as a mask of the image's size."""
    size = (image.shape[0], image.shape[1])
    sized = torch.nn.functional.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)
    return (sized[0, 0] > 0).cpu().numpy()
