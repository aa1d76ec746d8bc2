"""Prompts as every segmenter of this package reads them."""

from __future__ import annotations

from onethinker_rewards.models.prompts import PixelPrompt, read_prompts

__all__ = ["PixelPrompt", "read_prompts"]
