"""From answers and references to the tables of a paper: one line a benchmark, with counts, numbers and intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from math import isnan, nan, sqrt
from typing import Any, Literal, TypeAlias, get_args

from scipy.special import ndtri

from onethinker_rewards._validation import check_choice, image_size, option_texts
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.evaluation.answers import AnswerRules
from onethinker_rewards.evaluation.pairs import Rules
from onethinker_rewards.evaluation.published import find_benchmark
from onethinker_rewards.evaluation.scoring import EvaluatedRow, RowScore, TaskScores, task_scores
from onethinker_rewards.evaluation.spans import MeanOver
from onethinker_rewards.evaluation.statistics import (
    CONFIDENCE,
    Comparison,
    Estimate,
    PairedTotals,
    smallest_difference,
)
from onethinker_rewards.evaluation.sums import ExactMean
from onethinker_rewards.rewards import AnyOf, Recipe, find_recipe, reference_text
from onethinker_rewards.tasks import TASKS, resolve_tasks

Row: TypeAlias = Mapping[str, Any]
OnBadReference: TypeAlias = Literal["raise", "skip"]
# Gets what became of a row, and the row.
Each: TypeAlias = Callable[[dict[str, Any], Row], None]

_BATCH = 4096
_CUT_OFF = ("length", "max_tokens")
_NO_ESTIMATE = Estimate(nan, nan, nan, nan, 0, 0, "none: the rules leave out every row")


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """A benchmark of two models, over the questions that both answered.

    Attributes:
        comparison: The difference, with wins, losses and McNemar's counts. A row's score is 0 or 1 for acc@0.5, the
            image's IoU for cIoU, the video's mean IoU for AO; a question's score is the mean of its rows.
        unpaired: Questions that only one of them has.
        smallest: The smallest true difference that so many questions show with a chance of 80 %; NaN if undefined.
    """

    comparison: Comparison
    unpaired: int
    smallest: float


@dataclass(frozen=True, slots=True)
class BenchmarkScores:
    """One benchmark of one model.

    Attributes:
        benchmark: Its name.
        task: Our name of its task.
        table: The table of the paper that it belongs to, or its task.
        rows: Rows that count, missing ones too.
        missing: Rows that were expected and have no answer; they count 0.
        unreadable: How many answers could not be read, by why; they count 0.
        cut_off: Answers that ended before they were complete.
        left_out: Rows that the rules leave out.
        headline: The name of the number that has an interval.
        estimate: That number with its interval.
        scores: All numbers, by name.
        published: The paper's numbers for OneThinker-8B, by the same names, where they are known.
        notes: What a reader of the numbers must know.
        baseline: The comparison with a baseline, if there is one.
    """

    benchmark: str
    task: str
    table: str
    rows: int
    missing: int
    unreadable: dict[str, int]
    cut_off: int
    left_out: int
    headline: str
    estimate: Estimate
    scores: dict[str, float]
    published: dict[str, float]
    notes: list[str]
    baseline: BaselineComparison | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The benchmarks of one model.

    Attributes:
        rules: ``official``, or ``release``.
        benchmarks: One for each benchmark and task, in the order of their first rows.
        means: For each table of several benchmarks the mean of their headlines, with an interval for benchmarks that
            share no picture or video.
        refused: Rows that could not be evaluated because of their reference.
    """

    rules: Rules
    benchmarks: list[BenchmarkScores]
    means: dict[str, Estimate]
    refused: int

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain objects for JSON, NaN as None."""
        return _plain(asdict(self))


def evaluate(
    rows: Iterable[Row],
    *,
    rules: Rules = "official",
    answers: AnswerRules = "paper",
    recipe: str | Recipe = "paper",
    cluster: str | None = None,
    mean: MeanOver = "row",
    expected: Iterable[Row] | None = None,
    baseline: Iterable[Row] | None = None,
    confidence: float = CONFIDENCE,
    on_bad_reference: OnBadReference = "raise",
    each: Each | None = None,
) -> Evaluation:
    """Evaluate answers by the rules of each task, benchmark by benchmark, in memory that does not grow with the rows.

    Args:
        rows: Each has a ``response``, a ``reference`` (or `AnyOf` several, of which the best counts) and a ``task``. It
            may have: ``benchmark``, its name; ``id``, by which rows are found again; ``options`` and ``type`` of a
            question; ``size`` of the image in pixels; ``given`` first frames and ``visible`` frames of a track;
            ``finish_reason``; of segmentation ``reward``, as the release's script writes it, or ``predicted_masks`` and
            ``segmentation_output``.
        rules: ``official``, the rules of each benchmark's own evaluator, or ``release``, those of OneThinker's.
        answers: How answers in text are scored under ``official`` rules, as in `AnswerTotals`.
        recipe: How answers in JSON are read under ``official`` rules: its dialect and strict or lenient rules.
        cluster: The field that rows with a video, image or question in common share.
        mean: Of time spans, over rows, or over each ``video`` first, as in ActivityNet-RTL; ``cluster`` is the video.
        expected: Rows of the data set. Those whose ``id`` no row has are missing, and count 0. If ``rows`` are of one
            benchmark, so are these, whatever they are called; others are found by their name.
        baseline: Another model's rows, to be compared by ``benchmark`` and ``id``. If both models have one benchmark,
            its names may differ.
        confidence: Of all intervals.
        on_bad_reference: ``raise``, or ``skip`` to leave such rows out and count them.
        each: Called with what became of each row and the row itself: ``benchmark``, ``id``, ``task``, ``value``, its
            score, ``failure``, why it could not be read, and ``missing``; or ``error`` for one that is left out.

    Raises:
        ArgumentError: If there is no row, rules or recipe have another name, or a row lacks a field.
        UnknownTaskError: Naming rows whose task is unknown.
        BadReferenceError: Naming rows whose reference cannot be read, or whose masks are missing.

    >>> rows = [{"benchmark": "charades", "task": "temporal grounding", "reference": '{"time": [0, 10]}',
    ...          "response": f'<think>Here.</think><answer>{{"time": [0, {end}]}}</answer>'} for end in (10, 5)]
    >>> evaluate(rows).benchmarks[0].scores
    {'mIoU': 0.75, 'R@0.3': 1.0, 'R@0.5': 1.0, 'R@0.7': 0.5}
    """
    check_choice("rules", rules, get_args(Rules))
    check_choice("answers", answers, get_args(AnswerRules))
    check_choice("mean", mean, get_args(MeanOver))
    if mean == "video" and cluster is None:
        raise ArgumentError('mean="video" needs cluster, the field with the video')
    check_choice("on_bad_reference", on_bad_reference, get_args(OnBadReference))
    options = _Options(rules, answers, find_recipe(recipe), cluster, mean, on_bad_reference)
    needs_ids = expected is not None or baseline is not None
    run = _Run(options, needs_ids=needs_ids, each=each)
    run.add(rows)
    if expected is not None:
        run.add_missing(expected)
    if not any(group.rows or group.left_out for group in run.groups.values()):
        raise ArgumentError("there is no row to evaluate")
    other = None
    if baseline is not None:
        other = _Run(options, needs_ids=True, each=None)
        other.add(baseline)
    scored = [
        group.result(confidence, None if other is None else run.counterpart(key, other))
        for key, group in run.groups.items()
        if group.rows or group.left_out
    ]
    return Evaluation(rules, scored, _means(scored, confidence), run.refused)


@dataclass(frozen=True, slots=True)
class _Options:
    rules: Rules
    answers: AnswerRules
    recipe: Recipe
    cluster: str | None
    mean: MeanOver
    on_bad_reference: OnBadReference

    def scores_of(self, task: str) -> TaskScores:
        """Return empty sums for the rows of a task."""
        return task_scores(task, self.rules, self.recipe, self.answers, self.mean)


@dataclass(slots=True)
class _Group:
    """The rows of one benchmark and task.

    Attributes:
        ids: The scores of each question, if they are needed, and its cluster. Of one that was left out there are none.
    """

    benchmark: str
    task: str
    totals: TaskScores
    rows: int = 0
    missing: int = 0
    cut_off: int = 0
    left_out: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    ids: dict[Hashable, tuple[ExactMean, Hashable]] = field(default_factory=dict)

    def count(self, row: EvaluatedRow, source: Row, scored: RowScore | None) -> None:
        """Add what is counted of one row, beside its score."""
        if scored is None:
            self.left_out += 1
            return
        self.rows += 1
        if row.is_missing:
            self.missing += 1
            return
        self.cut_off += _is_cut_off(source)
        if scored.failure is not None:
            self.unreadable[scored.failure] += 1

    def result(self, confidence: float, baseline: _Group | None) -> BenchmarkScores:
        known = find_benchmark(self.benchmark)
        scores = self.totals.scores() if self.rows else {}
        estimate = self.totals.estimate(confidence) if self.rows else _NO_ESTIMATE
        published = {} if known is None else {name: known.scores[name] for name in scores if name in known.scores}
        return BenchmarkScores(
            self.benchmark, self.task, self.task if known is None else known.table,
            self.rows, self.missing, dict(self.unreadable.most_common()), self.cut_off, self.left_out,
            self.totals.headline, estimate, scores, published, self.totals.notes(),
            None if baseline is None else self._compared(baseline, confidence),
        )  # fmt: skip

    def _compared(self, baseline: _Group, confidence: float) -> BaselineComparison | None:
        ours, theirs = ({name for name, (scores, _) in group.ids.items() if scores.count} for group in (self, baseline))
        shared = [name for name in self.ids if name in ours & theirs]
        if not shared:
            return None
        totals = PairedTotals()
        totals.update(
            [self.ids[name][0].value for name in shared],
            [baseline.ids[name][0].value for name in shared],
            [self.ids[name][1] for name in shared],
        )
        comparison = totals.result(confidence)
        difference = comparison.difference
        smallest = nan if difference.clusters == 1 else smallest_difference(difference.stderr, difference.clusters)
        return BaselineComparison(comparison, len(ours ^ theirs), smallest)


class _Run:
    """All rows of one model."""

    def __init__(self, options: _Options, *, needs_ids: bool, each: Each | None) -> None:
        self.options, self.needs_ids, self.each = options, needs_ids, each
        self.groups: dict[tuple[str, str], _Group] = {}
        self.refused = 0
        self._number = 0

    def add(self, rows: Iterable[Row], *, missing: bool = False) -> None:
        """Add rows, batch by batch."""
        iterator = iter(rows)
        while batch := [*islice(iterator, _BATCH)]:
            numbers = range(self._number, self._number + len(batch))
            self._number += len(batch)
            by_group: dict[tuple[str, str], list[tuple[EvaluatedRow, Row]]] = {}
            names = resolve_tasks(
                [_field(row, "task", f"row {number}: ") for number, row in zip(numbers, batch, strict=True)], TASKS
            )
            for number, row, task in zip(numbers, batch, names, strict=True):
                read = self._read(number, row, task, missing=missing)
                if read is not None:
                    by_group.setdefault((_benchmark(row), task), []).append((read, row))
            for key, pairs in by_group.items():
                self._add_group(key, pairs)

    def add_missing(self, expected: Iterable[Row]) -> None:
        """Add the expected rows that have no answer."""
        seen = {(benchmark, name) for (benchmark, _), group in self.groups.items() for name in group.ids}
        known = {benchmark for benchmark, _ in self.groups}
        only = next(iter(known)) if len(known) == 1 else None
        are_known: set[str] = set()

        def absent() -> Generator[Row]:
            for row in expected:
                benchmark = _benchmark(row) if only is None else only
                # A benchmark of which there is no answer at all was not asked for.
                if benchmark in known:
                    are_known.add(benchmark)
                    if (benchmark, _field(row, "id", "an expected row: ")) not in seen:
                        yield {**row, "benchmark": benchmark}

        self.add(absent(), missing=True)
        if not are_known:
            raise ArgumentError(f"no expected row is of one of the benchmarks {', '.join(sorted(known))}")

    def counterpart(self, key: tuple[str, str], other: _Run) -> _Group | None:
        """Return the same benchmark of another run; if each has only one, their names may differ."""
        if len(self.groups) == len(other.groups) == 1:
            benchmark, task = next(iter(other.groups))
            key = benchmark, key[1] if key[1] == task else ""
        return other.groups.get(key)

    def _read(self, number: int, row: Row, task: str, *, missing: bool) -> EvaluatedRow | None:
        try:
            given = _field(row, "reference")
            references = [reference_text(one) for one in (given.references if isinstance(given, AnyOf) else (given,))]
            read = EvaluatedRow(
                number, task, "" if missing else _text_field(row, "response"), references[0], row,
                None if self.options.cluster is None else _hashable(_field(row, self.options.cluster)),
                image_size(row.get("size"), number),
                missing,
            )  # fmt: skip
            option_texts(row.get("options"))
            return read if len(references) == 1 else self._with_best(read, references)
        except BadReferenceError as error:
            reason = error.reasons[0]
        except ArgumentError as error:
            reason = str(error)
        self._refuse([number], [reason], [row])
        return None

    def _with_best(self, row: EvaluatedRow, references: Sequence[str]) -> EvaluatedRow:
        """Return a row with that of its references which gives it the highest score, of equal ones the first."""

        def value(candidate: EvaluatedRow) -> float:
            (scored,) = self.options.scores_of(row.task).update([candidate])
            return 0.0 if scored is None else scored.value

        return max((replace(row, reference=reference) for reference in references), key=value)

    def _refuse(self, numbers: Sequence[int], reasons: Sequence[str], rows: Sequence[Row]) -> None:
        if self.options.on_bad_reference == "raise":
            raise BadReferenceError(numbers, reasons)
        self.refused += len(numbers)
        for reason, row in zip(reasons, rows, strict=True):
            if self.each is not None:
                self.each({"error": reason}, row)

    def _add_group(self, key: tuple[str, str], pairs: list[tuple[EvaluatedRow, Row]]) -> None:
        if key not in self.groups:
            self.groups[key] = _Group(*key, self.options.scores_of(key[1]))
        group = self.groups[key]
        try:
            scores = group.totals.update([row for row, _ in pairs])
        except BadReferenceError as error:
            bad = {*error.rows}
            refused = [pairs[row] for row in error.rows]
            for row, source in refused:
                self._note_id(group, row, source)
            self._refuse([row.number for row, _ in refused], error.reasons, [source for _, source in refused])
            # Nothing was added; the others are.
            pairs = [pair for index, pair in enumerate(pairs) if index not in bad]
            scores = group.totals.update([row for row, _ in pairs]) if pairs else []
        for (row, source), scored in zip(pairs, scores, strict=True):
            group.count(row, source, scored)
            scores_of_question = self._note_id(group, row, source)
            if scored is not None and scores_of_question is not None:
                scores_of_question.add([scored.value])
            if self.each is not None:
                shown = {"value": None, "failure": "left_out"} if scored is None else asdict(scored)
                said = {"benchmark": group.benchmark, "id": source.get("id"), "task": group.task}
                self.each(said | shown | {"missing": row.is_missing}, source)

    def _note_id(self, group: _Group, row: EvaluatedRow, source: Row) -> ExactMean | None:
        """Remember that a question was answered; return the scores of its answers if they are needed."""
        if not self.needs_ids:
            return None
        name = _field(source, "id", f"row {row.number}: ")
        return group.ids.setdefault(name, (ExactMean(), row.cluster))[0]


def _benchmark(row: Row) -> str:
    return str(row.get("benchmark", ""))


def _field(row: Row, name: str, where: str = "") -> Any:
    value = row.get(name)
    if value is None:
        raise ArgumentError(f"{where}no {name!r}")
    return value


def _hashable(value: Any) -> Hashable:
    return value if isinstance(value, Hashable) else repr(value)


def _text_field(row: Row, name: str) -> str:
    value = _field(row, name)
    if not isinstance(value, str):
        raise ArgumentError(f"{name}: expected text, got {type(value).__name__}")
    return value


def _is_cut_off(row: Row) -> bool:
    """Return whether an answer ended at its limit: it says so, or a tag of its is still open."""
    if row.get("finish_reason") is not None:
        return row["finish_reason"] in _CUT_OFF
    response = row["response"]
    tail = response.rpartition("</think>")[2]
    return ("<think>" in tail) or ("<answer>" in tail and "</answer>" not in tail)


def _means(scored: Sequence[BenchmarkScores], confidence: float) -> dict[str, Estimate]:
    tables: dict[str, list[Estimate]] = {}
    for benchmark in scored:
        if benchmark.rows:
            tables.setdefault(benchmark.table, []).append(benchmark.estimate)
    return {table: _mean(estimates, confidence) for table, estimates in tables.items() if len(estimates) > 1}


def _mean(estimates: Sequence[Estimate], confidence: float) -> Estimate:
    """Return the mean of several numbers, each with the same weight, and its interval if they are independent."""
    mean = ExactMean()
    mean.add([estimate.value for estimate in estimates])
    stderr = sqrt(sum(estimate.stderr**2 for estimate in estimates)) / len(estimates)
    reach = float(ndtri(0.5 + 0.5 * confidence)) * stderr
    rows, clusters = (sum(getattr(estimate, name) for estimate in estimates) for name in ("rows", "clusters"))
    return Estimate(
        mean.value, stderr, mean.value - reach, mean.value + reach, rows, clusters, "independent benchmarks"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return None if isinstance(value, float) and isnan(value) else value
