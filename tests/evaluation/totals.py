"""What holds for all totals: batches, order and processes make no difference to the last bit."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from onethinker_rewards.errors import ArgumentError


def assert_mergeable(make: Callable[[Sequence[Any]], Any], items: list[Any], cut: int, order: Any) -> None:
    """Compare totals of all items with those of two parts, shuffled and merged.

    Args:
        make: Makes the totals of some items.
        items: The items.
        cut: How many are in the first part.
        order: A random generator of hypothesis.
    """
    whole = make(items)
    shuffled = [*items]
    order.shuffle(shuffled)
    merged = make(shuffled[:cut])
    merged.merge(pickle.loads(pickle.dumps(make(shuffled[cut:]))))
    assert merged == whole
    if items:
        assert merged.result() == whole.result()


def assert_options_must_agree(first: Any, second: Any, message: str) -> None:
    """Check that totals that count by different options are not added up."""
    with pytest.raises(ArgumentError, match=message):
        first.merge(second)
