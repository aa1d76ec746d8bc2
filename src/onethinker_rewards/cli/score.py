"""``score``: rewards of the rows of a file."""

from __future__ import annotations

from importlib.metadata import version

import click
from rich.console import Console

from onethinker_rewards.cli.files import STANDARD, UNREADABLE, is_parquet
from onethinker_rewards.cli.journal import identity_of
from onethinker_rewards.cli.output import open_output
from onethinker_rewards.cli.scoring import MEANS, ScoreJob
from onethinker_rewards.cli.sources import open_source
from onethinker_rewards.cli.stream import Engine, alone, stream
from onethinker_rewards.cli.tables import Column, console, summary_table
from onethinker_rewards.cli.work import Progress
from onethinker_rewards.rewards import RECIPES
from onethinker_rewards.tasks import TASKS

__all__ = ["COLUMNS", "score"]

COLUMNS = tuple(Column(name, name) for name in MEANS)


@click.command(short_help="Score the rows of a file.")
@click.argument("file")
@click.option(
    "--recipe",
    type=click.Choice(list(RECIPES)),
    default="paper",
    show_default=True,
    help="paper follows the equations, release equals the released code.",
)
@click.option("--out", default=STANDARD, metavar="FILE", help="Write rows there, not to standard output.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Score in N processes.")
@click.option("--resume", is_flag=True, help="Go on where a run of the same command ended early.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray scores on Ray Data, on one machine or many.",
)
@click.pass_context
def score(
    ctx: click.Context, file: str, recipe: str, out: str, workers: int | None, engine: str, *, resume: bool
) -> None:
    """Score the rows of FILE (`-` is standard input).

    A row needs `response`, the first present of `reference`, `solution`, `answer` and `ground_truth`, and
    `task`, or `problem_type` and `data_type`. `options` lists the texts of a multiple-choice question.

    Each row is written with its columns and its rewards; a row that cannot be scored is written as
    {"row": number, "error": why}. A summary by task goes to standard error. Files that end in .parquet are read
    and written as Parquet.

    Exit code: 0, or 2 if some input could not be read.
    """
    screen = console(stderr=True)
    chosen = _engine(engine, ScoreJob(recipe, parquet=is_parquet(out)), workers)
    with open_source(file) as source:
        identity = identity_of(source, recipe=recipe, version=version("onethinker-rewards"))
        with open_output(out, source.file, identity, resume=resume) as output:
            seen = stream(source, output, chosen, screen)
    _show(screen, seen, recipe)
    ctx.exit(UNREADABLE if seen.broken else 0)


def _engine(name: str, job: ScoreJob, workers: int | None) -> Engine:
    """Return what does the job; several processes must not each take all cores for mathematics."""
    if name == "ray":
        from onethinker_rewards.cli.ray_engine import on_ray  # noqa: PLC0415 - needs Ray

        return on_ray(ScoreJob(job.recipe, job.parquet, alone=False), workers)
    if workers is None or workers == 1:
        return alone(job)
    from onethinker_rewards.cli.crew import crew  # noqa: PLC0415 - costs an import that one process does not need

    return crew(ScoreJob(job.recipe, job.parquet, alone=False), workers)


def _show(screen: Console, seen: Progress, recipe: str) -> None:
    title = f"{seen.rows - seen.broken:,} rows scored, recipe {recipe}"
    screen.print(title + (f"; {seen.broken:,} could not be" if seen.broken else ""))
    if seen.tallies:
        screen.print(summary_table(seen.tallies, list(TASKS), COLUMNS))
