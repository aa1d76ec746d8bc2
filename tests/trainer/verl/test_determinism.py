"""Seeds and order of a run that can be repeated."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from onethinker_rewards.trainer.verl.determinism import data_order, response_seed


def row(index: int = 1, group: str | None = "a/1", session: int = 0, step: int = 1) -> dict[str, Any]:
    info = {} if group is None else {"group": group}
    return {"index": index, "extra_info": info, "session_id": session, "global_steps": step}


def test_every_response_has_a_seed_of_its_own() -> None:
    rows = [row(*each) for each in product((1, 2), ("a/1", "b/1"), range(8), (1, 2))]
    seeds = {response_seed(seed, each) for seed in (0, 1) for each in rows}
    assert len(seeds) == 2 * len(rows)
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_a_seed_is_the_same_again() -> None:
    # In another process too: a checkpoint may be older than this version.
    assert response_seed(7, row()) == response_seed(7, row()) == 1491747701


@pytest.mark.parametrize("without", [{"extra_info": None}, {"extra_info": {}}])
def test_rows_without_a_group_have_their_number(without: dict[str, Any]) -> None:
    assert response_seed(7, row(1) | without) != response_seed(7, row(2) | without)


def test_rows_are_in_the_order_of_the_data_whichever_is_done_first() -> None:
    rows = {
        "y_0_0": row(2), "x_10_0": row(1), "x_2_1": row(1), "x_2_0": row(1), "w_0_0": row(10), "z_0_0": row(2, "b/1")
    }  # fmt: skip
    keys = list(rows)
    assert [keys[place] for place in data_order(list(rows.values()), keys)] == [
        "x_2_0", "x_2_1", "x_10_0", "y_0_0", "z_0_0", "w_0_0"
    ]  # fmt: skip


def test_a_batch_of_nothing() -> None:
    assert data_order([], []) == []
