"""One task's rows, read and compared by its formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.columns import Integers, LetterColumns, Reading, Request
from onethinker_rewards.parsing import FoundAnswers, find_answers
from onethinker_rewards.rewards.formulas import check_scores
from onethinker_rewards.rewards.recipe import Recipe
from onethinker_rewards.rewards.references import (
    References,
    check_references,
    distinct_references,
    read_references,
)
from onethinker_rewards.rewards.rows import TaskRows, TaskScores, take_context
from onethinker_rewards.schemas import OptionLetter
from onethinker_rewards.tasks import TASKS, Formula, Scores, TaskSpec, describe_reference

__all__ = ["find_in", "score_task"]


def find_in(spec: TaskSpec, rows: TaskRows, recipe: Recipe) -> FoundAnswers:
    """Find the answers of one task's rows."""
    return find_answers(rows.responses, think=recipe.think, limits=recipe.limits, alike=spec.schema is OptionLetter)


def score_task(spec: TaskSpec, rows: TaskRows, found: FoundAnswers, recipe: Recipe) -> TaskScores:
    """Score all rows of one task: read both sides, compare what could be read, keep the codes."""
    read = _rows_to_read(found, lenient=recipe.rules == "lenient" and spec.is_json)
    references, reading = _read_both_sides(spec, rows, recipe, _texts(found, read), read)

    scores = TaskScores(len(rows), found.failures, found.format_faults, references.bad)
    _keep_codes(scores, read, reading, found)
    _compare(spec, rows, recipe, references, read[reading.rows], reading.columns, scores)
    return scores


def _rows_to_read(found: FoundAnswers, *, lenient: bool) -> Integers:
    """Return the rows that have an answer; under lenient rules also those whose answer was never closed."""
    rows = np.arange(len(found.answers))
    if not found.failures:
        return rows
    missing = [row for row in found.failures if not (lenient and row in found.unclosed)]
    return np.delete(rows, missing)


def _texts(found: FoundAnswers, read: Integers) -> list[str]:
    if not found.failures:
        return found.answers
    places: list[int] = read.tolist()
    return [found.unclosed.get(row, found.answers[row]) for row in places]


def _read_both_sides(
    spec: TaskSpec, rows: TaskRows, recipe: Recipe, answers: list[str], read: Integers
) -> tuple[References, Reading[Any]]:
    """Read references and answers, at one go where both are read alike: every call has its price."""
    distinct = distinct_references(rows)
    if recipe.rules == "strict" and spec.reader is None and spec.is_json:
        both = spec.read([*distinct.texts, *answers], Request(limits=recipe.limits))
        first, reading = both.split(len(distinct.texts))
        return check_references(spec, rows, distinct, first), reading
    first = read_references(spec, distinct, recipe.limits)
    references = check_references(spec, rows, distinct, first)
    return references, spec.read(answers, _request(rows, recipe, references, read))


def _request(rows: TaskRows, recipe: Recipe, references: References, read: Integers) -> Request:
    free = None
    if isinstance(references.columns, LetterColumns) and len(references.columns):
        free = (references.columns.letters[references.place] == 0)[read]
    options = rows.context.options
    if options is not None:
        options = [options[row] for row in read.tolist()]
    return Request(rules=recipe.rules, limits=recipe.limits, options=options, free=free)


def _keep_codes(scores: TaskScores, read: Integers, reading: Reading[Any], found: FoundAnswers) -> None:
    faults = reading.faults
    for position, code in faults.failures.items():
        # An answer that was never closed and cannot be mended failed for not being closed.
        scores.failures.setdefault(int(read[position]), code)
    for position, code in faults.schema_faults.items():
        scores.format_faults.setdefault(int(read[position]), code)
    for position, codes in faults.repairs.items():
        scores.repairs[int(read[position])] = codes
    if found.unclosed:
        for row in found.unclosed.keys() & set(read[reading.rows].tolist()):
            del scores.failures[row]
            scores.repairs[row] = (RepairCode.CLOSED_ANSWER, *scores.repairs.get(row, ()))


def _own_formula(spec: TaskSpec) -> Formula | None:
    own = TASKS.get(spec.name)
    return own and own.accuracy


def _compare(
    spec: TaskSpec,
    rows: TaskRows,
    recipe: Recipe,
    references: References,
    targets: Integers,
    predicted: Any,
    scores: TaskScores,
) -> None:
    """Compare answers with their references; rows where either is unreadable stay out."""
    place = references.place[targets]
    if references.bad:
        known = np.flatnonzero(place >= 0)
        targets, place, predicted = targets[known], place[known], predicted.take(known)
    context = rows.context if len(targets) == len(rows) else take_context(rows.context, targets)
    formula = recipe.formulas.get(spec.name, spec.accuracy)
    result: Scores = formula(predicted, references.columns.take(place), context)
    if formula is not _own_formula(spec):
        check_scores(spec, result, [rows.references[row] for row in targets.tolist()])
    scores.fill(targets, result.accuracy, result.parts)
    for position, code in result.failures.items():
        row = int(targets[position])
        if code is FailureCode.BAD_REFERENCE:
            scores.bad_references[row] = describe_reference(spec, rows.references[row], code)
        else:
            scores.failures[row] = code
    for position, reason in result.bad_references.items():
        scores.bad_references[int(targets[position])] = reason
