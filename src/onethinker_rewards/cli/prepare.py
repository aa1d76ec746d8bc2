"""``prepare``: the rows of a data set to the Parquet that verl trains on."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted
from onethinker_rewards.cli.options import (
    bad_option,
    choice_option,
    dialect_options,
    frames_option,
    number_option,
    recipe_option,
    resume_option,
    root_option,
    row_options,
    workers_option,
)  # fmt: skip
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Target, open_spool
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, codes_of, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules, Stage, schema_of, verl_row
from onethinker_rewards.trainer.media import (
    FRAMES,
    IMAGE_PIXELS,
    MIN_PIXELS,
    VIDEO_FPS,
    VIDEO_PIXELS,
    MediaRules,
)

# The part of an output that holds bad rows, and in the summary what they are counted under.
BAD = "bad"
_BAD_ROWS = "(bad rows)"
_NO_TASK = "(no task)"
_COLUMNS = (Column("images", "images", mean=False), Column("videos", "videos", mean=False))
_PIXELS = click.IntRange(min=MIN_PIXELS)
_CHECKS = ["none", "presence", "readable"]


@click.command
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Output file, with a name that ends in .parquet.")
@bad_option
@choice_option("--stage", ["rl", "sft"], "rl writes prompts and references, sft prompts and responses.")
@recipe_option("Recipe with the end tokens allowed in stage sft; module:RECIPE is your own.")
@dialect_options
@row_options
@root_option
@choice_option("--check-media", _CHECKS, "Check that images and videos exist, or that they are readable.", "check")
@frames_option
@number_option("--image-pixels", _PIXELS, IMAGE_PIXELS, "Maximum pixels per image.")
@number_option("--video-pixels", _PIXELS, VIDEO_PIXELS, "Maximum pixels per frame.")
@number_option("--fps", click.FloatRange(min=0, min_open=True), VIDEO_FPS, "Frames per second.")
@number_option("--max-frames", click.IntRange(min=4), FRAMES, "Maximum frames per video.")
@workers_option
@resume_option
def prepare(
    file: str, out: str, bad: str | None, stage: Stage, recipe: str, dialect: str | None,
    reference_dialect: str | None, reader: RowReader, root: str | None, workers: int | None,
    *, resume: bool, **media: Any,
) -> None:  # fmt: skip
    """Convert FILE, an unchanged file of OneThinker's data sets or of Video-R1, to verl's Parquet.

    FILE (`-` is standard input) is JSON Lines, a JSON array, CSV or Parquet; --column maps other names of columns.
    Prompts ask for answers in --dialect; if it is in pixels, `size` is width and height of the image as resized for the
    model. A row that cannot be trained on goes to a side file as
    {"row": number, "fault": kind, "error": reason, "columns": the row}. A summary by task goes to standard error.

    Example: onethinker-rewards prepare onethinker_rl_train.json --out train.parquet --media-root /data/onethinker

    Exit code: 0, or 2 if there are bad rows or the run could not continue.
    """
    if Path(out).suffix.lower() != ".parquet":
        raise CliError(f"{out}: verl reads Parquet; give a name that ends in .parquet")
    how = load_recipe(recipe, dialect, reference_dialect)
    rules = Rules(
        stage=stage,
        media=MediaRules(root=media_root_of(file, root), **media),
        columns=reader.columns,
        task=reader.task,
        end_tokens=tuple(how.end_tokens),
        dialect=how.dialect,
        reference_dialect=how.reference_dialect,
    )
    check_packages(("pyarrow", *(("PIL", "av") if rules.media.check == "readable" else ())), "prepare")
    screen = console(stderr=True)
    job = _Prepare(rules, reader)
    bad = bad_path(out, bad)
    targets = {MAIN: Target(out, "parquet", schema_of(rules)), BAD: Target(bad)}
    with open_table(file) as table, open_spool(targets, table.raw, job, resume=resume) as output:
        summary = run(table, output, engine_of(job, workers), screen)
    screen.print(f"{counted(summary.rows - summary.invalid, 'row')} written to {out}", soft_wrap=True)
    say_bad_rows(screen, summary, bad)
    if summary.tallies:
        screen.print(summary_table(summary.tallies, [*reader.tasks(), _NO_TASK], _COLUMNS, codes=False))
    raise click.exceptions.Exit(UNREADABLE if summary.invalid else 0)


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
            result.summary.add(converted["extra_info"]["task"] or _NO_TASK, counts)
        if good:
            result.write(MAIN, table_to_bytes(pa.Table.from_pylist(good, schema=schema_of(self.rules))))
        return result

    def _convert(self, row: Row | InvalidRow) -> dict[str, Any] | BadRow:
        if isinstance(row, InvalidRow):
            return BadRow(row.number, row.reason, Fault.NOT_JSON)
        try:
            return verl_row(row.columns, row.number, self.rules, self.reader.tasks())
        except InvalidRowError as error:
            return BadRow(row.number, str(error), error.fault, row)


@dataclass(frozen=True, slots=True)
class BadRow(InvalidRow):
    """A row that cannot be used, with the kind of its fault, and the row if it could be read."""

    fault: Fault
    row: Row | None = None

    def columns(self) -> dict[str, object]:
        """Return what is written in its place."""
        written: dict[str, object] = {"row": self.number, "fault": str(self.fault), "error": self.reason}
        return written if self.row is None else written | {"columns": self.row.columns}


def bad_path(out: str, bad: str | None) -> str:
    """Return the file of bad rows, by default next to the output."""
    return bad or str(Path(out).with_suffix(".bad.jsonl"))


def add_bad_row(result: ChunkResult, row: BadRow) -> None:
    """Add a bad row to what becomes of a chunk."""
    result.reject(row)
    result.write(BAD, encode_row(row.columns()))
    result.summary.add(_BAD_ROWS, {}, row.fault)


def say_bad_rows(screen: Console, summary: Summary, path: str) -> None:
    """Print how many bad rows there are of each kind, and take them out of the sums by task."""
    bad = summary.tallies.pop(_BAD_ROWS, None)
    if bad is not None:
        faults = ", ".join(f"{fault} {count:,}" for fault, count in codes_of(bad))
        screen.print(f"{counted(summary.invalid, 'bad row')} written to {path}: {faults}", soft_wrap=True)


def media_root_of(file: str, given: str | None) -> str:
    """Return the folder that paths start at, as an absolute path."""
    if given is not None and not Path(given).is_dir():
        raise CliError(f"{given}: no such folder")
    root = Path(given) if given is not None else Path() if file == STANDARD else Path(file).parent
    return str(root.absolute())


def check_packages(modules: tuple[str, ...], extra: str) -> None:
    """Raise if a module that an extra of this package brings is not installed, naming all that are missing."""
    missing = ["pillow" if module == "PIL" else module for module in modules if find_spec(module) is None]
    if missing:
        raise CliError(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[{extra}]'")
