from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from onethinker_rewards.cli import tables, watch
from onethinker_rewards.cli.rows import Broken
from onethinker_rewards.cli.watch import Watch


def screen(*, terminal: bool) -> tuple[Console, io.StringIO]:
    shown = io.StringIO()
    return Console(file=shown, force_terminal=terminal, width=100, highlight=False, markup=False), shown


def watched(*, terminal: bool = True, bar: bool = True, source: io.BufferedIOBase | None = None) -> str:
    console, shown = screen(terminal=terminal)
    with Watch("in.jsonl", source or io.BytesIO(), console, bar=bar) as seen:
        seen.advance(4096, 50)
        seen.say(Broken(7, "not JSON"))
        seen.advance(4, 50)
    assert (seen.rows, seen.broken) == (4100, 1)
    return shown.getvalue()


def test_a_long_run_shows_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(watch, "PATIENCE", -1.0)
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"x" * 100)
    with path.open("rb") as source:
        shown = watched(source=source)
    assert "4,096 rows" in shown
    assert " 50 %" in shown
    assert "100 %" in shown
    assert "in.jsonl: row 7: not JSON" in shown


def test_an_input_without_a_size_shows_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PATIENCE", -1.0)
    assert "4,100 rows" in watched()


@pytest.mark.parametrize(
    ("terminal", "bar", "patience"),
    [
        pytest.param(False, True, -1.0, id="no-terminal"),
        pytest.param(True, False, -1.0, id="rows-go-to-the-terminal"),
        pytest.param(True, True, 60.0, id="short-run"),
    ],
)
def test_elsewhere_there_is_no_bar(monkeypatch: pytest.MonkeyPatch, terminal: bool, bar: bool, patience: float) -> None:
    monkeypatch.setattr(watch, "PATIENCE", patience)
    assert watched(terminal=terminal, bar=bar) == "in.jsonl: row 7: not JSON\n"


def test_a_pipe_has_no_size() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as source, os.fdopen(write, "wb"):
        console, _ = screen(terminal=False)
        assert Watch("-", source, console, bar=True).rows == 0


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
