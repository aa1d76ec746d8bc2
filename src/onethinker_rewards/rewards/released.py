"""One task's rows as the released code scores them."""

from __future__ import annotations

import numpy as np

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.parsing import find_answer
from onethinker_rewards.parsing.released import find_released, unwrap_reference
from onethinker_rewards.rewards.rows import TaskRows, TaskScores
from onethinker_rewards.tasks import TaskSpec, describe_reference
from onethinker_rewards.tasks.released import reads_reference

__all__ = ["score_released"]


def score_released(spec: TaskSpec, rows: TaskRows) -> TaskScores:
    """Score all rows of one task as the released code does.

    Differs: an unreadable reference is an error here; the released code scores such rows 0.

    Raises:
        ArgumentError: If the released code has no such task.
    """
    if spec.released is None:
        raise ArgumentError(f"the released code has no task {spec.name!r}; use another recipe")
    found = [find_released(response) for response in rows.responses]
    references = [unwrap_reference(reference) for reference in rows.references]
    results = spec.released([one.compared for one in found], [one.tagged for one in found], references, rows.context)
    faults = {
        row: find_answer(rows.responses[row]).format_fault or FailureCode.TEXT_OUTSIDE_TAGS
        for row, one in enumerate(found)
        if not one.well_formed
    }
    failures = {row: result.failure for row, result in enumerate(results) if result.failure is not None}
    bad = {
        row: describe_reference(spec, rows.references[row], FailureCode.BAD_REFERENCE)
        for row, reference in enumerate(references)
        if not reads_reference(spec.schema, reference)
    }
    scores = TaskScores(len(rows), failures, faults, bad)
    names = results[0].parts if results else {}
    parts = {name: np.array([result.parts[name] for result in results]) for name in names}
    scores.fill(np.arange(len(rows)), np.array([result.accuracy for result in results]), parts)
    scores.structure = np.array([one.well_formed * two.structure for one, two in zip(found, results, strict=True)])
    return scores
