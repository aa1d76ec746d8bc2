"""What a segmenter has done, for logs."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SegmenterCounts"]


@dataclass(frozen=True, slots=True)
class SegmenterCounts:
    """Sums over a segmenter's life.

    Attributes:
        rows: Masks that were asked for.
        decoded: Prompts that went through the mask decoder.
        images: Distinct images and frames, call by call.
        encoded: Images that went through the encoder.
        rows_at_once: Most prompts in one batch, by now.
        images_at_once: Most images in one batch, by now.
        halved: How often memory ran out and a batch was halved.
    """

    rows: int
    decoded: int
    images: int
    encoded: int
    rows_at_once: int
    images_at_once: int
    halved: int

    @property
    def deduplicated(self) -> int:
        """Rows whose image and prompt were another row's in the same call."""
        return self.rows - self.decoded

    @property
    def cache_hits(self) -> int:
        """Images whose embedding was there."""
        return self.images - self.encoded
