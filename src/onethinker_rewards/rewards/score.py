"""The whole flow, from top to bottom: responses and references to rewards.

Every row keeps its index. A row with several references (`AnyOf`) is scored with each of them, as if it came several
times, and its best score is taken. A task's columns hold one entry for each of its rows, in their order; a row that
could not be read holds a stand-in, and its scores are set to 0 after its formula. Where no row of a task could be read,
its formula gets no rows. What a judge says, and the totals, come last: `PendingBatch.finish`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from onethinker_rewards._validation import (
    as_list,
    check_choice,
    check_progress,
    group_ids,
    image_size,
    option_texts,
    plain_list,
    text_list,
)
from onethinker_rewards.answers import Answers, Booleans, Columns, Floats, Integers, LetterColumns, ModelColumns, Size
from onethinker_rewards.codes import FailureCode, FaultDetail, shortened
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.rewards.judging import JudgeRunner, is_raw
from onethinker_rewards.rewards.pending import PendingBatch
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.rewards.references import reference_texts
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.rewards.scale import sample_scale
from onethinker_rewards.tasks import TASKS, Context, Formula, JudgeRow, Scores, TaskSpec, check_names, resolve_tasks
from onethinker_rewards.tasks.segmentation import INSTEAD_OF_POINTS, WITH_POINTS

OnBadReference = Literal["raise", "skip"]

_SHOWN = 80
# What a formula expected that could not compare an answer.
_EXPECTED = {
    FailureCode.UNREADABLE_MATH: "one mathematical expression",
    FailureCode.MATH_TIMEOUT: "an expression that can be compared before the deadline",
}
_ROWS_SHOWN = 5
# How far beyond [0, maximum] rounding may take an accuracy.
_ROUNDING = 1e-9
# How columns become lists, where it is not by `as_list`.
_COLUMN_LISTS = {"groups": group_ids, "tokens": plain_list}


def score(
    responses: Sequence[str],
    references: Sequence[Any],
    tasks: Sequence[str] | str,
    *,
    recipe: str | Recipe = "paper",
    table: Mapping[str, TaskSpec] | None = None,
    questions: Sequence[str | None] | None = None,
    options: Sequence[Sequence[str] | None] | None = None,
    images: Sequence[Any] | None = None,
    sizes: Sequence[tuple[float, float] | None] | None = None,
    groups: Sequence[Hashable] | None = None,
    progress: float | None = None,
    tokens: Sequence[Sequence[int] | int | None] | None = None,
    on_bad_reference: OnBadReference = "raise",
) -> RewardBatch:
    """Score N responses.

    Args:
        responses: ``[N]`` all that the model wrote, tags included.
        references: ``[N]`` what is right: text, with or without answer tags, or the object itself: a dictionary, a
            list, a number, a pydantic model, an array, or `AnyOf` several of these. None in a dictionary is left out,
            because Arrow adds it; where it means something, as in point_tracking, give text or a model.
        tasks: ``[N]`` task names, ours or the data set's, or one for all rows.
        recipe: ``"paper"``, ``"release"`` or a recipe of your own.
        table: The tasks, `TASKS` by default.
        questions: ``[N]`` the questions, for a judge.
        options: ``[N]`` the options' texts of multiple-choice questions; None where a row has none.
        images: ``[N]`` images, for a segmenter.
        sizes: ``[N]`` width and height of the images in pixels, for answers in pixels; None where a row has none.
        groups: ``[N]`` ids of the prompts, equal where responses answer the same one, for a formula that compares them.
        progress: How far training is, from 0 to 1, for a formula that changes with it.
        tokens: ``[N]`` the token ids of the responses without padding, or only how many there are, for a recipe with
            penalties for length or repetition.
        on_bad_reference: ``"raise"``, or ``"skip"`` to give such rows a total of NaN and the failure ``bad_reference``.

    Returns:
        One row a response, in the same order.

    Raises:
        BadReferenceError: Naming all rows whose reference is unreadable; of `AnyOf`, which of them.
        UnknownTaskError: Naming all rows whose task is unknown.
        ArgumentError: If lengths differ, a response is not text, a reference is none of the above, ``progress`` is not
            from 0 to 1, ``on_bad_reference`` is neither of the two, the recipe has a formula or a constant for what is
            no task, a formula cannot take the task's schema or gives an accuracy outside 0 to its maximum or other
            parts than the task declares, or a task's example cannot be read.

    >>> batch = score(["<think>It is red.</think><answer>B</answer>"], ["B"], "multiple_choice")
    >>> batch.total.tolist()
    [2.0]
    """
    chosen = find_recipe(recipe)
    context = Context(
        questions=questions,
        options=options,
        images=images,
        sizes=sizes,
        groups=groups,
        tokens=tokens,
        progress=progress,
        judge=chosen.judge,
    )
    pending = start(responses, references, tasks, chosen, table, context, on_bad_reference)
    if chosen.judge is None:
        return pending.finish()
    with JudgeRunner(chosen.judge) as runner:
        return pending.finish(runner.verdicts(pending.to_judge.values()))


def start(
    responses: Sequence[str],
    references: Sequence[Any],
    tasks: Sequence[str] | str,
    recipe: Recipe,
    table: Mapping[str, TaskSpec] | None,
    context: Context,
    on_bad_reference: OnBadReference,
) -> PendingBatch:
    """Score with everything a formula may use already in ``context``, up to what a judge has to say."""
    check_choice("on_bad_reference", on_bad_reference, get_args(OnBadReference))
    table = task_table(recipe, TASKS if table is None else table)
    responses = text_list("responses", responses)
    references = reference_texts(references)
    labels = [tasks] * len(responses) if isinstance(tasks, str) else text_list("tasks", tasks)
    check_progress(context.progress)
    # As lists: a column of a table may find rows by labels rather than by their indices.
    columns = {name: _COLUMN_LISTS.get(name, as_list)(name, values) for name, values in context.columns().items()}
    for name, values in {"references": references, "tasks": labels, **columns}.items():
        if len(values) != len(responses):
            raise ArgumentError(f"{name} has {len(values)} rows, responses has {len(responses)}")
    if "options" in columns:
        columns["options"] = [option_texts(value, row) for row, value in enumerate(columns["options"])]
    if "sizes" in columns:
        columns["sizes"] = [image_size(value, row) for row, value in enumerate(columns["sizes"])]
    context = replace(context, **columns)

    names = resolve_tasks(labels, table)
    _check_sizes(names, table, recipe, context.sizes)
    texts = [text for of_row in references for text in of_row]
    if len(texts) == len(responses):
        pending = _score_rows(responses, texts, names, recipe, table, context)
    else:
        pending = _score_any_of(responses, references, names, recipe, table, context)
    if pending.bad and on_bad_reference == "raise":
        reasons = pending.bad_by_row()
        raise BadReferenceError([*reasons], [*reasons.values()])
    return pending


def _check_sizes(
    names: Sequence[str], table: Mapping[str, TaskSpec], recipe: Recipe, sizes: Sequence[Size | None] | None
) -> None:
    """Raise an `ArgumentError` where a dialect in pixels lacks the size of an image."""
    options = recipe.read_options
    for name in sorted(set(names)):
        for dialect, schema in (
            (options.dialect, table[name].schema),
            (options.reference_dialect, table[name].references_in),
        ):
            if dialect.needs_size(schema):
                rows = [row for row, its in enumerate(names) if its == name and (sizes is None or sizes[row] is None)]
                if rows:
                    shown = ", ".join(map(str, rows[:_ROWS_SHOWN])) + (" and more" if rows[_ROWS_SHOWN:] else "")
                    raise ArgumentError(
                        f"sizes: the dialect {dialect.name} writes pixels, and rows {shown} have no size"
                    )


def _score_any_of(
    responses: Sequence[str],
    references: Sequence[Sequence[str]],
    names: Sequence[str],
    recipe: Recipe,
    table: Mapping[str, TaskSpec],
    context: Context,
) -> PendingBatch:
    """Score each row with each of its references."""
    counts = [len(of_row) for of_row in references]
    row_of = np.repeat(np.arange(len(references)), counts)
    rows = row_of.tolist()
    several = context.of_rows(rows)
    if several.groups is not None:
        # Responses are compared by one reference at a time, and no response with itself.
        number = np.concatenate([np.arange(count) for count in counts])
        several = replace(several, groups=[*zip(several.groups, number.tolist(), strict=True)])
    pending = _score_rows(
        [responses[row] for row in rows],
        [text for of_row in references for text in of_row],
        [names[row] for row in rows],
        recipe,
        table,
        several,
    )
    return replace(pending, responses=responses, tokens=context.tokens, row_of=row_of)


def _score_rows(
    responses: Sequence[str],
    references: Sequence[str],
    names: Sequence[str],
    recipe: Recipe,
    table: Mapping[str, TaskSpec],
    context: Context,
) -> PendingBatch:
    """Score rows with one reference each."""
    answers = recipe.reader.find(responses, recipe.read_options)
    answers.sizes = context.sizes
    batch = RewardBatch.empty(recipe.name, [*names], table, answers)
    pending = PendingBatch(
        recipe=recipe,
        responses=responses,
        tokens=context.tokens,
        maxima={name: table[name].maximum for name in set(names)},
        entries=batch,
        row_of=np.arange(len(responses)),
        bad={},
        to_judge={},
        is_raw=is_raw(context.judge),
    )
    row_names = np.array(names, dtype=object)
    for name in sorted(set(names)):
        rows = np.flatnonzero(row_names == name)
        task = _TaskRows(table[name], rows, [references[row] for row in rows.tolist()], context.of_rows(rows.tolist()))
        _score_task(task, recipe, answers, pending)
    return pending


def task_table(recipe: Recipe, table: Mapping[str, TaskSpec]) -> Mapping[str, TaskSpec]:
    """Return the tasks as a recipe has them.

    Raises:
        ArgumentError: If the recipe has a formula or a constant for what is no task.
    """
    if recipe.tasks:
        # By the tasks' own names, whatever a table calls them.
        new = {name: spec for name, spec in recipe.tasks.items() if name not in table}
        table = {key: recipe.tasks.get(spec.name, spec) for key, spec in table.items()} | new
    if recipe.formulas:
        check_names("formulas", recipe.formulas, {spec.name: spec for spec in table.values()})
    known = dict.fromkeys(name for spec in table.values() for name in spec.constants)
    for name in recipe.constants:
        if name not in known:
            there_are = f"there are {', '.join(known)}" if known else "no task has any"
            raise ArgumentError(f"constants: no task has {name!r}; {there_are}")
    return table


@dataclass(frozen=True, slots=True)
class _TaskRows:
    """The rows of one task: their indices in the batch, and their references and context in the same order."""

    spec: TaskSpec
    rows: Integers
    references: list[str]
    context: Context


def _score_task(task: _TaskRows, recipe: Recipe, answers: Answers, pending: PendingBatch) -> None:
    """Read both sides of one task's rows, compare them, and write scores, codes and what is wrong with references."""
    spec, rows, batch = task.spec, task.rows, pending.entries
    spec.check_example()
    if spec.maximum is None and recipe.needs_maxima:
        raise ArgumentError(f"{spec.name} has no maximum, and the recipe {recipe.name} divides accuracies by it")
    found = _read_references(task, recipe)
    reference, bad, doubtful = found.columns, found.bad, found.doubtful
    if recipe.formulas.get(spec.name, spec.accuracy) is not spec.accuracy:
        doubtful = set[int]()
    predicted = _read_answers(task, recipe, answers, reference)

    is_bad = bad.keys() - doubtful
    valid = np.array([answers.failure[row] is None and row not in is_bad for row in rows.tolist()], dtype=np.bool_)
    sample = sample_scale(predicted, reference, valid, rows, found.numbers, found.clipped)
    if sample is not None:
        batch.samples[spec.name] = sample
    scores = _compare(task, recipe, predicted, reference, valid)
    # The task's own formula names the doubtful references that it cannot compare with.
    reasons = bad
    bad = {row: reason for row, reason in bad.items() if row not in doubtful or answers.failure[row] is not None}
    batch.accuracy[rows] = np.where(valid, scores.accuracy, 0.0)
    for name, values in scores.parts.items():
        if not _does_not_apply(values):
            batch.part(name)[rows] = np.where(valid, values, 0.0)
    batch.normalized[rows] = batch.accuracy[rows] / (np.nan if spec.maximum is None else spec.maximum)
    for index, code in scores.failures.items():
        if valid[index] and code is FailureCode.BAD_REFERENCE:
            row = int(rows[index])
            bad[row] = reasons.get(row) or describe_reference(spec, task.references[index], code)
        elif valid[index]:
            row = int(rows[index])
            answers.failure[row] = code
            answers.details[row] = FaultDetail("", shortened(answers.texts[row]), _EXPECTED.get(code, code.meaning))
    bad |= {int(rows[index]): reason for index, reason in scores.bad_references.items() if valid[index]}
    if recipe.structure is not None:
        texts = [answers.texts[row] for row in rows.tolist()]
        bare = [recipe.reader.bare_reference(text) for text in task.references]
        batch.structure[rows] = recipe.structure(spec, texts, bare)
    pending.bad.update(bad)
    _leave_to_judge(task, recipe, {index: row for index, row in scores.to_judge.items() if valid[index]}, pending)


def _leave_to_judge(task: _TaskRows, recipe: Recipe, to_judge: Mapping[int, JudgeRow], pending: PendingBatch) -> None:
    pending.to_judge.update({int(task.rows[index]): asked for index, asked in to_judge.items()})
    if not to_judge:
        return
    if task.context.judge is None:
        raise ArgumentError(f"the formula of {task.spec.name} names rows for a judge, and there is none")
    if pending.is_raw and recipe.needs_maxima:
        raise ArgumentError(f"the judge's scores are raw, and the recipe {recipe.name} divides accuracies by a maximum")


class _References(NamedTuple):
    """The references of a task's rows.

    Attributes:
        columns: One entry a row.
        numbers: ``[N]`` which of the different references each row has.
        bad: What is wrong, by the batch's row.
        doubtful: The rows where only the ``reference_fault`` says so.
        clipped: How many different references were clipped.
    """

    columns: Columns
    numbers: Integers
    bad: dict[int, str]
    doubtful: set[int]
    clipped: int


def _read_references(task: _TaskRows, recipe: Recipe) -> _References:
    """Read each distinct reference once, by strict rules.

    With other options, or for an image of another size, the same text is another reference.
    """
    spec, options, no_value = task.spec, task.context.options, [None] * len(task.rows)
    offered = [None if texts is None else tuple(texts) for texts in options or no_value]
    sizes = no_value if task.context.sizes is None else task.context.sizes
    # A new triple of reference, options and size gets the next number.
    numbers: defaultdict[tuple[str, tuple[str, ...] | None, Size | None], int] = defaultdict(count().__next__)
    triples = zip(task.references, offered, sizes, strict=True)
    number_of = np.array([numbers[triple] for triple in triples], dtype=np.int64)

    bare = [recipe.reader.bare_reference(text) for text, _, _ in numbers]
    distinct = Answers.of_texts(bare, [size for _, _, size in numbers])
    read_options = replace(recipe.read_options, options=None if options is None else [texts for _, texts, _ in numbers])
    columns = recipe.reader.read_references(distinct, spec.references_in, read_options)
    faults = [None if spec.reference_fault is None else spec.reference_fault(text) for text in bare]
    bad: dict[int, str] = {}
    doubtful: set[int] = set()
    if any(distinct.failure) or any(faults):
        for row, text, number in zip(task.rows.tolist(), task.references, number_of.tolist(), strict=True):
            code = distinct.failure[number] or faults[number]
            if code is not None:
                bad[row] = describe_reference(spec, text, code, distinct.details.get(number))
                if distinct.failure[number] is None:
                    doubtful.add(row)
    clipped = sum(
        failure is None and bool(repairs) for failure, repairs in zip(distinct.failure, distinct.repairs, strict=True)
    )
    return _References(columns.take(number_of), number_of, bad, doubtful, clipped)


def _read_answers(task: _TaskRows, recipe: Recipe, answers: Answers, reference: Columns) -> Columns:
    # A reference that is not an option letter is compared as text, so any text is an answer.
    any_text = reference.letters == 0 if isinstance(reference, LetterColumns) else None
    options = replace(recipe.read_options, options=task.context.options, any_text=any_text)
    return recipe.reader.read(answers, task.rows, task.spec.schema, options)


def _compare(task: _TaskRows, recipe: Recipe, predicted: Columns, reference: Columns, valid: Booleans) -> Scores:
    """Return what the task's formula gives, as float64 arrays with one entry a row."""
    spec, rows = task.spec, len(task.rows)
    if not (recipe.reader.reads_schema or recipe.tasks.get(spec.name) is spec or spec.name in recipe.formulas):
        raise ArgumentError(f"the recipe {recipe.name} has no formula for {spec.name!r}; use another recipe")
    constants = {name: recipe.constants.get(name, value) for name, value in spec.constants.items()}
    context = replace(task.context, valid=valid, constants=constants)
    formula = recipe.formulas.get(spec.name, spec.accuracy)
    if isinstance(predicted, ModelColumns):
        _check_takes_models(spec, formula)
    if valid.any():
        return _checked(spec, formula, formula(predicted, reference, context), task.references, valid)
    # There is nothing to compare; the formula still says which parts it has.
    none = np.arange(0)
    context = replace(context.of_rows([]), valid=valid[none])
    result = _checked(spec, formula, formula(predicted.take(none), reference.take(none), context), [], valid[none])
    parts = {name: values if _does_not_apply(values) else np.zeros(rows) for name, values in result.parts.items()}
    return Scores(np.zeros(rows), parts)


def _does_not_apply(part: Floats) -> bool:
    """Return whether a formula gave a single NaN in place of a part."""
    return part.ndim == 0 and bool(np.isnan(part))


def _check_takes_models(spec: TaskSpec, formula: Formula) -> None:
    """Raise an `ArgumentError` where a formula of ours, which takes the columns of our schemas, would get models."""
    for known in (*TASKS.values(), *WITH_POINTS.values(), *INSTEAD_OF_POINTS.values()):
        if formula is known.accuracy:
            raise ArgumentError(
                f"{spec.name}: its formula is that of {known.name}, which takes columns of {known.schema.__name__}; "
                f"answers in {spec.schema.__name__} are models and need a formula of your own"
            )


def _checked(spec: TaskSpec, formula: Formula, result: Any, references: Sequence[str], valid: Booleans) -> Scores:
    """Return a formula's scores as float64 arrays.

    Raises:
        ArgumentError: If it did not give one finite accuracy a row, from 0 to the task's maximum, or if the task's own
            formula gave other parts than the task declares. A row that it calls a failure or a bad reference, or that
            holds a stand-in, may have any accuracy.
    """
    subject, rows = f"the formula of {spec.name}", len(references)
    if not isinstance(result, Scores):
        raise ArgumentError(f"{subject} gave {type(result).__name__}, not Scores")
    columns: dict[str, Any] = {}
    for name, values in {"accuracy": result.accuracy, **result.parts}.items():
        columns[name] = np.asarray(values, dtype=np.float64)
        if columns[name].shape not in ((), (rows,)):
            raise ArgumentError(f"{subject} gave {name} of shape {list(columns[name].shape)} for {rows} rows")
    accuracy = np.broadcast_to(columns.pop("accuracy"), rows)
    fits = np.isfinite(accuracy)
    if spec.maximum is not None:
        fits &= (accuracy >= -_ROUNDING) & (accuracy <= spec.maximum + _ROUNDING)
    for row in np.flatnonzero(valid & ~fits).tolist():
        if row not in result.failures and row not in result.bad_references:
            limits = "not finite" if spec.maximum is None else f"outside 0 to its maximum {spec.maximum:g}"
            reference = f"for the reference {references[row][:_SHOWN]!r}"
            raise ArgumentError(f"{subject} gave the accuracy {accuracy[row]}, {limits}, {reference}")
    if formula is spec.accuracy:
        spec.check_parts(result.parts)
    return replace(result, accuracy=accuracy, parts=columns)


def describe_reference(spec: TaskSpec, reference: str, code: FailureCode, detail: FaultDetail | None = None) -> str:
    """Say in one line what is wrong with a reference."""
    shown = reference if len(reference) <= _SHOWN else reference[:_SHOWN] + "…"
    return f"{code} for {spec.name}: {shown!r}" + ("" if detail is None else f" ({detail.message})")
