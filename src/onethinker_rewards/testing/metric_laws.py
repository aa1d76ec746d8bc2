"""The laws of metrics, in a table, and the check that finds the smallest input that breaks one.

A law compares two batches of scores that it has the metric compute: they are equal, or the first is nowhere lower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any, Literal, TypeVar

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError

Floats = NDArray[np.float64]
Metric = Callable[[Any, Any], Any]
Example = TypeVar("Example")
AnyLaw = TypeVar("AnyLaw")

_MAX_ROWS = 4
_NOT_DETERMINISTIC = "it gives other scores for the same inputs"


@dataclass(frozen=True, slots=True)
class Trial:
    """A metric and the inputs that a law is tried on.

    Attributes:
        metric: From two batches to one score per row.
        predicted: ``[N, …]`` or a list of N.
        reference: Likewise.
        minimum: Smallest score.
        maximum: Largest score, which equal rows have.
        shift: What shift invariance adds to every number.
        scale: What scale invariance multiplies every number by.
        step: How far toward the reference monotonicity moves, in (0, 1].
    """

    metric: Metric
    predicted: Any
    reference: Any
    minimum: float
    maximum: float
    shift: float
    scale: float
    step: float

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns about long output."""
        printer.text(f"{type(self).__name__} of {len(self.reference)} rows")

    def scores(self, predicted: Any, reference: Any) -> Floats:
        """Return the metric's scores as an array."""
        return np.asarray(self.metric(predicted, reference), dtype=np.float64)

    @property
    def base(self) -> Floats:
        """The scores of the two batches as they are."""
        return self.scores(self.predicted, self.reference)


Sides = tuple[Floats, Floats]
# A score and what it is compared with, where they break a law; their shapes, where these differ.
Counterexample = tuple[float, float] | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Law:
    """A law of metrics.

    Attributes:
        name: What `check_laws` calls it.
        statement: The law in one line.
        sides: Computes the two batches of scores that it compares.
        relation: ``equal``, or ``at_least``: the first is nowhere lower than the second.
        uses: Which of shift, scale and step it needs.
    """

    name: str
    statement: str
    sides: Callable[[Trial], Sides]
    relation: Literal["equal", "at_least"] = "equal"
    uses: tuple[str, ...] = ()

    def counterexample(self, trial: Trial, tolerance: float) -> Counterexample | None:
        """Return how the first row that breaks the law does so, or None if the law holds."""
        got, wanted = self.sides(trial)
        if got.shape != wanted.shape:
            return f"shape {got.shape}", f"shape {wanted.shape}"
        holds = np.abs(got - wanted) <= tolerance if self.relation == "equal" else got >= wanted - tolerance
        # NaN compares as False, so it breaks every law.
        if holds.all():
            return None
        row = int(np.argmin(holds))
        return float(got[row]), float(wanted[row])


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
    rows = [slice(row, row + 1) for row in range(len(trial.reference))]
    return trial.base, np.concatenate([trial.scores(trial.predicted[row], trial.reference[row]) for row in rows])


def _empty(trial: Trial) -> Sides:
    return trial.scores(trial.predicted[:0], trial.reference[:0]), np.zeros(0)


_LAWS = (
    Law("range", "every score lies between minimum and maximum, none is NaN", _range),
    Law("identity", "a reference scores the maximum against itself", _identity),
    Law("symmetry", "swapping predicted and reference changes no score", _symmetry),
    Law("shift_invariance", "adding a number to all coordinates changes no score", _shift, uses=("shift",)),
    Law("scale_invariance", "multiplying all coordinates changes no score", _scale, uses=("scale",)),
    Law("monotonicity", "moving toward the reference lowers no score", _monotonicity, "at_least", ("step",)),
    Law("batch_equals_rows", "a batch scores as its rows do one by one", _rows),
    Law("empty_batch", "no rows give no scores, of shape [0]", _empty),
)

LAWS: Mapping[str, Law] = MappingProxyType({law.name: law for law in _LAWS})


class LawViolation(AssertionError):  # noqa: N818 - like AssertionError, it is the report of a test
    """A law does not hold.

    Attributes:
        law: Its name.
        statement: The law in one line.
        inputs: The smallest inputs that break it, by name.
        got: The number there.
        wanted: What it is compared with.
    """

    def __init__(self, law: str, statement: str, inputs: dict[str, Any], got: Any, wanted: Any) -> None:
        self.law = law
        self.statement = statement
        self.inputs = inputs
        self.got = got
        self.wanted = wanted
        # Every field goes to the base so that the error can be pickled between processes.
        super().__init__(law, statement, inputs, got, wanted)

    def __str__(self) -> str:
        lines = [f"{self.law}: {self.statement}"]
        for name, value in self.inputs.items():
            lines.append(f"  {name} = {value.tolist() if isinstance(value, np.ndarray) else value!r}")
        return "\n".join([*lines, f"  got {self.got}, compared with {self.wanted}"])


def check_laws(
    metric: Metric,
    rows: SearchStrategy[Any],
    laws: Iterable[str] = tuple(LAWS),
    *,
    reference: SearchStrategy[Any] | None = None,
    minimum: float = 0.0,
    maximum: float = 1.0,
    tolerance: float = 1e-9,
    examples: int = 200,
) -> None:
    """Check a metric against laws.

    Args:
        metric: From predicted and reference, a batch each, to one score per row.
        rows: Batches of one row, from which larger ones are made: ``boxes(1)``, ``spans(1)``, ``masks(1)``, or your
            own, such as ``st.lists(st.text(), min_size=1, max_size=1)``.
        laws: Names of `LAWS`; all by default. Few metrics are meant to keep every law: name those that yours should.
        reference: Where references come from, if not from ``rows``.
        minimum: Smallest score.
        maximum: Largest score, that of equal rows.
        tolerance: Largest difference between scores that count as equal.
        examples: Inputs to try.

    Raises:
        LawViolation: With the first law that does not hold, and the smallest inputs that hypothesis could find.
        ArgumentError: If a law's name is unknown.

    >>> import numpy as np
    >>> from onethinker_rewards import metrics
    >>> from onethinker_rewards.testing import spans
    >>> check_laws(metrics.temporal_iou, spans(1))
    >>> try:
    ...     check_laws(lambda predicted, reference: (2.0 * predicted[:, 1]).round(3), spans(1), ["range"])
    ... except LawViolation as violation:
    ...     print(violation)
    range: every score lies between minimum and maximum, none is NaN
      predicted = [[0.0, 0.6000000000000001]]
      reference = [[0.0, 0.0]]
      got 1.2, compared with 1.0
    """
    chosen = chosen_laws(laws, LAWS)
    trials = _trials(metric, rows, rows if reference is None else reference, (minimum, maximum))

    def breaks(trial: Trial, *laws: Law) -> bool:
        return any(law.counterexample(trial, tolerance) is not None for law in laws)

    if smallest_example(trials, lambda trial: breaks(trial, *chosen), examples, shrink=False) is None:
        return
    # One quick search for all laws found a violation. Now each law in order, for the first and its smallest input.
    for law in chosen:
        found = smallest_example(trials, lambda trial, law=law: breaks(trial, law), examples)
        if found is not None:
            fewest = _fewest_rows(found, lambda trial, law=law: breaks(trial, law))
            counterexample = law.counterexample(fewest, tolerance)
            if counterexample is not None:
                inputs = {name: getattr(fewest, name) for name in ("predicted", "reference", *law.uses)}
                raise LawViolation(law.name, law.statement, inputs, *counterexample)
    raise AssertionError(_NOT_DETERMINISTIC)


def chosen_laws(names: Iterable[str], laws: Mapping[str, AnyLaw]) -> list[AnyLaw]:
    """Return the laws of these names; raises ArgumentError if one is unknown."""
    chosen = list(names)
    for name in chosen:
        if name not in laws:
            raise ArgumentError(f"laws: there is no law {name!r}; there are {', '.join(laws)}")
    return [laws[name] for name in chosen]


@st.composite
def _trials(
    draw: DrawFn, metric: Metric, rows: SearchStrategy[Any], reference: SearchStrategy[Any], bounds: tuple[float, float]
) -> Trial:
    pairs = draw(st.lists(st.tuples(rows, reference), min_size=1, max_size=_MAX_ROWS))
    return Trial(
        metric,
        _joined([predicted for predicted, _ in pairs]),
        _joined([reference for _, reference in pairs]),
        *bounds,
        shift=draw(st.sampled_from([1.0, -0.5, 3.0, 100.0])),
        scale=draw(st.sampled_from([2.0, 0.5, 3.0, 100.0])),
        step=draw(st.sampled_from([1.0, 0.5, 0.25, 0.75])),
    )


def _joined(batches: list[Any]) -> Any:
    return list(chain.from_iterable(batches)) if isinstance(batches[0], list) else np.concatenate(batches)


def _fewest_rows(trial: Trial, breaks: Callable[[Trial], bool]) -> Trial:
    """Remove every row without which the law is still broken."""
    row = 0
    while row < len(trial.reference) and len(trial.reference) > 1:
        predicted, reference = (_joined([rows[:row], rows[row + 1 :]]) for rows in (trial.predicted, trial.reference))
        fewer = replace(trial, predicted=predicted, reference=reference)
        trial, row = (fewer, row) if breaks(fewer) else (trial, row + 1)
    return trial


def smallest_example(
    inputs: SearchStrategy[Example], breaks: Callable[[Example], bool], examples: int, *, shrink: bool = True
) -> Example | None:
    """Return the smallest input for which ``breaks`` is true, or None if none was found.

    The search is the same in every run that has loaded the same modules: hypothesis takes constants from their source.
    """
    quiet = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
    try:
        return find(inputs, breaks, settings=quiet)
    except NoSuchExample:
        return None
    except Flaky:
        raise AssertionError(_NOT_DETERMINISTIC) from None
