"""The one reader of tables: every format, recognized by its first bytes; a wrong container is one line."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.cli import table_reader
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.rows import InvalidRow, Row
from onethinker_rewards.cli.table_reader import Chunk, open_table
from tests.cli.runs import lines
from tests.waiting import LONGEST

ROWS: list[dict[str, Any]] = [{"id": number, "text": f'row {number}, "quoted"\nnext line'} for number in range(5)]


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]], **how: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file, **how)
    return file.getvalue()


FORMATS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "lines": lambda rows: lines(*rows),
    "lines_after_a_mark": lambda rows: b"\xef\xbb\xbf" + lines(*rows),
    "array": lambda rows: json.dumps(rows).encode(),
    "pretty_array": lambda rows: json.dumps(rows, indent=2).encode(),
    "array_by_line": lambda rows: b"[\n" + b",\n".join(json.dumps(row).encode() for row in rows) + b"\n]\n",
    "results": lambda rows: json.dumps({"results": rows, "accuracy": 0.5}).encode(),
    "pretty_results": lambda rows: json.dumps({"model": "x", "results": rows}, indent=1).encode(),
    "parquet": as_parquet,
    "csv": as_csv,
    "tsv": lambda rows: as_csv(rows, "\t"),
    "semicolons": lambda rows: as_csv(rows, ";"),
}


def read(path: Path | str, skip: int = 0) -> list[Row | InvalidRow]:
    with open_table(str(path)) as table:
        return [row for chunk in table.chunks(skip) for row in chunk.rows()]


def expected(form: str) -> list[dict[str, Any]]:
    # CSV has text only.
    return (
        [{"id": str(row["id"]), "text": row["text"]} for row in ROWS] if form in ("csv", "tsv", "semicolons") else ROWS
    )


@pytest.mark.parametrize("name", ["table", "table.parquet", "table.csv.txt"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_table_is_what_its_first_bytes_say(tmp_path: Path, form: str, packed: bool, name: str) -> None:
    content = FORMATS[form](ROWS)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    rows = read(path)
    assert [row.columns for row in rows if isinstance(row, Row)] == expected(form)
    assert [row.number for row in rows] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("form", FORMATS)
def test_rows_that_are_done_are_skipped(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "CHUNK_ROWS", 2)
    path = tmp_path / "table"
    path.write_bytes(FORMATS[form](ROWS))
    for skip in range(7):
        rows = read(path, skip)
        assert [row.columns for row in rows if isinstance(row, Row)] == expected(form)[skip:]
        assert [row.number for row in rows] == list(range(skip + 1, 6))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("form", FORMATS)
def test_standard_input_may_be_any_of_them(form: str, packed: bool) -> None:
    content = FORMATS[form](ROWS)
    program = (
        "from onethinker_rewards.cli.table_reader import open_table\n"
        "with open_table('-') as table:\n"
        "    print([row.columns for chunk in table.chunks() for row in chunk.rows()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=gzip.compress(content) if packed else content, capture_output=True, timeout=LONGEST, check=True,
    )  # fmt: skip
    assert done.stdout.decode().strip() == str(expected(form))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(bz2.compress(b"x"), "is compressed; unpack it on the way: bunzip2 -c", id="bzip2"),
        pytest.param(lzma.compress(b"x"), "is compressed; unpack it on the way: xz -dc", id="xz"),
        pytest.param(b"\x28\xb5\x2f\xfdx", "is compressed; unpack it on the way: zstd -dc", id="zstd"),
        pytest.param(b"ARROW1\0\0", "is an Arrow file; write it as Parquet", id="arrow"),
        pytest.param('{"a": 1}\n'.encode("utf-16"), "is UTF-16 or binary; write it as UTF-8: iconv", id="utf-16"),
        pytest.param('{"a": 1}\n'.encode("utf-16-le"), "is UTF-16 or binary", id="utf-16-without-mark"),
        pytest.param(b"PAR1 and no more", "not Parquet: ", id="not-parquet"),
        pytest.param(b'{\n  "a": 1\n}\n', "one JSON object over several lines", id="one-object"),
        pytest.param(gzip.compress(b"x" * 1000)[:-9], "Compressed file ended", id="torn-gzip"),
        pytest.param(b"a,a\n1,2\n", "two columns are called 'a'", id="csv-names-twice"),
        pytest.param(as_parquet([{"a": 1}])[:-200] + b"x" * 196 + b"PAR1", "not Parquet: ", id="torn-parquet"),
    ],
)
def test_a_wrong_container_is_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "table.jsonl"
    path.write_bytes(content)
    with pytest.raises(CliError) as raised:
        read(path)
    assert raised.value.message.startswith(f"{path}: {message}")
    assert "\n" not in raised.value.message


def test_a_zip_archive_is_one_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "table.xlsx", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(CliError, match="is a zip archive, such as an Excel file"):
        read(tmp_path / "table.xlsx")


def test_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"none: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(CliError, match=r"Is a directory"):
        read(tmp_path)


def test_a_broken_line_costs_only_itself_even_the_first(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(b'oops, no\n{"a": 1}\n\n{"a":\n{"a": 2}')
    kinds = [(type(row).__name__, row.number) for row in read(path)]
    assert kinds == [("InvalidRow", 1), ("Row", 2), ("InvalidRow", 4), ("Row", 5)]


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_a_broken_element_of_an_array_by_lines_costs_only_itself(tmp_path: Path, indent: int) -> None:
    rows = [{"a": number, "inner": [{"b": 1}, {"b": 2}]} for number in range(6)]
    text = json.dumps(rows, indent=indent).replace('"a": 3,', '"a": 3').replace('}, {"a"', '},\n{"a"')
    text = text if indent else f"[\n{text[1:]}"
    (tmp_path / "table").write_text(text)
    found = read(tmp_path / "table")
    assert [row.columns["a"] for row in found if isinstance(row, Row)] == [0, 1, 2, 4, 5]
    assert isinstance(found[3], InvalidRow)
    assert found[3].reason.startswith("not JSON: Expecting ',' delimiter")


def test_an_array_without_line_ends_ends_at_its_first_fault(tmp_path: Path) -> None:
    (tmp_path / "table").write_text('[{"a": 1}, {"a": }, {"a": 3}]')
    first, second = read(tmp_path / "table")
    assert first == Row(1, {"a": 1})
    assert isinstance(second, InvalidRow)
    assert second.reason.endswith("the rows after it cannot be found")


@pytest.mark.parametrize(
    ("text", "reason"),
    [('[{"a": 1}', "the file ends before the array does"), ("[", "the file ends before the array does"),
     ('[{"a": 1}, 3]', "not a JSON object"), ("[" + "[" * 100_000, "not JSON: nested too deeply")],
)  # fmt: skip
def test_what_is_wrong_with_an_array_is_the_last_row(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "table").write_text(text)
    last = read(tmp_path / "table")[-1]
    assert isinstance(last, InvalidRow)
    assert last.reason.startswith(reason)


values = st.text(max_size=9) | st.integers() | st.lists(st.none())


@given(rows=st.lists(st.dictionaries(st.text(max_size=3), values), max_size=9), indent=st.sampled_from([None, 0, 1]))
def test_elements_are_those_that_json_reads_wherever_blocks_end(rows: list[dict[str, Any]], indent: int | None) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_reader, "_HEAD", 5)
        found = list(table_reader._array_items(io.StringIO(text[1:]), inside=False))
    assert Chunk(found).rows() == [Row(number, row) for number, row in enumerate(rows, start=1)]


def test_a_row_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_reader, "LONGEST_ROW", 200_000)
    (tmp_path / "table").write_text('[{"a": [' + "1, " * 5_000_000)
    tracemalloc.start()
    (row,) = read(tmp_path / "table")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(row, InvalidRow)
    assert peak < 5_000_000


def test_a_csv_row_of_another_length_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text('a,b\n1,2\n3\n"x,y",\n')
    assert read(tmp_path / "table.csv") == [
        Row(1, {"a": "1", "b": "2"}), InvalidRow(2, "1 cells, but the header has 2"), Row(3, {"a": "x,y"}),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["lines", "pretty_array", "pretty_results", "csv", "parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, form: str) -> None:
    rows = [{"id": number, "text": f"{number} " * 300} for number in range(20_000)]
    path = tmp_path / "table"
    path.write_bytes(FORMATS[form](rows))
    del rows
    tracemalloc.start()
    with open_table(str(path)) as table:
        count = sum(len(chunk.rows()) for chunk in table.chunks())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert path.stat().st_size > 25_000_000 or form == "parquet"
    assert peak < 15_000_000


def test_a_pipe_that_is_slow_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    program = (
        "from onethinker_rewards.cli.table_reader import open_table\n"
        "with open_table('-') as table:\n"
        "    print(sum(len(chunk.rows()) for chunk in table.chunks()))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=reading, stdout=subprocess.PIPE) as running:
        os.close(reading)
        for piece in (b'{"a"', b': 1}\n{"a": 2', b"}\n"):
            os.write(writing, piece)
        os.close(writing)
        assert running.communicate(timeout=LONGEST)[0] == b"2\n"


def test_an_empty_csv_has_no_rows_and_blank_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"")
    assert read(path) == []
    path.write_bytes(b"\n\na,b\n1,2\n\n\n3,4\n")
    assert read(path) == [Row(1, {"a": "1", "b": "2"}), Row(4, {"a": "3", "b": "4"})]


def test_a_line_of_a_csv_cell_may_begin_like_json(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b'response,task\n"text\n{""a"": 1}",ocr\n')
    assert read(path) == [Row(1, {"response": 'text\n{"a": 1}', "task": "ocr"})]


def test_an_element_of_an_array_is_refused_for_what_a_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    deep = b"[" * 250 + b"]" * 250
    elements = [b'{"n": ' + b"1" * 5000 + b"}", b'{"n": ' + deep + b"}", b'{"t": "\xe9"}', b'{"n": NaN}', b'{"n": 1}']
    path.write_bytes(b"[" + b", ".join(elements) + b"]")
    by_array = read(path)
    path.write_bytes(b"\n".join(elements))
    assert repr(by_array) == repr(read(path))
    assert [type(row) for row in by_array] == [InvalidRow, InvalidRow, InvalidRow, Row, Row]


def test_a_csv_row_that_is_not_utf_8_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"a,b\n\xe9,1\n\xc3\xa9,2\n")
    assert read(path) == [InvalidRow(1, "not UTF-8 (byte 0xe9)"), Row(2, {"a": "é", "b": "2"})]


def test_text_after_an_array_is_not_lost_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_bytes(b'[{"a": 1}]\n\n')
    assert read(path) == [Row(1, {"a": 1})]
    path.write_bytes(b'[{"a": 1}]\n[{"a": 2}]\n')
    assert read(path)[1:] == [InvalidRow(2, "there is text after the end of the array, which is not read")]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("before", [{}, {"meta": {"results": [{"b": 2}]}}, {"note": 'the "results": [{"b": 2}]'}])
def test_results_are_those_of_the_outermost_object(tmp_path: Path, before: dict[str, Any], indent: int | None) -> None:
    path = tmp_path / "rows.json"
    rows: list[dict[str, Any]] = [{"a": 1, "results": [{"c": 3}]}]
    for members in (rows, []):
        path.write_text(json.dumps({**before, "results": members, "after": {"results": [{}]}}, indent=indent))
        assert read(path) == [Row(1, row) for row in members]


@pytest.mark.parametrize("length", [2, 30_000])
@pytest.mark.parametrize("count", [1, 3])
def test_a_column_may_be_called_results(tmp_path: Path, length: int, count: int) -> None:
    path = tmp_path / "rows.jsonl"
    columns = {"results": list(range(length)), "id": 1}
    path.write_bytes(lines(*[columns] * count))
    assert [row.columns for row in read(path) if isinstance(row, Row)] == [columns] * count


def test_results_of_a_broken_first_line_are_not_the_file_s(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": broken, "results": [{"a": 1}]}\n{"id": 2}\n')
    broken, row = read(path)
    assert isinstance(broken, InvalidRow)
    assert row == Row(2, {"id": 2})


@pytest.mark.parametrize("where", [12, 20_000])
def test_a_corrupt_gzip_is_one_line(tmp_path: Path, where: int) -> None:
    path = tmp_path / "rows.jsonl.gz"
    packed = bytearray(gzip.compress(lines(*({"id": number * 7919 % 10_007} for number in range(30_000)))))
    packed[where : where + 50] = b"\xff" * 50
    path.write_bytes(packed)
    with pytest.raises(CliError, match=r"rows\.jsonl\.gz: "):
        read(path)
