"""The scores of all tasks, put back into the order of the batch and added up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import Floats
from onethinker_rewards.rewards.batch import RewardBatch
from onethinker_rewards.rewards.grouping import Groups
from onethinker_rewards.rewards.recipe import Recipe
from onethinker_rewards.rewards.rows import TaskScores

__all__ = ["Scored", "assemble", "bad_references"]


# Where the parts begin, after accuracy, normalized, structure and format.
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Scored:
    """One task's scores, where its rows stand, and its largest accuracy."""

    place: slice
    scores: TaskScores
    maximum: float


def bad_references(scored: Sequence[Scored], groups: Groups) -> dict[int, str]:
    """Return what is wrong with references, by row, in the order of rows."""
    reasons = {
        groups.row(one.place.start + position): reason
        for one in scored
        for position, reason in one.scores.bad_references.items()
    }
    return dict(sorted(reasons.items()))


def assemble(
    names: list[str], part_names: Sequence[str], groups: Groups, scored: Sequence[Scored], recipe: Recipe
) -> RewardBatch:
    """Return the whole batch.

    Args:
        names: ``[N]`` task names.
        part_names: The parts that every batch has, whatever its tasks.
        groups: Where the rows of each task stand.
        scored: Each task's scores.
        recipe: Says how totals are added up.
    """
    all_parts = dict.fromkeys([*part_names, *(name for one in scored for name in one.scores.parts)])
    place_of = {name: _PARTS + place for place, name in enumerate(all_parts)}
    # Accuracy, normalized, structure, format, then each part: a row each. A task's rows stand side by side here, which
    # takes a tenth of the time of writing them where they belong, one by one.
    numbers = np.empty((_PARTS + len(all_parts), len(names)))
    numbers[3] = 1.0
    numbers[_PARTS:] = np.nan
    for one in scored:
        _write(one, numbers[:, one.place], place_of)
    back = groups.back()
    if back is not None:
        numbers = numbers.take(back, axis=1)
    accuracy, normalized, structure, format_ = numbers[:_PARTS]
    batch = RewardBatch(
        recipe=recipe.name,
        tasks=names,
        total=_total(accuracy, normalized, structure, format_, recipe),
        accuracy=accuracy,
        normalized=normalized,
        format=format_,
        structure=structure,
        parts=dict(zip(all_parts, numbers[_PARTS:], strict=True)),
        failure=[None] * len(names),
        format_fault=[None] * len(names),
        repairs=[()] * len(names),
    )
    for one in scored:
        _write_codes(one, groups, batch)
    return batch


def _write(one: Scored, numbers: Floats, place_of: Mapping[str, int]) -> None:
    scores = one.scores
    numbers[0] = scores.accuracy
    np.divide(scores.accuracy, one.maximum, out=numbers[1])
    numbers[2] = scores.structure
    for position in scores.format_faults:
        numbers[3, position] = 0.0
    for name, values in scores.parts.items():
        numbers[place_of[name]] = values
    for position in scores.bad_references:
        numbers[:2, position] = np.nan
        numbers[_PARTS:, position] = np.nan


def _write_codes(one: Scored, groups: Groups, batch: RewardBatch) -> None:
    scores, start = one.scores, one.place.start
    for position, code in scores.failures.items():
        batch.failure[groups.row(start + position)] = code
    for position, code in scores.format_faults.items():
        batch.format_fault[groups.row(start + position)] = code
    for position, codes in scores.repairs.items():
        batch.repairs[groups.row(start + position)] = codes
    for position in scores.bad_references:
        batch.failure[groups.row(start + position)] = FailureCode.BAD_REFERENCE


def _total(accuracy: Floats, normalized: Floats, structure: Floats, format_: Floats, recipe: Recipe) -> Floats:
    taken = normalized if recipe.accuracy == "normalized" else accuracy
    return recipe.accuracy_weight * taken + recipe.format_weight * format_ + structure
