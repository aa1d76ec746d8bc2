"""What a command writes: JSON Lines as the rows come, or files that are made when all rows are done.

Both can be taken up again. JSON Lines: as many rows of the input are skipped as the output has lines. Parquet, CSV and
commands with several outputs: results are appended to ``<out>.unfinished``, from which the files are made in the end.
"""

from __future__ import annotations

import csv
import io
import os
import struct
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import click
import msgspec

from onethinker_rewards.cli.messages import STANDARD, CliError, discard, error_text
from onethinker_rewards.cli.rows import InvalidRow, Row, decode_row, json_text
from onethinker_rewards.cli.summary import Summary

__all__ = ["MAIN", "ChunkResult", "Output", "Target", "file_format", "open_lines", "open_spool"]

# The only part of a command that has one output.
MAIN = "rows"
_PACKERS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
_FORMATS = {".parquet": "parquet", ".csv": "csv"}
_LENGTHS = struct.Struct("<QQ")
# What a spool begins with; another version of its format needs another number.
_SPOOL = b"onethinker-rewards spool 1\n"


@dataclass(slots=True)
class ChunkResult:
    """What became of a chunk of rows.

    Attributes:
        summary: Counts and sums.
        invalid: Rows that could not be used.
        parts: What is written, by the name of the output: JSON Lines, or a table as an Arrow stream.
    """

    summary: Summary
    invalid: list[InvalidRow] = field(default_factory=list[InvalidRow])
    parts: dict[str, bytes] = field(default_factory=dict[str, bytes])


class Output(Protocol):
    """An open output.

    Attributes:
        done: What earlier runs did.
        is_terminal: Whether rows are printed on a terminal.
    """

    done: Summary
    is_terminal: bool

    def write(self, result: ChunkResult) -> None:
        """Write what belongs to the next rows."""
        ...

    def finish(self) -> None:
        """End the run: all rows are written."""
        ...


class _Frame(msgspec.Struct):
    """The head of what a spool holds of a chunk."""

    summary: Summary
    lengths: dict[str, int]
    options: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is made of one part of a spool.

    Attributes:
        path: The file.
        format: ``jsonl``, ``parquet`` or ``csv``; the last two are made of Arrow streams.
        schema: The Arrow schema of a Parquet file whose parts all have it, also if there is none.
    """

    path: str
    format: str = "jsonl"
    schema: Any = None


def file_format(path: str) -> str:
    """Return the format that a file's name asks for: ``parquet``, ``csv``, or ``jsonl`` for all others.

    Raises:
        CliError: If the name asks for compressed output.
    """
    suffix = Path(path).suffix.lower()
    if suffix in _PACKERS:
        packer = _PACKERS[suffix]
        raise CliError(f"{path}: cannot be written compressed; pack it on the way: … | {packer} > {path}")
    return _FORMATS.get(suffix, "jsonl")


@contextmanager
def open_lines(
    path: str, source: IO[bytes], *, resume: bool = False, recount: Callable[[Row, Summary], None] | None = None
) -> Generator[Output]:
    """Open JSON Lines, or standard output for ``-``.

    Args:
        path: The file.
        source: The input, which must not be overwritten.
        resume: Whether to go on after the lines that are there; a torn last line is dropped.
        recount: Adds a line that is there to a summary.

    Raises:
        CliError: If it cannot be opened, or is the input.
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
    try:
        whole = _recount(path, done, recount) if resume and Path(path).exists() else 0
        file = Path(path).open("r+b" if whole else "wb", buffering=0)  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        raise CliError(f"{path}: {error_text(error)}") from None
    with file:
        if whole:
            file.truncate(whole)
            file.seek(whole)
        yield _Lines(file, path, done)


@contextmanager
def open_spool(
    targets: Mapping[str, Target], source: IO[bytes], options: Mapping[str, object], *, resume: bool = False
) -> Generator[Output]:
    """Open a spool beside the first target, of which all targets are made in the end.

    Args:
        targets: The files by part.
        source: The input, which must not be overwritten.
        options: What the run does; a run with other options cannot take it up.
        resume: Whether to go on with the spool that is there.

    Raises:
        CliError: If a file cannot be written, is the input, or holds the rows of another run.
    """
    if any(target.format != "jsonl" for target in targets.values()):
        # Now, because later the rows would be lost if it is not installed.
        import onethinker_rewards.cli.arrow  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]
    first = next(iter(targets.values())).path
    path = Path(f"{first}.unfinished")
    for target in targets.values():
        check_target(target.path, source)
    if len({Path(target.path).absolute() for target in targets.values()}) < len(targets):
        raise CliError(f"{first}: two outputs have the same name")
    if path.is_file() and path.stat().st_size and not resume:
        raise CliError(f"{path}: has rows of a run that was not finished; add --resume, or remove the file")
    try:
        file = path.open("a+b", buffering=0)
    except (OSError, ValueError) as error:
        raise CliError(f"{path}: {error_text(error)}") from None
    with file:
        spool = _Spool(file, path, targets, dict(options))
        try:
            yield spool
        finally:
            spool.remove_if_empty()


def check_target(path: str, source: IO[bytes]) -> None:
    """Raise if a file must not be written: opening it would empty the input, or it is a folder."""
    with suppress(OSError, ValueError):
        if os.path.samestat(Path(path).stat(), os.fstat(source.fileno())):
            raise CliError(f"{path}: is the input too; write to another file")
    if Path(path).is_dir():
        raise CliError(f"{path}: Is a directory")
    if not Path(path).absolute().parent.is_dir():
        raise CliError(f"{path}: No such file or directory")


class _Lines:
    def __init__(self, file: IO[bytes], name: str, done: Summary | None = None) -> None:
        self._file, self._name = file, name
        self.done = done or Summary()
        self.is_terminal = file.isatty()

    def write(self, result: ChunkResult) -> None:
        _write(self._file, self._name, result.parts.get(MAIN, b""))

    def finish(self) -> None:
        pass


class _Spool:
    def __init__(self, file: IO[bytes], path: Path, targets: Mapping[str, Target], options: dict[str, object]) -> None:
        self._file, self._path, self._targets = file, path, targets
        self.done = Summary()
        self.is_terminal = False
        whole, said = 0, json_text(options)
        try:
            for frame, _, end in self._frames():
                if whole == 0 and frame.options != said:
                    raise CliError(f"{path}: is of a run with other options; remove it, or run with the same ones")
                self.done.merge(frame.summary)
                whole = end
        except (ValueError, msgspec.MsgspecError):
            raise CliError(f"{path}: is not of a run of this version; remove it, and run again") from None
        file.truncate(whole)
        if whole == 0:
            self._append(_Frame(Summary(), {}, said), b"", _SPOOL)
        # Nothing is lost with a spool of a run that ended before its first rows were done.
        self._is_empty = self.done.rows == 0

    def remove_if_empty(self) -> None:
        if self._is_empty:
            self._path.unlink(missing_ok=True)

    def write(self, result: ChunkResult) -> None:
        self._is_empty = False
        lengths = {name: len(part) for name, part in result.parts.items()}
        self._append(_Frame(result.summary, lengths), b"".join(result.parts.values()))

    def finish(self) -> None:
        for name, target in self._targets.items():
            final = Path(os.path.realpath(target.path))
            # A device, such as /dev/null, or a pipe is written to, never replaced by a file.
            replaced = final.is_file() or not final.exists()
            unfinished = Path(f"{final}.tmp") if replaced else final
            try:
                with unfinished.open("wb") as file:
                    _make(target, lambda name=name: self._parts(name), file)
                if replaced:
                    unfinished.replace(final)
            except OSError as error:
                raise CliError(f"{target.path}: {error_text(error)}") from None
            finally:
                if replaced:
                    unfinished.unlink(missing_ok=True)
        self._path.unlink()

    def _append(self, frame: _Frame, body: bytes, before: bytes = b"") -> None:
        head = msgspec.json.encode(frame)
        _write(self._file, str(self._path), before + _LENGTHS.pack(len(head), len(body)) + head + body)

    def _parts(self, name: str) -> Iterator[bytes]:
        for frame, offset, _ in self._frames():
            before = list(frame.lengths).index(name) if name in frame.lengths else None
            if before is not None:
                self._file.seek(offset + sum(list(frame.lengths.values())[:before]))
                yield self._file.read(frame.lengths[name])

    def _frames(self) -> Iterator[tuple[_Frame, int, int]]:
        """Yield each whole frame with the offsets of its parts and of its end; a torn last one is left out.

        Raises:
            ValueError: If the file is no spool.
        """
        size = os.fstat(self._file.fileno()).st_size
        self._file.seek(0)
        if not _SPOOL.startswith(self._file.read(len(_SPOOL))):
            raise ValueError
        end = len(_SPOOL)
        while end + _LENGTHS.size <= size:
            self._file.seek(end)
            head, body = _LENGTHS.unpack(self._file.read(_LENGTHS.size))
            begin = end + _LENGTHS.size + head
            end = begin + body
            if end > size:
                return
            yield msgspec.json.decode(self._file.read(head), type=_Frame), begin, end


def _write(file: IO[bytes], name: str, blob: bytes) -> None:
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

    schema = target.schema if target.schema is not None else arrow.common_schema(parts())
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
