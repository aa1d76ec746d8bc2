"""Floats out of structs and tuples, against doing it by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onethinker_rewards.columns.packing import FloatLayout


class Mixed(msgspec.Struct):
    first: tuple[float, float]
    then: float
    last: tuple[tuple[float, float], tuple[float]]


def mixed(row: list[float]) -> Mixed:
    a, b, c, d, e, f = row
    return Mixed((a, b), c, ((d, e), (f,)))


def packed(rows: Iterable[Any]) -> bytes:
    return b"".join(map(msgspec.msgpack.encode, rows))


EVEN = FloatLayout((0.0, 0.0, 0.0))
UNEVEN = FloatLayout(mixed([0.0] * 6))


@given(rows=arrays(np.float64, st.tuples(st.integers(0, 20), st.just(3)), elements=st.floats(allow_nan=True)))
def test_even_layout(rows: np.ndarray) -> None:
    np.testing.assert_array_equal(EVEN.matrix(packed(map(tuple, rows.tolist()))), rows)


@given(rows=arrays(np.float64, st.tuples(st.integers(0, 20), st.just(6)), elements=st.floats(allow_nan=True)))
def test_uneven_layout(rows: np.ndarray) -> None:
    """Headers of inner tuples and field names stand between the numbers."""
    np.testing.assert_array_equal(UNEVEN.matrix(packed(map(mixed, rows.tolist()))), rows)


def test_a_single_byte_between_numbers() -> None:
    layout = FloatLayout(((0.0, 0.0), (0.0,)))
    assert layout.matrix(packed([((1.0, 2.0), (3.0,))] * 2)).tolist() == [[1.0, 2.0, 3.0]] * 2


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_counts(count: int) -> None:
    rows = np.arange(count * 3, dtype=np.float64).reshape(count, 3)
    matrix = EVEN.matrix(packed(map(tuple, rows.tolist())))
    np.testing.assert_array_equal(matrix, rows)
    assert matrix.dtype == np.float64


def test_values_that_follow_each_other_are_one_row() -> None:
    layout = FloatLayout(0, (0.0, 0.0))
    assert layout.row_bytes == 20
    assert layout.matrix(packed([5, (1.0, 2.0), 127, (3.0, 4.0)])).tolist() == [[1, 2], [3, 4]]


def test_a_matrix_can_be_written_to() -> None:
    matrix = EVEN.matrix(packed([(1.0, 2.0, 3.0)]))
    matrix[0, 0] = 5.0
    assert matrix.tolist() == [[5.0, 2.0, 3.0]]


def test_bytes_of_a_number_may_look_like_a_marker() -> None:
    odd = float(np.frombuffer(b"\xcb" * 8, ">f8")[0])
    assert EVEN.matrix(packed([(odd, odd, odd)])).tolist() == [[odd] * 3]
