"""Objects through whole videos."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.images import ImageLike, Pixels, read_images
from onethinker_rewards.models.prompts import PixelPrompt
from onethinker_rewards.models.sam2.backend import Backend
from onethinker_rewards.models.sam2.chunks import Chunks
from onethinker_rewards.models.sam2.decoding import as_mask, as_prompts
from onethinker_rewards.models.sam2.device import Device
from onethinker_rewards.models.sam2.encoding import Encoder
from onethinker_rewards.models.sam2.plan import by_points, keyed

__all__ = ["Tracker", "read_frames"]

Masks = NDArray[np.bool_]


class Tracker:
    """Follows prompted objects through a video whose frames are encoded once.

    Attributes:
        chunks: How many objects at once.
        tracked: Objects that were followed.
    """

    def __init__(self, backend: Backend, device: Device, encoder: Encoder, rows_at_once: int) -> None:
        self._backend, self._device, self._encoder = backend, device, encoder
        self.chunks = Chunks("rows_at_once", rows_at_once)
        self.tracked = 0

    def __call__(
        self, frames: Sequence[Pixels], keyframes: Sequence[int], prompts: Sequence[PixelPrompt]
    ) -> list[Masks]:
        """Return ``[T, H, W]`` a row; rows with the same keyframe and prompt share one read-only array."""
        embeddings = self._embeddings(frames)
        keys: list[Hashable] = [(frame, prompt.key) for frame, prompt in zip(keyframes, prompts, strict=True)]
        distinct = dict(zip(keys, zip(keyframes, prompts, strict=True), strict=True))
        masks: dict[Hashable, Masks] = {}
        for keyframe in sorted(set(keyframes)):
            here = [(key, prompt) for key, (frame, prompt) in distinct.items() if frame == keyframe]
            for bucket in by_points(here):
                some = [distinct[key][1] for key in bucket]
                masks.update(zip(bucket, self._followed(frames, embeddings, keyframe, some), strict=True))
        return [masks[key] for key in keys]

    def _embeddings(self, frames: Sequence[Pixels]) -> list[Embedding]:
        """Return an embedding a frame, in the machine's own memory: a video's can be more than a device holds."""
        digests = keyed(frames)
        distinct = dict(zip(digests, frames, strict=True))
        found = self._encoder([*distinct], [*distinct.values()], to_host=True)
        by_digest = dict(zip(distinct, found, strict=True))
        return [by_digest[digest] for digest in digests]

    def _followed(
        self,
        frames: Sequence[Pixels],
        embeddings: Sequence[Embedding],
        keyframe: int,
        prompts: Sequence[PixelPrompt],
    ) -> list[Masks]:
        def batch(some: Sequence[PixelPrompt]) -> list[Masks]:
            placed = as_prompts(some, [frames[keyframe]] * len(some), self._backend.side, self._device)
            masks = np.zeros((len(some), len(frames), *frames[keyframe].shape[:2]), dtype=np.bool_)
            with self._device.inference():
                for frame, logits in self._backend.track(embeddings, keyframe, placed):
                    masks[:, frame] = [as_mask(one, frames[frame]) for one in logits]
            self.tracked += len(some)
            masks.setflags(write=False)
            return [*masks]

        return self.chunks.run(prompts, batch)


def read_frames(frames: Sequence[ImageLike | None], keyframes: Sequence[int]) -> list[Pixels]:
    """Return the frames' pixels.

    Raises:
        BadImageError: Naming all frames that cannot be read.
        ArgumentError: If they differ in size, or a keyframe is none of them.
    """
    for frame in keyframes:
        if not 0 <= frame < len(frames):
            raise ArgumentError(f"keyframes: from 0 to {len(frames) - 1}, not {frame}")
    pixels = read_images(frames)
    sizes = {image.shape[:2] for image in pixels}
    if len(sizes) > 1:
        raise ArgumentError(f"frames: all of one size, not {sorted(sizes)}")
    return pixels
