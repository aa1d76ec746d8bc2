"""``evaluate``: from saved answers to the tables of a paper."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import IO, Any, TypeAlias

import click
from rich import box
from rich.console import Console
from rich.table import Table

from onethinker_rewards import evaluation
from onethinker_rewards.adapters.inspect_scores import InspectScores
from onethinker_rewards.cli.messages import STANDARD, UNREADABLE, CliError, counted, one_line_errors, say
from onethinker_rewards.cli.options import choice_option, dialect_option, file_option, recipe_option, row_options
from onethinker_rewards.cli.pipeline import MOST_REASONS
from onethinker_rewards.cli.rows import InvalidRow, Row, encode_row
from onethinker_rewards.cli.samples import RowReader, load_recipe
from onethinker_rewards.cli.screen import console
from onethinker_rewards.cli.spreadsheet import is_spreadsheet, spreadsheet_rows
from onethinker_rewards.cli.table_reader import input_name, open_table
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import BenchmarkScores, Estimate, Evaluation
from onethinker_rewards.rewards import AnyOf

__all__ = ["evaluate"]

# Columns that may tell which question a row answers: ours, lmms-eval's, VLMEvalKit's.
_IDS = ("id", "problem_id", "question_id", "doc_id", "index", "uid")
_TYPES = ("type", "question_type")
# Columns that are taken as they are.
_TAKEN = ("given", "visible", "finish_reason", "reward", "predicted_masks", "segmentation_output")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What files of the release and of lmms-eval have around the name of the benchmark.
_AROUND = re.compile(r"^(?:eval_|.*_samples_|samples_)|_sam2$")


@click.command
@click.argument("files", nargs=-1, required=True)
@choice_option("--rules", ["official", "release"], "Rules of each benchmark's own evaluator, or of OneThinker's.")
@choice_option("--answers", ["paper", "vsi-bench", "mmmu", "mathvista"], "How official rules score text answers.")
@recipe_option("How official rules read JSON answers.")
@dialect_option
@click.option("--id", "name", metavar="COLUMN", help="Column that identifies a question.  [default: id, problem_id, …]")
@click.option("--cluster", metavar="COLUMN", help="Column of what rows share: a video, an image, a question.")
@choice_option("--mean", ["row", "video"], "Mean of time spans; video averages within each --cluster first.")
@click.option("--type", "kind", metavar="COLUMN", help="Column of the question's type.  [default: type, question_type]")
@file_option("--expected", "The data set; its rows without an answer count 0.")
@click.option("--baseline", multiple=True, metavar="FILE", help="Answers of another model to compare with.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@file_option("--out", "Write the score of each row to FILE.")
@file_option("--inspect", "Write a .jsonl for inspect_ai's precomputed_scores.")
@row_options
def evaluate(
    files: tuple[str, ...], rules: Any, answers: Any, recipe: str, dialect: str | None, name: str | None,
    cluster: str | None, mean: Any, kind: str | None, expected: str | None, baseline: tuple[str, ...], out: str | None,
    inspect: str | None, reader: RowReader, *, as_json: bool,
) -> None:  # fmt: skip
    """Print a line for each benchmark in FILES: counts, its number with a 95 % interval, and the paper's, if known.

    A file has rows as for `score`, the output of OneThinker's evaluation ({"results": …}, also with the results of its
    SAM 2 script), lmms-eval's samples, or VLMEvalKit's tsv, json or xlsx. The column `benchmark`, or else the name of
    the file, names the benchmark. An unreadable answer counts 0, and so does a row of --expected without an answer.
    Numbers are in per cent.

    Example: onethinker-rewards evaluate eval_charades.json eval_got10k.json --baseline base/eval_charades.json

    Exit code: 0, or 2 if some input could not be read.
    """
    if reader.table is not None:
        raise click.UsageError("--table: evaluate has rules for our own tasks alone")
    if inspect is not None and not inspect.endswith(".jsonl"):
        raise click.UsageError("--inspect: inspect_ai reads JSON Lines only from a file that ends in .jsonl")
    if inspect is not None and inspect == out:
        raise click.UsageError("--inspect and --out: give two files")
    needs_ids = expected is not None or bool(baseline) or inspect is not None
    source = _Source(reader, name, kind, cluster, needs_ids=needs_ids)
    with ExitStack() as stack:
        inputs = [*files, *baseline, *([] if expected is None else [expected])]
        for path, record in ((out, _scored_row), (inspect, InspectScores().record)):
            if path is not None:
                source.written.append((stack.enter_context(_written(path, inputs)), record))
        try:
            result = evaluation.evaluate(
                source.rows(files),
                rules=rules,
                answers=answers,
                recipe=load_recipe(recipe, dialect),
                cluster=cluster,
                mean=mean,
                expected=None if expected is None else source.rows([expected], response=False),
                baseline=source.rows(baseline) if baseline else None,
                on_bad_reference="skip",
                each=source.note,
            )
        except ArgumentError as error:
            raise CliError(f"{input_name(files[0])}: {error}") from None
    if as_json:
        click.echo(json.dumps(result.to_dict(), indent=2))
    else:
        _show(console(), result)
    if source.refused:
        say(f"{counted(source.refused, 'row')} could not be read")
        raise click.exceptions.Exit(UNREADABLE)


@contextmanager
def _written(path: str, inputs: Sequence[str]) -> Generator[IO[bytes]]:
    """Open the file of scores, which must be none of the inputs."""
    if path == STANDARD:
        raise CliError("--out needs a file: the tables go to standard output")
    if Path(path).exists() and any(
        name != STANDARD and Path(name).exists() and Path(path).samefile(name) for name in inputs
    ):
        raise CliError(f"{path}: is an input, and would be overwritten")
    with one_line_errors(path):
        file = Path(path).open("wb")  # noqa: SIM115 - closed below
    with file:
        yield file


# What is written of a row, given what became of it and the row; None for nothing.
_Record: TypeAlias = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | None]


def _scored_row(scored: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    return {"place": row["place"], **scored}


@dataclass(slots=True)
class _Source:
    """Reads files, writes scores, and says on standard error which rows could not be read.

    Attributes:
        written: Files of scores, each with what a line of it is.
    """

    reader: RowReader
    id_column: str | None
    type_column: str | None
    cluster: str | None
    needs_ids: bool
    written: list[tuple[IO[bytes], _Record]] = field(default_factory=list)
    refused: int = 0

    def rows(self, paths: Sequence[str], *, response: bool = True) -> Iterator[dict[str, Any]]:
        """Yield the rows of files as `evaluation.evaluate` takes them."""
        for path in paths:
            name = "stdin" if path == STANDARD else Path(path.removesuffix(".gz")).stem
            benchmark = _AROUND.sub("", name)
            for row in _file_rows(path, self.reader.names("response") if response else ()):
                read = self._read(row, benchmark, response=response)
                place = f"{input_name(path)}, row {row.number}"
                if isinstance(read, InvalidRow):
                    self.refuse(f"{place}: {read.reason}")
                else:
                    yield read | {"place": place}

    def _read(self, row: Row | InvalidRow, benchmark: str, *, response: bool) -> dict[str, Any] | InvalidRow:
        if isinstance(row, InvalidRow):
            return row
        row = Row(row.number, _normalized(row.columns))
        sample = self.reader.read(row, response=response)
        if isinstance(sample, InvalidRow):
            return sample
        columns = row.columns
        names = _IDS if self.id_column is None else (self.id_column,)
        types = _TYPES if self.type_column is None else (self.type_column,)
        row_id = next((columns[name] for name in names if isinstance(columns.get(name), str | int)), None)
        if self.needs_ids and row_id is None:
            return InvalidRow(row.number, f"no column tells questions apart: {' or '.join(names)}; name it with --id")
        is_span = sample.task == "temporal_grounding" and "target" in columns
        taken = {name: columns[name] for name in (*_TAKEN, self.cluster) if name is not None and name in columns}
        return {
            **taken,
            "benchmark": columns.get("benchmark") or benchmark,
            # As text: a table may have lost what is a number.
            "id": None if row_id is None else str(row_id),
            "type": next((columns[name] for name in types if columns.get(name) is not None), None),
            "task": sample.task,
            "response": sample.response,
            "reference": _span(sample.reference) if is_span else sample.reference,
            "options": sample.options,
            "size": sample.size,
        }

    def note(self, scored: dict[str, Any], row: Mapping[str, Any]) -> None:
        """Write one row's score, or say why it has none."""
        if "error" in scored:
            self.refuse(f"{row['place']}: {scored['error']}")
        for file, record in self.written:
            line = record(scored, row)
            if line is not None:
                file.write(encode_row(line))

    def refuse(self, reason: str) -> None:
        """Count a row that could not be read; the first few are named."""
        self.refused += 1
        if self.refused <= MOST_REASONS:
            say(reason)


def _file_rows(path: str, responses: Sequence[str]) -> Iterator[Row | InvalidRow]:
    if is_spreadsheet(path):
        yield from spreadsheet_rows(path)
        return
    with open_table(path, responses=responses) as table:
        for chunk in table.chunks():
            yield from chunk.rows()


def _normalized(columns: dict[str, Any]) -> dict[str, Any]:
    """Return a row of lmms-eval's samples or of VLMEvalKit's files with our names; others as they are."""
    answers = columns.get("resps") or columns.get("filtered_resps")
    if answers is not None and "target" in columns:
        while isinstance(answers, list) and answers:
            answers = answers[0]
        return {"response": answers, "reference": columns["target"]} | columns
    if "prediction" in columns and isinstance(columns.get("A"), str) and "options" not in columns:
        options = [str(columns[letter]) for letter in _LETTERS if columns.get(letter) is not None]
        return {"options": options, "task": "multiple_choice"} | columns
    return columns


def _span(reference: str | AnyOf) -> str | AnyOf:
    """Return a target of lmms-eval as the object that we read: its spans are lists of two numbers, such as [0, 10]."""
    if not isinstance(reference, str) or not reference.startswith("["):
        return reference
    try:
        time = json.loads(reference)
    except (ValueError, RecursionError):
        return reference
    is_pair = len(time) == 2 and all(isinstance(value, int | float) for value in time)
    return json.dumps({"time": time}) if is_pair else reference


# What is shown.


def _percent(value: float) -> str:
    return "-" if isnan(value) else f"{100.0 * value:.1f}"


def _interval(estimate: Estimate) -> str:
    if isnan(estimate.low):
        return "-"
    # All numbers are shares.
    return f"{_percent(max(estimate.low, 0.0))} to {_percent(min(estimate.high, 1.0))}"


def _show(screen: Console, result: Evaluation) -> None:
    columns = ["benchmark", "rows:", "missing:", "unread:", "cut off:", "", "%:", "95 %:", "paper:"]
    table = _table(*columns)
    in_order = _named_apart(
        sorted(result.benchmarks, key=lambda benchmark: [*result.means, benchmark.table].index(benchmark.table))
    )
    for index, scores in enumerate(in_order):
        counts = scores.rows, scores.missing, sum(scores.unreadable.values()), scores.cut_off
        paper = scores.published.get(scores.headline)
        table.add_row(
            scores.benchmark, *(f"{count:,}" for count in counts), scores.headline, _percent(scores.estimate.value),
            _interval(scores.estimate), "" if paper is None else _percent(paper),
        )  # fmt: skip
        is_last = index + 1 == len(in_order) or in_order[index + 1].table != scores.table
        if is_last and scores.table in result.means:
            mean = result.means[scores.table]
            table.add_row(
                f"mean of {scores.table}", f"{mean.rows:,}", "", "", "", "", _percent(mean.value), _interval(mean)
            )
    screen.print(table)
    numbers = _table("benchmark", "number", "%:", "paper:")
    for scores in in_order:
        for index, (name, value) in enumerate(scores.scores.items()):
            paper = scores.published.get(name)
            numbers.add_row(
                scores.benchmark if index == 0 else "", name, _percent(value), "" if paper is None else _percent(paper)
            )
    screen.print()
    screen.print(numbers)
    _show_codes(screen, in_order)
    _show_comparisons(screen, in_order)
    for scores in in_order:
        for note in [*scores.notes, *_counts_left_out(scores)]:
            screen.print(f"{scores.benchmark}: {note}")


def _named_apart(benchmarks: Sequence[BenchmarkScores]) -> list[BenchmarkScores]:
    """Return benchmarks with their task in the name where one name has several tasks, as a file of all tasks does."""
    counts = Counter(scores.benchmark for scores in benchmarks)
    return [
        replace(scores, benchmark=f"{scores.benchmark} {scores.task}") if counts[scores.benchmark] > 1 else scores
        for scores in benchmarks
    ]


def _counts_left_out(scores: BenchmarkScores) -> list[str]:
    left_out = [f"{counted(scores.left_out, 'row')} left out, as the rules have it"] if scores.left_out else []
    missing = [f"{counted(scores.missing, 'missing row')} counted 0"] if scores.missing else []
    return missing + left_out


def _show_codes(screen: Console, benchmarks: Sequence[BenchmarkScores]) -> None:
    table = _table("benchmark", "unread because", "rows:", "%:")
    for scores in benchmarks:
        for index, (code, count) in enumerate(scores.unreadable.items()):
            shown = scores.benchmark if index == 0 else ""
            table.add_row(shown, code, f"{count:,}", f"{100 * count / scores.rows:.1f}")
    if table.row_count:
        screen.print()
        screen.print(table)


def _show_comparisons(screen: Console, benchmarks: Sequence[BenchmarkScores]) -> None:
    table = _table("benchmark", "pairs:", "unpaired:", "difference:", "95 %:", "p:", "wins:", "losses:", "can show:")
    for scores in benchmarks:
        if scores.baseline is None:
            continue
        compared, difference = scores.baseline.comparison, scores.baseline.comparison.difference
        interval = "-" if isnan(difference.low) else f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
        table.add_row(
            scores.benchmark, f"{difference.rows:,}", f"{scores.baseline.unpaired:,}", f"{100 * difference.value:+.1f}",
            interval, "-" if isnan(compared.p) else f"{compared.p:.3f}", f"{compared.wins:,}", f"{compared.losses:,}",
            _percent(scores.baseline.smallest),
        )  # fmt: skip
    if table.row_count:
        screen.print()
        screen.print(table)


def _table(*headings: str) -> Table:
    """Return a table with these columns; numbers, whose heading ends in a colon, are to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in headings:
        justify = "right" if heading.endswith(":") else "left"
        table.add_column(heading.removesuffix(":"), justify=justify, overflow="fold")
    return table
