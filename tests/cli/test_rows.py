"""One line of JSON to a row and back: a broken line is a value that says why."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row, encode_row, json_text, without_null_entries

WIDE = 340282366920938463463374607431768211455
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"{", "not JSON: Expecting property name enclosed in double quotes (column 2)", id="cut"),
        pytest.param(b'{"a": 1} x', "not JSON: Extra data (column 10)", id="more"),
        pytest.param(b"[]", "not a JSON object", id="list"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8 (byte 8)", id="bytes"),
        pytest.param(b'{"a": ' + b"[" * 100_000, "not JSON: nested too deeply", id="deep-and-cut"),
        pytest.param(b'{"a": ' + b"[" * 250 + b"]" * 250 + b"}", "nested too deeply", id="deep"),
        pytest.param(b'{"a": 1' + b"0" * 5000 + b"}", "not JSON: a number with too many digits", id="digits"),
    ],
)
def test_a_broken_line_is_a_value_that_says_why(line: bytes, reason: str) -> None:
    assert decode_row(line, 7) == InvalidRow(7, reason)


def test_brackets_inside_text_are_not_depth() -> None:
    assert isinstance(decode_row(b'{"a": "' + b"[" * 300 + b'"}', 1), Row)


@given(columns=st.dictionaries(st.text(max_size=4), values, max_size=4))
def test_what_is_written_is_read_again(columns: dict[str, Any]) -> None:
    assert decode_row(encode_row(columns), 1) == Row(1, columns)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        pytest.param(b'{"a":NaN,"b":[Infinity,1]}', b'{"a":null,"b":[null,1]}\n', id="nan"),
        pytest.param(b'{"a":"\\ud800"}', b'{"a":"\\ud800"}\n', id="surrogate"),
        pytest.param(b'{"a":1e400}', b'{"a":null}\n', id="beyond-doubles"),
        pytest.param(f'{{"a":[{WIDE},-{WIDE}]}}'.encode(), f'{{"a":[{WIDE},-{WIDE}]}}\n'.encode(), id="wide"),
        pytest.param('{"a":"é"}'.encode(), '{"a":"é"}\n'.encode(), id="unicode"),
    ],
)
def test_what_others_write_is_read_and_written_back(line: bytes, written: bytes) -> None:
    row = decode_row(line, 1)
    assert isinstance(row, Row)
    assert encode_row(row.columns) == written


def test_what_only_tables_hold_is_text() -> None:
    columns = {"a": b"\x00\xff", "b": Decimal("1.50"), "c": dt.date(2026, 1, 2)}
    assert json.loads(encode_row(columns)) == {"a": "AP8=", "b": "1.50", "c": "2026-01-02"}
    assert json_text([1, {"a": None}]) == '[1,{"a":null}]'


def test_null_entries_of_objects_go_and_nulls_in_lists_stay() -> None:
    assert without_null_entries({"a": None, "b": [None, {"c": None, "d": 0}]}) == {"b": [None, {"d": 0}]}
