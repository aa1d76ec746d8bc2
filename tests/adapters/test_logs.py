"""What is logged."""

from __future__ import annotations

import math

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.logs import extra_info, log_items
from tests.adapters.rows import shared_rows
from tests.rewards.cases import REFERENCES, wrap


def batch() -> otr.RewardBatch:
    box = REFERENCES["spatial_grounding"]
    return otr.score(
        [wrap(box), wrap("{"), f"<answer>{box}</answer>", wrap("B")],
        [box, box, box, "A"],
        ["spatial_grounding"] * 3 + ["multiple_choice"],
    )


def test_curves_of_a_batch_by_hand() -> None:
    third = 1 / 3
    assert log_items(batch(), "train") == {
        "train/spatial_grounding/rows": 3.0,
        "train/spatial_grounding/total": 1.0,
        "train/spatial_grounding/accuracy": 2 * third,
        "train/spatial_grounding/normalized": 2 * third,
        "train/spatial_grounding/format": third,
        "train/spatial_grounding/structure": 0.0,
        "train/spatial_grounding/part/box_iou": 2 * third,
        "train/spatial_grounding/failed": third,
        "train/spatial_grounding/failure/invalid_json": third,
        "train/spatial_grounding/format_fault/invalid_json": third,
        "train/spatial_grounding/format_fault/missing_think": third,
        "train/multiple_choice/rows": 1.0,
        "train/multiple_choice/total": 1.0,
        "train/multiple_choice/accuracy": 0.0,
        "train/multiple_choice/normalized": 0.0,
        "train/multiple_choice/format": 1.0,
        "train/multiple_choice/structure": 0.0,
        "train/multiple_choice/part/option_match": 0.0,
        "train/multiple_choice/failed": 0.0,
    }


def test_curves_agree_with_the_summary() -> None:
    scored = shared_rows().batch()
    items = log_items(scored, "")
    for task, summary in scored.summary().items():
        assert items[f"{task}/rows"] == summary["rows"]
        for name in ("total", "accuracy", "normalized", "format", "structure"):
            assert items[f"{task}/{name}"] == pytest.approx(summary[name], abs=1e-12)
        for name, mean in summary["parts"].items():
            assert items[f"{task}/part/{name}"] == pytest.approx(mean, abs=1e-12)
        for kind, counts in (("failure", summary["failures"]), ("format_fault", summary["format_faults"])):
            shares = {f"{task}/{kind}/{code}": count / summary["rows"] for code, count in counts.items()}
            assert {key: value for key, value in items.items() if key.startswith(f"{task}/{kind}/")} == shares


def test_rows_have_the_curves_of_their_batch() -> None:
    skipped = otr.score([wrap("7"), wrap("7")], ["7", "x"], "numerical", on_bad_reference="skip")
    for scored in (shared_rows().batch(), skipped):
        for rows in (extra_info(scored), extra_info(scored, absent=None), scored.to_rows()):
            assert log_items(rows) == log_items(scored)


def test_with_a_table_the_keys_are_the_same_whatever_is_in_the_batch() -> None:
    some, none = (log_items(scored, table=otr.TASKS) for scored in (batch(), otr.score([], [], "ocr")))
    assert list(some) == list(none)
    assert {key: value for key, value in some.items() if value}.items() >= {
        key: value for key, value in log_items(batch()).items() if value
    }.items()
    assert all(math.isnan(value) for key, value in none.items() if not key.endswith("/rows"))
    assert some["onethinker/spatial_grounding/failure/empty_answer"] == 0.0
    assert "onethinker/tracking/part/box_iou" in none
    assert "onethinker/ocr/part/box_iou" not in none


def test_a_mean_leaves_rows_without_a_number_out() -> None:
    scored = otr.score([wrap("7"), wrap("7")], ["7", "x"], "numerical", on_bad_reference="skip")
    items = log_items(scored, "")
    assert (items["numerical/total"], items["numerical/failure/bad_reference"]) == (2.0, 0.5)
    with otr.Scorer(judge=lambda questions, answers, references: [None]) as scorer:
        assert math.isnan(log_items(scorer.score([wrap("a")], ["a"], "open_ended"))["onethinker/open_ended/total"])


def test_extra_info_has_the_same_keys_and_types_in_every_row() -> None:
    rows = extra_info(shared_rows().batch())
    types = {tuple((key, type(value)) for key, value in row.items()) for row in rows}
    assert len(types) == 1
    assert {type(value) for row in rows for value in row.values()} == {float, str}
    assert {row["failure"] for row in rows} > {""}


def test_extra_info_says_what_stands_for_an_absent_number() -> None:
    (row,) = extra_info(otr.score([wrap("B")], ["B"], "multiple_choice"), absent=None)
    assert row["part/box_iou"] is None
    assert (row["failure"], row["format_fault"], row["repairs"]) == ("", "", "")
    (lenient,) = extra_info(
        otr.score(
            [wrap("[{'time': [1, 2],}]")],
            ['{"time": [1, 2]}'],
            "temporal_grounding",
            recipe=otr.Recipe(rules="lenient"),
        )
    )
    assert lenient["repairs"].count(",") == 2
