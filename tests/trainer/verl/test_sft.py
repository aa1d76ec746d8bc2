"""The data set to fine-tune on, on a stand-in for verl's; tests/trainer/run fine-tunes with it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from onethinker_rewards.trainer.verl import sft
from tests.trainer.verl.stand_ins import module


class Qwen3VLProcessor:
    """A processor by its name."""


class Stock:
    def __init__(self, rows: list[int], *, processor: Any = None) -> None:
        self.rows = rows
        self.processor = processor


@pytest.mark.parametrize(("processor", "positions"), [(Qwen3VLProcessor(), "three"), (object(), "two"), (None, "two")])
def test_only_qwen3_vl_gets_its_positions(
    verl: Any, monkeypatch: pytest.MonkeyPatch, processor: Any, positions: str
) -> None:
    dataset = module("verl.utils.dataset.multiturn_sft_dataset", MultiTurnSFTDataset=Stock, get_rope_index="two")
    monkeypatch.setitem(sys.modules, "verl.utils.dataset", module("verl.utils.dataset", multiturn_sft_dataset=dataset))
    three = module("verl.models.transformers.qwen3_vl", get_rope_index="three")
    monkeypatch.setitem(sys.modules, three.__name__, three)
    made = sft.FineTuningDataset([1, 2], processor=processor)
    assert isinstance(made, Stock)
    assert made.rows == [1, 2]
    assert dataset.get_rope_index == positions


def test_there_is_nothing_else_in_it() -> None:
    with pytest.raises(AttributeError, match="Unknown"):
        _ = sft.Unknown
