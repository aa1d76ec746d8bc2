"""``score``: rewards of the rows of a file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import click

from onethinker_rewards.cli.files import UNREADABLE
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.samples import Sample, sample_of, usable
from onethinker_rewards.cli.stream import stream
from onethinker_rewards.cli.tables import Column, Tally, console, summary_table, tally_of
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import RECIPES, Recipe, RewardBatch
from onethinker_rewards.rewards import score as score_rows
from onethinker_rewards.tasks import TASKS

__all__ = ["COLUMNS", "add_to_tallies", "score", "score_samples"]

COLUMNS = (Column("total", "total"), Column("accuracy", "accuracy"), Column("format", "format"))


@click.command(short_help="Score the rows of a file.")
@click.argument("file")
@click.option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    default="paper",
    show_default=True,
    help="paper follows the equations, release equals the released code.",
)
@click.option("--out", default="-", metavar="FILE", help="Write rows there, not to standard output.")
@click.pass_context
def score(ctx: click.Context, file: str, recipe: str, out: str) -> None:
    """Score the rows of FILE (`-` is standard input).

    A row needs `response`, the first present of `reference`, `solution`, `answer` and `ground_truth`, and
    `task`, or `problem_type` and `data_type`. `options` lists the texts of a multiple-choice question.

    Each row is written with its columns and its rewards; a row that cannot be scored is written as
    {"row": number, "error": why}. A summary by task goes to standard error.

    Exit code: 0, or 2 if some input could not be read.
    """
    tallies: dict[str, Tally] = {}
    screen = console(stderr=True)
    watch = stream(file, out, partial(_score_chunk, recipe=recipe, tallies=tallies), screen)
    _show(screen, tallies, f"{watch.rows - watch.broken:,} rows scored, recipe {recipe}", watch.broken)
    ctx.exit(UNREADABLE if watch.broken else 0)


def score_samples(samples: list[Sample], recipe: str | Recipe) -> tuple[RewardBatch, dict[int, str]]:
    """Score samples; return also what is wrong with unreadable references, by position."""
    batch = _score(samples, recipe, skip=True)
    bad = [row for row, code in enumerate(batch.failure) if code is FailureCode.BAD_REFERENCE]
    if not bad:
        return batch, {}
    reasons = dict.fromkeys(bad, "unreadable reference")
    try:
        # Only an error says what is wrong, so these few are scored once more.
        _score([samples[row] for row in bad], recipe, skip=False)
    except BadReferenceError as error:
        for place, why in zip(error.rows, error.reasons, strict=True):
            reasons[bad[place]] = f"unreadable reference: {why}"
    return batch, reasons


def add_to_tallies(tallies: dict[str, Tally], row: dict[str, Any]) -> None:
    """Count one row of rewards in its task."""
    numbers = {column.name: row[column.name] for column in COLUMNS}
    tally_of(tallies, row["task"]).add(numbers, row["failure"] or row["format_fault"])


def _score(samples: list[Sample], recipe: str | Recipe, *, skip: bool) -> RewardBatch:
    return score_rows(
        [sample.response for sample in samples],
        [sample.reference for sample in samples],
        [sample.task for sample in samples],
        recipe=recipe,
        options=[sample.options for sample in samples],
        on_bad_reference="skip" if skip else "raise",
    )


def _score_chunk(
    chunk: list[Row | Broken], recipe: str, tallies: dict[str, Tally]
) -> Iterator[dict[str, Any] | Broken]:
    read = [usable(row, sample_of) for row in chunk]
    samples = [one for one in read if isinstance(one, Sample)]
    batch, reasons = score_samples(samples, recipe)
    rewards = iter(enumerate(batch.to_rows()))
    for one in read:
        if isinstance(one, Broken):
            yield one
            continue
        place, row = next(rewards)
        if place in reasons:
            yield Broken(one.row.number, reasons[place])
        else:
            add_to_tallies(tallies, row)
            yield one.row.columns | row


def _show(screen: Any, tallies: dict[str, Tally], title: str, broken: int) -> None:
    screen.print(title + (f"; {broken:,} could not be" if broken else ""))
    if tallies:
        screen.print(summary_table(tallies, list(TASKS), COLUMNS))
