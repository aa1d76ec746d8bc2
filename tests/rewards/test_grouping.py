"""Tasks mixed in any order: what belongs to a row stays with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from tests.rewards.cases import wrap

NAMES = st.lists(st.sampled_from(["numerical", "regression", "ocr"]), max_size=12)


@given(names=NAMES)
def test_each_formula_gets_its_rows_in_their_order(names: list[str]) -> None:
    """Answers, references and the rest of the context; whatever the order of tasks is, scores go back to their rows."""
    seen: dict[str, list[tuple[str, str, str]]] = {}

    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        columns = predicted.texts.tolist(), reference.texts.tolist(), context.questions or []
        seen.setdefault(str(context.images[0]) if context.images else "", []).extend(zip(*columns, strict=True))
        return otr.Scores(np.array([float(text) / 100 for text in predicted.texts]))

    rows = [str(row) for row in range(len(names))]
    formulas = dict.fromkeys(names, formula)
    batch = otr.score(
        list(map(wrap, rows)), rows, names, recipe=otr.Recipe(formulas=formulas), questions=rows, images=names
    )
    assert batch.accuracy.tolist() == [row / 100 for row in range(len(names))]
    assert batch.tasks == names
    for name in set(names):
        its = [row for row, task in zip(rows, names, strict=True) if task == name]
        assert seen[name] == [(row, row, row) for row in its]


def test_options_stay_with_their_rows() -> None:
    """A text that names an option of its own row's, among rows of other tasks and other options."""
    responses = [wrap("a cat"), wrap("7"), wrap("a dog"), wrap('{"time": [1, 2]}'), wrap("a cat")]
    references = ["A", "7", "A", '{"time": [1, 2]}', "B"]
    options = [["a cat", "a dog"], None, ["a dog", "a cat"], None, ["a cow", "a cat"]]
    tasks = ["multiple_choice", "numerical", "multiple_choice", "temporal_grounding", "multiple_choice"]
    assert otr.score(responses, references, tasks, options=options).accuracy.tolist() == [1.0] * 5
