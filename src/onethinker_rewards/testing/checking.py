"""Hold a metric against laws, and show the smallest input that breaks one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import Flaky, NoSuchExample

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.testing.extra import DrawFn, SearchStrategy, st
from onethinker_rewards.testing.laws import LAWS, Broken, Law, Metric, Trial

__all__ = ["LawViolation", "check_laws", "smallest"]

_MOST_ROWS = 4
_MOODY = "it gives other scores for the same inputs"


class LawViolation(AssertionError):  # noqa: N818 - what a test reports, beside AssertionError
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
        # Every field goes to the base so that the error survives pickling between processes.
        super().__init__(law, statement, inputs, got, wanted)

    def __str__(self) -> str:
        lines = [f"{self.law}: {self.statement}", *(f"  {name} = {_shown(one)}" for name, one in self.inputs.items())]
        return "\n".join([*lines, f"  got {self.got}, compared with {self.wanted}"])


def _shown(value: Any) -> str:
    return str(value.tolist()) if isinstance(value, np.ndarray) else repr(value)


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
    """Hold a metric against laws.

    Args:
        metric: From predicted and reference, a batch each, to one score a row.
        rows: Batches of one row, from which larger ones are put together: ``boxes(1)``, ``spans(1)``, ``masks(1)``, or
            your own, such as ``st.lists(st.text(), min_size=1, max_size=1)``.
        laws: Names of `LAWS`; all by default. Not every metric is meant to keep every one: name those that yours is.
        reference: Where references come from, if not from ``rows``.
        minimum: Smallest score.
        maximum: Largest score, that of equal rows.
        tolerance: By how much scores may miss what they are compared with.
        examples: Inputs to try.

    Raises:
        LawViolation: With the first law that does not hold, and the smallest inputs that hypothesis could find.
        ArgumentError: If there is no law of a name.

    >>> import numpy as np
    >>> from onethinker_rewards import metrics
    >>> from onethinker_rewards.testing import spans
    >>> check_laws(metrics.temporal_iou, spans(1))
    >>> check_laws(lambda predicted, reference: (2.0 * predicted[:, 1]).round(3), spans(1), ["range"])
    Traceback (most recent call last):
        ...
    onethinker_rewards.testing.checking.LawViolation: range: every score lies between minimum and maximum, none is NaN
      predicted = [[0.0, 0.6000000000000001]]
      reference = [[0.0, 0.0]]
      got 1.2, compared with 1.0
    """
    chosen = [_law(name) for name in laws]
    trials = _trials(metric, rows, rows if reference is None else reference, minimum, maximum)
    if smallest(trials, lambda trial: _is_broken(chosen, trial, tolerance), examples, shrink=False) is None:
        return
    # One search for all laws was quick; now in their order, for the first that is broken and its smallest input.
    for law in chosen:
        worst = smallest(trials, lambda trial, law=law: _is_broken([law], trial, tolerance), examples)
        if worst is not None:
            fewest = _fewest_rows(law, worst, tolerance)
            broken = law.broken_in(fewest, tolerance)
            if broken is not None:
                raise _violation(law, fewest, broken)
    raise AssertionError(_MOODY)


def _law(name: str) -> Law:
    if name not in LAWS:
        raise ArgumentError(f"laws: there is no law {name!r}; there are {', '.join(LAWS)}")
    return LAWS[name]


def _is_broken(laws: list[Law], trial: Trial, tolerance: float) -> bool:
    return any(law.broken_in(trial, tolerance) is not None for law in laws)


@st.composite
def _trials(
    draw: DrawFn,
    metric: Metric,
    rows: SearchStrategy[Any],
    reference: SearchStrategy[Any],
    minimum: float,
    maximum: float,
) -> Trial:
    pairs = draw(st.lists(st.tuples(rows, reference), min_size=1, max_size=_MOST_ROWS))
    return Trial(
        metric,
        _together([predicted for predicted, _ in pairs]),
        _together([reference for _, reference in pairs]),
        minimum,
        maximum,
        shift=draw(st.sampled_from([1.0, -0.5, 3.0, 100.0])),
        scale=draw(st.sampled_from([2.0, 0.5, 3.0, 100.0])),
        step=draw(st.sampled_from([1.0, 0.5, 0.25, 0.75])),
    )


def _together(rows: list[Any]) -> Any:
    return list(chain.from_iterable(rows)) if isinstance(rows[0], list) else np.concatenate(rows)


def _fewest_rows(law: Law, trial: Trial, tolerance: float) -> Trial:
    """Leave out every row that the law is broken without."""
    row = 0
    while row < len(trial.reference) and len(trial.reference) > 1:
        fewer = replace(trial, predicted=_without(trial.predicted, row), reference=_without(trial.reference, row))
        trial, row = (fewer, row) if _is_broken([law], fewer, tolerance) else (trial, row + 1)
    return trial


def _without(rows: Any, row: int) -> Any:
    return _together([rows[:row], rows[row + 1 :]])


def smallest(inputs: SearchStrategy[Any], breaks: Callable[[Any], bool], examples: int, *, shrink: bool = True) -> Any:
    """Return the smallest input that ``breaks`` something, None where none was found; the same in every run."""
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
        raise AssertionError(_MOODY) from None


def _violation(law: Law, trial: Trial, broken: Broken) -> LawViolation:
    row, got, wanted = broken
    inputs = {"predicted": trial.predicted, "reference": trial.reference}
    inputs |= {name: getattr(trial, name) for name in law.uses}
    if row is None:
        return LawViolation(law.name, law.statement, inputs, f"shape {got.shape}", f"shape {wanted.shape}")
    return LawViolation(law.name, law.statement, inputs, float(got[row]), float(wanted[row]))
