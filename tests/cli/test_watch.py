from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from onethinker_rewards.cli import tables, watch
from onethinker_rewards.cli.rows import Broken
from onethinker_rewards.cli.watch import Watch
from onethinker_rewards.cli.work import Done, Place


def done(rows: int, offset: int, *broken: Broken) -> Done:
    return Done(Place(offset), rows, len(broken), list(broken), {}, b"")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look at the clock, and a second has gone."""
    seconds = iter(range(1000))
    monkeypatch.setattr(watch.time, "monotonic", lambda: float(next(seconds)))


def watched(*, terminal: bool = True, bar: bool = True, total: int | None = None, start: int = 0, rows: int = 0) -> str:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=terminal, width=100, highlight=False, markup=False)
    with Watch("in.jsonl", console, total=total, start=start, rows=rows, bar=bar) as seen:
        # At second 1, 2 and 3.
        seen.note(done(4096, 50, Broken(7, "not JSON")))
        seen.note(done(4096, 60))
        seen.note(done(4, 90))
    return shown.getvalue()


def test_a_long_run_shows_rows_speed_and_time_left_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.5)
    shown = watched(total=100)
    assert "4,096 rows, 4,096 a second, 50 %, 0:00:01 left" in shown
    assert "8,192 rows, 4,096 a second, 60 %, 0:00:01 left" in shown
    assert "8,196 rows, 2,732 a second, 90 %, 0:00:00 left" in shown
    assert "in.jsonl: row 7: not JSON" in shown


def test_what_earlier_runs_did_counts_as_done_and_not_as_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.5)
    shown = watched(total=1050, start=40, rows=1000)
    assert "5,096 rows, 4,096 a second, 5 %, 0:01:40 left" in shown


def test_an_input_without_a_size_shows_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", 0.5)
    shown = watched()
    assert "8,196 rows, 2,732 a second" in shown
    assert "left" not in shown


def test_elsewhere_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LINE_EVERY", 1.5)
    assert watched(terminal=False, total=100).splitlines() == [
        "in.jsonl: row 7: not JSON",
        "in.jsonl: 8,192 rows, 4,096 a second, 60 %, 0:00:01 left",
    ]


@pytest.mark.parametrize(
    ("terminal", "bar", "patience"),
    [
        pytest.param(False, True, 0.5, id="no-terminal"),
        pytest.param(True, False, 0.5, id="rows-go-to-the-terminal"),
        pytest.param(True, True, 60.0, id="short-run"),
    ],
)
def test_elsewhere_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, terminal: bool, bar: bool, patience: float) -> None:
    monkeypatch.setattr(watch, "PATIENCE", patience)
    assert watched(terminal=terminal, bar=bar) == "in.jsonl: row 7: not JSON\n"


def test_before_anything_is_read_nobody_knows_how_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LINE_EVERY", 0.5)
    shown = io.StringIO()
    with Watch("in", Console(file=shown, width=100), total=100, start=40, rows=7) as seen:
        seen.note(done(0, 40))
    assert shown.getvalue() == "in: 7 rows, 0 a second\n"


def test_only_twenty_rows_are_named_over_all_works() -> None:
    shown = io.StringIO()

    def several() -> Iterator[Done]:
        for first in (1, 16, 31):
            yield done(15, 0, *[Broken(first + more, "x") for more in range(15)])

    with Watch("in", Console(file=shown), total=None) as seen:
        for one in several():
            seen.note(one)
    said = shown.getvalue().splitlines()
    assert said[:20] == [f"in: row {row}: x" for row in range(1, 21)]
    assert said[20:] == ["in: 25 more rows that could not be used; see the output"]


def test_a_terminal_has_its_own_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert tables.console().width == 77
    monkeypatch.delenv("FORCE_COLOR")
    assert tables.console(stderr=True).width == 100


def test_a_console_takes_any_standard_output() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        tables.console().print("text")
    assert shown.getvalue() == "text\n"


def test_a_console_passes_a_broken_pipe_on() -> None:
    with pytest.raises(BrokenPipeError):
        tables.console().on_broken_pipe()
