"""The tasks beyond the paper against plain formulas, in batches of rows of any size."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.testing.pairs import as_text, pairs
from onethinker_rewards.testing.valid import reference_schema_of
from tests import oracles_tasks as oracle
from tests.rewards.cases import wrap

FEW = settings().max_examples // 4


def scored(task: str, rows: list[tuple[Any, Any]], **options: Any) -> otr.RewardBatch:
    """Score rows of reference and answer."""
    responses = [wrap(as_text(predicted)) for _, predicted in rows]
    return otr.score(responses, [as_text(reference) for reference, _ in rows], task, **options)


@pytest.mark.parametrize("task", oracle.FORMULAS)
@given(data=st.data())
@settings(max_examples=FEW)
def test_formulas(task: str, data: st.DataObject) -> None:
    """Of pairs that have something in common, and of any two valid values."""
    unrelated = st.tuples(testing.values(reference_schema_of(task)), testing.values(task))
    if task == "temporal_segments":
        # The sum of two of the longest spans is infinite.
        unrelated = unrelated.filter(lambda row: "e+308" not in json.dumps(row))
    near = pairs(task).map(tuple)
    rows = data.draw(st.lists(near | near | unrelated, min_size=1, max_size=5))
    batch = scored(task, rows)
    assert not any(batch.failure)
    expected = [oracle.FORMULAS[task](predicted, reference) for reference, predicted in rows]
    # The oracle of clipped polygons and exact fractions differ where areas are too small for a double.
    assert batch.accuracy.tolist() == pytest.approx(expected, abs=1e-6 if task == "rotated_box" else 1e-9)


@given(rows=st.lists(pairs("gui_click").map(tuple), min_size=1, max_size=4))
@settings(max_examples=FEW)
def test_proximity(rows: list[tuple[Any, Any]]) -> None:
    expected = [oracle.proximity(predicted, reference) for reference, predicted in rows]
    assert scored("gui_click", rows).parts["proximity"].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.peer
@given(order=st.permutations("ABCDEFG"), count=st.integers(2, 7))
@settings(max_examples=FEW)
def test_scipy_s_kendall_tau(order: list[str], count: int) -> None:
    from scipy.stats import kendalltau

    kept = [item for item in order if item in "ABCDEFG"[:count]]
    tau = kendalltau(range(count), [kept.index(item) for item in "ABCDEFG"[:count]]).statistic
    batch = scored("ordering", [({"order": list("ABCDEFG"[:count])}, {"order": kept})])
    assert batch.parts["kendall_tau"][0] == pytest.approx(tau)
    assert batch.accuracy[0] == pytest.approx(max(0.0, tau))


@pytest.mark.parametrize(
    ("predicted", "reference"),
    [(["A"], ["A", "B"]), (["A", "B", "B"], ["A", "B"]), (["A", "C"], ["A", "B"]), (["A", "A"], ["A", "B"])],
)
def test_what_is_no_permutation_earns_nothing(predicted: list[str], reference: list[str]) -> None:
    batch = scored("ordering", [({"order": reference}, {"order": predicted})])
    assert (batch.accuracy[0], batch.failure) == (0.0, [None])


@pytest.mark.parametrize(
    ("score", "scale", "said", "expected"),
    [
        pytest.param(3, [1, 5], 3.25, 0.5, id="half of the width"),
        pytest.param(3, [1, 5], 3.5, 0.0, id="the width"),
        pytest.param(5, [1, 5], 5.1, 0.0, id="beyond the scale"),
        pytest.param(1.7e308, [-1.7e308, 1.7e308], 1.7e308, 1.0, id="a scale longer than a double"),
        pytest.param(1.7e308, [-1.7e308, 1.7e308], -1.7e308, 0.0, id="its other end"),
        pytest.param(0.0, [0.0, 5e-324], 0.0, 1.0, id="a scale of which an eighth is 0"),
        pytest.param(0.0, [0.0, 2e-323], 2e-323, 0.0, id="the end of such a scale"),
    ],
)
def test_ratings_on_any_scale(score: float, scale: list[float], said: float, expected: float) -> None:
    """On the longest and shortest scales the formula was no number, which was an error for the whole batch."""
    batch = scored("image_quality", [({"score": score, "scale": scale}, repr(said))])
    assert batch.accuracy.tolist() == [pytest.approx(expected, abs=1e-12)]


def test_a_track_that_is_hidden_throughout() -> None:
    hidden, seen = {"points": {"1": None}}, {"points": {"1": [5, 5]}}
    batch = scored(
        "point_tracking", [(hidden, hidden), (hidden, seen), (seen, hidden), (hidden, {"points": {"7": None}})]
    )
    assert batch.accuracy.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_a_track_s_points_beyond_the_reference_s_frames_do_not_count() -> None:
    reference = {"points": {"1": [5, 5], "2": None}}
    batch = scored("point_tracking", [(reference, {"points": {"1": [5, 5], "3": [9, 9]}})])
    assert batch.accuracy.tolist() == [1.0]


@pytest.mark.parametrize("pixels", [True, False])
def test_five_numbers_are_read_with_a_size_alone(pixels: bool) -> None:
    corners = {"corners": [[400, 800], [600, 800], [600, 1000], [400, 1000]]}
    sizes = [(100, 50)] if pixels else None
    batch = scored("rotated_box", [(corners, {"box": [50, 45, 10, 20, 90]})], sizes=sizes)
    assert batch.failure == [None if pixels else "missing_key"]
    assert batch.accuracy.tolist() == [pytest.approx(1.0) if pixels else 0.0]


def test_empty_and_full_rows_in_one_batch() -> None:
    box = {"box": [0, 0, 10, 10], "label": "cat"}
    values = [{"objects": [box] * count} for count in (0, 0, 1, 1, 3)]
    others = [{"objects": [box] * count} for count in (0, 1, 0, 3, 2)]
    expected = [1.0, 0.0, 0.0, 0.5, 0.8]
    batch = scored("detection", list(zip(values, others, strict=True)))
    assert batch.accuracy.tolist() == pytest.approx(expected)
    assert batch.parts["precision"].tolist() == pytest.approx([1.0, 0.0, 0.0, 1 / 3, 1.0])
    assert batch.parts["recall"].tolist() == pytest.approx([1.0, 0.0, 0.0, 1.0, 2 / 3])
    json.dumps(batch.accuracy.tolist())
    assert np.isfinite(batch.total).all()
