"""Frames of a video by time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr


@pytest.mark.parametrize(
    ("seconds", "place"),
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
def test_place(seconds: float, place: int) -> None:
    assert otr.Clip("abcd", fps=2.0).place(seconds) == place


@given(frames=st.integers(1, 50), fps=st.floats(0.01, 1000), seconds=st.floats(0, allow_infinity=False))
def test_place_is_always_a_frame(frames: int, fps: float, seconds: float) -> None:
    place = otr.Clip(range(frames), fps).place(seconds)
    assert 0 <= place < frames
    assert place in (frames - 1, round(min(seconds * fps, frames)))


@pytest.mark.parametrize("fps", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none(fps: float) -> None:
    with pytest.raises(otr.ArgumentError, match="fps: expected a positive number"):
        otr.Clip(["frame"], fps)


def test_no_frame() -> None:
    with pytest.raises(otr.ArgumentError, match="frames: a clip has at least one"):
        otr.Clip([], 2.0)
