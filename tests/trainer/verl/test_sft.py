"""The data set to fine-tune on, on a stand-in for verl's; tests/trainer/run fine-tunes with it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.rows import framework

framework("hydra", target="test")


class Qwen3VLProcessor:
    """A processor by its name."""


@pytest.mark.parametrize(("processor", "positions"), [(Qwen3VLProcessor(), "three"), (object(), "two"), (None, "two")])
def test_only_qwen3_vl_gets_its_positions(verl: Any, processor: Any, positions: str) -> None:
    made = verl.sft.FineTuningDataset([1, 2], processor=processor)
    assert made.rows == [1, 2]
    assert verl.dataset.get_rope_index == positions
