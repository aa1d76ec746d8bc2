"""References: each distinct one is read once, however many rollouts share it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import Faults, Integers, Reading, Request
from onethinker_rewards.parsing import Limits, bare_reference
from onethinker_rewards.rewards.rows import TaskRows
from onethinker_rewards.tasks import TaskSpec, describe_reference

__all__ = ["Distinct", "References", "check_references", "distinct_references", "read_references"]


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


@dataclass(frozen=True, slots=True)
class Distinct:
    """The distinct references of a task's rows.

    Attributes:
        texts: ``[M]`` without answer tags.
        options: ``[M]`` the options' texts that belong to each, or None.
        number_of: ``[N]`` number of each row's reference.
    """

    texts: list[str]
    options: list[Sequence[str] | None] | None
    number_of: Integers


def distinct_references(rows: TaskRows) -> Distinct:
    """Return each distinct reference once; with other options it is another one."""
    options = rows.context.options
    keys = rows.references if options is None else list(zip(rows.references, map(_key, options), strict=True))
    # A key that is new gets the next number.
    numbers: defaultdict[Any, int] = defaultdict(count().__next__)
    number_of = np.fromiter(map(numbers.__getitem__, keys), dtype=np.int64, count=len(keys))
    texts = [bare_reference(key if options is None else key[0]) for key in numbers]
    return Distinct(texts, None if options is None else [key[1] for key in numbers], number_of)


def read_references(spec: TaskSpec, distinct: Distinct, limits: Limits) -> Reading[Any]:
    """Read distinct references in a task's schema, by strict rules whatever the recipe's."""
    # A reference that is no option letter is compared as text.
    free = np.ones(len(distinct.texts), dtype=np.bool_)
    return spec.read(distinct.texts, Request(limits=limits, options=distinct.options, free=free))


def check_references(spec: TaskSpec, rows: TaskRows, distinct: Distinct, reading: Reading[Any]) -> References:
    """Return what was read with the reasons of what could not be."""
    faults = reading.faults
    if spec.reference_fault is not None:
        _refuse(spec.reference_fault, distinct.texts, faults)
    if not faults.failures:
        return References(reading.columns, distinct.number_of, {})
    place = np.full(len(distinct.texts), -1, dtype=np.int64)
    place[reading.rows] = np.arange(len(reading.rows))
    place[[*faults.failures]] = -1
    return References(reading.columns, place[distinct.number_of], _reasons(spec, rows, distinct.number_of, faults))


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
