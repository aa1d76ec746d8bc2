"""Masks for the tests of evaluation, and the packages they are compared with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

PEERS = Path(__file__).parents[2] / ".venv" / "peers"

shapes = st.tuples(st.integers(0, 8), st.integers(0, 8))
pairs = shapes.flatmap(lambda shape: st.tuples(arrays(np.bool_, shape), arrays(np.bool_, shape)))
batches = st.lists(pairs, max_size=8)


def row(*pixels: int) -> np.ndarray:
    """Return a mask of one row."""
    return np.array([pixels], dtype=bool)


def blob(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return an ellipse, which may cross the border."""
    y, x = np.indices(shape)
    center, axes = rng.uniform(0, shape), rng.uniform(2, np.array(shape) / 3)
    return ((y - center[0]) / axes[0]) ** 2 + ((x - center[1]) / axes[1]) ** 2 < 1


@contextmanager
def peer(name: str) -> Iterator[None]:
    """Allow imports of a peer package, or skip the test if it is not installed."""
    if not (PEERS / name).exists():
        pytest.skip(f"{name} is not installed: make test installs it")
    sys.path.append(str(PEERS))
    try:
        yield
    finally:
        sys.path.remove(str(PEERS))
