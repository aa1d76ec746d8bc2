"""Scoring with settings that travel."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError, RowScorer
from onethinker_rewards.adapters.logs import extra_info
from onethinker_rewards.adapters.scoring import RecipeScorers
from tests.adapters.rows import shared_rows
from tests.rewards.cases import wrap


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
    for one in (scorer, copy, RowScorer()):
        one.close()
        one.close()


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


def test_scorers_differ_in_their_recipe() -> None:
    scorers = RecipeScorers(columns=Columns(reference="gold"))
    columns = {"task": ["numerical"], "gold": ["7"]}
    totals = [scorers[recipe].score([wrap("7")], columns).total.tolist() for recipe in (None, "paper", "release")]
    assert totals == [[2.0], [2.0], [1.5]]
    assert scorers["release"] is scorers["release"]
    with pytest.raises(otr.ArgumentError, match="no recipe 'papr'"):
        scorers["papr"]


@pytest.mark.parametrize("name", ["columns", "scoring", "gather", "logs", "estimating", "verl", "easyr1"])
def test_an_adapter_imports_neither_its_framework_nor_torch(name: str) -> None:
    code = f"import sys, onethinker_rewards.adapters.{name}; print(*sys.modules)"
    imported = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert imported.isdisjoint({"torch", "scipy", "verl", "trl", "transformers", "ray"})
