"""From prompts to masks: the mask decoder for images, and the tracker for videos."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch

from onethinker_rewards.answers.masks import Mask
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.images import Pixels
from onethinker_rewards.models.prompts import PixelPrompt, PromptKey
from onethinker_rewards.models.sam2.backend import Backend, Chunks, Device, Prompts, two_pass_logits
from onethinker_rewards.models.sam2.encoder import Encoder, image_keys

Key = TypeVar("Key", bound=Hashable)


@dataclass
class Decoder:
    """Draws the masks of prompts on images, in chunks."""

    backend: Backend
    device: Device
    chunks: Chunks
    decoded: int = 0  # prompts that went through the model

    def __call__(
        self,
        prompts: Mapping[tuple[str, PromptKey], PixelPrompt],
        images: Mapping[str, Pixels],
        embeddings: Mapping[str, Embedding],
    ) -> dict[tuple[str, PromptKey], Mask]:
        """Return each prompt's ``[H, W]`` mask.

        The prompts are by the digest of their image and their own key, images and embeddings by digest.
        """

        def draw(batch: Sequence[tuple[tuple[str, PromptKey], PixelPrompt]]) -> list[Mask]:
            digests = [digest for (digest, _), _ in batch]
            pixels = [images[digest] for digest in digests]
            model_prompts = as_prompts([prompt for _, prompt in batch], pixels, self.backend.side, self.device)
            with self.device.inference():
                logits = two_pass_logits(self.backend, self._stacked(digests, embeddings), model_prompts)
            self.decoded += len(batch)
            return [_as_mask(row, image) for row, image in zip(logits, pixels, strict=True)]

        return _in_batches(prompts, self.chunks, draw)

    def _stacked(self, digests: Sequence[str], embeddings: Mapping[str, Embedding]) -> Embedding:
        """Return the embedding of each digest as a batch; without a copy per row if all are of one image."""
        distinct = [*dict.fromkeys(digests)]
        levels = [
            torch.stack([level.to(self.device.device, self.device.dtype) for level in same_level])
            for same_level in zip(*(embeddings[digest] for digest in distinct), strict=True)
        ]
        if len(distinct) == 1:
            return tuple(level.expand(len(digests), -1, -1, -1) for level in levels)
        indices = torch.tensor([distinct.index(digest) for digest in digests], device=self.device.device)
        return tuple(level[indices] for level in levels)


@dataclass
class Tracker:
    """Follows prompted objects through a video in chunks; each frame is encoded once."""

    backend: Backend
    device: Device
    encoder: Encoder
    chunks: Chunks
    tracked: int = 0  # objects that were followed

    def __call__(
        self, frames: Sequence[Pixels], keyframes: Sequence[int], prompts: Sequence[PixelPrompt]
    ) -> list[Mask]:
        """Return ``[T, H, W]`` per row; rows with the same keyframe and prompt share one read-only array."""
        digests = image_keys(frames)
        # In the host's memory, because the embeddings of a video may exceed the device's.
        by_digest = self.encoder(dict(zip(digests, frames, strict=True)), to_host=True)
        embeddings = [by_digest[digest] for digest in digests]
        keys = [(keyframe, prompt.key) for keyframe, prompt in zip(keyframes, prompts, strict=True)]
        distinct = dict(zip(keys, prompts, strict=True))
        masks: dict[tuple[int, PromptKey], Mask] = {}
        for keyframe in sorted(set(keyframes)):
            of_keyframe = {key: prompt for key, prompt in distinct.items() if key[0] == keyframe}
            masks |= _in_batches(of_keyframe, self.chunks, partial(self._batch, frames, embeddings, keyframe))
        return [masks[key] for key in keys]

    def _batch(
        self,
        frames: Sequence[Pixels],
        embeddings: Sequence[Embedding],
        keyframe: int,
        batch: Sequence[tuple[tuple[int, PromptKey], PixelPrompt]],
    ) -> list[Mask]:
        prompts = [prompt for _, prompt in batch]
        model_prompts = as_prompts(prompts, [frames[keyframe]] * len(batch), self.backend.side, self.device)
        masks = np.zeros((len(batch), len(frames), *frames[keyframe].shape[:2]), dtype=np.bool_)
        with self.device.inference():
            for frame, logits in self.backend.track(embeddings, keyframe, model_prompts):
                masks[:, frame] = [_as_mask(row, frames[frame]) for row in logits]
        self.tracked += len(batch)
        masks.setflags(write=False)
        return [*masks]


def _in_batches(
    prompts: Mapping[Key, PixelPrompt],
    chunks: Chunks,
    draw: Callable[[Sequence[tuple[Key, PixelPrompt]]], Sequence[Mask]],
) -> dict[Key, Mask]:
    """Draw prompts in batches of equally many points: padding with further points would change a mask."""
    buckets: dict[int, list[tuple[Key, PixelPrompt]]] = {}
    for key, prompt in prompts.items():
        buckets.setdefault(len(prompt.points), []).append((key, prompt))
    masks: dict[Key, Mask] = {}
    for bucket in buckets.values():
        masks.update(zip((key for key, _ in bucket), chunks.run(bucket, draw), strict=True))
    return masks


def as_prompts(prompts: Sequence[PixelPrompt], images: Sequence[Pixels], side: int, device: Device) -> Prompts:
    """Return prompts of equally many points as tensors in the model's input frame."""
    points = np.stack([prompt.in_frame(image, side) for prompt, image in zip(prompts, images, strict=True)])
    labels = np.stack([prompt.labels for prompt in prompts])
    return Prompts(
        torch.tensor(points, dtype=torch.float32, device=device.device), torch.tensor(labels, device=device.device)
    )


def _as_mask(logits: torch.Tensor, image: Pixels) -> Mask:
    """Return ``[1, h, w]`` logits as a mask of the image's size."""
    size = (image.shape[0], image.shape[1])
    resized = torch.nn.functional.interpolate(logits[None].float(), size=size, mode="bilinear", align_corners=False)
    return (resized[0, 0] > 0).cpu().numpy()
