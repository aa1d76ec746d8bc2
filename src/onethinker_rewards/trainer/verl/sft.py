"""Rows to fine-tune on, with the positions of Qwen3-VL's video frames.

    data.custom_cls.path=pkg://onethinker_rewards.trainer.verl.sft
    data.custom_cls.name=FineTuningDataset

verl 0.9.1 numbers positions for fine-tuning as Qwen2-VL does: one block a video. Qwen3-VL has a block and a time stamp
for every pair of frames, and verl stops at the second. Its trainer for reinforcement learning numbers them right, by a
function that this data set puts in place of the other.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

__all__ = ["make_dataset"]

_DATASET = "verl.utils.dataset.multiturn_sft_dataset"
_POSITIONS = "verl.models.transformers.qwen3_vl"


class _FineTuning:
    """What our data set does; the class that verl loads also derives from verl's."""

    # verl's.
    processor: Any

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if type(self.processor).__name__ == "Qwen3VLProcessor":
            # verl's data set takes the function from its module, and has no place to hand another in.
            module: Any = importlib.import_module(_DATASET)
            module.get_rope_index = importlib.import_module(_POSITIONS).get_rope_index


@cache
def make_dataset() -> type[Any]:
    """Return the data set class; imports verl."""
    base = importlib.import_module(_DATASET).MultiTurnSFTDataset
    return type("FineTuningDataset", (_FineTuning, base), {"__module__": __name__})


def __getattr__(name: str) -> Any:
    """Make ``FineTuningDataset`` when verl asks for it: its base class is verl's."""
    if name == "FineTuningDataset":
        return make_dataset()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
