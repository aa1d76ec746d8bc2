"""What a command writes: JSON Lines as the rows come, or files that are made when all rows are done.

Both can be taken up again. JSON Lines: as many rows of the input are skipped as the output has lines. Parquet, CSV and
commands with several outputs: results are appended to ``<out>.unfinished``, from which the files are made in the end.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import IO, Any

import click
import msgspec

import onethinker_rewards
from onethinker_rewards.cli.messages import STANDARD, CliError, discard, error_text, one_line_errors
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row, json_text
from onethinker_rewards.cli.summary import Summary

# The only part of a command that has one output.
MAIN = "rows"
_PACKERS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
_FORMATS = {".parquet": "parquet", ".csv": "csv"}


@dataclass(slots=True)
class ChunkResult:
    """What became of a chunk of rows; ``parts`` are JSON Lines, or a table as an Arrow stream, by output."""

    summary: Summary
    invalid: list[InvalidRow] = field(default_factory=list[InvalidRow])
    parts: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])

    def reject(self, row: InvalidRow) -> None:
        """Count a row that could not be used."""
        self.invalid.append(row)
        self.summary.invalid += 1

    def write(self, part: str, *lines: bytes) -> None:
        """Add lines of JSON to an output, or a table."""
        self.parts.setdefault(part, []).extend(lines)


class Output:
    """An open output: ``done`` is what earlier runs did, ``is_terminal`` whether rows are printed on a terminal."""

    def __init__(self, *, is_terminal: bool = False) -> None:
        self.done = Summary()
        self.is_terminal = is_terminal

    def write(self, result: ChunkResult) -> None:
        """Write what belongs to the next rows."""
        raise NotImplementedError

    def finish(self) -> None:
        """End the run: all rows are written."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is made of one part of a spool: ``jsonl``, or ``parquet`` or ``csv``, which are Arrow streams.

    With a schema all its parts have it, and so has the file if there is none.
    """

    path: str
    format: str = "jsonl"
    schema: Any = None


def file_format(path: str) -> str:
    """Return the format that a file's name asks for: ``parquet``, ``csv``, or ``jsonl`` for all others."""
    suffix = Path(path).suffix.lower()
    if suffix in _PACKERS:
        packer = _PACKERS[suffix]
        raise CliError(f"{path}: cannot be written compressed; pack it on the way: … | {packer} > {path}")
    return _FORMATS.get(suffix, "jsonl")


@contextmanager
def open_lines(
    path: str, source: IO[bytes], *, resume: bool = False, recount: Callable[[Row, Summary], None] | None = None
) -> Generator[Output]:
    """Open JSON Lines, or standard output for ``-``; the input must not be overwritten.

    ``resume`` goes on after the lines that are there, which ``recount`` adds to a summary.
    """
    if path in (STANDARD, "/dev/stdout"):
        if resume:
            raise CliError("--resume needs an --out that is a file")
        if sys.stdout is None:
            raise CliError("<stdout>: is closed")
        yield _Lines(click.open_file(STANDARD, "wb"), "<stdout>")
        return
    check_target(path, source)
    done = Summary()
    with one_line_errors(path):
        whole = _recount(path, done, recount) if resume and Path(path).exists() else 0
        file = Path(path).open("r+b" if whole else "wb", buffering=0)  # noqa: SIM115 - closed below
        if whole:
            file.truncate(file.seek(whole))
    with file:
        output = _Lines(file, path)
        output.done = done
        yield output


@contextmanager
def open_spool(
    targets: Mapping[str, Target], source: IO[bytes], job: object, *, resume: bool = False
) -> Generator[Spool]:
    """Open a spool next to the first target, of which all targets are made in the end, by part.

    ``resume`` goes on with a spool that is there; its job must be the same.
    """
    if any(target.format != "jsonl" for target in targets.values()):
        # Now, because later the rows would be lost if it is not installed.
        import_module("onethinker_rewards.cli.arrow")
    first = next(iter(targets.values())).path
    path = Path(f"{first}.unfinished")
    for target in targets.values():
        check_target(target.path, source)
    if len({Path(target.path).absolute() for target in targets.values()}) < len(targets):
        raise CliError(f"{first}: two outputs have the same name")
    if path.is_file() and path.stat().st_size and not resume:
        raise CliError(f"{path}: has rows of a run that was not finished; add --resume, or remove the file")
    with one_line_errors(path):
        file = path.open("a+b")
    with file:
        spool = Spool(file, path, targets, [repr(job), onethinker_rewards.__version__])
        try:
            yield spool
        finally:
            # Nothing is lost with a spool of a run that ended before its first rows were done.
            if not spool.has_rows:
                path.unlink(missing_ok=True)


def check_target(path: str, source: IO[bytes]) -> None:
    """Raise if a file must not be written: opening it would empty the input, or it is a folder."""
    with suppress(OSError, ValueError):
        if os.path.samestat(Path(path).stat(), os.fstat(source.fileno())):
            raise CliError(f"{path}: is the input too; write to another file")
    if Path(path).is_dir():
        raise CliError(f"{path}: Is a directory")
    if not Path(path).absolute().parent.is_dir():
        raise CliError(f"{path}: No such file or directory")


@contextmanager
def open_whole(path: str) -> Generator[IO[bytes]]:
    """Open a file that is there in one step, when all of it has been written."""
    final = Path(os.path.realpath(path))
    # A device, such as /dev/null, or a pipe is written to, never replaced by a file.
    replaced = final.is_file() or not final.exists()
    unfinished = Path(f"{final}.tmp") if replaced else final
    try:
        with unfinished.open("wb") as file:
            yield file
        if replaced:
            unfinished.replace(final)
    finally:
        if replaced:
            unfinished.unlink(missing_ok=True)


class _Lines(Output):
    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(is_terminal=file.isatty())
        self._file, self._name = file, name

    def write(self, result: ChunkResult) -> None:
        write_all(self._file, self._name, b"".join(result.parts.get(MAIN, [])))


# What a spool begins with; another format of it needs another number.
_SPOOL = b'{"spool":2,'


class _Frame(msgspec.Struct, omit_defaults=True):
    """A line of a spool: what became of a chunk, and how many bytes of each part follow; or answers to a row."""

    spool: int
    summary: Summary
    lengths: dict[str, int]
    run: list[str] | None = None
    answers: dict[int, list[str]] = msgspec.field(default_factory=dict[int, list[str]])


class Spool(Output):
    """A file of frames; the first says which run it is of.

    Answers that an endpoint gives are kept as they come, before rows are done, so that a resumed run asks none twice.
    """

    def __init__(self, file: IO[bytes], path: Path, targets: Mapping[str, Target], run: list[str]) -> None:
        super().__init__()
        self._file, self._path, self._targets = file, path, targets
        self._lock = Lock()
        self.answers: dict[int, list[str]] = {}
        whole = file.seek(0)
        if not _SPOOL.startswith(file.read(len(_SPOOL))):
            raise CliError(f"{path}: is not of a run of this version; remove it, and run again")
        for frame, begin in self._frames():
            if whole == 0 and frame.run != run:
                raise CliError(f"{path}: is of a run with other options; remove it, or run with the same ones")
            self.done.merge(frame.summary)
            for row, answers in frame.answers.items():
                self.answers.setdefault(row, []).extend(answers)
            whole = begin + sum(frame.lengths.values())
        self.has_rows = self.done.rows > 0 or bool(self.answers)
        # A row's number is at least the count of rows up to it.
        self.answers = {row: answers for row, answers in self.answers.items() if row > self.done.rows}
        file.truncate(whole)
        if whole == 0:
            self._append(_Frame(2, Summary(), {}, run))

    def keep(self, row: int, answers: list[str]) -> None:
        """Keep answers to a row that is not done yet; another thread may do so."""
        self.has_rows = True
        self._append(_Frame(2, Summary(), {}, answers={row: answers}))

    def write(self, result: ChunkResult) -> None:
        """Append what became of a chunk."""
        self.has_rows = True
        lengths = {name: sum(map(len, blobs)) for name, blobs in result.parts.items()}
        self._append(_Frame(2, result.summary, lengths), *chain.from_iterable(result.parts.values()))

    def finish(self) -> None:
        """Make the targets, each in one step."""
        for name, target in self._targets.items():
            with one_line_errors(target.path), open_whole(target.path) as file:
                _make(target, lambda name=name: self._parts(name), file)
        self._path.unlink()

    def _append(self, frame: _Frame, *parts: bytes) -> None:
        with self._lock:
            write_all(self._file, str(self._path), b"".join([msgspec.json.encode(frame), b"\n", *parts]))

    def _frames(self) -> Iterator[tuple[_Frame, int]]:
        """Yield each whole frame with the offset of its parts; a torn last one is left out."""
        size = os.fstat(self._file.fileno()).st_size
        self._file.seek(0)
        while (line := self._file.readline()).endswith(b"\n"):
            frame = msgspec.json.decode(line, type=_Frame)
            begin = self._file.tell()
            end = begin + sum(frame.lengths.values())
            if end > size:
                return
            yield frame, begin
            self._file.seek(end)

    def _parts(self, name: str) -> Iterator[bytes]:
        for frame, begin in self._frames():
            offset = begin
            for part, length in frame.lengths.items():
                if part == name:
                    self._file.seek(offset)
                    yield self._file.read(length)
                offset += length


def write_all(file: IO[bytes], name: str, blob: bytes) -> None:
    """Write all of a blob, also where the system takes a part of it; a full disk is a CliError."""
    try:
        rest = memoryview(blob)
        while rest:
            rest = rest[file.write(rest) :]
        file.flush()
    except BrokenPipeError:
        discard(file)
        raise
    except OSError as error:
        discard(file)
        raise CliError(f"{name}: {error_text(error)}") from None


def _recount(path: str, done: Summary, recount: Callable[[Row, Summary], None] | None) -> int:
    """Add the whole lines of an output to a summary and return where they end."""
    end = 0
    with Path(path).open("rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break
            end += len(line)
            row = decode_row(line, done.rows + 1)
            if isinstance(row, InvalidRow):
                raise CliError(f"{path}: line {row.number}: {row.reason}; this is no output to go on with")
            done.rows += 1
            if set(row.columns) == {"row", "error"}:
                done.invalid += 1
            elif recount is not None:
                try:
                    recount(row, done)
                except (KeyError, TypeError):
                    reason = "it has no rewards of this command; give the output of the same command"
                    raise CliError(f"{path}: line {row.number}: {reason}, or another name") from None
    return end


def _make(target: Target, parts: Callable[[], Iterable[bytes]], file: IO[bytes]) -> None:
    if target.format == "jsonl":
        file.writelines(parts())
        return
    from onethinker_rewards.cli import arrow  # noqa: PLC0415 - needs pyarrow

    schema = target.schema if target.schema is not None else arrow.common_schema(parts)
    if target.format == "parquet":
        arrow.write_parquet(parts, schema, file)
        return
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow(schema.names)
    for part in parts():
        for row in arrow.table_from_bytes(part).to_pylist():
            writer.writerow([_cell(row.get(name)) for name in schema.names])
    text.flush()
    text.detach()


def _cell(value: object) -> object:
    return json_text(value) if isinstance(value, dict | list | bytes) else value
