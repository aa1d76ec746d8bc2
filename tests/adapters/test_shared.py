"""Scoring rows with settings that can be pickled, and what is logged about them."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError, RowScorer, extra_info, log_items
from onethinker_rewards.adapters._shared import checked_totals
from tests.adapters.rows import shared_rows
from tests.rewards.cases import REFERENCES, wrap


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_shared_rows_get_the_totals_of_score(recipe: str) -> None:
    rows = shared_rows()
    for scorer in (RowScorer(recipe), pickle.loads(pickle.dumps(RowScorer(recipe)))):
        assert scorer.score(rows.responses, rows.columns()).total.tolist() == rows.batch(recipe).total.tolist()
        assert scorer.score_rows(rows.responses, rows.mappings()).total.tolist() == rows.batch(recipe).total.tolist()


def test_a_scorer_that_was_used_pickles_without_what_it_holds() -> None:
    scorer = RowScorer(workers=1, columns=Columns(reference="gold"))
    columns = {"task": ["math"], "gold": ["$2$"]}
    assert scorer.score([wrap("$2$")], columns).total.tolist() == [2.0]
    copy = pickle.loads(pickle.dumps(scorer))
    assert copy.table == otr.TASKS
    assert copy.score([wrap("$2$")], columns).total.tolist() == [2.0]
    for used in (scorer, copy, RowScorer()):
        used.close()
        used.close()


def test_a_table_of_ones_own_travels() -> None:
    scorer = pickle.loads(pickle.dumps(RowScorer(table={"dance": otr.TASKS["ocr"]})))
    assert scorer.score([wrap("a b")], {"task": ["dance"], "answer": ["a b"]}).total.tolist() == [2.0]


def test_threads_get_the_same_totals() -> None:
    rows, scorer = shared_rows(), RowScorer()
    with ThreadPoolExecutor(8) as threads:
        batches = [threads.submit(scorer.score, rows.responses, rows.columns()) for _ in range(8)]
    assert {tuple(batch.result().total) for batch in batches} == {tuple(rows.batch().total)}


def test_an_unknown_recipe_is_an_error_at_once() -> None:
    with pytest.raises(otr.ArgumentError, match="no recipe 'papr'"):
        RowScorer("papr")


def test_errors_name_all_their_rows() -> None:
    scorer, columns = RowScorer(), {"task": ["ocr", "numerical", "regression"], "answer": ["a", "x", "y"]}
    with pytest.raises(otr.BadReferenceError) as raised:
        scorer.score(["", "", ""], columns)
    assert raised.value.rows == (1, 2)


def test_one_callers_mistake_costs_no_others_result() -> None:
    rows = [
        {"task": "numerical", "answer": "7"},
        {"task": "numerical", "answer": "seven"},
        {"task": "dance", "answer": "7"},
        {"task": "numerical"},
    ]
    first, *errors = RowScorer().score_each([wrap("7")] * 4, rows)
    assert isinstance(first, dict)
    assert first["total"] == 2.0
    assert [type(error) for error in errors] == [otr.BadReferenceError, otr.UnknownTaskError, MissingColumnError]
    assert "'seven'" in str(errors[0])


def test_each_is_a_row_of_extra_info() -> None:
    rows = shared_rows()
    assert str(RowScorer().score_each(rows.responses, rows.mappings())) == str(extra_info(rows.batch()))


def test_a_scorer_has_variants_with_other_recipes() -> None:
    scorer = RowScorer(columns=Columns(reference="gold"))
    columns = {"task": ["numerical"], "gold": ["7"]}
    totals = [
        scorer.with_recipe(recipe).score([wrap("7")], columns).total.tolist() for recipe in (None, "paper", "release")
    ]
    assert totals == [[2.0], [2.0], [1.5]]
    assert scorer.with_recipe("release") is scorer.with_recipe("release")
    assert scorer.with_recipe(None) is scorer
    with pytest.raises(otr.ArgumentError, match="no recipe 'papr'"):
        scorer.with_recipe("papr")


@pytest.mark.parametrize(
    "name", ["columns", "_shared", "reward_fn", "microbatch", "ema_state", "verl", "easyr1", "trl", "swift"]
)
def test_an_adapter_imports_neither_its_framework_nor_torch(name: str) -> None:
    code = f"import sys, onethinker_rewards.adapters.{name}; print(*sys.modules)"
    imported = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert imported.isdisjoint({"torch", "scipy", "verl", "trl", "transformers", "ray"})


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
    codes = [(row.pop("failure"), row.pop("format_fault")) for row in rows]
    types = {tuple((key, type(value)) for key, value in row.items()) for row in rows}
    assert len(types) == 1
    assert {type(value) for row in rows for value in row.values()} == {float, str}
    assert {type(code) for pair in codes for code in pair} == {str, type(None)}


def test_extra_info_says_what_stands_for_an_absent_number() -> None:
    (row,) = extra_info(otr.score([wrap("B")], ["B"], "multiple_choice"), absent=None)
    assert row["part/box_iou"] is None
    assert (row["failure"], row["format_fault"], row["repairs"]) == (None, None, "")
    (lenient,) = extra_info(
        otr.score(
            [wrap("[{'time': [1, 2],}]")],
            ['{"time": [1, 2]}'],
            "temporal_grounding",
            recipe=otr.Recipe(rules="lenient"),
        )
    )
    assert lenient["repairs"].count(",") == 2


def test_totals_are_numbers() -> None:
    assert checked_totals([{"total": 2}, {"total": 0.5}]) == [2.0, 0.5]
    assert checked_totals([]) == []


@pytest.mark.parametrize(
    ("missing", "named"), [((1,), "row 1,"), (range(7), "rows 0, 1, 2, 3, 4 and 2 more,")], ids=["one", "many"]
)
def test_a_missing_total_is_an_error_that_names_its_rows(missing: range, named: str) -> None:
    rows = [{"total": math.nan if row in missing else 1.0} for row in range(9)]
    with pytest.raises(otr.JudgeError, match=named):
        checked_totals(rows)


def test_each_kind_of_warning_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    scorer = pickle.loads(pickle.dumps(RowScorer()))
    columns = {"task": ["numerical"] * 16, "answer": [7] * 16}
    for rows in (15, 16, 16):
        scorer.score(["<answer>7</answer>"] * rows, {name: values[:rows] for name, values in columns.items()})
    assert [record.name for record in caplog.records] == ["onethinker_rewards.adapters"]
    assert caplog.records[0].getMessage().startswith("the format is 0 because 16 of 16 responses lack <think>")


def test_later_batches_are_looked_at_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    scorer = RowScorer()
    one, many = ({"task": ["numerical"] * rows, "answer": ["7"] * rows} for rows in (1, 16))
    for _ in range(100):
        scorer.score([wrap("7")], one)
    for _ in range(99):
        scorer.score(["7"] * 16, many)
    assert caplog.records == []
    scorer.score(["7"] * 16, many)
    assert len(caplog.records) == 1
