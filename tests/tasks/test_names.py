"""Labels: ours, the data set's, and those that are none."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards.answers import OptionLetter
from onethinker_rewards.tasks import TaskTable
from tests.rewards.cases import wrap

DATA_SET = [
    ("multiple choice", "image", "multiple_choice"),
    ("numerical", "video", "numerical"),
    ("regression", "image", "regression"),
    ("math", "image", "math"),
    ("OCR", "image", "ocr"),
    ("open-ended", "video", "open_ended"),
    ("captioning", "image", "open_ended"),
    ("temporal grounding", "video", "temporal_grounding"),
    ("spatial grounding", "image", "spatial_grounding"),
    ("spatial-temporal grounding", "video", "spatio_temporal_grounding"),
    ("tracking", "video", "tracking"),
    ("segmentation", "image", "image_segmentation"),
    ("segmentation", "video", "video_segmentation"),
    ("multiple choice", "video-image", "multiple_choice"),
]


@pytest.mark.parametrize(("problem_type", "data_type", "name"), DATA_SET)
def test_the_data_sets_words(problem_type: str, data_type: str, name: str) -> None:
    assert otr.task_name(problem_type, data_type) == name


@pytest.mark.parametrize("name", otr.TASKS)
def test_our_own_names(name: str) -> None:
    assert otr.task_name(name, "image") == name
    assert otr.task_name(name.upper().replace("_", " "), "video") == name


@pytest.mark.parametrize(
    ("problem_type", "data_type", "why"),
    [
        ("juggling", "image", "'juggling' is no task; there are multiple_choice, .*, ordering$"),
        ("", "image", "'' is no task; there are"),
        ("multiplechoice", None, r"'multiplechoice' is no task; did you mean multiple_choice\?$"),
        ("Spatial Groundings", None, r"did you mean spatial_grounding\?$"),
        ("segmentation", None, "needs the data type image or video, not None; or write image_segmentation or video"),
        ("segmentation", "audio", "needs the data type image or video, not 'audio'"),
    ],
)
def test_what_is_no_task(problem_type: str, data_type: str | None, why: str) -> None:
    with pytest.raises(otr.UnknownTaskError, match=why):
        otr.task_name(problem_type, data_type)


@pytest.mark.parametrize("call", [otr.parse, otr.parse_answer, otr.parse_reference, otr.prompt])
def test_every_call_knows_the_data_sets_spelling(call: object) -> None:
    call("x", "OCR") if call is not otr.prompt else otr.prompt("OCR", "x")  # type: ignore[operator]
    with pytest.raises(otr.UnknownTaskError):
        otr.prompt("nothing", "x") if call is otr.prompt else call("x", "nothing")  # type: ignore[operator]


@pytest.mark.parametrize("spec", otr.TASKS.values(), ids=otr.TASKS)
def test_tasks_pickle(spec: otr.TaskSpec) -> None:
    """A reward with a table goes to other processes."""
    for task in (spec, otr.RECIPES["release"].tasks.get(spec.name, spec)):
        again = pickle.loads(pickle.dumps(task))
        assert again == task
        assert again.accuracy is task.accuracy


def test_errors_survive_pickling_and_name_their_rows() -> None:
    for kind in (otr.BadReferenceError, otr.UnknownTaskError):
        error = kind(range(8), [f"reason {row}" for row in range(8)])
        again = pickle.loads(pickle.dumps(error))
        assert (again.rows, again.reasons, str(again)) == (error.rows, error.reasons, str(error))
        assert "row 4: reason 4; and 3 more rows" in str(error)
        assert isinstance(error, ValueError)
        assert isinstance(error, otr.OneThinkerRewardsError)


def test_options_are_listed_with_letters() -> None:
    text = otr.prompt("multiple_choice", "Which?", ["dog", "B. cat", "C) cow", "D"])
    assert "Which?\nOptions:\nA. dog\nB. cat\nC) cow\nD. D\n" in text


def test_references_of_multiple_choice_may_be_texts() -> None:
    assert otr.parse_reference("<answer>a dog</answer>", "multiple_choice") == "a dog"
    assert otr.parse_reference("(b)", "multiple_choice") == "B"


class Letter(OptionLetter):
    """A schema of the caller's own, whose columns are its models."""


def test_a_schema_of_ones_own_has_no_text_for_a_letter() -> None:
    spec = replace(otr.TASKS["multiple_choice"], name="letter", schema=Letter, parts=())
    table = TaskTable([replace(spec, accuracy=lambda predicted, *_: otr.Scores(np.ones(len(predicted))))])
    assert otr.parse_reference("(b)", "letter", table=table) == "B"
    for call in (
        lambda: otr.parse_reference("a dog", "letter", table=table),
        lambda: otr.score([wrap("a dog")], ["a dog"], "letter", table=table),
    ):
        with pytest.raises(otr.BadReferenceError, match="no_option_letter for letter: 'a dog'"):
            call()


@pytest.mark.parametrize("call", [otr.parse, otr.parse_answer])
def test_a_table_without_tasks(call: Callable[..., object]) -> None:
    with pytest.raises(otr.UnknownTaskError, match="'ocr' is no task; the table is empty"):
        call("a", "ocr", table={})


@pytest.mark.parametrize(
    ("text", "task"), [("", "ocr"), ("<answer></answer>", "ocr"), ("x", "numerical"), ("{}", "tracking")]
)
def test_a_bad_reference(text: str, task: str) -> None:
    with pytest.raises(otr.BadReferenceError, match=task) as caught:
        otr.parse_reference(text, task)
    assert caught.value.rows == (0,)
