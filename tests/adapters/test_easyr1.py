"""EasyR1's contract and the OneThinker release's: both are on no index, so their calls are stood in for.

EasyR1 imports the file by its path, binds the configured arguments, and calls it with a list of dictionaries; what
comes back it puts on the last token under ``overall``, and takes the mean of every other key for the log. The release
passes four columns more.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, MissingColumnError, easyr1
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.rows import GOLDEN, Rows, shared_rows
from tests.rewards.cases import wrap

PAGES = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "frameworks"


@pytest.fixture
def load() -> Iterator[Callable[..., Any]]:
    """Load the function as EasyR1 does: by ``path:name``, under a module name that is EasyR1's."""

    def load(path: str | Path = easyr1.__file__, name: str = "compute_score", **arguments: Any) -> Any:
        spec = importlib.util.spec_from_file_location("custom_reward_fn", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["custom_reward_fn"] = module
        spec.loader.exec_module(module)
        assert (module.REWARD_TYPE, type(module.REWARD_NAME)) == ("batch", str)
        return partial(getattr(module, name), **arguments)

    yield load
    sys.modules.pop("custom_reward_fn", None)


def inputs(rows: Rows) -> list[dict[str, Any]]:
    """Return rows as the release passes them."""
    return [
        {
            "response": response,
            "response_length": len(response),
            "ground_truth": row["ground_truth"],
            "data_type": row["data_type"],
            "problem_type": row["problem_type"],
            "problem": "What is there?",
            "problem_id": index // 4,
        }
        for index, (response, row) in enumerate(zip(rows.responses, rows.mappings("ground_truth"), strict=True))
    ]


def logged(scores: list[dict[str, float]]) -> dict[str, float]:
    """Return what EasyR1 logs of a batch: the mean of each key over the rows that have it."""
    lists: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        for key, value in score.items():
            lists[key].append(value)
    return {key: float(np.mean(values)) for key, values in lists.items()}


def without_options(rows: Rows) -> Rows:
    return Rows(rows.responses, rows.references, rows.problem_types, rows.data_types, [None] * len(rows), rows.groups)


@pytest.mark.parametrize("page", ["easyr1", "onethinker"])
def test_the_command_on_the_page_prints_the_file(page: str) -> None:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"""python -c (?:"(.+?)"|'(.+?)')""", text)
    done = subprocess.run([sys.executable, "-c", max(code)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == easyr1.__file__


@pytest.mark.parametrize("recipe", [None, "paper", "release"])
def test_shared_rows_get_the_totals_of_score(load: Callable[..., Any], recipe: str | None) -> None:
    rows = without_options(shared_rows())
    arguments = {} if recipe is None else {"recipe": recipe}
    scores = load(**arguments)(inputs(rows))
    assert [score["overall"] for score in scores] == rows.batch(recipe or "release").total.tolist()


def test_golden_rows_get_the_releases_own_numbers(load: Callable[..., Any]) -> None:
    golden = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()][:300]
    scores, expected, compute = [], [], load()
    for row in golden:
        given = {key: row[key] for key in ("response", "ground_truth", "problem_type", "data_type")}
        try:
            scores += compute([given])
        except otr.BadReferenceError:
            continue
        expected.append(row["expected"])
    assert len(expected) > 250
    for key in ("overall", "accuracy", "format", "structure_reward"):
        assert [score[key] for score in scores] == pytest.approx([row[key] for row in expected], abs=1e-9)


def test_the_filter_of_groups_finds_an_accuracy_up_to_one_in_every_row(load: Callable[..., Any]) -> None:
    rows = shared_rows()
    accuracy = [score["accuracy"] for score in load(recipe="paper")(inputs(rows))]
    assert len(accuracy) == len(rows)
    assert max(accuracy) == 1.0
    assert max(rows.batch("paper").accuracy) > 1.0


def test_the_log_has_the_curves_of_each_task(load: Callable[..., Any]) -> None:
    rows = without_options(shared_rows())
    curves = logged(load()(inputs(rows)))
    expected = easyr1.log_items(rows.batch("release"), "")
    for task in set(rows.tasks):
        for name in ("total", "format", "failed"):
            assert curves[f"{task}/{name}"] == pytest.approx(expected[f"{task}/{name}"])
        assert curves[f"{task}/accuracy"] == pytest.approx(expected[f"{task}/normalized"])
    detail = {key for key in expected if key.split("/")[1] in {"part", "failure", "format_fault"}}
    assert detail
    assert {key: curves[key] for key in detail} == pytest.approx({key: expected[key] for key in detail})
    assert all(np.isfinite(value) for value in curves.values())


def test_a_code_met_once_has_a_curve_from_then_on() -> None:
    compute = easyr1.make_reward(recipe="paper", task="numerical")
    good, bad = ({"response": wrap(text), "ground_truth": "7"} for text in ("7", "x"))
    key = "numerical/failure/not_a_number"
    assert key not in logged(compute([good]))
    assert logged(compute([good, bad]))[key] == 0.5
    assert logged(compute([good]))[key] == 0.0


def test_easyr1_itself_passes_no_label_so_it_is_in_the_settings_or_the_ground_truth(load: Callable[..., Any]) -> None:
    row = {"response": wrap("B"), "response_length": 9, "ground_truth": "B"}
    assert load(task="multiple choice")([row])[0]["overall"] == 1.5
    record = {"answer": "B", "problem_type": "multiple choice", "options": np.array(["a", "b"])}
    assert load()([row | {"ground_truth": record}])[0]["overall"] == 1.5
    with pytest.raises(MissingColumnError, match="for the task; there are: 'response_length', 'ground_truth'"):
        load()([row])


def test_a_file_of_ones_own(load: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from onethinker_rewards import Recipe\n"
        "from onethinker_rewards.adapters.easyr1 import REWARD_NAME, REWARD_TYPE, make_reward\n"
        "compute_score = make_reward(recipe=Recipe(think='prefilled'), task='numerical')\n"
    )
    assert load(path)([{"response": "So.</think><answer>7</answer>", "ground_truth": "7"}])[0]["overall"] == 2.0


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([{"response": wrap("7"), "ground_truth": "x", "problem_type": "numerical"}], otr.BadReferenceError, "row 0"),
        ([{"response": wrap("7"), "ground_truth": "7", "problem_type": "dance"}], otr.UnknownTaskError, "dance"),
        (
            {"response": wrap("7"), "ground_truth": "7", "problem_type": "ocr"},
            otr.ArgumentError,
            'reward_type to "batch"',
        ),
    ],
    ids=["reference", "task", "one row"],
)
def test_an_error_is_raised_and_is_no_zero(given: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        easyr1.compute_score(given)


def test_a_judge_that_fails_is_an_error_not_a_number() -> None:
    compute = easyr1.make_reward(recipe="paper", judge=DownJudge(), columns=Columns(reference="gold"))
    row = {"response": wrap("A cat."), "gold": OPEN_ENDED["reference"], "task": "open_ended"}
    with pytest.raises(otr.JudgeError, match="no score for row 0"):
        compute([row])


def test_no_rows() -> None:
    assert easyr1.compute_score([]) == []
