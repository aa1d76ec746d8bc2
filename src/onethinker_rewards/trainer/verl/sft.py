"""Rows to fine-tune on, with the positions of Qwen3-VL's video frames.

verl 0.9.1 numbers positions for fine-tuning as Qwen2-VL does: one block a video. Qwen3-VL has a block and a time stamp
for every pair of frames, and verl stops at the second. Its trainer for reinforcement learning numbers them right, by a
function that this data set puts in place of the other.
"""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from typing import Any

from verl.models.transformers.qwen3_vl import get_rope_index
from verl.utils.dataset import multiturn_sft_dataset


class FineTuningDataset(multiturn_sft_dataset.MultiTurnSFTDataset):
    """verl's rows of conversations, with the positions of Qwen3-VL."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if type(self.processor).__name__ == "Qwen3VLProcessor":
            # verl's data set takes the function from its module; it cannot be given another.
            multiturn_sft_dataset.get_rope_index = get_rope_index
