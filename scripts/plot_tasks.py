"""Draw answers to grounding, tracking and segmentation on a picture of a boat: ``python -m scripts.plot_tasks``.

The reference is a solid line, the answer a dashed one. What an answer earns comes from `onethinker_rewards.score`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scripts.figures import GRAY, IMAGES, image, save_svg, style

import onethinker_rewards as otr
from onethinker_rewards import metrics
from onethinker_rewards.models import GrabCutSegmenter

__all__ = ["draw_all_tasks", "drawing", "earned", "mask_iou"]

Mask = NDArray[np.bool_]
Answer = dict[str, Any]

# The scene, in thousandths of the picture's width and height. It is opaque, so its colors are the same on any page.
SKY, SEA, HULL, SAIL, JIB = "#cfe2f3", "#8db8d6", "#7a4a2b", "#fbf7ee", "#d9574a"
HORIZON = 640
BOAT: tuple[tuple[str, list[list[float]]], ...] = (
    (HULL, [[330, 720], [700, 720], [640, 800], [390, 800]]),
    (HULL, [[508, 150], [520, 150], [520, 725], [508, 725]]),
    (SAIL, [[535, 190], [535, 690], [690, 690]]),
    (JIB, [[495, 230], [495, 690], [350, 690]]),
)
WIDTH, HEIGHT = 160, 120

REFERENCE_COLOR, ANSWER_COLOR = "#12263f", "#b0105f"

# The box of the whole boat.
BOX = [330, 150, 700, 800]
GROUNDING: Answer = {"boxes": [380, 150, 750, 800]}
# How far to the left or right the boat is in each second, and where the answer sees it; the last second it leaves out.
TRACK = {"1": -250, "2": -110, "3": 30, "4": 170}
LAGS = {"1": 0, "2": -50, "3": -100}
PROMPT: Answer = {
    "boxes": BOX,
    "positive_points": [[440, 600], [600, 600], [520, 760]],
    "negative_points": [[400, 350], [680, 400], [520, 900]],
}
SEGMENTATION: Answer = {
    "boxes": [300, 230, 720, 830],
    "positive_points": [[460, 560], [570, 560], [500, 770]],
    "negative_points": [[360, 400], [720, 430], [540, 860]],
}


def moved(box: Sequence[float], shift: float) -> list[float]:
    """Return a box that lies further right."""
    left, top, right, bottom = box
    return [left + shift, top, right + shift, bottom]


def track(shifts: Mapping[str, float]) -> Answer:
    """Return a box of the boat for each second."""
    return {"boxes": {second: moved(BOX, shift) for second, shift in shifts.items()}}


REFERENCES: dict[str, Answer] = {
    "spatial_grounding": {"boxes": BOX},
    "tracking": track(TRACK),
    "image_segmentation": PROMPT,
}
ANSWERS: dict[str, Answer] = {
    "spatial_grounding": GROUNDING,
    "tracking": track({second: TRACK[second] + lag for second, lag in LAGS.items()}),
    "image_segmentation": SEGMENTATION,
}


def earned(task: str) -> dict[str, float]:
    """Return what the answer earns by the recipe ``paper``: its parts, ``accuracy``, ``format`` and ``total``."""
    batch = otr.score([response(task)], [REFERENCES[task]], task)
    parts = {name: float(values[0]) for name, values in batch.parts.items() if name in otr.TASKS[task].parts}
    return {**parts, **{name: float(getattr(batch, name)[0]) for name in ("accuracy", "format", "total")}}


def mask_iou() -> float:
    """Return what the mask earns that the answer's prompt draws, by a recipe with masks."""
    task = "image_segmentation"
    with otr.Scorer(recipe=otr.with_masks("paper"), segmenter=GrabCutSegmenter()) as scorer:
        batch = scorer.score([response(task)], [REFERENCES[task]], task, images=[photograph()], masks=[boat_mask()])
    return float(batch.parts["mask_iou"][0])


def response(task: str) -> str:
    """Return what a model would write."""
    return f"<think>…</think><answer>{json.dumps(ANSWERS[task])}</answer>"


def frame_scores() -> dict[str, float]:
    """Return the box IoU of each second of the track that the answer names."""
    reference, answer = (boxes["tracking"]["boxes"] for boxes in (REFERENCES, ANSWERS))
    return {second: float(metrics.box_iou([box], [reference[second]])[0]) for second, box in answer.items()}


def photograph() -> NDArray[np.uint8]:
    """Return the scene in pixels, as the segmenter sees it."""
    image = Image.new("RGB", (WIDTH, HEIGHT), SKY)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, HORIZON * HEIGHT // 1000, WIDTH, HEIGHT), fill=SEA)
    for color, corners in BOAT:
        draw.polygon(in_pixels(corners), fill=color)
    return np.asarray(image)


def boat_mask() -> Mask:
    """Return where the boat is."""
    mask = Image.new("1", (WIDTH, HEIGHT))
    for _, corners in BOAT:
        ImageDraw.Draw(mask).polygon(in_pixels(corners), fill=1)
    return np.asarray(mask)


def in_pixels(corners: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return corners in pixels."""
    return [(x * WIDTH / 1000, y * HEIGHT / 1000) for x, y in corners]


def drawn_mask() -> Mask:
    """Return the mask that the answer's prompt draws."""
    prompt = [[SEGMENTATION[name]] for name in ("boxes", "positive_points", "negative_points")]
    (mask,) = GrabCutSegmenter()([photograph()], *prompt)
    return mask


def draw_scene(axis: plt.Axes, shift: float = 0) -> None:
    """Draw the boat at sea."""
    axis.fill([0, 1000, 1000, 0], [0, 0, 1000, 1000], color=SKY)
    axis.fill([0, 1000, 1000, 0], [HORIZON, HORIZON, 1000, 1000], color=SEA)
    for color, corners in BOAT:
        across, down = np.transpose(corners)
        axis.fill(across + shift, down, color=color, linewidth=0)
    axis.set(xlim=(0, 1000), ylim=(1000, 0), aspect=HEIGHT / WIDTH)
    axis.set_axis_off()


def draw_box(axis: plt.Axes, box: Sequence[float], *, reference: bool) -> None:
    """Draw the reference's box or the answer's."""
    left, top, right, bottom = box
    color, style = (REFERENCE_COLOR, "-") if reference else (ANSWER_COLOR, "--")
    corners = (left, right, right, left, left), (top, top, bottom, bottom, top)
    axis.plot(*corners, color=color, linestyle=style, linewidth=2 if reference else 2.2)


def name_box(axis: plt.Axes, box: Sequence[float], *, reference: bool) -> None:
    """Write whose box it is: above its left corner, or below its right one."""
    left, top, right, bottom = box
    if reference:
        axis.text(left, top - 15, "reference", color=REFERENCE_COLOR, va="bottom")
    else:
        axis.text(right, bottom + 15, "answer", color=ANSWER_COLOR, ha="right", va="top")


def draw_grounding(figure: plt.Figure) -> None:
    """Draw both boxes."""
    axis = figure.subplots()
    draw_scene(axis)
    for reference, box in ((True, BOX), (False, GROUNDING["boxes"])):
        draw_box(axis, box, reference=reference)
        name_box(axis, box, reference=reference)
    found = earned("spatial_grounding")
    axis.set_title(f"IoU {found['box_iou']:.2f}", color=GRAY)


def draw_track(figure: plt.Figure) -> None:
    """Draw one panel a second, each with its IoU."""
    scores = frame_scores()
    for axis, (second, shift) in zip(figure.subplots(1, len(TRACK)), TRACK.items(), strict=True):
        draw_scene(axis, shift)
        draw_box(axis, moved(BOX, shift), reference=True)
        if second in scores:
            draw_box(axis, ANSWERS["tracking"]["boxes"][second], reference=False)
        text = f"IoU {scores[second]:.2f}" if second in scores else "no box: 0"
        axis.set_title(f"{second} s\n{text}", color=GRAY)
    write_below(figure, "reference: solid; answer: dashed")


def draw_segmentation(figure: plt.Figure) -> None:
    """Draw the prompts in one panel, the masks in the other."""
    prompts, masks = figure.subplots(1, 2)
    found = earned("image_segmentation")
    draw_scene(prompts)
    for reference, answer in ((True, PROMPT), (False, SEGMENTATION)):
        draw_box(prompts, answer["boxes"], reference=reference)
        draw_points(prompts, answer, reference=reference)
    parts = "box IoU {box_iou:.2f}\nG {positive_points:.2f} for points on, {negative_points:.2f} off"
    prompts.set_title(parts.format(**found), color=GRAY)
    draw_scene(masks)
    hatch(masks, drawn_mask())
    outline(masks)
    masks.set_title(f"mask IoU {mask_iou():.2f}", color=GRAY)
    write_below(figure, "reference: solid lines, filled marks; answer: dashed lines, hollow marks, hatched mask")


def write_below(figure: plt.Figure, text: str) -> None:
    """Write what the lines mean below the panels."""
    figure.supxlabel(text, fontsize="medium", color=GRAY)


def draw_points(axis: plt.Axes, answer: Answer, *, reference: bool) -> None:
    """Draw discs for points on the object and crosses for those off it; the reference's are filled."""
    color = REFERENCE_COLOR if reference else ANSWER_COLOR
    for name, marker in (("positive_points", "o"), ("negative_points", "X")):
        across, down = np.transpose(answer[name])
        face = color if reference else "white"
        axis.scatter(across, down, s=40, marker=marker, facecolor=face, edgecolor=color, linewidth=1.4, zorder=3)


def hatch(axis: plt.Axes, mask: Mask) -> None:
    """Hatch a mask."""
    across = (np.arange(WIDTH) + 0.5) * 1000 / WIDTH
    down = (np.arange(HEIGHT) + 0.5) * 1000 / HEIGHT
    hatched = axis.contourf(across, down, mask.astype(float), levels=[0.5, 1.5], colors="none", hatches=["/////"])
    hatched.set_edgecolor(ANSWER_COLOR)


def outline(axis: plt.Axes) -> None:
    """Draw the boat's outline, which is the reference's mask."""
    for _, corners in BOAT:
        axis.fill(*np.transpose(corners), fill=False, edgecolor=REFERENCE_COLOR, linewidth=1.8)


_SIZES = {"spatial_grounding": (3.6, 2.9), "tracking": (8.4, 2.2), "image_segmentation": (7.2, 3.1)}

_DRAW = {
    "spatial_grounding": draw_grounding,
    "tracking": draw_track,
    "image_segmentation": draw_segmentation,
}

_SHOWN = {
    "spatial_grounding": "A sailing boat with the reference's box and an answer's box further right",
    "tracking": "A boat at four seconds: the answer's boxes fall behind the reference's, and the last one is missing",
    "image_segmentation": "A boat with the boxes and points of reference and answer, and the masks of both",
}

_CAPTIONS = {
    "spatial_grounding": "Box IoU {box_iou:.2f}. With the format's 1 the response earns {total:.2f}.",
    "tracking": "Mean box IoU over four seconds {box_iou:.2f}; with the format's 1 the response earns {total:.2f}.",
    "image_segmentation": "Box IoU {box_iou:.2f}, points on the object {positive_points:.2f}, points off it "
    "{negative_points:.2f}: accuracy {accuracy:.2f}; with the format's 1 the response earns {total:.2f}. A recipe with "
    "masks adds the mask IoU, {mask_iou:.2f}: the right picture shows the mask that GrabCut draws from the answer.",
}


def drawing(page: Path) -> str:
    """Return the picture of a task's page, and below it what the answer earns."""
    task = page.stem
    found = earned(task)
    if task == "image_segmentation":
        found["mask_iou"] = mask_iou()
    return f"{image(page, task, _SHOWN[task])}\n\n{_CAPTIONS[task].format(**found)}"


def draw_all_tasks(folder: Path) -> None:
    """Draw one picture a task."""
    with style():
        for task, draw in _DRAW.items():
            figure = plt.figure(figsize=_SIZES[task], layout="constrained")
            draw(figure)
            save_svg(figure, folder / f"{task}.svg")


if __name__ == "__main__":
    draw_all_tasks(IMAGES)
    for name in _DRAW:
        print(drawing(IMAGES / name))
