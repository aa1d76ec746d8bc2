"""``filter``: of several answers to each row those that are worth fine-tuning on."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from onethinker_rewards.cli.answers import Answers
from onethinker_rewards.cli.endpoints import check_packages, endpoint_of, endpoint_options, identity_of_endpoint
from onethinker_rewards.cli.files import STANDARD, UNREADABLE, Refused, is_parquet, output_name
from onethinker_rewards.cli.filtering import BAD, KEPT, WRITTEN, FilterJob
from onethinker_rewards.cli.journal import identity_of
from onethinker_rewards.cli.output import Output, open_output
from onethinker_rewards.cli.sides import check_side, root_of
from onethinker_rewards.cli.sorting import Sorting
from onethinker_rewards.cli.sources import open_source
from onethinker_rewards.cli.stream import Engine, alone, stream
from onethinker_rewards.cli.tables import Column, console, summary_table
from onethinker_rewards.cli.work import Progress
from onethinker_rewards.rewards import RECIPES
from onethinker_rewards.tasks import TASKS
from onethinker_rewards.trainer.data import MediaRules
from onethinker_rewards.trainer.filtering import KEEPS, THRESHOLDS, Keep, Rule

if TYPE_CHECKING:
    from onethinker_rewards.trainer.filtering.endpoint import Endpoint

__all__ = ["filter"]

_SHOWN = (
    Column("answers", "answers", mean=False),
    Column("accuracy", "accuracy"),
    Column(KEPT, KEPT, mean=False),
    Column("share", KEPT),
)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where everything is written."""

    out: str
    bad: str
    rejected: str | None
    answers: str | None

    @property
    def sides(self) -> list[str]:
        return [side for side in (self.bad, self.rejected, self.answers) if side is not None]


@click.command(short_help="Keep right answers to fine-tune on; ask a teacher for them.")
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Write kept rows there: JSON Lines, or Parquet by its name.")
@click.option("--bad", metavar="FILE", help="Write bad rows there.  [default: OUT with .bad.jsonl]")
@click.option("--rejected", metavar="FILE", help="Write rows without a right answer there, and why.")
@click.option("--answers", metavar="FILE", help="Write all rows with all answers there, to filter them again.")
@click.option("--recipe", type=click.Choice(list(RECIPES)), default="paper", show_default=True, help="How to score.")
@click.option(
    "--threshold", "thresholds", multiple=True, metavar="TASK=VALUE", help="Least accuracy, 0 to 1; repeatable."
)
@click.option(
    "--keep",
    type=click.Choice(KEEPS),
    default="best",
    show_default=True,
    help="Of a row's right answers the best, the first or all.",
)
@endpoint_options
@click.option("--resume", is_flag=True, help="Go on where a run of the same command ended early.")
@click.pass_context
def filter(  # noqa: A001 - the command's name
    ctx: click.Context,
    file: str,
    out: str,
    bad: str | None,
    rejected: str | None,
    answers: str | None,
    recipe: str,
    thresholds: tuple[str, ...],
    keep: Keep,
    media_root: str | None,
    *,
    frames: bool,
    resume: bool,
    **asked: Any,
) -> None:
    """Keep the answers of FILE that are right and in the format, to fine-tune on.

    FILE is what `prepare` and `score` read (`-` is standard input). A row has `responses`, a list of texts, or
    `response`; where it has neither, the model behind --endpoint is asked. An answer is kept if its accuracy, of the
    task's maximum, reaches the task's threshold and its format is right. Each is written as a row with the columns
    of its own row and `response`, for `prepare --stage sft`. A summary by task goes to standard error.

    Exit code: 0, or 2 if there are rows that nothing can be made of or the run could not go on.
    """
    screen = console(stderr=True)
    places = _Places(output_name(out), bad or str(Path(out).with_suffix(".bad.jsonl")), rejected, answers)
    rule = Rule(thresholds=_thresholds(thresholds), keep=keep)
    job = FilterJob(recipe, rule, rejected=rejected is not None, answers=answers is not None)
    media = MediaRules(root=root_of(file, media_root), check="presence", frames=frames)
    endpoint = endpoint_of(asked)
    _check(places, endpoint)
    seen = _run(file, places, job, media, endpoint, screen, resume=resume)
    _show(screen, seen, places)
    ctx.exit(UNREADABLE if seen.broken else 0)


def _run(
    file: str,
    places: _Places,
    job: FilterJob,
    media: MediaRules,
    endpoint: Endpoint | None,
    screen: Console,
    *,
    resume: bool,
) -> Progress:
    options = {
        "job": repr(job),
        "media": repr(media),
        "places": repr(places),
        "endpoint": identity_of_endpoint(endpoint),
        "version": version("onethinker-rewards"),
    }
    with open_source(file) as source:
        for side in places.sides:
            check_side(side, source.file)
        identity = identity_of(source, command="filter", **options)
        noted = endpoint is not None and identity is not None
        with _answers(Path(f"{places.out}.answers"), resume=resume, wanted=noted) as answers:
            sorting = Sorting(places.out, places.bad, places.rejected, places.answers, answers)
            with open_output(places.out, source.file, identity, resume=resume, convert=sorting) as output:
                return stream(source, output, _engine(job, media, endpoint, answers, output), screen)


def _engine(
    job: FilterJob, media: MediaRules, endpoint: Endpoint | None, answers: Answers | None, output: Output
) -> Engine:
    if endpoint is None:
        return alone(job)
    from onethinker_rewards.cli.asking import asking  # noqa: PLC0415 - needs the client

    return asking(job, endpoint, media, answers, output)


@contextmanager
def _answers(path: Path, *, resume: bool, wanted: bool) -> Generator[Answers | None]:
    if not wanted:
        yield None
        return
    answers = Answers(path, resume=resume)
    try:
        yield answers
    finally:
        answers.close()


def _thresholds(given: tuple[str, ...]) -> dict[str, float]:
    """Return all thresholds: those of the table, and what was given in their place."""
    thresholds = {task: threshold.least for task, threshold in THRESHOLDS.items()}
    for one in given:
        task, _, text = one.partition("=")
        if task not in thresholds:
            raise Refused(f"--threshold {one}: {task!r} is no task; tasks are {', '.join(thresholds)}")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise Refused(f"--threshold {one}: give a number from 0 to 1, the share of the task's maximum")
        thresholds[task] = value
    return thresholds


def _check(places: _Places, endpoint: Endpoint | None) -> None:
    if places.out == STANDARD:
        raise Refused("-: kept rows are known in the end only; give --out the name of a file")
    if is_parquet(places.out):
        check_packages({"pyarrow": "pyarrow"}, "parquet")
    ours = [f"{places.out}.answers"] if endpoint is not None else []
    named = [Path(one).absolute() for one in (places.out, *ours, *places.sides)]
    for place, one in enumerate(named):
        if one in named[:place]:
            raise Refused(f"{one}: is named twice; write each kind of rows to a file of its own")


def _show(screen: Console, seen: Progress, places: _Places) -> None:
    good = {task: tally for task, tally in seen.tallies.items() if task != BAD}
    rows = sum(tally.rows for tally in good.values())
    kept, written = (sum(tally.sums[name] for tally in good.values()) for name in (KEPT, WRITTEN))
    share = f" ({kept / rows:.1%})" if rows else ""
    screen.print(f"{kept:,} of {rows:,} rows kept{share}; {written:,} rows written to {places.out}", soft_wrap=True)
    if BAD in seen.tallies:
        faults = ", ".join(f"{fault} {count:,}" for fault, count in seen.tallies[BAD].codes.most_common())
        screen.print(f"{seen.broken:,} bad rows written to {places.bad}: {faults}", soft_wrap=True)
    if good:
        screen.print(summary_table(good, list(TASKS), _SHOWN))
