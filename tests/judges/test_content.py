"""The content of messages: the text, and files in their places."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from onethinker_rewards.judges.content import message_content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.JPG", "c.odd", "v.mp4", "1.png", "2.png"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_files_stand_in_their_places(folder: Path) -> None:
    parts = message_content("Is <image> like <image>?", [f"{folder}/a.png", f"{folder}/b.JPG"], [], "file")
    assert parts == [
        {"type": "text", "text": "Is "},
        {"type": "image_url", "image_url": {"url": (folder / "a.png").as_uri()}},
        {"type": "text", "text": " like "},
        {"type": "image_url", "image_url": {"url": (folder / "b.JPG").as_uri()}},
        {"type": "text", "text": "?"},
    ]


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "image/png"), ("b.JPG", "image/jpeg"), ("c.odd", "application/octet-stream")]
)
def test_images_go_along_as_data(folder: Path, name: str, kind: str) -> None:
    (part,) = message_content("<image>\n", [str(folder / name)], [], "data")
    data = base64.b64encode(name.encode()).decode()
    assert part["image_url"] == {"url": f"data:{kind};base64,{data}"}


def test_videos_are_files_or_frames(folder: Path) -> None:
    frames = [f"{folder}/1.png", f"{folder}/2.png"]
    file, listed = message_content("<video><video>", [], [f"{folder}/v.mp4", frames], "data")
    first, second = (base64.b64encode(name).decode() for name in (b"1.png", b"2.png"))
    assert file["video_url"] == {"url": "data:video/mp4;base64," + base64.b64encode(b"v.mp4").decode()}
    assert listed["video_url"] == {"url": f"data:video/jpeg;base64,{first},{second}"}
    with pytest.raises(ValueError, match="frames have no file URL: send them as data"):
        message_content("<video>", [], [frames], "file")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.png"):
        message_content("<image>", [str(tmp_path / "gone.png")], [], "data")
