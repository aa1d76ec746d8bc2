"""Exact means against fractions, and the reference masks of evaluation files."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import encode_mask, j_and_f, reference_masks
from onethinker_rewards.evaluation.sums import ExactMean
from tests.evaluation.masks import row

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(numbers=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=20))
def test_the_mean_is_rounded_once(numbers: list[float]) -> None:
    mean = ExactMean()
    mean.add(numbers)
    assert mean.value == float(sum(map(Fraction, numbers)) / len(numbers))


@given(numbers=st.lists(FINITE, max_size=20), cut=st.integers(0, 20), random=st.randoms())
def test_order_and_batches_do_not_matter(numbers: list[float], cut: int, random: Any) -> None:
    whole, first, second = ExactMean(), ExactMean(), ExactMean()
    whole.add(numbers)
    random.shuffle(numbers)
    first.add(numbers[:cut])
    second.add(numbers[cut:])
    first.merge(second)
    assert first == whole


def test_a_mean_that_floats_get_wrong() -> None:
    mean = ExactMean()
    mean.add([1e300, 1.0, -1e300, 5e-324])
    assert mean.value == 0.25


ENCODED = encode_mask(row(0, 1, 1))


def shown(masks: list[Any]) -> list[Any]:
    return [mask if mask is None else mask.astype(int).tolist() for mask in masks]


OUTPUTS = [
    pytest.param({"segmentation_rle": ENCODED}, [[[0, 1, 1]]], id="image"),
    pytest.param({"frames": None, "segmentation_rle": {"size": [1, 3], "counts": [1, 2]}}, [[[0, 1, 1]]], id="listed"),
    pytest.param({"frames": ["0", "5"], "segmentation_rle": {"5": ENCODED}}, [None, [[0, 1, 1]]], id="video"),
    pytest.param({"frames": [0, 5], "segmentation_rle": {"5": ENCODED}}, [None, [[0, 1, 1]]], id="numbered frames"),
    pytest.param({"frames": ["0"], "segmentation_rle": {"0": ENCODED, "9": "x"}}, [[[0, 1, 1]]], id="more masks"),
    pytest.param({"frames": ["0", "5"], "segmentation_rle": [None, ENCODED]}, [None, [[0, 1, 1]]], id="in order"),
    pytest.param({"frames": ["0", "5"], "segmentation_rle": [{}, ENCODED]}, [None, [[0, 1, 1]]], id="empty object"),
    pytest.param({"frames": [], "segmentation_rle": {}}, [], id="no frames"),
]


@pytest.mark.parametrize(("output", "expected"), OUTPUTS)
def test_reference_masks(output: Any, expected: list[Any]) -> None:
    assert shown(reference_masks(json.loads(json.dumps(output)))) == expected


BAD = [
    pytest.param({}, "neither one mask nor", id="nothing"),
    pytest.param({"segmentation_rle": {"5": ENCODED}}, "neither one mask nor", id="no frames"),
    pytest.param({"frames": "05", "segmentation_rle": {}}, "neither one mask nor", id="frames as text"),
    pytest.param({"frames": ["0"]}, "one mask for each of the 1 frames", id="no masks"),
    pytest.param({"frames": ["0"], "segmentation_rle": [ENCODED] * 2}, "each of the 1 frames", id="too many"),
    pytest.param({"frames": ["0"], "segmentation_rle": "132"}, "each of the 1 frames", id="text"),
    pytest.param({"frames": ["0"], "segmentation_rle": {"0": "132"}}, "frame '0' must have a run", id="no encoding"),
    pytest.param({"frames": ["0"], "segmentation_rle": {"0": {"size": [1]}}}, "frame '0': size must", id="bad mask"),
    pytest.param({"segmentation_rle": {"size": [1, 2], "counts": "1"}}, "counts hold 1", id="bad image mask"),
]


@pytest.mark.parametrize(("output", "message"), BAD)
def test_bad_outputs_are_one_clear_line(output: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        reference_masks(output)


def test_rows_are_references_of_videos() -> None:
    masks = reference_masks({"frames": ["0", "5"], "segmentation_rle": {"5": ENCODED}})
    assert j_and_f([np.ones((1, 3), dtype=bool), row(0, 1, 1)], masks).j_and_f == 1.0
