"""Draw the figure of docs/how-to/mask-rewards.md and print its numbers: ``python -m scripts.plot_masks``.

The upper photograph is scikit-image's ``coffee`` (Rachel Michetti, CC0), outlined here. The lower one is a part of a
microscope's, of the Data Science Bowl of 2018 (BBBC038, CC0), with the mask that experts drew; stardist carries both.
``make .venv/.peers`` installs the two packages.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image, ImageDraw
from scripts.figures import IMAGES
from tests.photographs import Photograph, nuclei, prompt

import onethinker_rewards as otr
from onethinker_rewards.models import GrabCutSegmenter, read_image

FIGURE = IMAGES / "mask_rewards.png"
PHOTOGRAPH = Path(sys.prefix) / "peers" / "skimage" / "data" / "coffee.png"
# Which of `nuclei`.
NUCLEUS = 0
COLORS = 256

# Cup, saucer and spoon, outlined by hand in pixels.
OUTLINE = """
    173,100 180,75 200,48 230,28 265,19 300,18 335,26 365,42 390,65 400,70 412,67 424,72 423,85 418,108 440,130 462,165
    476,205 479,240 470,280 448,320 415,352 375,375 330,386 280,388 235,381 190,362 150,335 118,302 95,265 80,225 77,190
    85,155 105,120 130,97 155,80 177,72
""".split()

POINTS = {
    "positive_points": [[290, 600], [480, 350], [640, 700]],
    "negative_points": [[80, 250], [920, 300], [900, 850]],
}
REFERENCE = {"boxes": [128, 45, 800, 972], **POINTS}
# The first answer's points lie elsewhere, but as well; the second one's box is too far right.
ANSWERS = (
    {
        "boxes": [140, 50, 810, 960],
        "positive_points": [[200, 500], [600, 200], [500, 850]],
        "negative_points": [[60, 900], [930, 100], [930, 600]],
    },
    {"boxes": [300, 45, 975, 975], **POINTS},
)
TITLE = (
    "mask IoU {mask_iou:.2f}, box IoU {box_iou:.2f}\n"
    "points on the object {positive_points:.2f}, off it {negative_points:.2f}"
)
LEGEND = (
    "reference: dashed outline of its mask\n"
    "answer: box, discs (points on the object), crosses (points off it), blue (the mask that these draw)"
)


def outlined(width: int, height: int) -> np.ndarray:
    """Return the reference mask."""
    mask = Image.new("1", (width, height))
    corners = [tuple(map(int, corner.split(","))) for corner in OUTLINE]
    ImageDraw.Draw(mask).polygon(corners, fill=1)
    return np.asarray(mask)


@dataclass(frozen=True)
class Example:
    """A photograph, its mask, the reference's prompt and what was answered."""

    image: np.ndarray
    mask: np.ndarray
    reference: dict[str, Any]
    answers: Sequence[dict[str, Any]]


def cup() -> Example:
    """Return the cup: points elsewhere, and a box too far right."""
    image = read_image(PHOTOGRAPH)
    return Example(image, outlined(image.shape[1], image.shape[0]), REFERENCE, ANSWERS)


def nucleus() -> Example:
    """Return a nucleus among others: the same two answers to it."""
    whole = nuclei()[NUCLEUS]
    part = around(whole.mask)
    one = Photograph(whole.pixels[part], whole.mask[part])
    # The deepest points are the reference's, those after them as good an answer.
    box, on, off = prompt(one.mask, 6)
    reference = {"boxes": box, "positive_points": on[:3], "negative_points": off[:3]}
    elsewhere = {"boxes": box, "positive_points": on[3:], "negative_points": off[3:]}
    left, top, right, bottom = box
    moved = {**reference, "boxes": [left + (right - left) / 4, top, right + (right - left) / 4, bottom]}
    return Example(one.pixels, one.mask, reference, (elsewhere, moved))


def around(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the window of an object with as much again on each side, in the form of the cup's photograph."""
    rows, columns = np.nonzero(mask)
    middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) // 2
    half = np.array([1, 1.5]) * max(np.ptp(rows), np.ptp(columns) / 1.5)
    starts = np.maximum(0, middle - half).astype(int)
    ends = (middle + half).astype(int)
    return slice(starts[0], ends[0]), slice(starts[1], ends[1])


def scored(example: Example) -> dict[str, np.ndarray]:
    """Return each part of each answer's reward."""
    responses = [f"<think>…</think><answer>{json.dumps(answer)}</answer>" for answer in example.answers]
    count = len(responses)
    with otr.Scorer(recipe=otr.with_masks("paper"), segmenter=GrabCutSegmenter()) as scorer:
        batch = scorer.score(
            responses,
            [json.dumps(example.reference)] * count,
            ["image_segmentation"] * count,
            images=[example.image] * count,
            masks=[example.mask] * count,
        )
    return dict(batch.parts)


def draw(axis: plt.Axes, image: np.ndarray, reference: np.ndarray, answer: dict[str, Any]) -> None:
    """Draw the image, the answer's prompt and mask, and the reference's outline."""
    said = [[answer[name]] for name in ("boxes", "positive_points", "negative_points")]
    (mask,) = GrabCutSegmenter()([image], *said)
    height, width = mask.shape
    tint = np.where(mask[:, :, None], 0.55 * image + 0.45 * np.array([40, 90, 255]), image).astype(np.uint8)
    axis.imshow(tint, interpolation="bilinear")
    axis.contour(reference, levels=[0.5], colors="white", linestyles="dashed", linewidths=1.2)
    left, top, right, bottom = np.array(answer["boxes"]) / 1000 * [width, height, width, height]
    axis.add_patch(plt.Rectangle((left, top), right - left, bottom - top, fill=False, color="#ffd23f", linewidth=1.6))
    for name, marker, color in (("positive_points", "o", "#3ddc5a"), ("negative_points", "X", "#ff4d4d")):
        across, down = (np.array(answer[name]) / 1000 * [width, height]).T
        axis.scatter(across, down, s=42, marker=marker, color=color, edgecolors="black", linewidths=0.8, zorder=3)
    axis.set_axis_off()


def save(figure: plt.Figure) -> None:
    """Write few colors: a photograph in all of them would be several times as large."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=100, bbox_inches="tight", pad_inches=0.05)
    plt.close(figure)
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(COLORS, Image.Quantize.MAXCOVERAGE)
        few.save(FIGURE, optimize=True)


def main() -> None:
    """Draw one panel an answer."""
    mpl.use("agg")
    mpl.rcParams.update({"font.size": 10})
    examples = (cup(), nucleus())
    figure, axes = plt.subplots(len(examples), len(ANSWERS), figsize=(8.4, 7.1), layout="constrained")
    for example, row in zip(examples, axes, strict=True):
        parts = scored(example)
        for column, (axis, answer) in enumerate(zip(row, example.answers, strict=True)):
            draw(axis, example.image, example.mask, answer)
            title = TITLE.format(**{part: values[column] for part, values in parts.items()})
            axis.set_title(title)
            print(title)
    figure.supxlabel(LEGEND, fontsize="medium")
    save(figure)


if __name__ == "__main__":
    main()
