"""What scoring gives: one row a response, and their summary by task."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from onethinker_rewards.answers import Answers, Floats, Integers
from onethinker_rewards.codes import FailureCode, FaultDetail, PenaltyCode, RepairCode
from onethinker_rewards.errors import OneThinkerRewardsError
from onethinker_rewards.rewards.scale import FEWEST_REFERENCES, BatchWarning, ScaleSample, scale_warnings
from onethinker_rewards.tasks import TaskSpec

if TYPE_CHECKING:
    from pandas import DataFrame

_NUMBERS = ("total", "accuracy", "normalized", "format", "structure")
_LISTS = ("tasks", "failure", "format_fault", "repairs", "penalties")
_SHOWN_MEANS = ("total", "accuracy", "format")
_NO_TAGS = (FailureCode.MISSING_ANSWER, FailureCode.MISSING_THINK)
_NEARLY_ALL = 0.95
# Honest answers at the border of their images are clipped too, but not so many.
_MANY_CLIPPED = 0.5


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RewardBatch:
    """Rewards of N responses.

    Attributes:
        recipe: Name of the recipe.
        tasks: ``[N]`` task names.
        total: ``[N]`` the reward. NaN for ``bad_reference`` and all ``judge_…``, which have no reward.
        accuracy: ``[N]`` from 0 to the task's maximum.
        normalized: ``[N]`` accuracy divided by the task's maximum, in [0, 1]; NaN where there is none, as for a judge
            whose scores are raw.
        format: ``[N]`` 1 where the response has the format, else 0.
        structure: ``[N]`` the released code's structure reward; 0 in other recipes.
        parts: ``[N]`` the terms of the accuracy by name: NaN where the task has no such term, 0 where the answer
            failed. Of a recipe with penalties also what each of them added to the total, NaN only where that is.
        failure: ``[N]`` why the answer has no accuracy, or None. The accuracy is then 0, or NaN for
            ``bad_reference`` and all ``judge_…``.
        format_fault: ``[N]`` why the format is 0, or None.
        repairs: ``[N]`` what was repaired before the answer was read.
        penalties: ``[N]`` which penalties of the recipe lowered the total.
        faults: Details of faults by row.
        samples: Numbers of some rows by task, from which `warnings` tells what scale they have.
    """

    recipe: str
    tasks: list[str]
    total: Floats
    accuracy: Floats
    normalized: Floats
    format: Floats
    structure: Floats
    parts: dict[str, Floats]
    failure: list[FailureCode | None]
    format_fault: list[FailureCode | None]
    repairs: list[tuple[RepairCode, ...]]
    penalties: list[tuple[PenaltyCode, ...]]
    faults: dict[int, FaultDetail]
    samples: dict[str, ScaleSample] = field(default_factory=dict[str, ScaleSample])

    @property
    def details(self) -> list[FaultDetail | None]:
        """``[N]`` where the failure is, or else the fault in the format, what was found there and what was expected."""
        return [self.faults.get(row) for row in range(len(self))]

    @classmethod
    def empty(cls, recipe: str, tasks: list[str], table: Mapping[str, TaskSpec], answers: Answers) -> RewardBatch:
        """Return a batch with the codes of ``answers`` and no scores yet; every part of a table's task is there."""
        numbers = dict(zip(_NUMBERS, np.zeros((len(_NUMBERS), len(tasks))), strict=True))
        codes = {name: getattr(answers, name) for name in ("failure", "format_fault", "repairs")}
        batch = cls(
            recipe=recipe,
            tasks=tasks,
            parts={},
            penalties=[()] * len(tasks),
            faults=answers.details,
            **numbers,
            **codes,
        )
        for spec in table.values():
            for name in spec.parts:
                batch.part(name)
        return batch

    def part(self, name: str) -> Floats:
        """Return the values of a part, NaN in all rows if it is new."""
        return self.parts.setdefault(name, np.full(len(self), math.nan))

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:
        """Return the summary, a line a task."""
        lines = [f"RewardBatch of {len(self)} rows by the recipe {self.recipe!r}"]
        for task, its in self._summaries().items():
            means = ", ".join(f"{name} {_shown(its[name])}" for name in _SHOWN_MEANS)
            failed = sum(its["failures"].values())
            lines.append(f"  {task}: {its['rows']} rows, {means}, {failed} failed")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return the summary as a table, and the warnings, for notebooks."""
        head = "".join(
            f"<th>{name}</th>" for name in ("task", "rows", *_SHOWN_MEANS, "failed", "most frequent failure")
        )
        rows: list[str] = []
        for task, its in self._summaries().items():
            failures: dict[str, int] = its["failures"]
            means = [_shown(its[name]) for name in _SHOWN_MEANS]
            cells = [task, its["rows"], *means, sum(failures.values()), next(iter(failures), "")]
            rows.append("".join(f"<td>{escape(str(cell))}</td>" for cell in cells))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        title = f"{len(self)} rows by the recipe {escape(self.recipe)}"
        signs = "".join(f"<p>{escape(text)}</p>" for text in self.warnings())
        return f"<table><caption>{title}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{signs}"

    @overload
    def __getitem__(self, row: SupportsIndex) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, row: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, row: SupportsIndex | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Return a row as `to_rows` has it, with its ``detail``, a `FaultDetail` or None; a list for a slice."""
        # As a list does, which also refuses an index that is out of range.
        chosen = range(len(self))[row]
        rows = [*self.take(np.array([chosen] if isinstance(chosen, int) else chosen, dtype=np.int64))]
        return rows[0] if isinstance(chosen, int) else rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each row as ``batch[row]`` is."""
        for row, detail in zip(self.to_rows(), self.details, strict=True):
            yield {**row, "detail": detail}

    def take(self, rows: Integers) -> RewardBatch:
        """Return a batch of these rows alone, in this order."""
        indices = rows.tolist()
        numbers = {name: getattr(self, name)[rows] for name in _NUMBERS}
        lists = {name: [getattr(self, name)[row] for row in indices] for name in _LISTS}
        return replace(
            self,
            parts={name: values[rows] for name, values in self.parts.items()},
            faults={index: self.faults[row] for index, row in enumerate(indices) if row in self.faults},
            samples={task: sample.take(rows) for task, sample in self.samples.items()},
            **numbers,
            **lists,
        )

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a dictionary a row, each with the same keys, ready for JSON: NaN is None, codes are strings."""
        numbers = {name: _without_nan(getattr(self, name)) for name in _NUMBERS}
        parts = {f"part/{name}": _without_nan(values) for name, values in self.parts.items()}
        return [
            {
                "task": self.tasks[row],
                **{name: values[row] for name, values in numbers.items()},
                "failure": _code(self.failure[row]),
                "format_fault": _code(self.format_fault[row]),
                "repairs": [str(code) for code in self.repairs[row]],
                "penalties": [str(code) for code in self.penalties[row]],
                **{name: values[row] for name, values in parts.items()},
            }
            for row in range(len(self))
        ]

    def to_pandas(self) -> DataFrame:
        """Return the rows as a table of pandas: columns as in `to_rows`, and ``detail`` as text.

        Raises:
            OneThinkerRewardsError: If pandas is not installed.
        """
        try:
            from pandas import DataFrame  # noqa: PLC0415 - nothing else needs it
        except ImportError:
            raise OneThinkerRewardsError("to_pandas needs pandas: pip install pandas") from None
        details = [None if detail is None else detail.message for detail in self.details]
        return DataFrame([{**row, "detail": detail} for row, detail in zip(self.to_rows(), details, strict=True)])

    def warnings(self) -> list[str]:
        """Return what looks wrong about the batch as a whole, a line each: a wrong scale, what was clipped, no tags.

        Of a task with fewer than 16 different references only clipped references are told.
        """
        return [warning.text for warning in self.find_warnings()]

    def find_warnings(self) -> list[BatchWarning]:
        """Return the warnings with their task and kind, by which a log can leave out those that it has."""
        return [*scale_warnings(self.samples), *self._clipped(), *self._without_tags()]

    def _clipped(self) -> Iterator[BatchWarning]:
        for task, sample in self.samples.items():
            rows = [row for row, its in enumerate(self.tasks) if its == task]
            clipped = sum(RepairCode.CLIPPED in self.repairs[row] for row in rows)
            are_many = sample.different >= FEWEST_REFERENCES and clipped >= _MANY_CLIPPED * len(rows)
            if sample.clipped or are_many:
                counts = f"{sample.clipped} of {sample.different} references and {clipped} of {len(rows)} answers"
                text = f"{task}: {counts} had coordinates outside 0…1000, which were clipped; are they in thousandths?"
                yield BatchWarning(task, "clipped", text)

    def _without_tags(self) -> Iterator[BatchWarning]:
        missing = sum(fault in _NO_TAGS for fault in self.format_fault)
        if len(self) >= FEWEST_REFERENCES and missing >= _NEARLY_ALL * len(self):
            text = f"the format is 0 because {missing} of {len(self)} responses lack <think> or <answer>"
            hint = "does the prompt ask for them, as otr.prompt does?"
            yield BatchWarning("", "no tags", f"{text}; {hint}")

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return, for each task in the batch, what a log shows.

        Returns:
            Task name to ``rows``, the means of ``total``, ``accuracy``, ``normalized``, ``format`` and
            ``structure``, the means of its ``parts``, and counts by code in ``failures``, ``format_faults``,
            ``repairs`` and ``penalties``, the commonest first, and its ``warnings``. Means leave rows without a number
            out; a mean of none is None.
        """
        found = self.find_warnings()
        return {
            task: {**its, "warnings": [warning.text for warning in found if warning.task == task]}
            for task, its in self._summaries().items()
        }

    def _summaries(self) -> dict[str, dict[str, Any]]:
        labels = np.array(self.tasks, dtype=object)
        return {task: self._summary_of(np.flatnonzero(labels == task)) for task in dict.fromkeys(self.tasks)}

    def _summary_of(self, rows: Any) -> dict[str, Any]:
        indices = rows.tolist()
        parts = {name: _mean(values[rows]) for name, values in self.parts.items()}
        return {
            "rows": len(indices),
            **{name: _mean(getattr(self, name)[rows]) for name in _NUMBERS},
            "parts": {name: mean for name, mean in parts.items() if mean is not None},
            "failures": _counts(self.failure[row] for row in indices),
            "format_faults": _counts(self.format_fault[row] for row in indices),
            "repairs": _counts(code for row in indices for code in self.repairs[row]),
            "penalties": _counts(code for row in indices for code in self.penalties[row]),
        }


def _shown(mean: float | None) -> str:
    return "-" if mean is None else f"{mean:.4g}"


def _without_nan(values: Floats) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _code(code: FailureCode | None) -> str | None:
    return None if code is None else str(code)


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _counts(codes: Iterable[FailureCode | RepairCode | PenaltyCode | None]) -> dict[str, int]:
    return {str(code): count for code, count in Counter(codes).most_common() if code is not None}
