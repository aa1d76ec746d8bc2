"""A row as a question in the chat format of OpenAI: text, images and videos in their order.

Source: the request of ``POST /chat/completions``; ``video_url``, frames as ``video/jpeg`` and ``media_io_kwargs`` are
vLLM's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from onethinker_rewards.trainer.data import BadRowError, Fault, MediaRules, Rules, verl_row
from onethinker_rewards.trainer.data.prompts import PLACEHOLDERS
from onethinker_rewards.trainer.filtering.candidates import TASK_COLUMNS, Candidate

__all__ = ["CARRIERS", "Carrier", "Question", "question_of"]

Carrier = Literal["data", "file"]
CARRIERS: tuple[Carrier, ...] = get_args(Carrier)

# The same on every machine, where the standard library asks the system.
_KINDS = {
    **{f".{name}": f"image/{name}" for name in ("png", "jpeg", "webp", "gif", "bmp", "tiff")},
    **{f".{name}": f"video/{name}" for name in ("mp4", "webm", "mpeg")},
    ".jpg": "image/jpeg",
    ".tif": "image/tiff",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
}
_BETWEEN = re.compile("(" + "|".join(map(re.escape, PLACEHOLDERS)) + ")")


@dataclass(frozen=True, slots=True)
class Question:
    """What a teacher is asked, and what its answers will be scored with.

    Attributes:
        candidate: The row, without any answer yet.
        prompt: The text, with placeholders.
        images: Paths.
        videos: Paths of files, or lists of the paths of frames.
        frames_fps: How many frames a second were taken, where videos are frames.
    """

    candidate: Candidate
    prompt: str
    images: list[str]
    videos: list[str | list[str]]
    frames_fps: float | None

    def content(self, carrier: Carrier) -> list[dict[str, Any]]:
        """Return the parts of the message; reads the files where they go along as data.

        Args:
            carrier: Whether files go along as ``data`` URLs, or are named by ``file`` URLs that the endpoint can read.

        Raises:
            BadRowError: If a file cannot be read.
        """
        images, videos = iter(self.images), iter(self.videos)
        parts: list[dict[str, Any]] = []
        for text in _BETWEEN.split(self.prompt):
            if text == "<image>":
                parts.append(_part("image_url", _file_url(next(images), carrier)))
            elif text == "<video>":
                parts.append(_part("video_url", _video_url(next(videos), carrier)))
            elif text.strip():
                parts.append({"type": "text", "text": text})
        return parts

    def extra(self) -> dict[str, Any]:
        """Return what the request says beside the message: that all frames count, and how fast they follow."""
        if self.frames_fps is None:
            return {}
        return {"media_io_kwargs": {"video": {"num_frames": -1, "fps": self.frames_fps}}}


def question_of(columns: dict[str, Any], number: int, media: MediaRules) -> Question:
    """Return the question of a row, checked and worded as `verl_row` does for training.

    Args:
        columns: A row of the data set; its task may also be called ``task``.
        number: Its number in the file, from 1.
        media: Where images and videos are.

    Raises:
        BadRowError: If it could not be trained on either.
    """
    label = next((columns[name] for name in TASK_COLUMNS if columns.get(name) is not None), None)
    row = verl_row(columns | {"problem_type": label}, number, Rules(media=media))
    asked = Candidate(
        number, columns, row["ability"], row["reward_model"]["ground_truth"], row["extra_info"]["options"] or None, []
    )
    videos = row["videos"]
    return Question(
        asked,
        row["prompt"][0]["content"],
        [image["image"] for image in row["images"]],
        [video["video"] for video in videos],
        videos[0].get("sample_fps") if videos else None,
    )


def _part(kind: str, url: str) -> dict[str, Any]:
    return {"type": kind, kind: {"url": url}}


def _video_url(video: str | Sequence[str], carrier: Carrier) -> str:
    if isinstance(video, str):
        return _file_url(video, carrier)
    if carrier == "file":
        raise BadRowError(Fault.MEDIA, f"{video[0]}: frames have no file URL: send them as data")
    return "data:video/jpeg;base64," + ",".join(_texts_of(video))


def _file_url(path: str, carrier: Carrier) -> str:
    if carrier == "file":
        return Path(path).absolute().as_uri()
    kind = _KINDS.get(Path(path).suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64," + "".join(_texts_of([path]))


def _texts_of(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        try:
            yield base64.b64encode(Path(path).read_bytes()).decode("ascii")
        except OSError as error:
            raise BadRowError(Fault.MEDIA, f"{path}: {error.strerror}") from None
