"""Frames of a video by time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr


@pytest.mark.parametrize(
    ("seconds", "index"),
    [
        pytest.param(0.0, 0, id="first"),
        pytest.param(0.24, 0, id="nearer to the first"),
        pytest.param(0.26, 1, id="nearer to the second"),
        pytest.param(0.25, 0, id="half to even, down"),
        pytest.param(0.75, 2, id="half to even, up"),
        pytest.param(99.0, 3, id="after the end"),
        pytest.param(1e308, 3, id="beyond any float times the rate"),
    ],
)
def test_frame_index(seconds: float, index: int) -> None:
    assert otr.Clip(list("abcd"), fps=2.0).frame_index(seconds) == index


@given(frames=st.integers(1, 50), fps=st.floats(0.01, 1000), seconds=st.floats(0, allow_infinity=False))
def test_the_index_is_always_a_frame(frames: int, fps: float, seconds: float) -> None:
    index = otr.Clip(range(frames), fps).frame_index(seconds)
    assert 0 <= index < frames
    assert index in (frames - 1, round(min(seconds * fps, frames)))


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf, 10**400, "2", None])
def test_a_rate_that_is_none(fps: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="fps: expected a positive number"):
        otr.Clip(["frame"], fps)


@pytest.mark.parametrize("fps", [2, np.float32(2), Fraction(2)])
def test_any_kind_of_number_is_a_rate(fps: Any) -> None:
    assert otr.Clip(np.zeros((4, 2, 2)), fps).frame_index(1.0) == 2


@pytest.mark.parametrize("frames", ["a.mp4", b"a", {0: "a.png"}, {"a.png"}, 5, None, iter("ab")])
def test_what_has_no_frames(frames: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="frames: expected a list or an array of images, got"):
        otr.Clip(frames, 2.0)


def test_no_frame() -> None:
    with pytest.raises(otr.ArgumentError, match="frames: a clip has at least one"):
        otr.Clip([], 2.0)
