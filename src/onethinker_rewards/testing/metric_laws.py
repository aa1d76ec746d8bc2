"""The laws of metrics, in a table, and the check that finds the smallest inputs that break each of them.

A law compares two batches of scores that it has the metric compute: they are equal, or one is nowhere higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.testing.malformed import (
    Change,
    Malformation,
    encloses_nothing,
    honest_misses,
    malformations,
)

Floats = NDArray[np.float64]
Metric = Callable[[Any, Any], Any]
Example = TypeVar("Example")
AnyLaw = TypeVar("AnyLaw")

_MAX_ROWS = 4
# Inputs that may be tried to make a counterexample smaller; more make it no easier to read.
_MAX_SHRINKS = 300
_NOT_DETERMINISTIC = "it gives other scores for the same inputs"


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the metric.

    Attributes:
        predicted: What it was called with.
        reference: Likewise.
        scores: What it returned, as an array.
    """

    predicted: Any
    reference: Any
    scores: Floats


class Sides(NamedTuple):
    """What a law compares.

    Attributes:
        got: The call whose scores have to keep the law.
        wanted: The scores that they are compared with.
        others: The call that gave these, or one call for each row; empty if they are not from calls.
    """

    got: Call
    wanted: Floats
    others: Sequence[Call] = ()


class _NoteOnError:
    """Adds a note to an error that leaves the block."""

    def __init__(self, note: str) -> None:
        self._note = note

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            error.add_note(self._note)


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
        malformation: How rows become malformed.
        of_reference: Whether malformed rows are made from the reference, if it has the form of the predicted rows.
    """

    metric: Metric
    predicted: Any
    reference: Any
    minimum: float
    maximum: float
    shift: float
    scale: float
    step: float
    malformation: Malformation
    of_reference: bool

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns about long output."""
        printer.text(f"{type(self).__name__} of {len(self.reference)} rows")

    def call(self, predicted: Any, reference: Any) -> Call:
        """Call the metric; an error that it raises says with which shapes it was called."""
        with _NoteOnError(f"The metric was called with {_shapes(predicted, reference)}."):
            scores = np.asarray(self.metric(predicted, reference), dtype=np.float64)
        return Call(predicted, reference, scores)

    @property
    def base(self) -> Call:
        """The call with the two batches as they are."""
        return self.call(self.predicted, self.reference)


class Counterexample(NamedTuple):
    """How a law is broken.

    Attributes:
        got: The score, or the shape of the scores.
        wanted: What it is compared with.
        inputs: What the metric was called with when it gave ``got``.
        other_inputs: What it was called with when it gave ``wanted``; empty if that is not from a call.
    """

    got: float | str
    wanted: float | str
    inputs: dict[str, Any]
    other_inputs: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Law:
    """A law of metrics.

    Attributes:
        name: What `check_laws` calls it.
        statement: The law in one line.
        sides: Computes the two batches of scores that it compares.
        relation: ``equal``; ``at_least`` or ``at_most``: the first is nowhere lower or higher than the second.
        uses: Which of shift, scale and step it needs.
    """

    name: str
    statement: str
    sides: Callable[[Trial], Sides]
    relation: Literal["equal", "at_least", "at_most"] = "equal"
    uses: tuple[str, ...] = ()

    def counterexample(self, trial: Trial, tolerance: float) -> Counterexample | None:
        """Return how the first row that breaks the law does so, or None if the law holds."""
        call, wanted, others = self.sides(trial)
        got = call.scores
        inputs = _inputs(call) | {name: getattr(trial, name) for name in self.uses}
        if got.shape != wanted.shape:
            return Counterexample(f"shape {got.shape}", f"shape {wanted.shape}", inputs, {})
        holds = {
            "equal": np.abs(got - wanted) <= tolerance,
            "at_least": got >= wanted - tolerance,
            "at_most": got <= wanted + tolerance,
        }[self.relation]
        # NaN compares as False, so it breaks every law.
        if holds.all():
            return None
        row = int(np.argmin(holds))
        other = _inputs(others[row % len(others)]) if others else {}
        return Counterexample(float(got[row]), float(wanted[row]), inputs, other)


def _inputs(call: Call) -> dict[str, Any]:
    return {"predicted": call.predicted, "reference": call.reference}


def _shapes(*batches: Any) -> str:
    shapes = [
        str(list(np.shape(rows))) if isinstance(rows, np.ndarray) else f"a list of {len(rows)}" for rows in batches
    ]
    return f"predicted {shapes[0]} and reference {shapes[1]}"


def _range(trial: Trial) -> Sides:
    call = trial.base
    return Sides(call, np.clip(np.nan_to_num(call.scores, nan=trial.minimum), trial.minimum, trial.maximum))


def _identity(trial: Trial) -> Sides:
    return Sides(trial.call(trial.reference, trial.reference), np.full(len(trial.reference), trial.maximum))


def _compared(got: Call, other: Call) -> Sides:
    return Sides(got, other.scores, [other])


def _symmetry(trial: Trial) -> Sides:
    return _compared(trial.call(trial.reference, trial.predicted), trial.base)


def _shift(trial: Trial) -> Sides:
    return _compared(trial.call(trial.predicted + trial.shift, trial.reference + trial.shift), trial.base)


def _scale(trial: Trial) -> Sides:
    return _compared(trial.call(trial.predicted * trial.scale, trial.reference * trial.scale), trial.base)


def _monotonicity(trial: Trial) -> Sides:
    moved = trial.predicted + trial.step * (trial.reference - trial.predicted)
    return _compared(trial.call(moved, trial.reference), trial.base)


def _rows(trial: Trial) -> Sides:
    rows = [slice(row, row + 1) for row in range(len(trial.reference))]
    calls = [trial.call(trial.predicted[row], trial.reference[row]) for row in rows]
    return Sides(trial.base, np.concatenate([np.atleast_1d(call.scores) for call in calls]), calls)


def _empty(trial: Trial) -> Sides:
    return Sides(trial.call(trial.predicted[:0], trial.reference[:0]), np.zeros(0))


def _malformed(trial: Trial) -> Sides:
    reference, how = trial.reference, trial.malformation
    alike = np.shape(reference) == np.shape(trial.predicted)
    rows = _numbers(reference if trial.of_reference and alike else trial.predicted)
    count = len(reference)
    with np.errstate(all="ignore"):
        changed = how.change(rows)
        call = trial.call(changed, reference)
        misses = [trial.call(miss, reference).scores for miss in honest_misses(rows, reference, how.axes)]
    best = np.full(count, trial.minimum)
    if any(scores.shape != best.shape for scores in (call.scores, *misses)):
        return Sides(call, np.zeros(count))
    for scores in misses:
        best = np.fmax(best, scores)
    # NaN for a row that is not finite earns nothing. A row that encloses nothing may be right if the reference is such.
    allowed = np.isnan(call.scores) & ~np.isfinite(changed).reshape(count, -1).all(axis=1)
    if how.of_corners and alike:
        allowed |= encloses_nothing(reference, how.axes)
    return Sides(replace(call, scores=np.where(allowed, best, call.scores)), best)


def _numbers(rows: Any) -> Floats:
    if not (isinstance(rows, np.ndarray) and np.issubdtype(rows.dtype, np.floating)):
        raise ArgumentError(
            "laws: malformed needs arrays of floating-point numbers; name the laws that yours should keep"
        )
    return rows


_LAWS = (
    Law("range", "every score lies between minimum and maximum, none is NaN", _range),
    Law("identity", "a reference scores the maximum against itself", _identity),
    Law("symmetry", "swapping predicted and reference changes no score", _symmetry),
    Law("shift_invariance", "adding a number to all coordinates changes no score", _shift, uses=("shift",)),
    Law("scale_invariance", "multiplying all coordinates changes no score", _scale, uses=("scale",)),
    Law("monotonicity", "moving toward the reference lowers no score", _monotonicity, "at_least", ("step",)),
    Law("batch_equals_rows", "a batch scores as its rows do one by one", _rows),
    Law("empty_batch", "no rows give no scores, of shape [0]", _empty),
    Law(
        "malformed",
        "an inverted, empty, NaN or infinite row scores no more than the best honest miss",
        _malformed,
        "at_most",
    ),
)

LAWS: Mapping[str, Law] = MappingProxyType({law.name: law for law in _LAWS})
"""The laws that `check_laws` knows, by name."""


class LawViolation(AssertionError):  # noqa: N818 - like AssertionError, it is the report of a test
    """One or more laws do not hold.

    Attributes:
        law: The name of the first law that does not hold.
        statement: The law in one line.
        inputs: The smallest inputs that were found to break it: those of the call that gave ``got``, by name.
        got: The number there.
        wanted: What it is compared with.
        other_inputs: The inputs of the call that gave ``wanted``; empty if that is not from a call.
        hint: What to do if the number is meant; empty if there is nothing to say.
        others: A violation for each further law that does not hold.
    """

    def __init__(
        self,
        law: str,
        statement: str,
        inputs: dict[str, Any],
        got: Any,
        wanted: Any,
        other_inputs: dict[str, Any] | None = None,
        hint: str = "",
        others: tuple[LawViolation, ...] = (),
    ) -> None:
        self.law = law
        self.statement = statement
        self.inputs = inputs
        self.got = got
        self.wanted = wanted
        self.other_inputs = other_inputs or {}
        self.hint = hint
        self.others = others
        # Every field goes to the base so that the error can be pickled between processes.
        super().__init__(law, statement, inputs, got, wanted, self.other_inputs, hint, others)

    def with_others(self, others: Iterable[LawViolation]) -> LawViolation:
        """Return a violation that reports further ones, too."""
        own = (self.law, self.statement, self.inputs, self.got, self.wanted, self.other_inputs, self.hint)
        return LawViolation(*own, tuple(others))

    def __str__(self) -> str:
        if not self.others:
            return _block(self)
        violations = (self, *self.others)
        title = f"{len(violations)} laws do not hold: {', '.join(violation.law for violation in violations)}"
        return "\n\n".join([title, *map(_block, violations)])


def _block(violation: LawViolation) -> str:
    """Return the report of one law."""
    lines = [f"{violation.law}: {violation.statement}", *_shown(violation.inputs)]
    if violation.hint:
        lines.append(f"  got {violation.got}, {violation.hint}")
    else:
        more = " for" if violation.other_inputs else ""
        lines.append(f"  got {violation.got}, compared with {violation.wanted}{more}")
    return "\n".join([*lines, *_shown(violation.other_inputs, indent=4)])


def _shown(inputs: Mapping[str, Any], indent: int = 2) -> list[str]:
    shown = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in inputs.items()}
    return [f"{' ' * indent}{name} = {value!r}" for name, value in shown.items()]


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
    malformed: Sequence[Change] | None = None,
) -> None:
    """Check a metric against laws.

    The law ``malformed`` makes malformed rows from valid ones: one number, or all, becomes NaN or infinite; and corners
    of `boxes` and `spans` change places or coincide, along one axis or all. The best honest miss is the highest of
    ``minimum`` and the scores of some valid rows: of boxes and spans, the reference moved by its own size, so that
    both touch, and a thousandth of it in its corner; of other rows, the predicted ones moved by a million. NaN is
    allowed for a row that is not finite.

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
        malformed: Functions from a batch of valid rows to malformed ones, for rows that are not of `boxes` or `spans`,
            such as ``lambda boxes: boxes * [1, 1, -1, -1]`` for a negative width and height.

    Raises:
        LawViolation: With every law that does not hold, and for each the smallest inputs that were found.
        ArgumentError: If a law's name is unknown, if the metric does not take batches, or if ``malformed`` is checked
            on rows that are not numbers.

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
      got 1.2, above maximum 1.0: if that is meant, give maximum=
    """
    chosen = chosen_laws(laws, LAWS)
    references = rows if reference is None else reference
    trials = _trials(metric, rows, references, (minimum, maximum), malformations(rows, malformed))
    _check_takes_batches(trials, examples)
    broken: dict[str, Trial] = {}

    def breaks_all(trial: Trial) -> bool:
        for law in chosen:
            if law.name not in broken and law.counterexample(trial, tolerance) is not None:
                broken[law.name] = trial
        return len(broken) == len(chosen)

    # One quick search for all laws, then one for the smallest inputs of each that is broken.
    smallest_example(trials, breaks_all, examples, shrink=False)
    violations = [
        _smallest_violation(law, trials, broken[law.name], tolerance, examples) for law in chosen if law.name in broken
    ]
    if violations:
        first, *others = violations
        raise first.with_others(others)


def _check_takes_batches(trials: SearchStrategy[Trial], examples: int) -> None:
    trial = find(trials, lambda _: True, settings=_settings(examples))
    try:
        trial.base  # noqa: B018 - the call is the check
    except (IndexError, TypeError, ValueError) as error:
        called = _shapes(trial.predicted, trial.reference)
        raise ArgumentError(
            f"metric: called with {called} it raised {type(error).__name__}: {error}; it has to take a batch of rows, "
            "and return one score per row"
        ) from error


def _smallest_violation(
    law: Law, trials: SearchStrategy[Trial], known: Trial, tolerance: float, examples: int
) -> LawViolation:
    def breaks(trial: Trial) -> bool:
        return law.counterexample(trial, tolerance) is not None

    found = smallest_example(trials, breaks, examples, most_shrinks=_MAX_SHRINKS)
    fewest = _fewest_rows(known if found is None else found, breaks)
    counterexample = law.counterexample(fewest, tolerance)
    if counterexample is None:
        raise AssertionError(_NOT_DETERMINISTIC)
    got, wanted, inputs, other_inputs = counterexample
    hint = _range_hint(fewest, got) if law.name == "range" else ""
    return LawViolation(law.name, law.statement, inputs, got, wanted, other_inputs, hint)


def _range_hint(trial: Trial, got: float | str) -> str:
    if not isinstance(got, str) and got < trial.minimum:
        return f"below minimum {trial.minimum}: if that is meant, give minimum="
    if not isinstance(got, str) and got > trial.maximum:
        return f"above maximum {trial.maximum}: if that is meant, give maximum="
    return ""


def chosen_laws(names: Iterable[str], laws: Mapping[str, AnyLaw]) -> list[AnyLaw]:
    """Return the laws of these names; raises ArgumentError if one is unknown."""
    chosen = list(names)
    for name in chosen:
        if name not in laws:
            raise ArgumentError(f"laws: there is no law {name!r}; there are {', '.join(laws)}")
    return [laws[name] for name in chosen]


@st.composite
def _trials(
    draw: DrawFn,
    metric: Metric,
    rows: SearchStrategy[Any],
    reference: SearchStrategy[Any],
    bounds: tuple[float, float],
    malformations: SearchStrategy[Malformation],
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
        malformation=draw(malformations),
        of_reference=draw(st.booleans()),
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


class _EnoughError(BaseException):
    """Ends a search; no `Exception`, which hypothesis would take for a result."""


def smallest_example(
    inputs: SearchStrategy[Example],
    breaks: Callable[[Example], bool],
    examples: int,
    *,
    shrink: bool = True,
    most_shrinks: int | None = None,
) -> Example | None:
    """Return the smallest input for which ``breaks`` is true, or None if none was found.

    The search is the same in every run that has loaded the same modules: hypothesis takes constants from their source.

    Args:
        inputs: Where inputs come from.
        breaks: What they are searched for.
        examples: How many inputs are tried until one is found.
        shrink: Whether smaller ones are tried then.
        most_shrinks: The most inputs that are tried then; None for as many as hypothesis likes.
    """
    found: list[Example] = []
    shrinks = 0

    def counted(example: Example) -> bool:
        nonlocal shrinks
        shrinks += bool(found)
        if most_shrinks is not None and shrinks > most_shrinks:
            raise _EnoughError
        broken = breaks(example)
        if broken:
            found[:] = [example]
        return broken

    try:
        return find(inputs, counted, settings=_settings(examples, shrink=shrink))
    except _EnoughError:
        return found[0]
    except NoSuchExample:
        return None
    except Flaky:
        raise AssertionError(_NOT_DETERMINISTIC) from None


def _settings(examples: int, *, shrink: bool = True) -> settings:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
    )
