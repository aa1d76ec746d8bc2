"""The laws that a metric can be held against, in a table.

A law compares two batches of scores that it has the metric compute: they are equal, or the first is nowhere lower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["LAWS", "Broken", "Law", "Metric", "Trial"]

Floats = NDArray[np.float64]
Metric = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a law is tried on.

    Attributes:
        metric: From two batches to one score a row.
        predicted: ``[N, …]`` or a list of N.
        reference: Alike.
        minimum: Smallest score.
        maximum: Largest score, which equal rows have.
        shift: What shift invariance adds to every number.
        scale: What scale invariance multiplies every number by.
        step: How far towards the reference monotonicity moves, in (0, 1].
    """

    metric: Metric
    predicted: Any
    reference: Any
    minimum: float = 0.0
    maximum: float = 1.0
    shift: float = 0.0
    scale: float = 1.0
    step: float = 1.0

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns of what is long."""
        printer.text(f"{type(self).__name__} of {len(self.reference)} rows")

    def scores(self, predicted: Any, reference: Any) -> Floats:
        """Return the metric's scores as an array."""
        return np.asarray(self.metric(predicted, reference), dtype=np.float64)

    @property
    def base(self) -> Floats:
        """The scores of the two batches as they are."""
        return self.scores(self.predicted, self.reference)


Sides = tuple[Floats, Floats]
# A row, or None where shapes differ, and both sides.
Broken = tuple[int | None, Floats, Floats]


@dataclass(frozen=True, slots=True)
class Law:
    """A law by name.

    Attributes:
        name: What `check_laws` calls it.
        statement: The law in one line.
        sides: The two batches of scores that it compares.
        relation: ``equal``, or ``at_least``: the first is nowhere lower than the second.
        uses: Which of shift, scale and step it needs.
    """

    name: str
    statement: str
    sides: Callable[[Trial], Sides]
    relation: Literal["equal", "at_least"] = "equal"
    uses: tuple[str, ...] = ()

    def broken_in(self, trial: Trial, tolerance: float) -> Broken | None:
        """Return the first row that breaks the law, with both sides, or None.

        The row is None where the sides have different shapes.
        """
        got, wanted = self.sides(trial)
        if got.shape != wanted.shape:
            return None, got, wanted
        good = np.abs(got - wanted) <= tolerance if self.relation == "equal" else got >= wanted - tolerance
        # NaN is no score: it keeps no law.
        bad = np.flatnonzero(~good)
        return (int(bad[0]), got, wanted) if len(bad) else None


def _range(trial: Trial) -> Sides:
    scores = trial.base
    return scores, np.clip(np.nan_to_num(scores, nan=trial.minimum), trial.minimum, trial.maximum)


def _identity(trial: Trial) -> Sides:
    return trial.scores(trial.reference, trial.reference), np.full(len(trial.reference), trial.maximum)


def _symmetry(trial: Trial) -> Sides:
    return trial.scores(trial.reference, trial.predicted), trial.base


def _shift(trial: Trial) -> Sides:
    return trial.scores(trial.predicted + trial.shift, trial.reference + trial.shift), trial.base


def _scale(trial: Trial) -> Sides:
    return trial.scores(trial.predicted * trial.scale, trial.reference * trial.scale), trial.base


def _monotonicity(trial: Trial) -> Sides:
    moved = trial.predicted + trial.step * (trial.reference - trial.predicted)
    return trial.scores(moved, trial.reference), trial.base


def _rows(trial: Trial) -> Sides:
    one = [
        trial.scores(trial.predicted[row : row + 1], trial.reference[row : row + 1])
        for row in range(len(trial.reference))
    ]
    return trial.base, np.concatenate(one)


def _empty(trial: Trial) -> Sides:
    return trial.scores(trial.predicted[:0], trial.reference[:0]), np.zeros(0)


_ALL = (
    Law("range", "every score lies between minimum and maximum, none is NaN", _range),
    Law("identity", "a reference scores the maximum against itself", _identity),
    Law("symmetry", "predicted and reference can change places", _symmetry),
    Law("shift_invariance", "adding a number to all coordinates changes no score", _shift, uses=("shift",)),
    Law("scale_invariance", "multiplying all coordinates changes no score", _scale, uses=("scale",)),
    Law("monotonicity", "moving towards the reference lowers no score", _monotonicity, "at_least", ("step",)),
    Law("batch_equals_rows", "a batch scores as its rows do one by one", _rows),
    Law("empty_batch", "no rows give no scores, of shape [0]", _empty),
)

LAWS: Mapping[str, Law] = MappingProxyType({law.name: law for law in _ALL})
