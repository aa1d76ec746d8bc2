"""Elements of a JSON array: every row found where it is, whatever else is broken."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.cli import arrays
from onethinker_rewards.cli.arrays import ArraySource, Elements
from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.sources import open_source
from onethinker_rewards.cli.work import Place

LEAVES = (
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=6) | st.sampled_from(['"', "\\", '[{"a', "},"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
ROWS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), max_size=6)


def works(text: bytes, start: Place | None = None) -> list[Elements]:
    source = ArraySource(io.BytesIO(text), "a.json")
    source.total = len(text)
    return list(source.works(start or Place()))


def rows_of(text: bytes) -> list[Row | Broken]:
    return [row for work in works(text) for row in work.rows()]


def columns(text: bytes) -> list[Any]:
    """Return columns and reasons; what the parser says differs by its version."""
    return [row.columns if isinstance(row, Row) else row.why.partition(": ")[0] for row in rows_of(text)]


@pytest.fixture(params=[5, 1 << 20])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Read so many bytes at a time, and put two rows into a work."""
    monkeypatch.setattr(arrays, "_BLOCK", request.param)
    monkeypatch.setattr(arrays, "CHUNK_ROWS", 2)
    return request.param


@given(rows=ROWS, indent=st.none() | st.integers(0, 2), ascii_only=st.booleans(), size=st.sampled_from([1, 3, 1 << 20]))
def test_the_elements_are_those_that_json_reads(
    rows: list[Any], indent: int | None, size: int, *, ascii_only: bool
) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "_BLOCK", size)
        patch.setattr(arrays, "CHUNK_ROWS", 2)
        done = works(text)
        found = [row for work in done for row in work.rows()]
        assert [row.number for row in found] == list(range(1, len(rows) + 1))
        assert [row.columns for row in found if isinstance(row, Row)] == json.loads(text)
        # From every place that a run may be taken up at.
        for place, work in enumerate(done):
            assert works(text, work.end) == done[place + 1 :]


@given(st.binary(max_size=40) | st.text('[]{},"\\ \n1a', max_size=40).map(str.encode))
def test_no_text_is_too_strange(text: bytes) -> None:
    """Whatever stands in a file, it is rows and reasons, and both ways to find the end of an element agree."""
    rows_of(b"[" + text)
    for at in range(len(text)):
        found = arrays._ELEMENT.match(text, at)
        if found:
            assert found.end() == arrays._stop_by_tokens(text, at)


def test_rows_deep_inside_are_found_too() -> None:
    deep: Any = 1
    for _ in range(30):
        deep = [{"a": deep}]
    assert columns(json.dumps([{"deep": deep}, {"b": 2}]).encode()) == [{"deep": deep}, {"b": 2}]


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"[]", [], id="empty"),
        pytest.param(b"\xef\xbb\xbf [ {} ] \n", [{}], id="byte-order-mark"),
        pytest.param(b'[{"a":1},]', [{"a": 1}], id="trailing-comma"),
        pytest.param(b'[{"a":1} {"b":2},{"c":3}]', ["not JSON", {"c": 3}], id="missing-comma"),
        pytest.param(b'[{"a":},{"b":2}]', ["not JSON", {"b": 2}], id="broken-row"),
        pytest.param(b'[{"a":1}},{"b":2}]', ["not JSON", {"b": 2}], id="a-bracket-too-many"),
        pytest.param(b'[1,"x",{"b":2}]', ["not a JSON object", "not a JSON object", {"b": 2}], id="no-objects"),
        pytest.param(b'[{"a":"\xff"},{"b":2}]', ["not UTF-8 (byte 7)", {"b": 2}], id="no-utf-8"),
        pytest.param(
            b'[{"a":"x},\n{"b":2},\n{"c":3}]',
            ["not JSON", {"b": 2}, {"c": 3}],
            id="missing-quote",
        ),
        pytest.param(
            b'[{\n"a": "x,\n"b": 1\n},\n{\n"c": 3\n}\n]',
            ["not JSON", {"c": 3}],
            id="missing-quote-in-a-long-row",
        ),
        pytest.param(b'[{"a":"x\\\n},{"c":3}]', ["not JSON", {"c": 3}], id="escaped-line-end"),
        pytest.param(b'[{"a":1},{"b":', [{"a": 1}, "the file ends inside this row"], id="cut-off"),
        pytest.param(b'[{"a":1},{"b":"x', [{"a": 1}, "the file ends inside this row"], id="cut-off-in-text"),
        pytest.param(b'[{"a":1},', [{"a": 1}, "the file ends before the array does"], id="cut-off-between"),
        pytest.param(b'[{"a":1}', ["the file ends inside this row"], id="no-closing-bracket"),
        pytest.param(b'[{"a":1}]\n[]', [{"a": 1}, "text after the end of the array"], id="more-behind"),
    ],
)
def test_what_is_broken_costs_nothing_else(text: bytes, expected: list[Any]) -> None:
    assert columns(text) == expected
    done = works(text)
    for place, work in enumerate(done):
        assert works(text, work.end) == done[place + 1 :]


def test_a_row_without_an_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LONGEST", 1000)
    monkeypatch.setattr(arrays, "_BLOCK", 100)
    file = io.BytesIO(b'[{"a":1},{"b":[' + b"1," * 100_000)
    rows = [row for work in ArraySource(file, "a.json").works(Place()) for row in work.rows()]
    assert rows == [Row(1, {"a": 1}), Broken(2, "no end within 1,000 bytes; what follows is not readable either")]
    assert file.tell() < 5000


def test_works_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 30)
    assert [len(work.texts) for work in works(b"[" + b",".join([b'{"a":"0123456789"}'] * 5) + b"]")] == [2, 2, 1]


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("a.json", b"[{}]", "ArraySource"),
        ("a.JSON", b" \n [{}]", "ArraySource"),
        ("a.json", b'{"a":1}\n', "LinesSource"),
        ("a.json", b"", "LinesSource"),
        ("a.jsonl", b"[{}]", "LinesSource"),
    ],
)
def test_an_array_is_told_by_name_and_beginning(tmp_path: Path, name: str, text: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(text)
    with open_source(str(tmp_path / name)) as source:
        assert type(source).__name__ == kind
        assert source.total == len(text)


def test_an_array_cannot_be_divided() -> None:
    with pytest.raises(Refused, match="write it as JSON Lines for Ray"):
        ArraySource(io.BytesIO(b"[]"), "a.json").splits(Place(), lambda _: [])


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file, pytest.raises(Refused, match=r"^a\.json: "):
        list(ArraySource(file, "a.json").works(Place()))
