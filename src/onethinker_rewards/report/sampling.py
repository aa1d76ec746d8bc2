"""Which rows a report shows: a seeded sample of failures, lowest, highest and random rows, in one pass."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Iterator
from heapq import heappop, heappush
from itertools import chain, zip_longest
from typing import Any, Literal, TypeAlias

from onethinker_rewards.report.scored import ScoredRow

Stratum: TypeAlias = Literal["failure", "lowest", "highest", "random"]
STRATA: tuple[Stratum, ...] = ("failure", "lowest", "highest", "random")


class _Best:
    """The rows of the smallest keys."""

    def __init__(self) -> None:
        # The greatest key is on top. A row's number makes each key differ, so rows are never compared.
        self._heap: list[tuple[float, float, int, ScoredRow]] = []

    def add(self, key: float, tie: float, row: ScoredRow, most: int) -> None:
        heappush(self._heap, (-key, -tie, row.number, row))
        self.cut(most)

    def cut(self, most: int) -> None:
        while len(self._heap) > most:
            heappop(self._heap)

    def rows(self) -> list[ScoredRow]:
        return [entry[-1] for entry in sorted(self._heap, reverse=True)]


class Sample:
    """Holds at most about twice ``limit`` rows, whatever the length of the file.

    A quarter of the rows each are failures (of every task and code), the lowest totals of every task among the rows
    without a fault, the highest of them, and random rows of every task. A stratum that has fewer leaves its share to
    random rows.

    Args:
        limit: How many rows are chosen at most.
        seed: Equal seeds choose equal rows of equal files.
    """

    def __init__(self, limit: int, seed: int = 0) -> None:
        self.limit = limit
        self._random = random.Random(seed)  # noqa: S311 - a sample is no secret
        self._strata: dict[Stratum, dict[Hashable, _Best]] = {name: defaultdict(_Best) for name in STRATA}
        self._any = _Best()

    def add(self, row: ScoredRow) -> None:
        """Offer a row."""
        draw = self._random.random()
        self._any.add(draw, 0.0, row, self.limit)
        self._offer("random", row.task, draw, 0.0, row)
        for code in row.faults:
            self._offer("failure", (row.task, code), draw, 0.0, row)
        if row.total is not None and not row.faults:
            self._offer("lowest", row.task, row.total, draw, row)
            self._offer("highest", row.task, -row.total, draw, row)

    def chosen(self) -> list[tuple[Stratum, ScoredRow]]:
        """Return the rows by number, each with the first stratum that chose it."""
        found: dict[int, tuple[Stratum, ScoredRow]] = {}
        for stratum, row in chain(self._in_turns(), (("random", row) for row in self._any.rows())):
            if len(found) == self.limit:
                break
            found.setdefault(row.number, (stratum, row))
        return [found[number] for number in sorted(found)]

    def _offer(self, stratum: Stratum, key: Hashable, value: float, tie: float, row: ScoredRow) -> None:
        groups = self._strata[stratum]
        is_new = key not in groups
        share = self._share(len(groups) + is_new)
        groups[key].add(value, tie, row, share)
        for group in groups.values() if is_new else ():
            group.cut(share)

    def _share(self, groups: int) -> int:
        """Return how many rows each group of a stratum may have."""
        return -(-self.limit // (len(STRATA) * groups))

    def _in_turns(self) -> Iterator[tuple[Stratum, ScoredRow]]:
        """Yield the first row of every group of every stratum, then the second, so that a small limit has all kinds."""
        columns: list[list[Any]] = [
            [(stratum, row) for row in group.rows()]
            for stratum, groups in self._strata.items()
            for group in groups.values()
        ]
        return (entry for turn in zip_longest(*columns) for entry in turn if entry is not None)
