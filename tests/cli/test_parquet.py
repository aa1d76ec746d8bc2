"""Parquet in and out: the rows of JSON Lines, in types that are the same from end to end."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.cli import arrow, table_reader
from onethinker_rewards.cli.arrow import common_schema, table_of_rows, table_to_bytes, write_parquet
from onethinker_rewards.cli.rows import Row
from onethinker_rewards.cli.table_reader import open_table
from tests.cli.runs import GOOD, good, lines, rows_of, run
from tests.waiting import LONGEST

NO_RESPONSE = "no column 'response' or 'output' or 'completion' or 'prediction' for the response; there are:"
NAME_IT = "; name yours with --column response=NAME"
BAD = good(response=None, note="kept from nobody")
ROWS = [GOOD, good(options=["dog", "cat"], response="<think>x</think><answer>cat</answer>"), BAD, good(response="B")]


def parquet(path: Path, rows: list[dict[str, Any]], **how: Any) -> Path:
    names = dict.fromkeys(name for row in rows for name in row)
    pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), path, **how)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def without_nulls(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@pytest.fixture(params=["whole", "in-chunks-of-two"], autouse=True)
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "whole":
        monkeypatch.setattr(table_reader, "CHUNK_ROWS", 2)
        monkeypatch.setattr(arrow, "_GROUP_ROWS", 3)


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_the_rows_are_those_of_json_lines(tmp_path: Path, form: str) -> None:
    text = tmp_path / "in.jsonl"
    text.write_bytes(lines(*ROWS))
    source = text if form == "jsonl" else parquet(tmp_path / "in.parquet", ROWS)
    expected = run("score", text)
    result = run("score", source, "--out", tmp_path / "out.parquet")
    assert without_nulls(read(tmp_path / "out.parquet")) == without_nulls(rows_of(expected))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.replace(str(source), str(text)) == expected.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", source.name, "out.parquet"}


def test_row_and_error_come_last_whatever_comes_first(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_bytes(b"{\n{\n" + lines(GOOD))
    run("score", source, "--out", tmp_path / "out.parquet")
    assert pq.read_schema(tmp_path / "out.parquet").names[-2:] == ["row", "error"]


def test_a_broken_row_has_a_number_and_an_error_and_nothing_else(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in.parquet", ROWS)
    run("score", source, "--out", tmp_path / "out.parquet")
    _, _, broken, _ = read(tmp_path / "out.parquet")
    assert without_nulls([broken]) == [{"row": 3, "error": f"{NO_RESPONSE} 'reference', 'task', 'note'{NAME_IT}"}]
    assert pq.read_schema(tmp_path / "out.parquet").names[-2:] == ["row", "error"]


def test_parquet_to_json_lines(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in.parquet", ROWS)
    result = run("score", source)
    assert result.exit_code == 2
    assert [row.get("row") for row in rows_of(result)] == [None, None, 3, None]
    first = rows_of(result)[0]
    assert (first["total"], first["options"]) == (2.0, None)
    assert rows_of(result)[1]["options"] == ["dog", "cat"]


def test_rewards_have_the_same_types_whatever_the_rows(tmp_path: Path) -> None:
    for name, rows in {"one": [GOOD], "two": ROWS, "three": [BAD, GOOD, GOOD]}.items():
        run("score", parquet(tmp_path / f"{name}.parquet", rows), "--out", tmp_path / f"{name}.out.parquet")
    one, *others = [pq.read_schema(tmp_path / f"{name}.out.parquet") for name in ("one", "two", "three")]
    named = {field.name: field.type for field in one if field.name not in GOOD}
    assert (named["total"], named["failure"], named["row"]) == (pa.float64(), pa.string(), pa.int64())
    assert named["repairs"] == pa.list_(pa.string())
    for other in others:
        assert {field.name: field.type for field in other}.items() >= named.items()


def test_columns_keep_their_types(tmp_path: Path) -> None:
    kept = {
        "image": {"bytes": b"\x00\xff", "path": None},
        "boxes": [[1, 2], [3]],
        "price": Decimal("1.50"),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "day": date(2026, 1, 2),
    }
    source = parquet(tmp_path / "in.parquet", [GOOD | kept, BAD | kept, GOOD | kept])
    run("score", source, "--out", tmp_path / "out.parquet")
    before, after = pq.read_schema(source), pq.read_schema(tmp_path / "out.parquet")
    assert [after.field(name).type for name in before.names] == before.types
    rows = read(tmp_path / "out.parquet")
    assert {name: rows[2][name] for name in kept} == kept
    assert {name: rows[1][name] for name in kept} == dict.fromkeys(kept)
    (row, *_) = rows_of(run("score", source))
    assert (row["image"], row["price"], row["day"]) == ({"bytes": "AP8=", "path": None}, "1.50", "2026-01-02")


def test_ours_win_and_row_and_error_are_kept_where_the_row_is_sound(tmp_path: Path) -> None:
    rows = [GOOD | {"total": "mine", "row": 70, "error": "none"}, BAD | {"total": "x", "row": 71, "error": "some"}]
    run("score", parquet(tmp_path / "in.parquet", rows), "--out", tmp_path / "out.parquet")
    sound, broken = read(tmp_path / "out.parquet")
    assert (sound["total"], sound["row"], sound["error"]) == (2.0, 70, "none")
    assert (broken["total"], broken["row"], broken["error"]) == (
        None,
        2,
        f"{NO_RESPONSE} 'reference', 'task', 'total', 'row', 'error', 'note'{NAME_IT}",
    )
    run("score", parquet(tmp_path / "in.parquet", rows[:1]), "--out", tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")[0]["row"] == 70


def test_columns_keep_their_types_next_to_those_called_row_and_error(tmp_path: Path) -> None:
    kinds = {"row": pa.int64(), "ratio": pa.float32(), "at": pa.timestamp("ns"), "code": pa.decimal128(5, 2)}
    columns = {"row": [7], "ratio": [0.5], "at": [1], "code": [Decimal("1.00")]} | {
        name: [value] for name, value in GOOD.items()
    }
    arrays = {name: pa.array(values, kinds.get(name)) for name, values in columns.items()}
    pq.write_table(pa.table(arrays), tmp_path / "in.parquet")
    assert run("score", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet").exit_code == 0
    schema = pq.read_schema(tmp_path / "out.parquet")
    assert {name: schema.field(name).type for name in kinds} == kinds
    assert pq.read_table(tmp_path / "out.parquet")["row"].to_pylist() == [7]


def test_a_row_column_of_text_stays_text(tmp_path: Path) -> None:
    rows = [GOOD | {"row": "a"}, BAD | {"row": "b"}, GOOD | {"row": "c"}]
    run("score", parquet(tmp_path / "in.parquet", rows), "--out", tmp_path / "out.parquet")
    assert [row["row"] for row in read(tmp_path / "out.parquet")] == ["a", "2", "c"]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        pytest.param([1, 2.5, None, 3], [1.0, 2.5, None, 3.0], id="integers-become-numbers"),
        pytest.param([None, None, None, ["a"]], [None, None, None, ["a"]], id="null-first"),
        pytest.param([[], [None], [1], [2.5]], [[], [None], [1.0], [2.5]], id="lists-widen"),
        pytest.param(
            [{"a": 1}, {"a": 2}, {"b": ["x"]}, {"a": 3, "b": []}],
            [{"a": 1, "b": None}, {"a": 2, "b": None}, {"a": None, "b": ["x"]}, {"a": 3, "b": []}],
            id="objects-have-all-keys",
        ),
        pytest.param([1, 2, "x", None], ["1", "2", "x", None], id="numbers-and-texts"),
        pytest.param([True, None, 1, 2], ["true", None, "1", "2"], id="truth-and-numbers"),
        pytest.param(["x", "y", {"a": [1]}, [None]], ["x", "y", '{"a":[1]}', "[null]"], id="texts-and-objects"),
        pytest.param([{}, None, {}, {}], ["{}", None, "{}", "{}"], id="objects-without-keys"),
        pytest.param([[{}], None, [], []], ["[{}]", None, "[]", "[]"], id="lists-of-objects-without-keys"),
        pytest.param(["\ud800", "é", None, "x"], ["\\ud800", "é", None, "x"], id="lone-surrogates"),
        pytest.param([2**64, "\ud800", None, None], [str(2**64), "\\ud800", None, None], id="beyond-64-bits"),
        pytest.param(
            [[{"a": 1}], [], [{"b": 2}], None], [[{"a": 1, "b": None}], [], [{"a": None, "b": 2}], None], id="deep"
        ),
    ],
)
def test_json_values_get_a_type_that_fits_all(tmp_path: Path, values: list[Any], written: list[Any]) -> None:
    source = tmp_path / "in.jsonl"
    # A lone surrogate beside a wide integer keeps its digits.
    source.write_bytes(lines(*[GOOD | {"x": value, "y": "\ud800"} for value in values]))
    assert run("score", source, "--out", tmp_path / "out.parquet").exit_code == 0
    assert [row["x"] for row in read(tmp_path / "out.parquet")] == written


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=3),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("abc"), inside, max_size=3),
    max_leaves=5,
)


def columns_of(values: list[Any], cuts: set[int]) -> tuple[Any, list[Any]]:
    """Return the type and the values of a column that is written in pieces."""
    bounds = sorted({0, len(values), *(cut for cut in cuts if cut < len(values))})
    tables = [
        table_to_bytes(table_of_rows([{"x": value} for value in values[low:high]])) for low, high in pairwise(bounds)
    ]
    target = io.BytesIO()
    write_parquet(lambda: tables, common_schema(lambda: tables), target)
    column = pq.read_table(target)["x"]
    return column.type, column.to_pylist()


@given(values=st.lists(VALUES, min_size=1, max_size=6), cuts=st.sets(st.integers(1, 5)))
def test_any_values_in_any_pieces_can_be_written_and_none_is_lost(values: list[Any], cuts: set[int]) -> None:
    _, column = columns_of(values, cuts)
    assert [found is None for found in column] == [value is None for value in values]


@pytest.mark.parametrize("other", [0.5, "x", [1]], ids=["number", "text", "list"])
@pytest.mark.parametrize("first", [2**53 + 1, 2**60 + 1, -(2**53) - 1])
def test_integers_that_no_double_holds_stay_apart(first: int, other: Any) -> None:
    values = [*range(first, first + 5), other]
    written = [str(value) for value in values[:5]] + [str(other)]
    for cuts in (set(), {5}, {1, 2, 3}):
        assert columns_of(values, cuts) == (pa.string(), written)
        lists = columns_of([[value] for value in values], cuts)[1]
        # Inside lists a text may be that of a double, as long as no digit is lost.
        assert [text.replace(".0]", "]") for text in lists] == [
            f"[{value}]".replace("[x]", '["x"]') for value in written
        ]


def test_integers_that_doubles_hold_are_doubles_wherever_they_stand() -> None:
    values = [2**53, -(2**53), 3, 0.5]
    for cuts in (set(), {3}, {1, 2}):
        assert columns_of(values, cuts) == (pa.float64(), values)


def test_truth_values_are_no_numbers() -> None:
    for cuts in (set(), {1}):
        assert columns_of([0.5, True], cuts) == (pa.string(), ["0.5", "true"])
        assert columns_of([[True], [0.5]], cuts) == (pa.string(), ["[true]", "[0.5]"])
        assert columns_of([{"a": [True]}, {"a": [0.5]}], cuts)[1] == ['{"a":[true]}', '{"a":[0.5]}']


def test_all_rows_may_be_broken_or_missing(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"{\n" * 5)
    run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet")
    assert [row.keys() for row in read(tmp_path / "out.parquet")] == [{"row", "error"}] * 5
    (tmp_path / "in.jsonl").write_bytes(b"")
    run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet")
    assert run("score", tmp_path / "out.parquet").exit_code == 0


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_table_without_rows_has_the_columns_of_one_with_rows(tmp_path: Path, form: str) -> None:
    columns = {} if form == "jsonl" else {name: pa.string() for name in GOOD}
    paths = {name: tmp_path / f"{name}.{form}" for name in ("empty", "full")}
    if form == "parquet":
        parquet(paths["full"], [GOOD])
        pq.write_table(pa.schema(columns).empty_table(), paths["empty"])
    elif form == "csv":
        paths["full"].write_text('response,reference,task\n"<answer>B</answer>",B,multiple_choice\n')
        paths["empty"].write_text("response,reference,task\n")
    else:
        paths["full"].write_bytes(lines(GOOD))
        paths["empty"].write_bytes(b"")
    for name, path in paths.items():
        assert run("score", path, "--out", tmp_path / f"{name}.out.parquet").exit_code == 0
    empty, full = (pq.read_schema(tmp_path / f"{name}.out.parquet") for name in paths)
    assert pq.read_metadata(tmp_path / "empty.out.parquet").num_rows == 0
    expected = [field for field in full if form != "jsonl" or field.name not in GOOD or field.name == "task"]
    assert {field.name: field.type for field in empty} == {field.name: field.type for field in expected}


def test_standard_input_may_go_into_a_table(tmp_path: Path) -> None:
    assert run("score", "-", "--out", tmp_path / "out.parquet", stdin=lines(GOOD)).exit_code == 0
    assert [row["total"] for row in read(tmp_path / "out.parquet")] == [2.0]
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


def test_validate_reads_parquet_too(tmp_path: Path) -> None:
    result = run("validate", parquet(tmp_path / "in.PARQUET", ROWS))
    assert [row["row"] for row in rows_of(result)] == [3, 4]
    assert result.exit_code == 2


def test_memory_does_not_grow_with_a_row_group(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    texts = pa.array([os.urandom(500).hex() for _ in range(20_000)])
    pq.write_table(pa.table({"x": texts}), path, compression="none", use_dictionary=False)
    before, most = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    with open_table(str(path)) as table:
        for _ in table.chunks():
            most = max(most, pa.total_allocated_bytes() - before)
    # Arrow's own memory, and what it has of Python.
    most += tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < path.stat().st_size / 2


def test_row_groups_are_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrow, "_GROUP_BYTES", 1)
    source = tmp_path / "in.jsonl"
    source.write_bytes(lines(*ROWS))
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 2)
    run("score", source, "--out", tmp_path / "out.parquet")
    assert pq.read_metadata(tmp_path / "out.parquet").num_row_groups == 2


def test_a_file_that_is_damaged_on_the_way_is_one_line(tmp_path: Path) -> None:
    path = parquet(tmp_path / "in.parquet", [GOOD] * 100, compression="zstd")
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    result = run("score", path)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert result.stderr.startswith(f"Error: {path}: ")


def test_two_columns_of_one_name_are_one_line(tmp_path: Path) -> None:
    table = pa.table([pa.array(["x"]), pa.array(["y"])], names=["task", "task"])
    pq.write_table(table, tmp_path / "in.parquet")
    result = run("score", tmp_path / "in.parquet")
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/in.parquet: two columns are called 'task'\n")


def test_an_output_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    source = parquet(tmp_path / "in.parquet", [GOOD])
    (tmp_path / "folder.parquet").mkdir()
    result = run("score", source, "--out", tmp_path / "folder.parquet")
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/folder.parquet: Is a directory\n")


@pytest.mark.parametrize("arguments", [["in.parquet"], ["in.jsonl", "--out", "out.parquet"]], ids=["in", "out"])
def test_without_pyarrow_one_line_names_the_extra(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(GOOD))
    parquet(tmp_path / "in.parquet", [GOOD])
    code = (
        "import sys; sys.modules['pyarrow'] = None; from onethinker_rewards.cli import main;"
        f"main({['score', *arguments]!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"Error: Parquet needs pyarrow: pip install 'onethinker-rewards[parquet]'\n"
    assert not list(tmp_path.glob("out*"))


def test_json_lines_need_no_pyarrow(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(lines(GOOD))
    code = (
        "import sys; from onethinker_rewards.cli import main; main(['score', 'in.jsonl'], standalone_mode=False);"
        "print([name for name in ('pyarrow', 'ray', 'pandas', 'multiprocessing') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=LONGEST, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == b"[]"


def test_texts_of_values_are_their_json() -> None:
    rows: list[dict[str, Any]] = [{"x": time(1, 2)}, {"x": "a"}, {"x": date(2026, 1, 2)}, {"x": {"a": None, "b": 1}}]
    assert table_of_rows(rows)["x"].to_pylist() == ["01:02:00", "a", "2026-01-02", '{"b":1}']


@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_views_are_written_as_plain_columns(tmp_path: Path, out: str) -> None:
    path, rows = tmp_path / "in.parquet", [GOOD, BAD, GOOD]
    table = pa.table(
        {
            **{name: pa.array([row.get(name) for row in rows], pa.string_view()) for name in GOOD},
            "blob": pa.array([b"x"] * 3, pa.binary_view()),
            "deep": pa.array([{"a": "b"}] * 3, pa.struct([("a", pa.string_view())])),
        }
    )
    pq.write_table(table, path)
    assert run("score", path, "--out", tmp_path / out).exit_code == 2
    if out == "out.jsonl":
        written = [orjson.loads(line) for line in (tmp_path / out).read_bytes().splitlines()]
        assert written[2]["deep"] == {"a": "b"}
        return
    first, second, third = read(tmp_path / out)
    assert first == third
    assert (first["blob"], first["deep"], first["total"]) == (b"x", {"a": "b"}, 2.0)
    assert without_nulls([second]) == [{"row": 2, "error": second["error"]}]


@pytest.mark.parametrize(
    "shape",
    [
        pa.list_,
        pa.large_list,
        lambda kind: pa.list_(kind, 2),
        lambda kind: pa.map_(pa.string(), kind),
        lambda kind: pa.struct([("a", pa.list_(kind))]),
    ],
    ids=["list", "large-list", "pair", "map", "object"],
)
def test_views_are_plain_at_any_depth(shape: Callable[[Any], Any]) -> None:
    assert arrow._plain_type(shape(pa.string_view())) == shape(pa.string())
    assert arrow._plain_type(shape(pa.dictionary(pa.int32(), pa.binary_view()))) == shape(pa.binary())
    assert arrow._plain_type(shape(pa.dictionary(pa.int8(), pa.string()))) == shape(pa.string())


def test_lists_of_dictionaries_are_read_over_row_groups(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 3]), pa.array(["a", "b", "c"]).dictionary_encode())
    table = pa.table({name: [GOOD[name]] * 6 for name in GOOD} | {"x": pa.chunked_array([lists] * 3)})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=2)
    run("score", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet")
    assert [row["x"] for row in read(tmp_path / "out.parquet")] == [["a", "b"], ["c"]] * 3


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        pytest.param(pa.timestamp("ns"), "1970-01-01 00:20:34.567890123", id="timestamp"),
        pytest.param(pa.time64("ns"), "00:20:34.567890123", id="time"),
        pytest.param(pa.duration("ns"), "1234567890123", id="duration"),
    ],
)
def test_times_that_python_does_not_have_are_text(tmp_path: Path, kind: Any, written: str) -> None:
    times = pa.array([1234567890123], pa.int64()).cast(kind)
    pq.write_table(pa.table({name: [GOOD[name]] for name in GOOD} | {"at": times}), tmp_path / "in.parquet")
    assert [row["at"] for row in rows_of(run("score", tmp_path / "in.parquet"))] == [written]
    run("score", tmp_path / "in.parquet", "--out", tmp_path / "out.parquet")
    assert pq.read_schema(tmp_path / "out.parquet").field("at").type == kind


def test_a_date_beyond_python_s_costs_its_row(tmp_path: Path) -> None:
    days = pa.array([1, 2**30], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({name: [GOOD[name]] * 2 for name in GOOD} | {"day": days}), tmp_path / "in.parquet")
    first, second = rows_of(run("score", tmp_path / "in.parquet"))
    assert (first["total"], first["day"]) == (2.0, "1970-01-02")
    assert second["error"].startswith("day cannot be read: ")


@pytest.mark.parametrize("out", ["out.parquet", "out.jsonl"])
def test_a_text_that_is_no_utf_8_costs_its_row(tmp_path: Path, out: str) -> None:
    wrong = pa.array([GOOD["response"].encode(), b"\xff", GOOD["response"].encode()], pa.binary())
    response = pa.Array.from_buffers(pa.string(), 3, wrong.buffers())
    others = {name: [GOOD[name]] * 3 for name in ("reference", "task")}
    pq.write_table(pa.table({"response": response} | others), tmp_path / "in.parquet")
    assert run("score", tmp_path / "in.parquet", "--out", tmp_path / out).exit_code == 2
    written = (
        read(tmp_path / out)
        if out.endswith("parquet")
        else [orjson.loads(line) for line in (tmp_path / out).read_bytes().splitlines()]
    )
    assert [row.get("total") for row in written] == [2.0, None, 2.0]
    assert without_nulls([written[1]]) == [{"row": 2, "error": "response cannot be read: not UTF-8 (byte 1)"}]


@pytest.mark.parametrize("dictionary", [True, False], ids=["dictionary", "text"])
def test_memory_follows_rows_as_they_are_decoded(tmp_path: Path, dictionary: bool) -> None:
    prompts = pa.array(["x" * 100_000]).dictionary_encode().take(pa.array([0] * 2000))
    table = pa.table({"id": range(2000), "prompt": prompts if dictionary else prompts.cast(pa.string())})
    pq.write_table(table, tmp_path / "in.parquet")
    assert (tmp_path / "in.parquet").stat().st_size < 50_000
    with open_table(str(tmp_path / "in.parquet")) as opened:
        chunks = [chunk.rows() for chunk in opened.chunks()]
    assert max(map(len, chunks)) <= 8_000_000 / 100_000 + 20
    assert [row.columns["id"] for rows in chunks for row in rows if isinstance(row, Row)] == list(range(2000))


def test_long_rows_after_short_ones_are_not_many(tmp_path: Path) -> None:
    lengths = [1] * 5000 + [1_000_000] * 40
    pq.write_table(pa.table({"x": ["x" * length for length in lengths]}), tmp_path / "in.parquet")
    with open_table(str(tmp_path / "in.parquet")) as table:
        sizes = [sum(len(str(row)) for row in chunk.rows()) for chunk in table.chunks()]
    assert max(sizes) < 60_000_000


def test_names_that_are_no_utf_8_are_escaped(tmp_path: Path) -> None:
    row = '{"response": "x", "reference": "x", "task": "ocr", "a\\ud800": 1, "b": {"\\udfff": 2}}'
    (tmp_path / "in.jsonl").write_bytes(lines(row, GOOD))
    assert run("score", tmp_path / "in.jsonl", "--out", tmp_path / "out.parquet").exit_code == 0
    first, second = read(tmp_path / "out.parquet")
    assert (first["a\\ud800"], first["b"]) == (1, '{"\\udfff":2}')
    assert (second["a\\ud800"], second["b"]) == (None, None)
