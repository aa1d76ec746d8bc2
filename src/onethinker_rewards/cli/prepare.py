"""``prepare``: the rows of a data set to the Parquet that verl trains on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

import onethinker_rewards
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Target, open_spool
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, row_options
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules, Stage, schema_of, verl_row
from onethinker_rewards.trainer.media import (
    FRAMES,
    IMAGE_PIXELS,
    MIN_PIXELS,
    VIDEO_FPS,
    VIDEO_PIXELS,
    Check,
    MediaRules,
)

# The part of an output that holds bad rows, and in the summary what they are counted under.
BAD = "bad"
_BAD_ROWS = "(bad rows)"
_NO_TASK = "(no task)"
_COLUMNS = (Column("images", "images", mean=False), Column("videos", "videos", mean=False))
_PIXELS = click.IntRange(min=MIN_PIXELS)
_F = TypeVar("_F", bound=Callable[..., Any])


def number_option(name: str, kind: click.IntRange | click.FloatRange, default: float, text: str) -> Callable[[_F], _F]:
    """Return an option that is a number and has a default."""

    def finite(ctx: click.Context, option: click.Parameter, value: float) -> float:
        if not math.isfinite(value):
            raise click.BadParameter(f"{value} is not a finite number")
        return value

    return click.option(name, type=kind, default=default, show_default=True, help=text, callback=finite)


@click.command(short_help="Make verl's Parquet of a data set.")
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Write rows there: a name that ends in .parquet.")
@click.option("--bad", metavar="FILE", help="Write bad rows there.  [default: OUT with .bad.jsonl]")
@click.option(
    "--stage",
    type=click.Choice(["rl", "sft"]),
    default="rl",
    help="rl writes prompts and references, sft prompts and responses.",
    show_default=True,
)
@row_options
@click.option("--media-root", metavar="DIR", help="Where relative paths start.  [default: the folder of FILE]")
@click.option(
    "--check-media",
    type=click.Choice(["none", "presence", "readable"]),
    default="none",
    help="Whether images and videos must be there, or be readable too.",
    show_default=True,
)
@click.option("--frames", is_flag=True, help="Videos are folders or lists of frames, not files.")
@number_option("--image-pixels", _PIXELS, IMAGE_PIXELS, "Most pixels of an image.")
@number_option("--video-pixels", _PIXELS, VIDEO_PIXELS, "Most pixels of a frame.")
@number_option("--fps", click.FloatRange(min=0, min_open=True), VIDEO_FPS, "Frames a second.")
@number_option("--max-frames", click.IntRange(min=4), FRAMES, "Most frames of a video.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Convert in N processes.")
@click.option("--resume", is_flag=True, help="Go on where a run of the same command ended early.")
@click.pass_context
def prepare(
    ctx: click.Context,
    file: str,
    out: str,
    bad: str | None,
    stage: Stage,
    reader: RowReader,
    media_root: str | None,
    check_media: Check,
    image_pixels: int,
    video_pixels: int,
    fps: float,
    max_frames: int,
    workers: int | None,
    *,
    frames: bool,
    resume: bool,
) -> None:
    """Make verl's Parquet of the rows of FILE, a file of OneThinker's data sets or Video-R1's as it is.

    FILE (`-` is standard input) is JSON Lines, a JSON array, CSV or Parquet. Columns that go by other names are named
    by --column. A row that cannot be trained on is not written; it goes to a side file as
    {"row": number, "fault": kind, "error": why, "columns": the row}. A summary by task goes to standard error.

    Example: onethinker-rewards prepare onethinker_rl_train.json --out train.parquet --media-root /data/onethinker

    Exit code: 0, or 2 if there are bad rows or the run could not go on.
    """
    if Path(out).suffix.lower() != ".parquet":
        raise CliError(f"{out}: verl reads Parquet; give a name that ends in .parquet")
    media = MediaRules(
        root=media_root_of(file, media_root),
        check=check_media,
        frames=frames,
        image_pixels=image_pixels,
        video_pixels=video_pixels,
        fps=fps,
        max_frames=max_frames,
    )
    readers = ("PIL", "av") if check_media == "readable" else ()
    check_packages(("pyarrow", *readers), "prepare")
    screen = console(stderr=True)
    job = _Prepare(Rules(stage=stage, media=media, columns=reader.columns, task=reader.task), reader)
    bad = bad or str(Path(out).with_suffix(".bad.jsonl"))
    targets = {MAIN: Target(out, "parquet", schema_of(job.rules)), BAD: Target(bad)}
    options = {"job": repr(job), "version": onethinker_rewards.__version__}
    with open_table(file) as table, open_spool(targets, table.file, options, resume=resume) as output:
        summary = run(table, output, engine_of(job, workers), screen)
    screen.print(f"{counted(summary.rows - summary.invalid, 'row')} written to {out}", soft_wrap=True)
    say_bad_rows(screen, summary, bad)
    if summary.tallies:
        screen.print(summary_table(summary.tallies, [*reader.tasks(), _NO_TASK], _COLUMNS, codes=False))
    ctx.exit(UNREADABLE if summary.invalid else 0)


@dataclass(frozen=True, slots=True)
class BadRow(InvalidRow):
    """A row that cannot be used, with the kind of its fault, and the row if it could be read."""

    fault: Fault
    row: Row | None = None

    @classmethod
    def of(cls, row: Row | InvalidRow, error: InvalidRowError | None = None) -> BadRow:
        """Return what is wrong with a row; without an error it could not be read."""
        if isinstance(row, InvalidRow):
            return cls(row.number, row.reason, Fault.NOT_JSON)
        return cls(row.number, str(error), Fault.COLUMNS if error is None else error.fault, row)

    def columns(self) -> dict[str, object]:
        """Return what is written in its place."""
        written: dict[str, object] = {"row": self.number, "fault": str(self.fault), "error": self.reason}
        return written if self.row is None else written | {"columns": self.row.columns}


@dataclass(frozen=True, slots=True)
class _Prepare:
    """Converts chunks; it can be pickled."""

    rules: Rules
    reader: RowReader

    def __call__(self, chunk: Chunk) -> ChunkResult:
        from onethinker_rewards.cli.arrow import pa, table_to_bytes  # noqa: PLC0415 - needs pyarrow

        rows = chunk.rows()
        result = ChunkResult(Summary(len(rows)))
        good: list[dict[str, Any]] = []
        for row in rows:
            converted = self._convert(row)
            if isinstance(converted, BadRow):
                add_bad_row(result, converted)
                continue
            good.append(converted)
            counts = {"images": len(converted["images"]), "videos": len(converted["videos"])}
            result.summary.of(converted["extra_info"]["task"] or _NO_TASK).add(counts, None)
        if good:
            result.parts[MAIN] = table_to_bytes(pa.Table.from_pylist(good, schema=schema_of(self.rules)))
        return result

    def _convert(self, row: Row | InvalidRow) -> dict[str, Any] | BadRow:
        if isinstance(row, InvalidRow):
            return BadRow.of(row)
        try:
            return verl_row(row.columns, row.number, self.rules, self.reader.tasks())
        except InvalidRowError as error:
            return BadRow.of(row, error)


def add_bad_row(result: ChunkResult, row: BadRow) -> None:
    """Add a bad row to what becomes of a chunk."""
    result.invalid.append(row)
    result.parts[BAD] = result.parts.get(BAD, b"") + encode_row(row.columns())
    result.summary.invalid += 1
    result.summary.of(_BAD_ROWS).add({}, str(row.fault))


def say_bad_rows(screen: Console, summary: Summary, path: str) -> None:
    """Print how many bad rows there are of each kind, and take them out of the sums by task."""
    bad = summary.tallies.pop(_BAD_ROWS, None)
    if bad is not None:
        faults = ", ".join(f"{fault} {count:,}" for fault, count in sorted(bad.codes.items(), key=_most_first))
        screen.print(f"{counted(summary.invalid, 'bad row')} written to {path}: {faults}", soft_wrap=True)


def media_root_of(file: str, given: str | None) -> str:
    """Return the folder that paths start at, as an absolute path.

    Raises:
        CliError: If the folder that was given does not exist.
    """
    if given is not None and not Path(given).is_dir():
        raise CliError(f"{given}: no such folder")
    root = Path(given) if given is not None else Path() if file == STANDARD else Path(file).parent
    return str(root.absolute())


def check_packages(modules: tuple[str, ...], extra: str) -> None:
    """Raise if a module that an extra of this package brings is not installed.

    Raises:
        CliError: Naming all that are missing, and the extra.
    """
    missing = ["pillow" if module == "PIL" else module for module in modules if find_spec(module) is None]
    if missing:
        raise CliError(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[{extra}]'")


def _most_first(item: tuple[str, int]) -> int:
    return -item[1]
