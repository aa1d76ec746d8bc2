from __future__ import annotations

import json
from datetime import date
from decimal import Decimal

import pytest

from onethinker_rewards.cli.rows import Broken, Row, encode, read_rows


def read(*lines: bytes) -> list[Row | Broken]:
    return list(read_rows(lines))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"{broken", "not JSON: Expecting property name enclosed in double quotes (column 2)", id="syntax"),
        pytest.param(b"[1, 2]", "not a JSON object", id="list"),
        pytest.param(b'"text"', "not a JSON object", id="string"),
        pytest.param(b"null", "not a JSON object", id="null"),
        pytest.param(b'{"a": "\xff"}', "not UTF-8 (byte 8)", id="bytes-that-are-not-utf-8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', "not UTF-8 (byte 8)", id="a-surrogate-in-utf-8"),
        pytest.param(b'{"a":' + b"[" * 100_000, "not JSON: nested too deeply", id="brackets-without-end"),
        pytest.param(b'{"a":' + b"[" * 500 + b"]" * 500 + b"}", "nested too deeply", id="deeper-than-can-be-written"),
        pytest.param(b'{"a": NaN, "b": 1' + b"0" * 5000 + b"}", "not JSON: a number with too many digits", id="digits"),
        pytest.param(b'{"b": 1' + b"0" * 5000 + b"}", "not JSON: a number with too many digits", id="digits-alone"),
        pytest.param(b'{"a": 1} {"a": 2}', "not JSON: Extra data (column 10)", id="two-objects"),
    ],
)
def test_a_broken_line_is_a_value_that_says_why(line: bytes, why: str) -> None:
    assert read(line) == [Broken(1, why)]


def test_blank_lines_count_and_nothing_else() -> None:
    read_lines = read(b"\n", b'{"a": 1}\r\n', b"  \t\n", b'{"a": 2}')
    assert [(row.number, row.columns) for row in read_lines if isinstance(row, Row)] == [(2, {"a": 1}), (4, {"a": 2})]
    assert len(read_lines) == 2


def test_a_byte_order_mark_is_no_part_of_the_first_row() -> None:
    first, second = read(b'\xef\xbb\xbf{"a": 1}', b'\xef\xbb\xbf{"a": 1}')
    assert isinstance(first, Row)
    assert isinstance(second, Broken)


def test_brackets_inside_text_are_not_depth() -> None:
    assert isinstance(read(json.dumps({"a": "[{" * 500}).encode())[0], Row)
    assert isinstance(read(b'{"a":' + b"[" * 199 + b"]" * 199 + b"}")[0], Row)
    assert isinstance(read(b'{"a":' + b"[" * 199 + b'"[[["' + b"]" * 199 + b"}")[0], Row)
    assert isinstance(read(b'{"a":' + b"[" * 200 + b"]" * 200 + b"}")[0], Broken)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        pytest.param(
            b'{"a": "\\ud800", "b": [NaN, {"c": Infinity}, 1.5]}',
            b'{"a":"\\ud800","b":[null,{"c":null},1.5]}',
            id="surrogate",
        ),
        pytest.param(b'{"a": NaN}', b'{"a":null}', id="nan"),
        pytest.param(b'{"a": 1e999}', b'{"a":null}', id="beyond-double"),
        pytest.param('{"a": "é…"}'.encode(), '{"a":"é…"}'.encode(), id="utf-8-stays"),
        pytest.param(
            b'{"a": NaN, "b": 123456789012345678901234567890}',
            b'{"a":null,"b":123456789012345678901234567890}',
            id="wide-integer",
        ),
    ],
)
def test_what_can_be_read_is_written_back(line: bytes, written: bytes) -> None:
    (row,) = read(line)
    assert isinstance(row, Row)
    assert encode(row.columns) == written + b"\n"


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**100, 2**64 - 1, -(2**63)])
@pytest.mark.parametrize("shape", ["{}", "[{}]", '{{"b": [[], {{"c": {}}}]}}', "[[[0.5, {}]]]"])
def test_an_integer_of_any_size_keeps_its_digits_at_any_depth(value: int, shape: str) -> None:
    line = b'{"x": "y", "a": ' + shape.format(value).encode() + b"}"
    (row,) = read(line)
    assert isinstance(row, Row)
    assert row.columns == json.loads(line)
    assert str(value).encode() in encode(row.columns)


@pytest.mark.parametrize("number", ["1e20", "1e999", "-1.5e300", "9223372036854775808.0"])
def test_a_large_number_that_is_no_integer_stays_one(number: str) -> None:
    (row,) = read(b'{"a": ' + number.encode() + b"}")
    assert isinstance(row, Row)
    assert row.columns == {"a": float(number)}
    assert isinstance(row.columns["a"], float)


def test_numbers_go_on_from_any_line() -> None:
    numbers = [row.number for row in read_rows([b"\xef\xbb\xbf{}", b"", b"{}"], 7)]
    assert numbers == [7, 9]
    assert isinstance(next(read_rows([b"\xef\xbb\xbf{}"], 7)), Broken)


def test_what_only_tables_hold_is_text() -> None:
    columns = {"image": b"\x00\xff", "price": Decimal("1.50"), "day": date(2026, 1, 2)}
    assert encode(columns) == b'{"image":"AP8=","price":"1.50","day":"2026-01-02"}\n'
    assert encode(columns | {"text": "\ud800"}).startswith(b'{"image":"AP8=","price":"1.50","day":"2026-01-02"')
    assert encode({"map": [("\ud800", float("nan"))]}) == b'{"map":[["\\ud800",null]]}\n'
