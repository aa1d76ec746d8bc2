"""References: each distinct one is read once, however many rollouts share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import Faults, Integers, Request
from onethinker_rewards.parsing import Limits, bare_reference
from onethinker_rewards.rewards.rows import TaskRows
from onethinker_rewards.tasks import TaskSpec, describe_reference

__all__ = ["References", "read_references"]


@dataclass(frozen=True, slots=True)
class References:
    """The references of a task's rows.

    Attributes:
        columns: One row a distinct readable reference.
        place: ``[N]`` row of each reference in ``columns``, -1 where it is unreadable.
        bad: Reasons by position, for the unreadable ones.
    """

    columns: Any
    place: Integers
    bad: dict[int, str]


def read_references(spec: TaskSpec, rows: TaskRows, limits: Limits) -> References:
    """Read the references of one task's rows in its schema."""
    options = rows.context.options
    keys = rows.references if options is None else list(zip(rows.references, map(_key, options), strict=True))
    first: dict[Any, int] = {}
    number_of = np.array([first.setdefault(key, len(first)) for key in keys], dtype=np.int64)
    texts = [bare_reference(key if options is None else key[0]) for key in first]
    request = Request(
        limits=limits,
        options=None if options is None else [key[1] for key in first],
        # A reference that is no option letter is compared as text.
        free=np.ones(len(texts), dtype=np.bool_),
    )
    reading = spec.read(texts, request)
    faults = reading.faults
    if spec.reference_fault is not None:
        _refuse(spec.reference_fault, texts, faults)
    if not faults.failures:
        return References(reading.columns, number_of, {})
    place = np.full(len(texts), -1, dtype=np.int64)
    place[reading.rows] = np.arange(len(reading.rows))
    place[[*faults.failures]] = -1
    return References(reading.columns, place[number_of], _reasons(spec, rows, number_of, faults))


def _refuse(fault_of: Callable[[str], FailureCode | None], texts: list[str], faults: Faults) -> None:
    """Fail those that are in the schema and unusable all the same."""
    for number, text in enumerate(texts):
        fault = None if number in faults.failures else fault_of(text)
        if fault is not None:
            faults.fail(number, fault)


def _key(options: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if options is None else tuple(options)


def _reasons(spec: TaskSpec, rows: TaskRows, number_of: Integers, faults: Faults) -> dict[int, str]:
    return {
        row: describe_reference(spec, rows.references[row], faults.failures[number])
        for row, number in enumerate(number_of.tolist())
        if number in faults.failures
    }
