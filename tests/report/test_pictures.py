"""Pictures, frames and masks as small data URLs, and what cannot be shown."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers.masks import encode_mask
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.report.pictures import Media, Picture, Pictures
from tests.report.scored_rows import photo


def pictures(root: Path, budget: int = 15_000) -> Pictures:
    return Pictures(root, budget)


def opened(made: Pictures, picture: Picture) -> Image.Image:
    url = dict(made.new)[picture.index]
    return Image.open(BytesIO(base64.b64decode(url.partition(",")[2])))


def video(path: Path, seconds: int = 3) -> Path:
    """Write a video whose frames are darker each second; two frames a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=2)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(seconds * 2):
            level = 200 - 60 * (index // 2)
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), level, dtype=np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_a_picture_is_small(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg", 1600, 1200)
    made = pictures(tmp_path)
    picture = made.image("a.jpg")
    assert max(picture.width, picture.height) <= 512
    assert opened(made, picture).size == (picture.width, picture.height)
    assert len(base64.b64decode(made.new[0][1].partition(",")[2])) <= 15_000


def test_a_picture_that_cannot_be_small_enough_is_tiny(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    picture = pictures(tmp_path, 10).image("a.jpg")
    assert 48 <= max(picture.width, picture.height) <= 90


def test_rows_share_a_picture(tmp_path: Path) -> None:
    made = pictures(tmp_path)
    data = photo(tmp_path / "a.jpg").read_bytes()
    same = [made.image(value) for value in ("a.jpg", tmp_path / "a.jpg", {"path": "a.jpg"}, f"file://{tmp_path}/a.jpg")]
    assert len({picture.index for picture in same}) == 1
    assert made.image({"bytes": data, "path": "gone.jpg"}).index == made.image(data).index == 1
    assert made.image(np.zeros((4, 4, 3), dtype=np.uint8)).index == 2
    assert made.count == len(made.new) == 3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://example.com/a.jpg", "is an address"),
        ("data:image/png;base64,AAAA", "is an address"),
        ("gone.jpg", "gone.jpg"),
        ("text.jpg", "text.jpg"),
        (7, "not int"),
        ({"size": 3}, "not one with size"),
    ],
)
def test_what_is_no_picture(tmp_path: Path, value: Any, said: str) -> None:
    (tmp_path / "text.jpg").write_text("<script>")
    with pytest.raises(ArgumentError, match=said):
        pictures(tmp_path).image(value)


def test_which_column_holds_what(tmp_path: Path) -> None:
    def media(**row: Any) -> Media:
        return pictures(tmp_path).media_of(row, Columns())

    assert media() == media(images=[]) == media(path=None) == Media()
    assert media(image="a.jpg").image == media(images=["a.jpg"]).image == media(path="a.jpg").image == "a.jpg"
    assert media(images=["a.jpg", "b.jpg"]).notes == ("the first of 2 pictures",)
    assert media(video="a.mp4").video == media(path="a.MP4").video.with_suffix(".mp4") == tmp_path / "a.mp4"  # type: ignore[union-attr]
    frames = media(videos=["a.jpg", "b.jpg"], fps=2)
    assert (frames.frames, frames.fps, frames.is_video) == (("a.jpg", "b.jpg"), 2.0, True)
    assert media(videos=["a.jpg", "b.jpg"], fps="?").fps == 1.0
    assert media(video={"video": "a.mp4"}).video == tmp_path / "a.mp4"
    assert not media(image="a.jpg").is_video


def test_frames_of_a_list(tmp_path: Path) -> None:
    frames = [photo(tmp_path / f"{index}.jpg", 64, 48, index).name for index in range(4)]
    made, media = pictures(tmp_path), Media(frames=tuple(frames), fps=2.0)
    assert made.frame(media, 1.0).index != made.frame(media, 0.0).index
    with pytest.raises(ArgumentError, match="no frame at 2 s: there are 4, 2 a second"):
        made.frame(media, 2.0)


def test_frames_of_a_video(tmp_path: Path) -> None:
    made, media = pictures(tmp_path), Media(video=video(tmp_path / "a.mp4"))
    levels = [np.asarray(opened(made, made.frame(media, second))).mean() for second in (0, 1, 2)]
    assert levels == pytest.approx([200, 140, 80], abs=8)
    assert made.frame(media, 1).index == 1
    # Behind its end a video shows its last frame.
    assert np.asarray(opened(made, made.frame(media, 60))).mean() == pytest.approx(80, abs=8)


@pytest.mark.parametrize(("name", "said"), [("gone.mp4", "No such file"), ("text.mp4", "Invalid data")])
def test_what_is_no_video(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "text.mp4").write_text("text")
    with pytest.raises(ArgumentError, match=said):
        pictures(tmp_path).frame(Media(video=tmp_path / name), 1.0)


def test_a_video_without_pictures(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(ArgumentError, match="no video in this file"):
        pictures(tmp_path).frame(Media(video=tmp_path / "sound.mkv"), 0.0)


def test_a_video_without_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "empty.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=2)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    with pytest.raises(ArgumentError, match="no frame at 0 s"):
        pictures(tmp_path).frame(Media(video=tmp_path / "empty.avi"), 0.0)


def test_videos_need_pyav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ArgumentError, match="pip install av"):
        pictures(tmp_path).frame(Media(video=tmp_path / "a.mp4"), 0.0)


def test_a_mask_is_clear_where_it_is_off(tmp_path: Path) -> None:
    mask = np.zeros((600, 300), dtype=bool)
    mask[:300] = True
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = pictures(tmp_path)
    for value in (encode_mask(mask), "mask.png", mask):
        picture = made.mask(value, "answer")
        shown = opened(made, picture).convert("RGBA")
        assert (picture.width, picture.height) == (128, 256)
        assert shown.getpixel((60, 60)) == (230, 126, 0, 255)
        assert shown.getpixel((60, 200))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize("mask", [{"size": [2, 3]}, "gone.png", np.zeros((0, 4), dtype=bool), "text"])
def test_what_is_no_mask(tmp_path: Path, mask: Any) -> None:
    with pytest.raises(ArgumentError):
        pictures(tmp_path).mask(mask, "reference")
