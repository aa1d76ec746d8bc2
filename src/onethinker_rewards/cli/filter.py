"""``filter``: of several answers to each row those that are worth fine-tuning on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, cast

import click
from rich.console import Console

import onethinker_rewards
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted
from onethinker_rewards.cli.outputs import MAIN, ChunkResult, Target, file_format, open_spool
from onethinker_rewards.cli.pipeline import engine_of, run
from onethinker_rewards.cli.prepare import BAD, BadRow, add_bad_row, check_packages, media_root_of, say_bad_rows
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_rows
from onethinker_rewards.cli.samples import RowReader, row_options
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.summary import Column, Summary, summary_table
from onethinker_rewards.cli.table_reader import Chunk, open_table
from onethinker_rewards.cli.teacher import CompletionLog, asking_engine, endpoint_options, teacher_of
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.rewards import RECIPES, Scorer, parse_reference
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules
from onethinker_rewards.trainer.filter import KEEPS, THRESHOLDS, Candidate, Judged, Keep, Rule, judge
from onethinker_rewards.trainer.media import MediaRules

REJECTED, ANSWERS = "rejected", "answers"
_KEPT, _WRITTEN = "kept", "written"
_COLUMNS = (
    Column("answers", "answers", mean=False),
    Column("accuracy", "accuracy"),
    Column("kept", _KEPT, mean=False),
    Column("share", _KEPT),
)
_OWN_TASK = 1.0
_REWARDS = ("accuracy", "normalized", "format", "failure", "format_fault")
# A row with its answers, or why it has none.
Read: TypeAlias = tuple[Row, Candidate] | BadRow


@click.command(short_help="Keep right answers to fine-tune on; ask a teacher for them.")
@click.argument("file")
@click.option("--out", required=True, metavar="FILE", help="Write kept rows there: JSON Lines, or Parquet by its name.")
@click.option("--bad", metavar="FILE", help="Write bad rows there.  [default: OUT with .bad.jsonl]")
@click.option("--rejected", metavar="FILE", help="Write rows without a right answer there, and why.")
@click.option("--answers", metavar="FILE", help="Write all rows with all answers there, to filter them again.")
@click.option("--recipe", type=click.Choice(list(RECIPES)), default="paper", show_default=True, help="How to score.")
@row_options
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
    reader: RowReader,
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

    Example: onethinker-rewards filter rows.jsonl --out kept.jsonl --keep all --threshold ocr=0.95

    Exit code: 0, or 2 if there are rows that nothing can be made of or the run could not go on.
    """
    if out == STANDARD:
        raise CliError("-: kept rows are known in the end only; give --out the name of a file")
    bad = bad or str(Path(out).with_suffix(".bad.jsonl"))
    sides = {BAD: bad, REJECTED: rejected, ANSWERS: answers}
    targets = {MAIN: Target(out, file_format(out))} | {
        part: Target(path) for part, path in sides.items() if path is not None
    }
    if targets[MAIN].format != "jsonl":
        check_packages(("pyarrow",), "parquet")
    rule = Rule(thresholds=_thresholds(thresholds, reader), keep=keep)
    job = FilterJob(recipe, rule, reader, arrow=targets[MAIN].format != "jsonl", parts=tuple(targets))
    media = MediaRules(root=media_root_of(file, media_root), check="presence", frames=frames)
    teacher = teacher_of(asked, Rules(media=media, columns=reader.columns, task=reader.task))
    asking = None if teacher is None else teacher.identity()
    options = {"job": repr(job), "asking": asking, "version": onethinker_rewards.__version__}
    log = f"{out}.answers"
    if any(Path(target.path).absolute() == Path(log).absolute() for target in targets.values()):
        raise CliError(f"{log}: answers are kept there while the run lasts; write to another file")
    engine = (
        engine_of(job, None)
        if teacher is None
        else asking_engine(job, teacher, CompletionLog(log, options, resume=resume))
    )
    screen = console(stderr=True)
    with open_table(file) as table, open_spool(targets, table.file, options, resume=resume) as output:
        summary = run(table, output, engine, screen)
    _show(screen, summary, out, bad, reader)
    ctx.exit(UNREADABLE if summary.invalid else 0)


@dataclass(frozen=True, slots=True)
class FilterJob:
    """Scores the answers of rows, and says which are kept.

    Attributes:
        recipe: The name of the recipe.
        rule: What is kept.
        reader: Takes reference, task and options of a row.
        arrow: Whether kept rows are written as Arrow tables, not as JSON Lines.
        parts: The outputs that are wanted.
    """

    recipe: str
    rule: Rule
    reader: RowReader
    arrow: bool
    parts: tuple[str, ...]

    def __call__(self, chunk: Chunk) -> ChunkResult:
        """Filter the rows of a chunk, which have their answers."""
        return self.finish([self.read(row) for row in chunk.rows()])

    def read(self, row: Row | InvalidRow) -> Read:
        """Return a row with the answers that it has, or why it cannot be scored."""
        try:
            return self.candidate(row, self.responses(row))
        except InvalidRowError as error:
            return BadRow.of(row, error)

    def responses(self, row: Row | InvalidRow) -> list[str]:
        """Return the answers that a row has: ``responses``, or the response as the only one."""
        if isinstance(row, InvalidRow):
            raise InvalidRowError(Fault.NOT_JSON, row.reason)
        responses = row.columns.get("responses")
        if responses is None and (response := self.reader.columns.value("response", row.columns)) is not None:
            responses = [response]
        found = [] if responses is None else responses
        if not isinstance(found, list) or not all(isinstance(text, str) for text in cast("list[object]", found)):
            raise InvalidRowError(Fault.COLUMNS, "responses: neither a list of texts nor null")
        return cast("list[str]", found)

    def candidate(self, row: Row | InvalidRow, responses: list[str]) -> tuple[Row, Candidate]:
        """Return a row with the answers to it."""
        if not responses:
            raise InvalidRowError(Fault.COLUMNS, "no responses, and no --endpoint to ask")
        sample = self.reader.read(row, response=False)
        if isinstance(sample, InvalidRow):
            raise InvalidRowError(Fault.COLUMNS, sample.reason)
        try:
            parse_reference(sample.reference, sample.task, table=self.reader.tasks())
        except BadReferenceError as error:
            raise InvalidRowError(Fault.REFERENCE, f"unreadable reference: {error.reasons[0]}") from None
        return sample.row, Candidate(sample.task, sample.reference, responses, sample.options)

    def finish(self, read: Sequence[Read]) -> ChunkResult:
        """Score the answers of rows and encode what is written."""
        result = ChunkResult(Summary(len(read)))
        good = [found for found in read if not isinstance(found, BadRow)]
        for found in read:
            if isinstance(found, BadRow):
                add_bad_row(result, found)
        judged = judge([candidate for _, candidate in good], _scorer(self.recipe, self.reader), self.rule)
        written: dict[str, list[dict[str, Any]]] = {MAIN: [], REJECTED: [], ANSWERS: []}
        for (row, candidate), found in zip(good, judged, strict=True):
            _count(result.summary, candidate, found)
            columns = {name: value for name, value in row.columns.items() if name not in ("responses", "response")}
            written[MAIN] += [columns | _kept(row, candidate, found, index) for index in found.kept]
            written[ANSWERS].append(columns | {"responses": candidate.responses})
            if not found.kept:
                written[REJECTED].append(_rejected(row.number, columns, candidate, found))
        for part, rows in written.items():
            if rows and part in self.parts:
                encode = _arrow_table if self.arrow and part == MAIN else encode_rows
                result.parts[part] = encode(rows)
        return result


@cache
def _scorer(recipe: str, reader: RowReader) -> Scorer:
    return Scorer(recipe, reader.tasks())


def _count(summary: Summary, candidate: Candidate, judged: Judged) -> None:
    accuracies = [row["normalized"] for row in judged.rewards if row["normalized"] is not None]
    tally = summary.of(candidate.task)
    sums = {
        _KEPT: min(len(judged.kept), 1),
        _WRITTEN: len(judged.kept),
        "answers": len(judged.rewards),
        "accuracy": sum(accuracies) / max(len(accuracies), 1),
    }
    tally.add(sums, None)
    for code in judged.codes:
        if code is not None:
            tally.codes[str(code)] = tally.codes.get(str(code), 0) + 1


def _kept(row: Row, candidate: Candidate, judged: Judged, index: int) -> dict[str, Any]:
    rewards = judged.rewards[index]
    return {
        "row": row.number,
        "task": candidate.task,
        "response": candidate.responses[index],
        "accuracy": rewards["accuracy"],
        "normalized": rewards["normalized"],
    }


def _rejected(number: int, columns: dict[str, object], candidate: Candidate, judged: Judged) -> dict[str, Any]:
    answers = [
        {"why": code, **{name: rewards[name] for name in _REWARDS}, "response": response}
        for code, rewards, response in zip(judged.codes, judged.rewards, candidate.responses, strict=True)
    ]
    return {"row": number, "columns": columns, "answers": answers}


def _arrow_table(rows: Sequence[dict[str, Any]]) -> bytes:
    from onethinker_rewards.cli.arrow import table_of_rows, table_to_bytes  # noqa: PLC0415 - needs pyarrow

    return table_to_bytes(table_of_rows(rows))


def _thresholds(given: tuple[str, ...], reader: RowReader) -> dict[str, float]:
    """Return the thresholds of all tasks: those given, or ours; 1 for the tasks of a user's own table."""
    thresholds = {task: THRESHOLDS[task].least if task in THRESHOLDS else _OWN_TASK for task in reader.tasks()}
    for pair in given:
        task, _, text = pair.partition("=")
        if task not in thresholds:
            raise CliError(f"--threshold {pair}: {task!r} is no task; tasks are {', '.join(thresholds)}")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise CliError(f"--threshold {pair}: give a number from 0 to 1, the share of the task's maximum")
        thresholds[task] = value
    return thresholds


def _show(screen: Console, summary: Summary, out: str, bad: str, reader: RowReader) -> None:
    good = summary.rows - summary.invalid
    kept, written = (
        round(sum(tally.sums.get(name, 0) for tally in summary.tallies.values())) for name in (_KEPT, _WRITTEN)
    )
    share = f" ({kept / good:.1%})" if good else ""
    screen.print(
        f"{kept:,} of {counted(good, 'row')} kept{share}; {counted(written, 'row')} written to {out}", soft_wrap=True
    )
    say_bad_rows(screen, summary, bad)
    if summary.tallies:
        screen.print(summary_table(summary.tallies, list(reader.tasks()), _COLUMNS))
