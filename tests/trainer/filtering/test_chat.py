"""Questions in the chat format: the text of training, files in their places."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.trainer.data import BadRowError, Fault, MediaRules, Rules, verl_row
from onethinker_rewards.trainer.filtering import Question, question_of
from tests.rewards.cases import REFERENCES
from tests.trainer.examples import draw, example_row, rl_rows


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("drawn"))


def question(row: dict[str, Any], root: Path | str = "", **rules: Any) -> Question:
    return question_of(row, 3, MediaRules(root=str(root), **rules))


def said(parts: list[dict[str, Any]]) -> str:
    """Return the prompt that the parts were made of."""
    return "".join(part.get("text") or f"<{part['type'].removesuffix('_url')}>" for part in parts)


@pytest.mark.parametrize("row", rl_rows(), ids=lambda row: f"{row['problem_type']}-{row['problem_id']}")
def test_the_text_is_that_of_training(row: dict[str, Any], drawn: Path) -> None:
    asked = question(row, drawn)
    made = verl_row(row, 3, Rules(media=MediaRules(root=str(drawn))))
    assert asked.prompt == made["prompt"][0]["content"]
    assert (asked.candidate.task, asked.candidate.reference) == (made["ability"], made["reward_model"]["ground_truth"])
    assert (asked.candidate.number, asked.candidate.columns, asked.candidate.responses) == (3, row, [])
    assert said(asked.content("file")).replace("\n", "") == asked.prompt.replace("\n", "")


def test_files_stand_in_their_places(drawn: Path) -> None:
    row = example_row("math", problem="Is <image> like <image>?", images=["images/red.png", "images/blue.jpg"])
    parts = question(row, drawn).content("file")
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url", "text"]
    assert parts[0]["text"] == "Is "
    assert parts[2]["text"] == " like "
    assert parts[1]["image_url"] == {"url": (drawn / "images" / "red.png").as_uri()}
    assert parts[3]["image_url"] == {"url": (drawn / "images" / "blue.jpg").as_uri()}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param("images/red.png", "image/png", id="png"),
        pytest.param("images/blue.jpg", "image/jpeg", id="jpeg"),
        pytest.param("images/other.JPG", "image/jpeg", id="capitals"),
        pytest.param("images/other.odd", "application/octet-stream", id="unknown"),
    ],
)
def test_files_go_along_as_data(drawn: Path, name: str, kind: str) -> None:
    for other in ("other.JPG", "other.odd"):
        (drawn / "images" / other).write_bytes(b"\x00\xff")
    part, _ = question(example_row("ocr", images=[name]), drawn).content("data")
    head, _, data = part["image_url"]["url"].partition(",")
    assert head == f"data:{kind};base64"
    assert base64.b64decode(data) == (drawn / name).read_bytes()


def test_videos_as_files_and_as_data(drawn: Path) -> None:
    asked = question(example_row("tracking"), drawn)
    path = drawn / "videos" / "moving.mp4"
    assert asked.content("file")[0] == {"type": "video_url", "video_url": {"url": path.as_uri()}}
    url = asked.content("data")[0]["video_url"]["url"]
    assert url == "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode()
    assert asked.extra() == {}


def test_frames_go_along_with_their_rate(drawn: Path) -> None:
    asked = question(example_row("tracking", videos=["frames"], fps=8), drawn, frames=True)
    head, *frames = asked.content("data")[0]["video_url"]["url"].split(",")
    assert head == "data:video/jpeg;base64"
    # 12 frames, 8 a second, of which 2 a second are wanted.
    assert [base64.b64decode(frame) for frame in frames] == [
        (drawn / "frames" / f"{number}.png").read_bytes() for number in (1, 5, 9)
    ]
    assert asked.extra() == {"media_io_kwargs": {"video": {"num_frames": -1, "fps": 2.0}}}
    with pytest.raises(BadRowError, match="frames have no file URL: send them as data") as caught:
        asked.content("file")
    assert caught.value.fault is Fault.MEDIA


def test_the_task_may_have_our_name_for_it() -> None:
    row = example_row("ocr", problem_type=None) | {"task": "ocr"}
    assert question(row).prompt == question(example_row("ocr")).prompt
    assert question(row | {"problem_type": "math"}).candidate.task == "ocr"


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        pytest.param({"problem": None}, Fault.COLUMNS, id="no-question"),
        pytest.param({"problem_type": None}, Fault.COLUMNS, id="no-task"),
        pytest.param(
            {"answer": "<answer>x</answer>", "problem_type": "math", "images": ["gone.png"]}, Fault.MEDIA, id="file"
        ),
        pytest.param({"problem": "<image> <image>"}, Fault.PLACEHOLDERS, id="placeholders"),
    ],
)
def test_what_could_not_be_trained_on_is_not_asked(columns: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(BadRowError) as caught:
        question(example_row("ocr") | columns, check="presence" if fault is Fault.MEDIA else "none")
    assert caught.value.fault is fault


def test_a_file_that_has_gone_is_a_bad_row(drawn: Path) -> None:
    with pytest.raises(BadRowError, match=r"away\.png: No such file") as caught:
        question(example_row("ocr", images=["away.png"]), drawn).content("data")
    assert caught.value.fault is Fault.MEDIA


def test_options_are_kept_for_scoring() -> None:
    assert question(example_row("multiple_choice")).candidate.options == ["A. dog", "B. cat", "C. owl"]
    assert question(example_row("ocr", answer=REFERENCES["ocr"])).candidate.options is None
