"""``report``: one HTML file about scored rows, to look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted, error_text
from onethinker_rewards.cli.options import dialect_option, file_option, recipe_option, root_option, row_options
from onethinker_rewards.cli.outputs import check_target, open_whole
from onethinker_rewards.cli.prepare import check_packages, media_root_of
from onethinker_rewards.cli.rows import InvalidRow
from onethinker_rewards.cli.samples import RowReader
from onethinker_rewards.cli.score import COLUMNS
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Summary, summary_table
from onethinker_rewards.cli.table_reader import Table, open_table
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError

if TYPE_CHECKING:
    from onethinker_rewards.report import Report

__all__ = ["report"]


@click.command
@click.argument("file")
@click.option("--out", default="report.html", show_default=True, metavar="FILE", help="File of the report.")
@file_option("--against", "Another scored file to compare with.")
@click.option(
    "--rows",
    "limit",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    metavar="N",
    help="Number of rows shown.",
)
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Seed of the random rows.")
@root_option
@recipe_option("How to read responses, to place faults and boxes; changes no number.")
@dialect_option
@row_options
def report(
    file: str, out: str, against: str | None, limit: int, seed: int, root: str | None, recipe: str,
    dialect: str | None, reader: RowReader,
) -> None:  # fmt: skip
    """Make an HTML report of the rows of FILE (`-` is standard input), an output of `score`.

    It has a table by task, the distributions of total and parts, curves if rows have a `step`, and a sample of rows:
    failures, the lowest, the highest and random ones. Each row shows its image, or frames of its video, with the boxes,
    points, times and masks of reference and answer, and its response with the fault marked.

    The report is one file that needs no server or network, and text of a model cannot run in it.

    Example: onethinker-rewards report scored.jsonl --out report.html --media-root images

    Example: onethinker-rewards report step_200.jsonl --against step_100.jsonl

    Exit code: 0, or 2 if some input could not be read.
    """
    check_packages(("jinja2", "PIL"), "report")
    if against == file:
        raise click.UsageError("--against names FILE itself.")
    media_root = media_root_of(file, root)
    with ExitStack() as stack:
        tables = [
            stack.enter_context(open_table(path, responses=reader.names("response")))
            for path in (file, against)
            if path is not None
        ]
        for table in tables if out != STANDARD else ():
            check_target(out, table.raw)
        made = _render(out, tables, limit, seed, media_root, recipe, dialect, reader)
    screen = console(stderr=True)
    screen.print(summary_table(_summary(made).tallies, list(reader.tasks()), COLUMNS))
    invalid = made.totals.invalid + (0 if made.against is None else made.against.invalid)
    for reason in [*made.totals.reasons, *(made.against.reasons if made.against else ())]:
        screen.print(reason, soft_wrap=True, markup=False)
    unused = f"; {counted(invalid, 'row')} could not be used" if invalid else ""
    screen.print(f"{_name(out)}: {made.shown:,} of {counted(made.totals.rows, 'row')}{unused}", soft_wrap=True)
    raise click.exceptions.Exit(UNREADABLE if invalid else 0)


def _render(
    out: str, tables: list[Table], limit: int, seed: int, media_root: str, recipe: str, dialect: str | None,
    reader: RowReader,
) -> Report:  # fmt: skip
    from onethinker_rewards.report import render  # noqa: PLC0415 - needs the extra report

    try:
        with click.open_file(STANDARD, "wb") if out == STANDARD else open_whole(out) as file:
            page = TextIOWrapper(file, encoding="utf-8", errors="replace", newline="\n", write_through=True)
            made = render(
                _rows(tables[0]),
                page,
                against=_rows(tables[1]) if tables[1:] else None,
                names=_titles(*(table.name for table in tables)),
                limit=limit,
                seed=seed,
                media_root=media_root,
                recipe=recipe,
                dialect=dialect,
                columns=reader.columns,
                task=reader.task,
                table=reader.tasks(),
            )
            # Detached, because a wrapper that goes out of use closes what it writes to.
            page.detach()
            return made
    except ArgumentError as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{_name(out)}: {error_text(error)}") from None


def _titles(this: str, other: str = "") -> tuple[str, str]:
    """Return what the page calls the files: their names, with their folders where the names are equal."""
    names = Path(this).name, Path(other).name
    return (this, other) if names[0] == names[1] else names


def _name(out: str) -> str:
    return "<stdout>" if out == STANDARD else out


def _rows(table: Table) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield rows with their numbers; one that cannot be read is a row with an error."""
    for chunk in table.chunks():
        for row in chunk.rows():
            yield row.number, row.columns() if isinstance(row, InvalidRow) else row.columns


def _summary(made: Report) -> Summary:
    """Return the sums that the table of `score` shows."""
    summary = Summary()
    for name, task in made.totals.tasks.items():
        sums = {column.name: task.means[column.name].total for column in COLUMNS if column.name in task.means}
        failures = {f"code/{code}": count for code, count in task.codes.items() if code in [*FailureCode]}
        summary.tallies[name] = {"rows": task.rows, **sums, **failures}
    return summary
