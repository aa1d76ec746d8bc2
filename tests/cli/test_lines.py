"""The lines of a file, in pieces of any kind, are the lines of the file."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.cli import lines as module
from onethinker_rewards.cli.lines import LinesSource, count_lines
from onethinker_rewards.cli.work import Place


def source_of(content: bytes, path: str = "in") -> LinesSource:
    source = LinesSource(io.BytesIO(content), path, path)
    source.total = len(content)
    return source


def pieces(content: bytes) -> list[list[bytes]]:
    return [work.lines for work in source_of(content).works(Place())]


def test_works_are_bounded_in_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 3)
    assert [len(lines) for lines in pieces(b"{}\n" * 8)] == [3, 3, 2]
    assert pieces(b"") == []


def test_works_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 20)
    long, short = b'{"a": "0123456789"}\n', b"{}\n"
    assert [len(lines) for lines in pieces(long + short + long + long + short)] == [1, 2, 1, 1]


def test_no_line_is_read_before_its_work_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_ROWS", 2)
    taken = 0

    class Source(io.BytesIO):
        def __iter__(self) -> Iterator[bytes]:  # type: ignore[override]
            nonlocal taken
            for _ in range(6):
                taken += 1
                yield b"{}\n"

    works = LinesSource(Source(), "-", "-").works(Place())
    for expected in (2, 4, 6):
        next(works)
        assert taken == expected


def test_a_pipe_has_no_size() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb"):
        assert LinesSource(source, "-", "<stdin>").total is None


CONTENT = st.lists(st.sampled_from([b"\n", b"a", b"bc", b"\r\n"]), max_size=40).map(b"".join)


@given(content=CONTENT, size=st.integers(1, 9))
def test_each_place_of_a_work_is_where_the_next_begins(content: bytes, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_ROWS", size)
        works = list(source_of(content).works(Place()))
        assert b"".join(line for work in works for line in work.lines) == content
        for done, work in enumerate(works, start=1):
            rest = list(source_of(content).works(work.end))
            assert [one.lines for one in rest] == [one.lines for one in works[done:]]
            assert [one.start for one in rest] == [one.start for one in works[done:]]


@given(content=CONTENT, size=st.integers(1, 9), begun=st.integers(0, 5))
def test_splits_have_every_line_once_with_its_number(
    content: bytes, size: int, begun: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "split.jsonl"
    path.write_bytes(content)
    numbered = dict(enumerate(io.BytesIO(content), start=1))
    offset = len(b"".join(line for number, line in numbered.items() if number <= begun))
    start = Place(offset, min(begun, len(numbered)) + 1)

    def count(ranges: list[tuple[str, int, int]]) -> list[int]:
        return [count_lines(*one) for one in ranges]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SPLIT_BYTES", size)
        patch.setattr(module, "CHUNK_ROWS", 3)
        patch.setattr(module, "_BLOCK", 4)
        splits = source_of(content, str(path)).splits(start, count)
        found = [
            (work.start.number + place, line)
            for split in splits
            for work in split.works()
            for place, line in enumerate(work.lines)
        ]
    assert found == [(number, line) for number, line in numbered.items() if number > begun]


def test_a_file_that_shrinks_while_it_is_counted_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"a\nb\n")
    assert count_lines(str(path), 0, 100) == 3


def test_what_has_no_end_cannot_be_split() -> None:
    source: Any = LinesSource(io.BytesIO(b"a\n"), "-", "-")
    assert source.splits(Place(), lambda _: []) == []
