"""``calibrate``: how far a judge can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from onethinker_rewards.answers import find_answers
from onethinker_rewards.cli.judging import check_judge, counts_text, judge_options, load_judge
from onethinker_rewards.cli.messages import UNREADABLE, CliError, one_line_errors
from onethinker_rewards.cli.options import row_options
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row, json_text
from onethinker_rewards.cli.samples import RowReader, Sample
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.table_reader import open_table
from onethinker_rewards.errors import JudgeError
from onethinker_rewards.rewards.judging import counts_of
from onethinker_rewards.tasks import JudgeRow

if TYPE_CHECKING:
    from onethinker_rewards.judges import Calibration

_LABELS = {"yes": 1.0, "true": 1.0, "right": 1.0, "no": 0.0, "false": 0.0, "wrong": 0.0}
_FIGURES = (
    ("accuracy", "accuracy", "of rows on the same side of 0.5 as their label"),
    ("kappa", "Cohen's kappa", "the same beyond chance: 1 is agreement, 0 is chance"),
    ("spearman", "rank correlation", "of scores and labels, -1 to 1"),
    ("mae", "mean error", "of scores against labels"),
    ("position_bias", "position bias", "mean change of the score if answer and reference change places"),
    ("position_flips", "position flips", "of rows that change sides by that"),
    ("length_bias", "length bias", "rank correlation of scores and lengths of answers"),
    ("expected_length_bias", "of the labels", "the same of the labels; the judge should not be far from it"),
    ("drift", "drift", "mean change of scores since the earlier run"),
    ("absolute_drift", "absolute drift", "mean size of these changes"),
)


@click.command
@click.argument("file")
@click.option("--label", default="label", show_default=True, metavar="NAME", help="Column of the right score.")
@click.option("--swap", is_flag=True, help="Judge each row again with answer and reference exchanged.")
@click.option("--scores", metavar="FILE", help="Write the judge's scores to FILE, for --earlier of a later run.")
@click.option("--earlier", metavar="FILE", help="Compare with the scores that an earlier run wrote.")
@row_options
@judge_options
def calibrate(
    file: str, label: str, scores: str | None, earlier: str | None, reader: RowReader, judge: str | None, *, swap: bool
) -> None:
    """Judge the rows of FILE (`-` is standard input), and compare the scores with known labels.

    A row has a `response`, with or without tags, a `reference`, a `question` and a `label`: a number from 0 to 1, or
    yes or no. No task is needed.

    Example: onethinker-rewards calibrate labeled.jsonl --judge http://localhost:8000/v1 --judge-model qwen3 --swap

    Exit code: 0, or 2 if some input could not be read.
    """
    if judge is None:
        raise click.UsageError("Missing option '--judge'.")
    screen = console(stderr=True)
    check_judge(judge)
    from onethinker_rewards.judges import calibrate as measure  # noqa: PLC0415 - needs the extra judge

    rows: list[JudgeRow] = []
    labels: list[float] = []
    invalid: list[InvalidRow] = []
    for read in _labeled_rows(file, reader, label):
        if isinstance(read, InvalidRow):
            invalid.append(read)
        else:
            rows.append(read[0])
            labels.append(read[1])
    before = None if earlier is None else _earlier_scores(earlier, len(rows))
    asked = load_judge(judge)
    try:
        found = measure(asked, rows, labels, swap=swap, earlier=before)
    except JudgeError as error:
        raise CliError(f"--judge: {error}") from None
    for row in invalid:
        screen.print(f"row {row.number:,}: {row.reason}", soft_wrap=True, markup=False)
    if scores is not None:
        _write_scores(scores, found)
    _show(found)
    screen.print(counts_text(counts_of(asked)), soft_wrap=True)
    raise click.exceptions.Exit(UNREADABLE if invalid else 0)


def _labeled_rows(file: str, reader: RowReader, label: str) -> Iterator[tuple[JudgeRow, float] | InvalidRow]:
    anything = RowReader(reader.columns, "open_ended", None)
    with open_table(file, responses=reader.names("response")) as table:
        for chunk in table.chunks():
            for row in chunk.rows():
                sample = anything.read(row)
                value = _label(row.columns.get(label)) if isinstance(row, Row) else None
                if isinstance(sample, InvalidRow):
                    yield sample
                elif value is None:
                    shown = json_text(sample.row.columns.get(label))
                    yield InvalidRow(sample.row.number, f"{label}: expected a number, or yes or no, got {shown:.80}")
                else:
                    yield _judge_row(sample), value


def _label(value: object) -> float | None:
    if isinstance(value, str):
        return _LABELS.get(value.strip().casefold())
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _judge_row(sample: Sample) -> JudgeRow:
    found = find_answers([sample.response], think="none")
    bare = sample.response if found.failure[0] is not None else found.texts[0]
    return JudgeRow(answer=bare.strip(), reference=sample.references[0], question=sample.question, image=sample.image)


def _earlier_scores(path: str, count: int) -> list[float]:
    with open_table(path) as table:
        rows = [row for chunk in table.chunks() for row in chunk.rows()]
    scores = [row.columns.get("score", "") if isinstance(row, Row) else "" for row in rows]
    if len(scores) != count or not all(isinstance(score, int | float | None) for score in scores):
        raise CliError(f"{path}: expected {count:,} rows with a score, as --scores writes them")
    return [math.nan if score is None else float(score) for score in cast("list[float | None]", scores)]


def _write_scores(path: str, found: Calibration) -> None:
    with one_line_errors(path):
        Path(path).write_bytes(b"".join(encode_row({"score": score}) for score in found.scores.tolist()))


def _show(found: Calibration) -> None:
    page = console()
    failed = sum(found.failures.values())
    page.print(
        f"{found.rows:,} rows, {failed:,} without a score"
        + "".join(f", {code} {n:,}" for code, n in found.failures.items())
    )
    for name, title, meaning in _FIGURES:
        value: float = getattr(found, name)
        if not math.isnan(value):
            page.print(f"{title:17} {value:7.3f}  {meaning}", highlight=False)
