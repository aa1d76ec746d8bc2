"""Which answers, or references, are not in their task's schema, and what lenient rules would repair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np

from onethinker_rewards._validation import as_list, check_choice, image_size, option_texts, text_list
from onethinker_rewards.answers import Answers, AnyDialect, ReadOptions, Rules, Size
from onethinker_rewards.codes import FailureCode, FaultDetail, RepairCode, shortened
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards.recipe import Recipe, changed_recipe
from onethinker_rewards.rewards.score import task_table
from onethinker_rewards.tasks import TASKS, TaskSpec, resolve_tasks

# What is checked: whole responses, bare answers, or references.
Part = Literal["response", "answer", "reference"]
# Why a code was counted: an answer that is not valid, a fault of the format alone, a repair that was made, or one that
# lenient rules would make to an answer that is not valid.
Kind = Literal["failure", "format", "repair", "lenient"]
_EXAMPLES = 5
_COMPARABLE = "a reference that can be compared with answers"
_NOUNS = {"response": "answer", "answer": "answer", "reference": "reference"}


@dataclass(slots=True)
class CodeCount:
    """How many rows have a code, and the first few of them."""

    rows: int = 0
    examples: list[int] = field(default_factory=list[int])

    def add(self, rows: int, examples: Sequence[int]) -> None:
        """Add other rows."""
        self.rows += rows
        self.examples = sorted([*self.examples, *examples])[:_EXAMPLES]


@dataclass(slots=True)
class TaskCounts:
    """What became of the rows of one task, or of all.

    Attributes:
        rows: How many there are.
        valid: How many are in their schema.
        format: How many have the format.
        repaired: How many were repaired.
        repairable: How many that are not valid lenient rules would read.
        codes: Counts by kind (``failure``, ``format``, ``repair``, ``lenient``) and code.
    """

    rows: int = 0
    valid: int = 0
    format: int = 0
    repaired: int = 0
    repairable: int = 0
    codes: dict[tuple[Kind, str], CodeCount] = field(default_factory=dict[tuple[Kind, str], CodeCount])

    def add(self, other: TaskCounts) -> None:
        """Add other rows."""
        for name in ("rows", "valid", "format", "repaired", "repairable"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for key, count in other.codes.items():
            self.codes.setdefault(key, CodeCount()).add(count.rows, count.examples)

    def of_kind(self, *kinds: Kind) -> list[tuple[Kind, str, CodeCount]]:
        """Return kind, code and count of the codes of these kinds, the most frequent first."""
        found = [item for item in self.codes.items() if item[0][0] in kinds]
        return [(*key, count) for key, count in sorted(found, key=lambda item: -item[1].rows)]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        codes = {
            name: {code: {"rows": count.rows, "examples": count.examples} for _, code, count in self.of_kind(kind)}
            for kind, name in _NAMES.items()
        }
        return {
            "rows": self.rows,
            "valid": self.valid,
            "format": self.format,
            "repaired": self.repaired,
            "repairable": self.repairable,
            **codes,
        }


_NAMES: dict[Kind, str] = {
    "failure": "failures",
    "format": "format_faults",
    "repair": "repairs",
    "lenient": "lenient_repairs",
}


@dataclass(slots=True, repr=False)
class ValidationSummary:
    """Counts of rows by task; they do not grow with the number of rows.

    Attributes:
        part: What was checked.
        rules: By which rules.
        tasks: Task name to its counts.
    """

    part: Part = "response"
    rules: Rules = "strict"
    tasks: dict[str, TaskCounts] = field(default_factory=dict[str, TaskCounts])

    @property
    def all(self) -> TaskCounts:
        """The counts of all tasks."""
        total = TaskCounts()
        for counts in self.tasks.values():
            total.add(counts)
        return total

    def merge(self, other: ValidationSummary) -> None:
        """Add other rows."""
        for task, counts in other.tasks.items():
            self.tasks.setdefault(task, TaskCounts()).add(counts)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, ready for JSON."""
        tasks = {task: counts.to_dict() for task, counts in self.tasks.items()}
        return {"part": self.part, "rules": self.rules, "all": self.all.to_dict(), "tasks": tasks}

    def __repr__(self) -> str:
        """Return a line for all rows and one a task."""
        total, noun = self.all, _NOUNS[self.part]
        title = f"{total.rows:,} {noun}{'' if total.rows == 1 else 's'}, {self.rules} rules"
        lines = [f"Validation of {title}: {total.rows - total.valid:,} invalid"]
        for task, counts in self.tasks.items():
            codes = "".join(f", {code} {count.rows:,}" for _, code, count in counts.of_kind("failure", "format"))
            lines.append(f"  {task}: {counts.rows:,} rows, {counts.rows - counts.valid:,} invalid{codes}")
        if total.repairable:
            lines.append(f"  lenient rules would read {total.repairable:,} of those that are invalid")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, repr=False)
class Validation:
    """What `validate` found.

    Attributes:
        rows: A dictionary for each invalid row: ``row`` (from 0), ``task``, ``code``, ``where``, ``found``,
            ``expected`` and ``message``, which is these three in a line.
        summary: Counts of all rows.
        answers: Codes and details of all rows, one entry each.
    """

    rows: list[dict[str, Any]]
    summary: ValidationSummary
    answers: Answers

    def __repr__(self) -> str:
        return repr(self.summary)


def validate(
    responses: Sequence[str],
    tasks: Sequence[str] | str,
    *,
    part: Part = "response",
    recipe: str | Recipe = "paper",
    rules: Rules | None = None,
    dialect: AnyDialect | None = None,
    sizes: Sequence[tuple[float, float] | None] | None = None,
    options: Sequence[Sequence[str] | None] | None = None,
    table: Mapping[str, TaskSpec] | None = None,
    numbers: Sequence[int] | None = None,
) -> Validation:
    """Say which answers are not in their task's schema, where they are wrong, and which lenient rules would read.

    Args:
        responses: ``[N]`` all that the model wrote; or what ``part`` says.
        tasks: ``[N]`` task names, ours or the data set's, or one for all rows.
        part: ``response``, ``answer`` (the answers alone, without tags) or ``reference`` (as `score` reads them).
        recipe: Whose way of reading is taken.
        rules: ``strict`` or ``lenient``; the recipe's by default. References are read strictly.
        dialect: How boxes, points and times are written; the recipe's by default.
        sizes: ``[N]`` width and height of the images in pixels, for answers in pixels; None where a row has none.
        options: ``[N]`` the options' texts of multiple-choice questions; None where a row has none.
        table: The tasks, `TASKS` by default.
        numbers: ``[N]`` what the rows are called in the result, in ascending order; from 0 by default.

    Returns:
        The invalid rows, and a summary.

    Raises:
        UnknownTaskError: Naming all rows whose task is unknown.
        ArgumentError: If lengths differ, a row is not text, there is no such recipe or dialect, or an answer in pixels
            has no size.

    >>> found = validate(['<think>…</think><answer>{"time": [1, "8"]}</answer>'], "temporal_grounding")
    >>> found.rows[0]["code"], found.rows[0]["where"], found.rows[0]["found"]
    ('wrong_type', 'time.1', '"8"')
    >>> found
    Validation of 1 answer, strict rules: 1 invalid
      temporal_grounding: 1 rows, 1 invalid, wrong_type 1
    """
    check_choice("part", part, get_args(Part))
    dialects = {"reference_dialect" if part == "reference" else "dialect": dialect}
    chosen = changed_recipe(recipe, rules=rules, **dialects)
    known = task_table(chosen, TASKS if table is None else table)
    texts = text_list("responses", responses)
    labels = [tasks] * len(texts) if isinstance(tasks, str) else text_list("tasks", tasks)
    checked = _Checked(
        texts=texts,
        tasks=labels,
        sizes=None if sizes is None else [image_size(each, row) for row, each in enumerate(as_list("sizes", sizes))],
        options=None if options is None else list(map(option_texts, as_list("options", options))),
        numbers=range(len(texts)) if numbers is None else numbers,
    )
    checked = replace(checked, tasks=resolve_tasks(labels, known))
    answers = _read(checked, part, chosen, known)
    lenient = Answers.of_texts([])
    failed = {row: code for row, code in enumerate(answers.failure) if code is not None}
    if part != "reference" and chosen.rules == "strict" and chosen.reader.reads_schema:
        lenient = _read(checked.of_rows([*failed]), part, replace(chosen, rules="lenient"), known)
    summary = ValidationSummary(part, "strict" if part == "reference" else chosen.rules)
    _count(checked, answers, summary)
    _count_repairable(checked.of_rows([*failed]), lenient, summary)
    return Validation([_fault_of(checked, answers, row, code) for row, code in failed.items()], summary, answers)


@dataclass(frozen=True, slots=True)
class _Checked:
    """The rows that are checked; columns have one entry a row."""

    texts: list[str]
    tasks: list[str]
    sizes: list[Size | None] | None
    options: list[list[str] | None] | None
    numbers: Sequence[int]

    def __post_init__(self) -> None:
        for name in ("tasks", "sizes", "options", "numbers"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.texts):
                raise ArgumentError(f"{name} has {len(values)} rows, responses has {len(self.texts)}")

    def of_rows(self, rows: list[int]) -> _Checked:
        """Return some of the rows."""
        return _Checked(
            texts=[self.texts[row] for row in rows],
            tasks=[self.tasks[row] for row in rows],
            sizes=None if self.sizes is None else [self.sizes[row] for row in rows],
            options=None if self.options is None else [self.options[row] for row in rows],
            numbers=[self.numbers[row] for row in rows],
        )


def _read(checked: _Checked, part: Part, recipe: Recipe, table: Mapping[str, TaskSpec]) -> Answers:
    """Read all rows, task by task; the codes are in the result."""
    reader, read_options = recipe.reader, recipe.read_options
    if part == "response":
        answers = reader.find(checked.texts, read_options)
    else:
        bare = map(reader.bare_reference, checked.texts) if part == "reference" else checked.texts
        answers = Answers.of_texts(list(bare))
    answers.sizes = checked.sizes
    names = np.array(checked.tasks, dtype=object)
    for name in dict.fromkeys(checked.tasks):
        rows = np.flatnonzero(names == name)
        offered = None if checked.options is None else [checked.options[row] for row in rows.tolist()]
        options = replace(read_options, options=offered)
        if part == "reference":
            _read_references(answers, rows.tolist(), table[name], recipe, options)
        elif reader.reads_schema:
            reader.read(answers, rows, table[name].schema, options)
        else:
            _read_singly(checked, answers, rows.tolist(), table[name], recipe, part)
    return answers


def _read_references(answers: Answers, rows: list[int], spec: TaskSpec, recipe: Recipe, options: ReadOptions) -> None:
    sizes = None if answers.sizes is None else [answers.sizes[row] for row in rows]
    found = Answers.of_texts([answers.texts[row] for row in rows], sizes)
    recipe.reader.read_references(found, spec.references_in, options)
    for index, row in enumerate(rows):
        code = found.failure[index] or (spec.reference_fault(found.texts[index]) if spec.reference_fault else None)
        if code is not None:
            answers.failure[row] = code
            answers.details[row] = found.details.get(index) or FaultDetail(
                "", shortened(found.texts[index]), _COMPARABLE
            )


def _read_singly(
    checked: _Checked, answers: Answers, rows: list[int], spec: TaskSpec, recipe: Recipe, part: Part
) -> None:
    """Read as a reader does whose columns are texts, of which none is refused before it is compared."""
    read = recipe.reader.parse if part == "response" else recipe.reader.parse_answer
    for row in rows:
        parsed = read(checked.texts[row], spec.schema, recipe.read_options)
        answers.failure[row], answers.format_fault[row] = parsed.failure, parsed.format_fault


def _count(checked: _Checked, answers: Answers, summary: ValidationSummary) -> None:
    for row, task in enumerate(checked.tasks):
        failure, fault, repairs = answers.failure[row], answers.format_fault[row], answers.repairs[row]
        counts = summary.tasks.setdefault(task, TaskCounts())
        counts.rows += 1
        counts.valid += failure is None
        counts.format += fault is None
        counts.repaired += bool(repairs)
        found: list[tuple[Kind, FailureCode | RepairCode]] = [("repair", code) for code in repairs]
        if failure is not None:
            found.append(("failure", failure))
        if fault is not None and fault is not failure and summary.part == "response":
            found.append(("format", fault))
        for kind, code in found:
            counts.codes.setdefault((kind, str(code)), CodeCount()).add(1, [checked.numbers[row]])


def _count_repairable(checked: _Checked, lenient: Answers, summary: ValidationSummary) -> None:
    for row, failure in enumerate(lenient.failure):
        if failure is None:
            counts = summary.tasks[checked.tasks[row]]
            counts.repairable += 1
            for code in lenient.repairs[row]:
                counts.codes.setdefault(("lenient", str(code)), CodeCount()).add(1, [checked.numbers[row]])


def _fault_of(checked: _Checked, answers: Answers, row: int, code: FailureCode) -> dict[str, Any]:
    detail = answers.details.get(row)
    return {
        "row": checked.numbers[row],
        "task": checked.tasks[row],
        "code": str(code),
        "where": detail.where if detail else "",
        "found": detail.found if detail else "",
        "expected": detail.expected if detail else "",
        "message": detail.message if detail else code.meaning,
    }
