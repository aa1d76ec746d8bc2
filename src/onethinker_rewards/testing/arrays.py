"""Arrays that metrics and advantages take: boxes, spans, tracks, point sets, masks, groups of rewards.

Numbers are thousandths of their range, half of them eighths: metrics fail on equal, touching, nested and degenerate
inputs, and arbitrary floats are hardly ever equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Row = TypeVar("Row")

# Strategies whose rows are two corners, the smaller numbers first, and how many axes they have.
_CORNER_AXES: WeakKeyDictionary[SearchStrategy[Any], int] = WeakKeyDictionary()


class RewardGroups(NamedTuple):
    """Rewards with the groups and tasks that they belong to.

    Attributes:
        rewards: ``[N]``.
        groups: ``[N]`` the index of the prompt; a group is a prompt's rows of one task.
        tasks: ``[N]`` task names.
    """

    rewards: Floats
    groups: NDArray[np.int64]
    tasks: list[str]


def _numbers(low: float, high: float) -> SearchStrategy[float]:
    # Thousandths rather than any float: smaller differences are lost to rounding, and would break every law.
    step = (high - low) / 1000.0
    eighths = st.integers(0, 8).map(lambda count: low + count * 125 * step)
    return st.one_of(st.integers(0, 1000).map(lambda count: low + count * step), eighths)


@st.composite
def _pair(draw: DrawFn, low: float, high: float) -> list[float]:
    """Return two numbers in ascending order, at least a thousandth of the range apart."""
    step = (high - low) / 1000.0
    first, second = draw(_numbers(low, high)), draw(_numbers(low, high))
    left, right = min(first, second), max(first, second)
    return [left, right] if right - left >= step else [min(left, high - step), min(left, high - step) + step]


@st.composite
def _box(draw: DrawFn, low: float, high: float) -> list[float]:
    (left, right), (top, bottom) = draw(_pair(low, high)), draw(_pair(low, high))
    return [left, top, right, bottom]


def _stacked(row: SearchStrategy[list[float]], rows: int | None, shape: tuple[int, ...]) -> SearchStrategy[Floats]:
    return _lists(row, rows).map(lambda values: np.array(values, dtype=np.float64).reshape(len(values), *shape))


def _lists(row: SearchStrategy[Row], rows: int | None) -> SearchStrategy[list[Row]]:
    return st.lists(row, min_size=1 if rows is None else rows, max_size=6 if rows is None else rows)


def boxes(rows: int | None = None, *, low: float = 0.0, high: float = 1000.0) -> SearchStrategy[Floats]:
    """Return ``[N, 4]`` x1, y1, x2, y2 in order and within [low, high]; no side is shorter than a thousandth of that.

    Args:
        rows: N; None for one to six.
        low: Smallest coordinate.
        high: Largest coordinate.
    """
    strategy = _stacked(_box(low, high), rows, (4,))
    _CORNER_AXES[strategy] = 2
    return strategy


def spans(rows: int | None = None, *, high: float = 200.0) -> SearchStrategy[Floats]:
    """Return ``[N, 2]`` start, end in seconds, in order and within [0, high]; some have no length.

    Args:
        rows: N; None for one to six.
        high: Latest second.
    """
    row = st.lists(_numbers(0.0, high), min_size=2, max_size=2).map(sorted)
    strategy = _stacked(row, rows, (2,))
    _CORNER_AXES[strategy] = 1
    return strategy


def corner_axes(rows: SearchStrategy[Any]) -> int:
    """Return how many axes the corners of a strategy's rows have: 2 for `boxes`, 1 for `spans`, 0 if unknown."""
    return _CORNER_AXES.get(rows, 0)


def point_sets(
    rows: int | None = None, *, points: int = 3, low: float = 0.0, high: float = 1000.0
) -> SearchStrategy[Floats]:
    """Return ``[N, K, 2]`` x, y within [low, high], some of them equal.

    Args:
        rows: N; None for one to six.
        points: K.
        low: Smallest coordinate.
        high: Largest coordinate.
    """
    row = st.lists(_numbers(low, high), min_size=2 * points, max_size=2 * points)
    return _stacked(row, rows, (points, 2))


def tracks(
    rows: int | None = None, *, seconds: int = 40, most: int = 5, high: float = 1000.0
) -> SearchStrategy[list[Floats]]:
    """Return N tracks, ``[T, 5]`` each: second, x1, y1, x2, y2 by ascending, distinct whole seconds.

    Args:
        rows: N; None for one to six.
        seconds: Latest second.
        most: Largest T.
        high: Largest coordinate.
    """
    frames = st.dictionaries(st.integers(0, seconds), _box(0.0, high), min_size=1, max_size=most)
    track = frames.map(lambda boxes: np.array([[second, *box] for second, box in sorted(boxes.items())], np.float64))
    return _lists(track, rows)


@st.composite
def masks(draw: DrawFn, rows: int | None = None, *, height: int = 6, width: int = 6) -> NDArray[np.bool_]:
    """Return ``[N, H, W]`` bool: empty, full, rectangles, and rectangles with single pixels flipped.

    Args:
        draw: Passed by hypothesis.
        rows: N; None for one to six.
        height: H.
        width: W.
    """
    count = draw(st.integers(1, 6)) if rows is None else rows
    drawn = np.zeros((count, height, width), dtype=np.bool_)
    for mask in drawn:
        top, left = draw(st.integers(0, height)), draw(st.integers(0, width))
        mask[top : draw(st.integers(0, height)), left : draw(st.integers(0, width))] = True
        flipped = draw(st.lists(st.integers(0, height * width - 1), max_size=3, unique=True)) if mask.size else []
        mask.ravel()[flipped] ^= True
    return drawn


def reward_groups(
    rewards: SearchStrategy[float] | None = None,
    *,
    tasks: Sequence[str] = ("math", "ocr", "tracking"),
    groups: int = 5,
    min_rows: int = 0,
    max_rows: int = 24,
) -> SearchStrategy[RewardGroups]:
    """Return rewards in groups, in any order, including groups of one row, of equal rewards and of several tasks.

    Args:
        rewards: Where rewards come from; by default [-2, 2], with 0, 0.5 and 1 common.
        tasks: Task names.
        groups: How many prompts there are.
        min_rows: Smallest N.
        max_rows: Largest N.
    """
    usual = st.floats(-2.0, 2.0).map(lambda reward: round(reward, 6)) | st.sampled_from([0.0, 0.5, 1.0])
    row = st.tuples(usual if rewards is None else rewards, st.integers(0, groups - 1), st.sampled_from(list(tasks)))
    return st.lists(row, min_size=min_rows, max_size=max_rows).map(
        lambda rows: RewardGroups(
            np.array([reward for reward, _, _ in rows], dtype=np.float64),
            np.array([group for _, group, _ in rows], dtype=np.int64),
            [task for _, _, task in rows],
        )
    )
