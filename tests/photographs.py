"""Photographs with masks that people drew, out of packages that ``make .venv/.peers`` installs apart.

The packages are read as folders of files, never imported. No picture is part of this repository.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

__all__ = ["BACKGROUNDS", "Photograph", "background", "horse", "moved", "needed", "nuclei", "prompt", "quokka"]

PEERS = Path(sys.prefix) / "peers"

BACKGROUNDS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")

needed = pytest.mark.skipif(not (PEERS / "imgaug").exists(), reason="make .venv/.peers installs the photographs")

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Photograph:
    """One object.

    Attributes:
        pixels: ``[H, W, 3]`` RGB.
        mask: ``[H, W]``, on where the object is.
    """

    pixels: Pixels
    mask: Mask


@cache
def quokka() -> Photograph:
    """Return an animal before grass, outlined by hand (imgaug, MIT)."""
    pixels = _read(PEERS / "imgaug" / "quokka.jpg")
    notes = json.loads((PEERS / "imgaug" / "quokka_annotations.json").read_text(encoding="utf-8"))
    outline = [(corner["x"], corner["y"]) for corner in notes["polygons"][0]["keypoints"]]
    mask = Image.new("1", pixels.shape[1::-1])
    ImageDraw.Draw(mask).polygon(outline, fill=1)
    return Photograph(pixels, np.asarray(mask))


@cache
def horse() -> Photograph:
    """Return a silhouette, dark on white, which is its own mask (scikit-image, CC0)."""
    alpha = np.asarray(Image.open(PEERS / "skimage" / "data" / "horse.png").convert("RGBA"))
    opaque = alpha[:, :, 3:] / 255
    pixels = np.round(alpha[:, :, :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    return Photograph(pixels, pixels[:, :, 0] < 128)


@cache
def nuclei(count: int = 6) -> tuple[Photograph, ...]:
    """Return the largest nuclei of a fluorescence image, labeled by experts (stardist, BSD), one a photograph."""
    folder = PEERS / "stardist" / "data" / "images"
    light, labels = (np.asarray(Image.open(folder / name)) for name in ("img2d.tif", "mask2d.tif"))
    pixels = np.repeat(light.astype(np.uint8)[:, :, None], 3, axis=2)
    sizes = np.bincount(labels.ravel())
    largest = [label for label in np.argsort(-sizes).tolist() if label][:count]
    return tuple(Photograph(pixels, labels == label) for label in largest)


@cache
def background(name: str) -> Pixels:
    """Return one of `BACKGROUNDS` (scikit-image, all CC0 or public domain)."""
    return _read(PEERS / "skimage" / "data" / name)


def moved(cut_out: Photograph, behind: Pixels, corners: Sequence[tuple[int, int]], height: int) -> list[Photograph]:
    """Return a short video: the object, scaled, before a still background, with exact masks.

    Args:
        cut_out: Whose object is moved.
        behind: ``[H, W, 3]``.
        corners: Left and top of the object in each frame, in pixels; parts outside are cut off.
        height: Of the object, in pixels.
    """
    pixels, mask = _scaled(cut_out, height)
    return [_placed(pixels, mask, behind, *corner) for corner in corners]


def prompt(mask: Mask, points: int = 3) -> tuple[list[float], list[list[float]], list[list[float]]]:
    """Return what a good answer says of a mask in thousandths: its box, points well inside, points well outside."""
    from scipy import ndimage

    rows, columns = np.nonzero(mask)
    size = np.array(mask.shape[::-1])
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]])
    ways = [_far_points(ndimage.distance_transform_edt(np.pad(side, 1))[1:-1, 1:-1], points) for side in (mask, ~mask)]
    box, on, off = (np.round(points / size * 1000).tolist() for points in (corners, *ways))
    return [*box[0], *box[1]], on, off


def _far_points(depth: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return x, y of the deepest pixel, then of the deepest away from those before."""
    depth = depth.copy()
    found: list[tuple[int, int]] = []
    down, across = np.indices(depth.shape)
    for _ in range(count):
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        found.append((int(column), int(row)))
        depth[(down - row) ** 2 + (across - column) ** 2 <= (depth[row, column] ** 2) / 2] = 0
    return np.array(found) + 0.5


def _scaled(photograph: Photograph, height: int) -> tuple[Pixels, Mask]:
    rows, columns = np.nonzero(photograph.mask)
    window = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    pixels, mask = photograph.pixels[window], photograph.mask[window]
    size = round(mask.shape[1] * height / mask.shape[0]), height
    scaled = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX)), np.asarray(scaled)


def _placed(pixels: Pixels, mask: Mask, behind: Pixels, left: int, top: int) -> Photograph:
    rows, columns = (index + start for index, start in zip(np.nonzero(mask), (top, left), strict=True))
    is_seen = (rows >= 0) & (rows < behind.shape[0]) & (columns >= 0) & (columns < behind.shape[1])
    shown, where = behind.copy(), np.zeros(behind.shape[:2], dtype=np.bool_)
    shown[rows[is_seen], columns[is_seen]] = pixels[mask][is_seen]
    where[rows[is_seen], columns[is_seen]] = True
    return Photograph(shown, where)


def _read(path: Path) -> Pixels:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
