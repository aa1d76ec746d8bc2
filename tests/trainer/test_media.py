"""Images and videos: presence, readability, frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from onethinker_rewards.trainer.media import MediaError, MediaRules, media_fault
from tests.trainer.examples import film

READABLE = MediaRules(check="readable")


def fault_of(path: Path | str, check: str = "readable", *, video: bool = False) -> str | None:
    return media_fault(str(path), video=video, decode=check == "readable")


@pytest.mark.parametrize("check", ["presence", "readable"])
def test_what_is_there_and_readable_passes(drawn: Path, check: str) -> None:
    assert fault_of(drawn / "images" / "red.png", check) is None
    assert fault_of(drawn / "images" / "blue.jpg", check) is None
    assert fault_of(drawn / "videos" / "moving.mp4", check, video=True) is None


@pytest.mark.parametrize("video", [False, True])
def test_what_is_missing(tmp_path: Path, *, video: bool) -> None:
    gone = tmp_path / "gone"
    for check in ("presence", "readable"):
        assert fault_of(gone, check, video=video) == "no such file"
        assert "is a folder; videos that are folders of frames" in str(fault_of(tmp_path, check, video=video))
    assert "File name too long" in str(fault_of(tmp_path / ("x" * 5000), "presence", video=video))


def test_what_is_there_may_be_unreadable(tmp_path: Path, drawn: Path) -> None:
    whole = (drawn / "images" / "red.png").read_bytes()
    broken = {"empty.png": b"", "text.png": b"hello", "cut.png": whole[:-30], "cut.jpg": jpeg(drawn)[:400]}
    broken["check.png"] = whole.replace(b"IDAT", b"IDAU", 1)
    for name, content in broken.items():
        file = tmp_path / name
        file.write_bytes(content)
        assert fault_of(file, "presence") is None
        said = str(fault_of(file))
        assert said.startswith("not a readable image: ")
        assert "\n" not in said


def jpeg(drawn: Path) -> bytes:
    return (drawn / "images" / "blue.jpg").read_bytes()


@pytest.mark.parametrize(("size", "good"), [((200, 1), True), ((201, 1), False), ((1, 201), False)])
def test_strips_are_refused(tmp_path: Path, size: tuple[int, int], *, good: bool) -> None:
    from PIL import Image

    file = tmp_path / f"{size}.png"
    Image.new("RGB", size).save(file)
    assert (fault_of(file) is None) is good


@pytest.mark.parametrize(("most", "good"), [(2000, True), (1000, False)])
def test_pillow_may_warn_and_may_refuse(
    tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch, most: int, *, good: bool
) -> None:
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    file = tmp_path / "large.png"
    file.write_bytes((drawn / "images" / "red.png").read_bytes())
    assert (fault_of(file) is None) is good


def test_a_video_may_be_unreadable(tmp_path: Path, drawn: Path) -> None:
    whole = (drawn / "videos" / "moving.mp4").read_bytes()
    for name, content in {"empty.mp4": b"", "text.mp4": b"hello" * 99, "cut.mp4": whole[:700]}.items():
        file = tmp_path / name
        file.write_bytes(content)
        assert fault_of(file, "presence", video=True) is None
        said = str(fault_of(file, video=True))
        assert said.startswith("not a readable video: ")
        assert "\n" not in said


def test_a_video_of_one_frame_is_none(tmp_path: Path) -> None:
    film(tmp_path / "one.mp4", 1)
    assert "a video of 1 frames; at least 2 are needed" in str(fault_of(tmp_path / "one.mp4", video=True))
    film(tmp_path / "two.mp4", 2)
    assert fault_of(tmp_path / "two.mp4", video=True) is None


def test_sound_is_no_video(tmp_path: Path) -> None:
    import av
    import numpy as np

    file = tmp_path / "sound.wav"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert fault_of(file, video=True) == "no video in this file"


def test_a_fault_names_the_file(drawn: Path) -> None:
    rules = MediaRules(root=str(drawn), check="presence")
    assert rules.image("images/red.png")["image"] == str(drawn / "images" / "red.png")
    assert MediaRules(root=str(drawn)).image("images/gone")["image"] == str(drawn / "images" / "gone")
    for act in (rules.image, rules.video):
        with pytest.raises(MediaError, match=f"{drawn}/images/gone: no such file"):
            act("images/gone")


def frames(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"f{number}.jpg").touch()
    (folder / "notes.txt").touch()
    return folder


def names(video: dict[str, object]) -> list[str]:
    assert isinstance(video["video"], list)
    return [Path(file).stem for file in video["video"]]


def test_frames_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    frames(tmp_path / "v", 12)
    video = MediaRules(root=str(tmp_path), frames=True).video("v")
    assert names(video) == [f"f{number}" for number in range(12)]
    assert {name: value for name, value in video.items() if name != "video"} == {
        "sample_fps": 2.0,
        "min_pixels": 4_096,
        "max_pixels": 65_536,
    }


@pytest.mark.parametrize(
    ("count", "fps", "most", "kept", "rate"),
    [
        pytest.param(10, None, 128, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2.0, id="as-wanted"),
        pytest.param(8, 8.0, 128, [0, 4], 2.0, id="every-fourth"),
        pytest.param(10, None, 5, [0, 2, 4, 6, 8], 1.0, id="too-many"),
        pytest.param(4, 1.0, 128, [0, 1, 2, 3], 1.0, id="slower-than-wanted"),
        pytest.param(3, 30.0, 128, [0], 10.0, id="short"),
    ],
)
def test_frames_are_spread_evenly(
    tmp_path: Path, count: int, fps: float | None, most: int, kept: list[int], rate: float
) -> None:
    video = MediaRules(frames=True, max_frames=most).video(str(frames(tmp_path / "v", count)), fps)
    assert names(video) == [f"f{number}" for number in kept]
    assert video["sample_fps"] == pytest.approx(rate)


def test_frames_may_be_listed(drawn: Path) -> None:
    rules = MediaRules(root=str(drawn), frames=True, check="readable")
    assert names(rules.video(["frames/2.png", "frames/1.png"])) == ["2", "1"]
    assert len(names(rules.video("frames"))) == 12
    with pytest.raises(MediaError, match="no such file"):
        rules.video(["frames/2.png", "frames/99.png"])


def test_a_column_has_files_or_frames(drawn: Path, tmp_path: Path) -> None:
    file, folder = str(drawn / "videos" / "moving.mp4"), str(drawn / "frames")
    (tmp_path / "none").mkdir()
    with_frames = MediaRules(frames=True)
    for rules, video, why in (
        (with_frames, file, "is a file: prepare such rows without --frames"),
        (with_frames, str(tmp_path / "gone"), "No such file or directory"),
        (with_frames, str(tmp_path / "none"), "no frames in this folder"),
        (with_frames, "a\0b", "null byte"),
        (READABLE, "a\0b", "no such file"),
        (READABLE, folder, "prepared apart, with --frames"),
        (MediaRules(), [f"{folder}/1.png"], "prepare such rows apart, with --frames"),
    ):
        with pytest.raises(MediaError, match=why):
            rules.video(video)
