"""References as objects, and several of which the best counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, RootModel

import onethinker_rewards as otr
from onethinker_rewards.answers import Number
from onethinker_rewards.answers.schemas import PointTrack
from onethinker_rewards.rewards import reference_text
from onethinker_rewards.tasks import Context, Scores
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

pa = pytest.importorskip("pyarrow")

JSON_TASKS = [task for task, spec in otr.TASKS.items() if REFERENCES[task].startswith("{")]
BOX = {"boxes": [100, 100, 300, 400]}
FAR = {"boxes": [800, 800, 900, 900]}


@pytest.mark.parametrize("task", REFERENCES)
def test_a_model_is_its_reference(task: str) -> None:
    text = REFERENCES[task]
    model = otr.parse_reference(text, task)
    by_text = otr.score([wrap(ANSWERS[task])], [text], task)
    assert otr.score([wrap(ANSWERS[task])], [model], task).to_rows() == by_text.to_rows()
    assert otr.parse_reference(model, task) == model


@pytest.mark.parametrize("task", JSON_TASKS)
def test_a_dictionary_is_its_reference(task: str) -> None:
    text = REFERENCES[task]
    given = json.loads(text)
    if task == "point_tracking":
        # None would be left out.
        given, text = {"points": {"1": [405, 230]}}, '{"points": {"1": [405, 230]}}'
    by_text = otr.score([wrap(ANSWERS[task])], [text], task).to_rows()
    with_nulls = {**given, "masks": None}
    for reference in (given, with_nulls, arrays(given)):
        assert otr.score([wrap(ANSWERS[task])], [reference], task).to_rows() == by_text


def arrays(value: Any) -> Any:
    """Return lists of numbers as arrays, and whole keys as NumPy's integers."""
    if isinstance(value, Mapping):
        return {np.int64(key) if str(key).isdecimal() else key: arrays(member) for key, member in value.items()}
    if isinstance(value, list) and not isinstance(value[0], list | int | float):
        return tuple(map(arrays, value))
    return np.array(value)


@pytest.mark.parametrize(
    "number", [7, 7.0, np.float64(7), np.int32(7), np.array(7), Decimal("7.00"), Number(7.0), otr.AnyOf([7])]
)
def test_numbers(number: Any) -> None:
    assert otr.score([wrap("7")], [number], "numerical").accuracy.tolist() == [1.0]


class Item(BaseModel):
    name: str
    price: Decimal = Decimal(2)


class Items(RootModel[list[int]]):
    pass


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ([1, 2.5], "[1, 2.5]"),
        ({"a": Decimal("1.5"), 3: {"b": None}}, '{"a": 1.5, "3": {}}'),
        ({"a": [None, True]}, '{"a": [null, true]}'),
        (Items([1, 2]), "[1, 2]"),
        (Item(name="é"), '{"name": "é", "price": "2"}'),
        ({"a": Item(name="x")}, '{"a": {"name": "x", "price": "2"}}'),
        (PointTrack(points={"1": None}), '{"points": {"1": null}}'),
        (np.str_("a"), "a"),
        (np.array("a"), "a"),
    ],
)
def test_the_text_of_an_object(reference: Any, text: str) -> None:
    assert reference_text(reference) == text
    assert type(reference_text(reference)) is str


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        (None, "expected text, a number, a list, a mapping, a pydantic model or AnyOf, got NoneType"),
        (True, "expected text, a number, a list, a mapping, a pydantic model or AnyOf, got bool"),
        (np.bool_(1), "expected text, a number, a list, a mapping, a pydantic model or AnyOf, got bool"),
        (b"a", "expected text, a number, a list, a mapping, a pydantic model or AnyOf, got bytes"),
        ({"a": {1}}, "expected text, a number, a list, a mapping, a pydantic model or AnyOf, got set"),
        (float("nan"), "nan is not a finite number"),
        (Decimal("Infinity"), "inf is not a finite number"),
        ({"a": [np.inf]}, "inf is not a finite number"),
        ({1.5: 1}, "a key is text or a whole number, not 1.5"),
        ({True: 1}, "a key is text or a whole number, not True"),
    ],
)
def test_what_is_no_reference_names_its_row(reference: Any, why: str) -> None:
    for given, place in [(reference, ""), (otr.AnyOf(["a", reference]), ", reference 2 of 2")]:
        with pytest.raises(otr.ArgumentError) as raised:
            otr.score([wrap("a")] * 2, ["a", given], "ocr")
        assert str(raised.value) == f"references, row 1{place}: {why}".replace(
            "got bool", f"got {type(reference).__name__}"
        )


def test_one_object_is_written_once() -> None:
    class Counted(dict[str, Any]):
        reads = 0

        def items(self) -> Any:
            Counted.reads += 1
            return super().items()

    shared = Counted(BOX)
    assert otr.score([wrap(json.dumps(BOX))] * 8, [shared] * 8, "spatial_grounding").accuracy.tolist() == [1.0] * 8
    assert Counted.reads == 1


def test_a_column_of_structs() -> None:
    column = pa.array([{"boxes": [100, 100, 300, 400], "time": None}, {"boxes": None, "time": [1.0, 2.0]}])
    responses = [wrap(json.dumps(BOX)), wrap('{"time": [1, 2]}')]
    tasks = ["spatial_grounding", "temporal_grounding"]
    assert otr.score(responses, column, tasks).accuracy.tolist() == [1.0, 1.0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "AnyOf needs at least one reference"),
        ("car", "AnyOf takes a list of references, not str"),
        ({"a"}, "AnyOf takes a list of references, not set"),
        ([otr.AnyOf(["a"])], "AnyOf holds references, not another AnyOf"),
    ],
)
def test_what_any_of_refuses(given: Any, why: str) -> None:
    with pytest.raises(otr.ArgumentError) as raised:
        otr.AnyOf(given)
    assert str(raised.value) == why


def test_parse_reference_reads_one() -> None:
    with pytest.raises(otr.ArgumentError, match="got AnyOf"):
        otr.parse_reference(otr.AnyOf(["a"]), "ocr")


def test_the_best_counts_with_its_parts_and_codes() -> None:
    near, half = {"boxes": [100, 100, 300, 400]}, {"boxes": [100, 100, 300, 250]}
    responses = [wrap(json.dumps(BOX)), "no tags", wrap("nothing"), wrap(json.dumps(BOX))]
    references = [otr.AnyOf([FAR, half, near]), otr.AnyOf([FAR, near]), near, otr.AnyOf([half, FAR])]
    batch = otr.score(responses, references, "spatial_grounding")
    flat = otr.score(responses, [near, FAR, near, half], "spatial_grounding")
    assert batch.to_rows() == flat.to_rows()
    assert batch.details == flat.details
    assert batch.parts["box_iou"].tolist() == [1.0, 0.0, 0.0, 0.5]


def test_of_equal_ones_the_first_counts() -> None:
    # The first is a letter, which a text of no option is not; the second is compared as text.
    batch = otr.score([wrap("cat")] * 2, [otr.AnyOf(["B", "dog"]), otr.AnyOf(["dog", "B"])], "multiple_choice")
    assert batch.failure == ["no_option_letter", None]
    assert batch.format.tolist() == [0.0, 1.0]


def test_options_sizes_and_several_tasks() -> None:
    batch = otr.score(
        [wrap("dog"), wrap("x + 1"), wrap('[{"bbox_2d": [64, 48, 192, 192]}]')],
        [otr.AnyOf(["A", "B"]), otr.AnyOf(["?!", "1 + x"]), otr.AnyOf([FAR, BOX])],
        ["multiple_choice", "math", "spatial_grounding"],
        options=[["cat", "dog"], None, None],
        sizes=[None, None, (640, 480)],
        recipe=otr.Recipe(dialect="qwen2.5-vl"),
        on_bad_reference="skip",
    )
    assert batch.total.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("dialect", ["qwen2.5-vl"])
def test_rows_without_a_size_are_named_in_the_callers_count(dialect: str) -> None:
    references = [otr.AnyOf([FAR, BOX])] * 7
    sizes = [(640, 480), *[None] * 6]
    with pytest.raises(otr.ArgumentError, match="rows 1, 2, 3, 4, 5 and more have no size"):
        otr.score([wrap("[]")] * 7, references, "spatial_grounding", sizes=sizes, recipe=otr.Recipe(dialect=dialect))


def test_bad_ones_are_named() -> None:
    responses = [wrap(json.dumps(BOX))] * 4
    references = [BOX, otr.AnyOf([BOX, "x", FAR, {"boxes": [1, 2]}]), otr.AnyOf(["x", "y"]), otr.AnyOf(["z"])]
    with pytest.raises(otr.BadReferenceError) as raised:
        otr.score(responses, references, "spatial_grounding")
    assert raised.value.rows == (1, 2, 3)
    first, second, third = raised.value.reasons
    assert first.startswith("reference 2 of 4: invalid_json for spatial_grounding: 'x'")
    assert "; reference 4 of 4: wrong_length" in first
    assert second.startswith("reference 1 of 2: invalid_json")
    assert third.startswith("invalid_json")
    batch = otr.score(responses, references, "spatial_grounding", on_bad_reference="skip")
    assert batch.accuracy[:2].tolist() == [1.0, 1.0]
    assert batch.failure == [None, None, "bad_reference", "bad_reference"]
    assert np.isnan(batch.total[2:]).all()
    assert [detail is None for detail in batch.details] == [True, True, False, False]


def test_a_judge_that_fails_is_better_than_no_reference() -> None:
    def judge(questions: Any, answers: Any, references: Any) -> list[float | None]:
        return [{"b": 0.4, "c": 0.8}.get(reference) for reference in references]

    with otr.Scorer(judge=judge) as scorer:
        several = [otr.AnyOf(["a", "b", "c"]), otr.AnyOf(["a", "a"]), otr.AnyOf(["", "a"])]
        batch = scorer.score([wrap("x")] * 3, several, "open_ended", on_bad_reference="skip")
    assert batch.accuracy[0] == 0.8
    assert batch.failure == [None, "judge_failed", "judge_failed"]


def test_groups_compare_by_one_reference_at_a_time() -> None:
    seen: list[Any] = []

    def formula(predicted: Any, reference: Any, context: Context) -> Scores:
        seen.append(context.groups)
        return Scores(np.zeros(len(predicted)))

    table = {"count": otr.TaskSpec(name="count", schema=Number, accuracy=formula)}
    otr.score([wrap("1")] * 3, [otr.AnyOf([1, 2]), otr.AnyOf([1, 2]), 3], "count", table=table, groups=["a", "a", "b"])
    assert seen == [[("a", 0), ("a", 1), ("a", 0), ("a", 1), ("b", 0)]]


def test_penalties_are_added_once() -> None:
    recipe = otr.Recipe(penalties=(otr.SoftOverlong(max_length=10, cache_length=5),))
    batch = otr.score([wrap("7")] * 2, [otr.AnyOf([8, 7]), 7], "numerical", tokens=[10, 3], recipe=recipe)
    assert batch.total.tolist() == [1.0, 2.0]
    assert batch.parts["soft_overlong"].tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_as_good_as_the_best_of_them_alone(recipe: str) -> None:
    tasks = ["temporal_grounding", "spatial_grounding", "numerical", "ocr"]
    answers = [wrap('{"time": [3, 8]}'), wrap(json.dumps(BOX)), wrap("7"), wrap("a red car")]
    choices: list[list[Any]] = [
        [{"time": [1, 4]}, {"time": [3, 9]}],
        [FAR, {"boxes": [100, 100, 300, 300]}],
        [1, 7],
        ["a car", "the blue bus"],
    ]
    batch = otr.score(answers, [otr.AnyOf(given) for given in choices], tasks, recipe=recipe)
    alone = [otr.score(answers, [given[index] for given in choices], tasks, recipe=recipe) for index in range(2)]
    assert batch.accuracy.tolist() == np.maximum(alone[0].accuracy, alone[1].accuracy).tolist()
