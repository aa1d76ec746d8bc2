"""What the columns of a row have to be, and how it is said where they are not."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from onethinker_rewards.adapters import Columns
from onethinker_rewards.trainer.data import Fault, InvalidRowError, read_row
from tests.trainer.examples import example_row, rl_rows, sft_rows


@pytest.mark.parametrize("row", [*rl_rows(), *sft_rows()])
def test_every_example_is_read(row: dict[str, Any]) -> None:
    assert read_row(row).question == row.get("problem")


def test_a_row_to_train_on() -> None:
    row = read_row(example_row("tracking", options=None, fps=None, data_type=" Video "))
    assert (row.data_type, row.videos, row.images, row.options) == ("video", ["videos/moving.mp4"], [], [])
    assert row.problem_id == 7


@pytest.mark.parametrize(
    ("columns", "images", "videos"),
    [
        pytest.param({"data_type": "image", "path": "a.png"}, ["a.png"], [], id="image"),
        pytest.param({"data_type": "image", "path": ["a.png", "b.png"]}, ["a.png", "b.png"], [], id="images"),
        pytest.param({"data_type": "video", "path": "a.mp4"}, [], ["a.mp4"], id="video"),
        pytest.param(
            {"data_type": "video-image", "path": "a.mp4", "additional_path": "b.png"}, ["b.png"], ["a.mp4"], id="both"
        ),
        pytest.param(
            {"data_type": "video-image", "path": "a.mp4", "additional_path": ["b.png"]}, ["b.png"], ["a.mp4"], id="list"
        ),
        pytest.param({"data_type": "video", "path": ["1.png", "2.png"]}, [], [["1.png", "2.png"]], id="frames"),
    ],
)
def test_a_row_to_evaluate_on(columns: dict[str, Any], images: list[str], videos: list[Any]) -> None:
    row = read_row({"problem": "Who?", "solution": "A", "problem_type": "OCR"} | columns)
    assert (row.images, row.videos, row.reference) == (images, videos, "A")


@pytest.mark.parametrize("name", ["reference", "solution", "answer", "ground_truth"])
def test_a_reference_has_several_names(name: str) -> None:
    assert read_row({"reference": None, name: "B"}).reference == "B"


def test_the_first_reference_counts() -> None:
    assert read_row({"ground_truth": "D", "answer": "C", "solution": "B", "reference": "A"}).reference == "A"


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param({"problem": 3}, "problem: Input should be a valid string, not 3", id="no-text"),
        pytest.param({"problem": ""}, "problem: String should have at least 1 character, not ''", id="empty"),
        pytest.param({"response": "a\ud800"}, "response: has half a character (a lone surrogate) at 1", id="surrogate"),
        pytest.param({"problem": "a\ud800"}, "problem: Input should be a valid string", id="surrogate-in-problem"),
        pytest.param({"data_type": "sound"}, "data_type: Input should be 'image', 'video',", id="data-type"),
        pytest.param({"data_type": 1}, "data_type: Input should be 'image', 'video',", id="data-type-no-text"),
        pytest.param({"problem_id": True}, "problem_id", id="boolean-id"),
        pytest.param({"options": "A"}, "options: Input should be a valid list, not 'A'", id="options"),
        pytest.param({"options": ["A", 2]}, "options.1: Input should be a valid string, not 2", id="option"),
        pytest.param({"images": [""]}, "images.0: String should have at least 1 character", id="no-path"),
        pytest.param({"images": ["a\0b"]}, "images.0: has a zero character", id="zero"),
        pytest.param({"images": "a.png"}, "images: Input should be a valid list, not 'a.png'", id="no-list"),
        pytest.param({"images": ["x"] * 2 + [9]}, "images.2: Input should be a valid string, not 9", id="path"),
        pytest.param({"videos": [[]]}, "videos.0", id="no-frames"),
        pytest.param({"data_type": "image"}, "data_type is image, and there are 0 images", id="no-image"),
        pytest.param(
            {"data_type": "image", "images": ["a"], "videos": ["b"]}, "is image, and there are 1 videos", id="video-too"
        ),
        pytest.param({"data_type": "video-image", "videos": ["b"]}, "and there are 0 images", id="one-of-both"),
        pytest.param({"data_type": "text", "images": ["b"]}, "is text, and there are 1 images", id="text-with-image"),
        pytest.param({"path": "a.png"}, "path needs a data_type", id="path-of-what"),
        pytest.param({"path": 3, "data_type": "image"}, "images.0: Input should be a valid string", id="path-no-text"),
        pytest.param({"fps": 0}, "fps: Input should be greater than 0, not 0", id="fps"),
        pytest.param({"fps": float("nan")}, "fps: Input should be ", id="nan"),
        pytest.param({"fps": 10**400}, "fps: Input should be ", id="huge"),
        pytest.param({"resolution": {"width": 3}}, "resolution.height: Field required", id="resolution"),
        pytest.param({"messages": [{"role": "boss", "content": ""}]}, "messages.0.role: Input should be", id="role"),
        pytest.param({"segmentation_output": 3}, "segmentation_output", id="masks"),
        pytest.param({"response": ["x" * 200]}, "x" * 58 + "…", id="shortened"),
    ],
)
def test_a_bad_row_says_which_column_and_why(columns: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidRowError) as caught:
        read_row(columns)
    assert caught.value.fault is Fault.COLUMNS
    assert why in str(caught.value)
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        pytest.param({"time": [3, 8], "boxes": None}, '{"time": [3, 8]}', id="object-with-a-null-of-arrow"),
        pytest.param(7, "7", id="integer"),
        pytest.param(0.5, "0.5", id="fraction"),
        pytest.param([1, 2], "[1, 2]", id="list"),
    ],
)
def test_a_reference_that_is_no_text_becomes_json(reference: object, text: str) -> None:
    assert read_row({"answer": reference}).reference == text


def test_a_bad_reference_is_named_by_its_column() -> None:
    with pytest.raises(InvalidRowError, match=r"^answer: Input should be a valid string, not True$"):
        read_row({"answer": True})


def test_columns_may_have_other_names_and_all_rows_one_task() -> None:
    names = Columns(reference=("gold",), question=("prompt",))
    row = read_row({"gold": "B", "prompt": "Who?", "answer": "A", "task": "ocr"}, names, "math")
    assert (row.reference, row.question, row.task) == ("B", "Who?", "math")


def test_rows_of_video_r1() -> None:
    """The chain of thought and the solution are two columns there."""
    row = {
        "problem_id": 2,
        "problem": "Where does it go?",
        "data_type": "video",
        "problem_type": "free-form",
        "options": [],
        "process": "<think>It rolls.</think>",
        "solution": "<answer>Left</answer>",
        "path": "./CLEVRER/video_10016.mp4",
        "data_source": "CLEVRER",
    }
    read = read_row(row)
    assert (read.videos, read.reference) == (["./CLEVRER/video_10016.mp4"], "<answer>Left</answer>")
    assert read.response == "<think>It rolls.</think>\n<answer>Left</answer>"
    assert read_row(row | {"response": "mine"}).response == "mine"


def test_the_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(InvalidRowError(Fault.MEDIA, "gone")))
    assert (error.fault, error.reason, str(error)) == (Fault.MEDIA, "gone", "gone")
