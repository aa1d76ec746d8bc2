"""What holds for every task in the table, also for one that enters tomorrow."""

from __future__ import annotations

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import REFERENCES, wrap

DESIGN_ORDER = [
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


def test_the_table_is_the_designs() -> None:
    assert list(otr.TASKS) == DESIGN_ORDER
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
    assert otr.parse_reference(spec.example, task) == parsed.answer
    assert otr.score([wrap(spec.example)], [spec.example], task).accuracy[0] == pytest.approx(spec.maximum)


@pytest.mark.parametrize("task", otr.TASKS)
def test_parts_are_declared_and_add_up(task: str) -> None:
    batch = otr.score([wrap(REFERENCES[task])], [REFERENCES[task]], task)
    given = {name for name, values in batch.parts.items() if values[0] == values[0]}
    assert given <= set(otr.TASKS[task].parts)
    assert sum(batch.parts[name][0] for name in given) == pytest.approx(batch.accuracy[0])


@pytest.mark.parametrize("task", otr.TASKS)
def test_json_schema_is_one(task: str) -> None:
    schema = otr.json_schema(task)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["description"]


@pytest.mark.parametrize("task", otr.TASKS)
def test_bare_answers(task: str) -> None:
    reference = REFERENCES[task]
    parsed = otr.parse_answer(f" {reference}\n", task)
    assert parsed.answer == otr.parse_reference(f"<answer>{reference}</answer>", task)
    assert (parsed.think, parsed.failure, parsed.format_fault) == (None, None, None)
    assert otr.parse_answer("", task).failure == "empty_answer"


@pytest.mark.parametrize("task", otr.TASKS)
def test_the_release_gives_what_is_compared(task: str) -> None:
    reference = REFERENCES[task]
    parsed = otr.parse(wrap(reference), task, recipe="release")
    assert parsed.answer is not None
    assert (parsed.failure, parsed.format_fault) == (None, None)
    assert otr.parse_answer(reference, task, recipe="release").failure is None
    bare = otr.parse(reference, task, recipe="release")
    assert bare.answer == parsed.answer
    assert bare.format_fault == "missing_answer"


@pytest.mark.parametrize("task", [task for task, spec in otr.TASKS.items() if spec.is_json])
def test_the_release_refuses_what_is_no_json(task: str) -> None:
    assert otr.parse(wrap("{"), task, recipe="release").failure == "invalid_json"
    with pytest.raises(otr.BadReferenceError):
        otr.score([wrap(REFERENCES[task])], ["[]"], task, recipe="release")
