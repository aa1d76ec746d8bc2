"""Where a model is, and in what precision it computes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from onethinker_rewards.models.sam2.extra import torch

__all__ = ["Device"]

# What suits a kind of device; the others take one image or prompt after the other, and lose no time by it.
_IMAGES_AT_ONCE = {"cuda": 8}
_ROWS_AT_ONCE = {"cuda": 64}
_EMBEDDING_DTYPE = {"cuda": torch.float16}


class Device:
    """A model's device and precision.

    Attributes:
        device: Where its weights are.
        dtype: What its weights are.
        precision: A name for how it computes.
        images_at_once: Images that suit it.
        rows_at_once: Prompts that suit it.
        embedding_dtype: What embeddings are best kept in.
    """

    def __init__(self, model: torch.nn.Module, autocast: torch.dtype | None) -> None:
        weight = next(model.parameters())
        self.device, self.dtype, self._autocast = weight.device, weight.dtype, autocast
        self.precision = f"{self.device.type}-{autocast or self.dtype}"
        self.images_at_once = _IMAGES_AT_ONCE.get(self.device.type, 1)
        self.rows_at_once = _ROWS_AT_ONCE.get(self.device.type, 1)
        self.embedding_dtype = _EMBEDDING_DTYPE.get(self.device.type, self.dtype)

    @contextmanager
    def inference(self) -> Generator[None]:
        """Compute without gradients, in the precision that was asked for."""
        enabled = self._autocast is not None
        with torch.no_grad(), torch.autocast(self.device.type, dtype=self._autocast, enabled=enabled):
            yield
