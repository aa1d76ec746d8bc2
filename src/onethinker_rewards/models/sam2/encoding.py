"""Images to embeddings, each once, from the cache where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from onethinker_rewards.models.embeddings import Embedding, EmbeddingCache
from onethinker_rewards.models.images import Pixels
from onethinker_rewards.models.sam2.backend import Backend, weights_digest
from onethinker_rewards.models.sam2.chunks import Chunks
from onethinker_rewards.models.sam2.device import Device
from onethinker_rewards.models.sam2.extra import torch
from onethinker_rewards.models.sam2.pixels import Preparation

__all__ = ["Encoder"]


class Encoder:
    """Encodes what is not there yet.

    Attributes:
        chunks: How many images at once.
        encoded: Images that went through the model.
    """

    def __init__(
        self,
        backend: Backend,
        device: Device,
        preparation: Preparation,
        cache: EmbeddingCache | None,
        dtype: torch.dtype,
        chunks: Chunks,
    ) -> None:
        self._backend, self._device, self._preparation = backend, device, preparation
        self._cache, self._dtype = cache, dtype
        self.chunks = chunks
        self.encoded = 0

    def __call__(self, digests: Sequence[str], images: Sequence[Pixels], *, to_host: bool) -> Sequence[Embedding]:
        """Return an embedding an image.

        Args:
            digests: A digest of each image's content.
            images: ``[H, W, 3]`` uint8 each.
            to_host: Put them into the machine's own memory; cached ones always are.
        """
        place = torch.device("cpu") if to_host or self._cache is not None else self._device.device

        def encode(positions: Sequence[int]) -> list[Embedding]:
            return self.chunks.run([images[position] for position in positions], lambda some: self._batch(some, place))

        if self._cache is None:
            return encode(range(len(images)))
        return self._cache.get([f"{digest}-{self._identity}" for digest in digests], encode)

    @cached_property
    def _identity(self) -> str:
        """Everything beside its content that an image's embedding hangs on."""
        names = (
            self._backend.name,
            weights_digest(self._backend.model),
            str(self._backend.side),
            self._preparation.name,
            self._device.precision,
            str(self._dtype),
        )
        return "-".join(names)

    def _batch(self, images: Sequence[Pixels], place: torch.device) -> list[Embedding]:
        side, device = self._backend.side, self._device
        pixels = torch.stack([self._preparation(image, side, device.device) for image in images])
        with device.inference():
            levels = self._backend.encode(pixels.to(device.dtype))
        self.encoded += len(images)
        return [tuple(self._kept(level[row], place) for level in levels) for row in range(len(images))]

    def _kept(self, level: torch.Tensor, place: torch.device) -> torch.Tensor:
        # Within range (float16 ends at 65504), so that no mask is NaN; and a copy: a view would keep the whole batch in
        # memory for as long as one of its images is kept.
        largest = min(torch.finfo(dtype).max for dtype in (self._dtype, level.dtype))
        return level.clamp(-largest, largest).to(device=place, dtype=self._dtype).contiguous()
