"""What holds for every task in the table, also for one that enters tomorrow."""

from __future__ import annotations

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

PAPER = [
    "multiple_choice",
    "numerical",
    "regression",
    "math",
    "ocr",
    "open_ended",
    "temporal_grounding",
    "spatial_grounding",
    "spatio_temporal_grounding",
    "tracking",
    "image_segmentation",
    "video_segmentation",
]
BEYOND = [
    "detection",
    "pointing",
    "gui_click",
    "rotated_box",
    "temporal_segments",
    "point_tracking",
    "image_quality",
    "ordering",
]


def test_the_table_is_the_designs() -> None:
    assert list(otr.TASKS) == PAPER + BEYOND
    assert all(name == spec.name for name, spec in otr.TASKS.items())
    assert set(REFERENCES) == set(otr.TASKS)


@pytest.mark.parametrize("task", otr.TASKS)
def test_the_example_of_the_prompt_parses_strictly_in_its_own_task(task: str) -> None:
    spec = otr.TASKS[task]
    text = otr.prompt(task, "What is it?")
    assert text.startswith("What is it?\n")
    assert f"<answer>{spec.example}</answer>" in text
    assert spec.instruction in text
    parsed = otr.parse(wrap(spec.example), task)
    assert (parsed.failure, parsed.format_fault, parsed.repairs) == (None, None, ())
    assert isinstance(parsed.answer, spec.schema)


@pytest.mark.parametrize("task", otr.TASKS)
def test_a_perfect_answer_earns_the_maximum(task: str) -> None:
    spec = otr.TASKS[task]
    batch = otr.score([wrap(ANSWERS[task])], [REFERENCES[task]], task)
    assert batch.accuracy[0] == pytest.approx(spec.maximum)
    assert batch.total[0] == pytest.approx(spec.maximum + 1)
    assert (batch.failure, batch.format_fault, batch.repairs) == ([None], [None], [()])
    assert isinstance(otr.parse_reference(REFERENCES[task], task), spec.references_in)


@pytest.mark.parametrize("task", otr.TASKS)
def test_parts_are_those_that_are_declared(task: str) -> None:
    batch = otr.score([wrap(ANSWERS[task])], [REFERENCES[task]], task)
    assert {name for name, values in batch.parts.items() if values[0] == values[0]} <= set(otr.TASKS[task].parts)


@pytest.mark.parametrize("task", PAPER)
def test_the_papers_parts_add_up(task: str) -> None:
    batch = otr.score([wrap(REFERENCES[task])], [REFERENCES[task]], task)
    given = {name for name, values in batch.parts.items() if values[0] == values[0]}
    assert sum(batch.parts[name][0] for name in given) == pytest.approx(batch.accuracy[0])


@pytest.mark.parametrize("task", otr.TASKS)
def test_json_schema_is_one(task: str) -> None:
    schema = otr.json_schema(task)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["description"]


@pytest.mark.parametrize("task", otr.TASKS)
def test_bare_answers(task: str) -> None:
    parsed = otr.parse_answer(f" {ANSWERS[task]}\n", task)
    assert isinstance(parsed.answer, otr.TASKS[task].schema)
    tagged = otr.parse_reference(f"<answer>{REFERENCES[task]}</answer>", task)
    assert tagged == otr.parse_reference(REFERENCES[task], task)
    assert (parsed.think, parsed.failure, parsed.format_fault) == (None, None, None)
    assert otr.parse_answer("", task).failure == "empty_answer"


@pytest.mark.parametrize("task", BEYOND)
def test_the_release_has_only_the_papers_tasks(task: str) -> None:
    with pytest.raises(otr.ArgumentError, match=f"the recipe release has no formula for '{task}'"):
        otr.score([wrap(ANSWERS[task])], [REFERENCES[task]], task, recipe="release")


@pytest.mark.parametrize("task", PAPER)
def test_the_release_gives_what_is_compared(task: str) -> None:
    reference = REFERENCES[task]
    parsed = otr.parse(wrap(reference), task, recipe="release")
    assert parsed.answer is not None
    assert (parsed.failure, parsed.format_fault) == (None, None)
    assert otr.parse_answer(reference, task, recipe="release").failure is None
    bare = otr.parse(reference, task, recipe="release")
    assert bare.answer == parsed.answer
    assert bare.format_fault == "missing_answer"


@pytest.mark.parametrize("task", [task for task in PAPER if otr.TASKS[task].is_json])
def test_the_release_refuses_what_is_no_json(task: str) -> None:
    assert otr.parse(wrap("{"), task, recipe="release").failure == "invalid_json"
    with pytest.raises(otr.BadReferenceError):
        otr.score([wrap(REFERENCES[task])], ["[]"], task, recipe="release")


def test_a_point_just_at_a_threshold_is_not_within_it() -> None:
    """A pixel of 256 is 3.90625 thousandths: not below the first threshold, but below the four others."""
    batch = otr.score(
        [wrap('{"points": {"1": [503.90625, 500]}}')], ['{"points": {"1": [500, 500]}}'], "point_tracking"
    )
    assert batch.parts["position"][0] == pytest.approx(0.8)


@pytest.mark.parametrize(("edge", "is_read"), [(-10, True), (1010, True), (-10.5, False), (1010.5, False)])
def test_how_far_outside_a_reference_may_be(edge: float, is_read: bool) -> None:
    box = [edge, 0, 500, 500] if edge < 0 else [500, 0, edge, 500]
    reference = f'{{"boxes": {box}}}'
    if is_read:
        assert otr.parse_reference(reference, "spatial_grounding").boxes in {(0, 0, 500, 500), (500, 0, 1000, 500)}
    else:
        with pytest.raises(otr.BadReferenceError, match="to_thousandths"):
            otr.parse_reference(reference, "spatial_grounding")


def test_a_dialect_of_your_own_says_how_to_answer() -> None:
    dialect = otr.Dialect("mine", boxes=lambda text: text, instruction="Write the box between two bars.")
    text = otr.prompt("spatial_grounding", "Where is it?", dialect=dialect)
    assert text.endswith("Write the box between two bars.")
