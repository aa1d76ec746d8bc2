"""Every number and code of the corpus is what it was before the core was rebuilt."""

from __future__ import annotations

import gzip
import json
from itertools import zip_longest
from typing import Any

import pytest

from tests.rebuild.corpus import RESULTS, results

pytestmark = pytest.mark.slow

# Below 1e-12, as sums in another order differ.
TOLERANCE = 1e-12


def test_results_are_those_of_before() -> None:
    before = json.loads(gzip.decompress(RESULTS.read_bytes()))
    different = []
    for (name, batch, error), (_, some, now, error_now) in zip_longest(before, results(), fillvalue=None):
        if error != error_now:
            different.append((name, error[:500], error_now[:500]))
        different += [
            (name, row, was, is_now) for row, was, is_now in zip(some, batch, now, strict=True) if not same(was, is_now)
        ]
    assert not different, f"{len(different)} differ: {different[:5]}"


def same(was: Any, now: Any) -> bool:
    if isinstance(was, float) and isinstance(now, float):
        return abs(was - now) <= TOLERANCE
    if isinstance(was, list):
        return len(was) == len(now) and all(map(same, was, now))
    if isinstance(was, dict):
        return was.keys() == now.keys() and all(same(value, now[name]) for name, value in was.items())
    return was == now
