"""What scoring gives: one row a response, and their summary by task."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onethinker_rewards.answers import Answers, Floats
from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode
from onethinker_rewards.tasks import TaskSpec

_NUMBERS = ("total", "accuracy", "normalized", "format", "structure")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RewardBatch:
    """Rewards of N responses.

    Attributes:
        recipe: Name of the recipe.
        tasks: ``[N]`` task names.
        total: ``[N]`` the reward. NaN for ``bad_reference`` and ``judge_failed``, which have no reward.
        accuracy: ``[N]`` from 0 to the task's maximum.
        normalized: ``[N]`` accuracy divided by the task's maximum, in [0, 1].
        format: ``[N]`` 1 where the response has the format, else 0.
        structure: ``[N]`` the released code's structure reward; 0 in other recipes.
        parts: ``[N]`` the terms of the accuracy by name: NaN where the task has no such term, 0 where the answer
            failed. Of a recipe with penalties also what each of them added to the total, NaN only where that is.
        failure: ``[N]`` why the answer has no accuracy, or None. The accuracy is then 0, or NaN for
            ``bad_reference`` and ``judge_failed``.
        format_fault: ``[N]`` why the format is 0, or None.
        repairs: ``[N]`` what was repaired before the answer was read.
        penalties: ``[N]`` which penalties of the recipe lowered the total.
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

    @classmethod
    def empty(cls, recipe: str, tasks: list[str], table: Mapping[str, TaskSpec], answers: Answers) -> RewardBatch:
        """Return a batch with the codes of ``answers`` and no scores yet; every part of a table's task is there."""
        numbers = dict(zip(_NUMBERS, np.zeros((len(_NUMBERS), len(tasks))), strict=True))
        codes = {name: getattr(answers, name) for name in ("failure", "format_fault", "repairs")}
        batch = cls(recipe=recipe, tasks=tasks, parts={}, penalties=[()] * len(tasks), **numbers, **codes)
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
        for task, its in self.summary().items():
            means = ", ".join(f"{name} {_shown(its[name])}" for name in ("total", "accuracy", "format"))
            failed = sum(its["failures"].values())
            lines.append(f"  {task}: {its['rows']} rows, {means}, {failed} failed")
        return "\n".join(lines)

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

    def summary(self) -> dict[str, dict[str, Any]]:
        """Return, for each task in the batch, what a log shows.

        Returns:
            Task name to ``rows``, the means of ``total``, ``accuracy``, ``normalized``, ``format`` and
            ``structure``, the means of its ``parts``, and counts by code in ``failures``, ``format_faults``,
            ``repairs`` and ``penalties``, the commonest first. Means leave rows without a number out; a mean of none
            is None.
        """
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
