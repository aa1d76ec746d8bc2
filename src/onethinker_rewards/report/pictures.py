"""Pictures, frames of videos and masks of rows, as small data URLs."""

from __future__ import annotations

import base64
import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers.masks import read_mask
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.images import read_image

LONGEST_SIDE = 512
FRAME_SIDE = 192
_MASK_SIDE = 256
_QUALITIES = (80, 65, 50, 35)
_SMALLER = 0.75
_SHORTEST_SIDE = 64
_VIDEOS = {".mp4", ".webm", ".mkv", ".avi", ".mov", ".m4v"}
_COLORS = {"reference": (0, 114, 178), "answer": (230, 126, 0), "other": (163, 73, 164)}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report: its number, and its sides in pixels."""

    index: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Media:
    """What a row shows: one image, a video file, or the frames of a video."""

    image: Any = None
    video: Path | None = None
    frames: tuple[Any, ...] = ()
    fps: float = 1.0
    notes: tuple[str, ...] = ()

    @property
    def is_video(self) -> bool:
        """Whether it has times."""
        return self.video is not None or bool(self.frames)


class Pictures:
    """Makes the pictures of a report; rows that show the same one share it.

    Args:
        root: Where relative paths start.
        budget: Bytes of JPEG for one row.
    """

    def __init__(self, root: Path, budget: int) -> None:
        self.new: list[tuple[int, str]] = []
        self._root, self._budget = root, budget
        self._made: dict[Any, Picture] = {}
        self.count = 0

    def media_of(self, row: Mapping[str, Any], columns: Columns) -> Media:
        """Return what a row shows, by its columns image, images, video, videos or path."""
        value = columns.value("images", row) or row.get("path")
        several = cast("list[Any]", value) if isinstance(value, list | tuple) else [value]
        first = several[0] if several else None
        if first is None:
            return Media()
        path = self._path(first)
        is_frames = len(several) > 1 and columns.value("images", {**row, "image": None, "images": None}) is not None
        if is_frames:
            fps = row.get("fps")
            rate = float(fps) if isinstance(fps, int | float) and fps > 0 else 1.0
            return Media(frames=tuple(several), fps=rate)
        if isinstance(path, Path) and path.suffix.lower() in _VIDEOS:
            return Media(video=path)
        more = (f"the first of {len(several)} pictures",) if len(several) > 1 else ()
        return Media(image=first, notes=more)

    def image(self, value: Any, side: int = LONGEST_SIDE, parts: int = 1) -> Picture:
        """Return a picture, downscaled; ``parts`` pictures share the budget of a row.

        Raises:
            ArgumentError: If it cannot be read.
        """
        path = self._path(value)
        if isinstance(path, str):
            raise ArgumentError(f"{path:.100} is an address; a report opens files only")
        source = value if path is None else path
        key = (str(source) if isinstance(source, Path) else _digest(source), side)
        if key not in self._made:
            with warnings.catch_warnings(action="ignore"):
                pixels = read_image(source)
            self._made[key] = self._jpeg(Image.fromarray(pixels), side, self._budget // parts)
        return self._made[key]

    def frame(self, media: Media, second: float, side: int = LONGEST_SIDE, parts: int = 1) -> Picture:
        """Return the frame of a video at a time; raises what `image` raises."""
        if media.frames:
            at = round(second * media.fps)
            if at >= len(media.frames):
                raise ArgumentError(f"no frame at {second:g} s: there are {len(media.frames)}, {media.fps:g} a second")
            return self.image(media.frames[at], side, parts)
        key = (str(media.video), second, side)
        if key not in self._made:
            found = _video_frame(cast("Path", media.video), second)
            self._made[key] = self._jpeg(found, side, self._budget // parts)
        return self._made[key]

    def mask(self, value: Any, role: str) -> Picture:
        """Return a mask as a picture that is clear where the mask is off; raises what `image` raises."""
        path = self._path(value)
        try:
            on = read_mask(path if isinstance(path, Path) else value)
        except ImportError as error:  # pragma: no cover - Pillow is there
            raise ArgumentError(str(error)) from None
        if not on.size:
            raise ArgumentError("the mask has no pixels")
        small = Image.fromarray(on.astype(np.uint8) * 255)
        small.thumbnail((_MASK_SIDE, _MASK_SIDE))
        indexed = small.point(lambda level: int(level >= 128)).convert("P")  # pyright: ignore[reportOperatorIssue]
        indexed.putpalette([0, 0, 0, *_COLORS[role]])
        file = BytesIO()
        indexed.save(file, "PNG", transparency=0, optimize=True)
        return self._keep(small, "png", file.getvalue())

    def _path(self, value: Any) -> Path | str | None:
        """Return where a picture lies, its address as a text if it is one, or None if the row holds it itself."""
        if isinstance(value, Mapping):
            held = cast("Mapping[str, Any]", value)
            if held.get("bytes") is not None:
                return None
            value = next((held[key] for key in ("path", "image", "video") if held.get(key) is not None), None)
        if not isinstance(value, str | Path):
            return None
        text = str(value).removeprefix("file://")
        return text if "://" in text or text.startswith("data:") else self._root / text

    def _jpeg(self, image: Image.Image, side: int, budget: int) -> Picture:
        """Return a picture of at most ``budget`` bytes, unless its sides would be too short to see anything."""
        data = b""
        while not data or (len(data) > budget and side >= _SHORTEST_SIDE):
            image.thumbnail((side, side), Image.Resampling.BILINEAR)
            for quality in _QUALITIES:
                file = BytesIO()
                image.save(file, "JPEG", quality=quality)
                data = file.getvalue()
                if len(data) <= budget:
                    break
            side = int(side * _SMALLER)
        return self._keep(image, "jpeg", data)

    def _keep(self, image: Image.Image, kind: str, data: bytes) -> Picture:
        picture = Picture(self.count, image.width, image.height)
        self.count += 1
        self.new.append((picture.index, f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"))
        return picture


def _digest(source: Any) -> Any:
    held = cast("Mapping[str, Any]", source).get("bytes") if isinstance(source, Mapping) else source
    return hashlib.sha256(held).digest() if isinstance(held, bytes) else id(source)


def _video_frame(path: Path, second: float) -> Image.Image:
    try:
        import av  # noqa: PLC0415 - an extra
        from av.error import FFmpegError  # noqa: PLC0415
    except ImportError:
        raise ArgumentError("frames of videos need PyAV: pip install av") from None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ArgumentError(f"{path}: no video in this file")
            if second > 0:
                container.seek(int(second * av.time_base))
            last = None
            for last in container.decode(video=0):
                if (last.time or 0.0) >= second - 1e-6:
                    break
            if last is None:
                raise ArgumentError(f"{path}: no frame at {second:g} s")
            return last.to_image()
    except (FFmpegError, OSError, ValueError) as error:
        raise error if isinstance(error, ArgumentError) else ArgumentError(f"{path}: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
