"""Segmentation: a box and points that prompt a segmentation model, for an image or for a frame of a video.

The tasks compare the prompts. Their variants for `with_masks` also have a segmenter draw the prompt's mask and compare
it with the reference's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.answers import (
    Floats,
    PromptColumns,
    SegmentationPrompt,
    TimedPromptColumns,
    VideoSegmentationPrompt,
)
from onethinker_rewards.answers.masks import Mask, read_mask
from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.tasks.spec import Context, Formula, Scores, Segmenter, TaskSpec, TaskTable


def image_segmentation(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-)."""
    sigma = context.constants["point_sigma"]
    box_iou = metrics.box_iou(predicted.boxes, reference.boxes)
    positive = metrics.point_similarity(predicted.positive_points, reference.positive_points, sigma=sigma)
    negative = metrics.point_similarity(predicted.negative_points, reference.negative_points, sigma=sigma)
    parts = {"box_iou": box_iou, "positive_points": positive, "negative_points": negative}
    return Scores(box_iou + positive + negative, parts)


def video_segmentation(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G(|t_p - t_r|)."""
    prompt = image_segmentation(predicted, reference, context)
    proximity = metrics.time_proximity(predicted.times, reference.times, sigma=context.constants["time_sigma"])
    return Scores(prompt.accuracy + proximity, {**prompt.parts, "time_proximity": proximity})


IMAGE_SEGMENTATION = TaskSpec(
    name="image_segmentation",
    schema=SegmentationPrompt,
    accuracy=image_segmentation,
    parts=("box_iou", "positive_points", "negative_points"),
    maximum=3.0,
    # Thousandths of width and height.
    constants={"point_sigma": 50.0},
    instruction=(
        "Your answer prompts a segmentation model. Give one box around the object, three points that lie well "
        "inside it and three points that lie off it, best near its border where a model could go wrong, as a JSON "
        "object with x, y in thousandths of the image's width and height."
    ),
    example='{"boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
)

VIDEO_SEGMENTATION = TaskSpec(
    name="video_segmentation",
    schema=VideoSegmentationPrompt,
    accuracy=video_segmentation,
    parts=("box_iou", "positive_points", "negative_points", "time_proximity"),
    maximum=4.0,
    # Thousandths of width and height; seconds.
    constants={"point_sigma": 50.0, "time_sigma": 1.0},
    instruction=(
        "Your answer prompts a segmentation model. Choose one time in seconds at which the object is well seen. For "
        "that frame give one box around the object, three points that lie well inside it and three points that lie "
        "off it, best near its border where a model could go wrong, as a JSON object with x, y in thousandths of "
        "the frame's width and height."
    ),
    example='{"time": 4.5, "boxes": [212, 305, 618, 840], "positive_points": [[400, 420], [350, 600], [480, 760]], '
    '"negative_points": [[230, 330], [600, 400], [560, 820]]}',
)


# The variants that draw masks.


@dataclass(frozen=True, slots=True, repr=False)
class Clip:
    """A video's frames; rollouts of a group share one object.

    Attributes:
        frames: ``[T]`` images as the segmenter takes them, in a list or an array.
        fps: Frames per second of ``frames``.

    Raises:
        ArgumentError: If ``frames`` is empty or cannot be indexed, or ``fps`` is not a positive number.

    >>> Clip(["a.png", "b.png", "c.png"], fps=2.0).frame_index(0.6)
    1
    """

    frames: Sequence[Any]
    fps: float

    def __post_init__(self) -> None:
        if not _has_frames(self.frames):
            raise ArgumentError(f"frames: expected a list or an array of images, got {type(self.frames).__name__}")
        if len(self.frames) == 0:
            raise ArgumentError("frames: a clip has at least one")
        if not _is_positive(self.fps):
            raise ArgumentError(f"fps: expected a positive number, got {self.fps!r:.60}")

    def __repr__(self) -> str:
        return f"Clip({len(self.frames)} frames, fps={self.fps})"

    def frame_index(self, seconds: float) -> int:
        """Return the index of the frame shown at a time, the last one for any time after the end."""
        last = len(self.frames) - 1
        # Clipped before rounding, because seconds * fps may be infinite.
        return round(min(max(seconds * self.fps, 0.0), last))


def _has_frames(frames: Any) -> bool:
    """Return whether this has an entry for each frame: a list or an array, but not a text, a file or a mapping."""
    is_sequence = hasattr(frames, "__getitem__") and hasattr(frames, "__len__")
    return is_sequence and not isinstance(frames, str | bytes | bytearray | Mapping)


def _is_positive(number: Any) -> bool:
    try:
        return isinstance(number, Real) and 0.0 < float(number) < math.inf
    except OverflowError:
        return False


@dataclass(frozen=True, slots=True)
class View:
    """An image, and the mask that a prompt should draw on it."""

    image: Any
    mask: Mask


@dataclass(frozen=True, slots=True)
class Target:
    """What one row's prompt has to draw. Its score is the least overlap of all views, times the weight."""

    views: tuple[View, ...]
    weight: float = 1.0


class _ViewReader:
    """Takes each frame and reads each mask once, however many rows share it."""

    def __init__(self) -> None:
        # By owner and index, because a frame taken from an array is a new object each time. The owner is kept, so that
        # its id is not given to another object.
        self._known: dict[tuple[str, int, int], tuple[Any, Any]] = {}

    def image(self, image: Any, mask: Any) -> View:
        """Return the view of an image; raises an `ArgumentError` if its mask cannot be read."""
        return View(image, self._once("mask", mask, 0, lambda: read_mask(mask)))

    def frame(self, frames: Any, masks: Any, index: int) -> View | None:
        """Return the view of a video's frame, or None if it has no mask; errors are those of `image`."""
        mask = masks[index]
        if mask is None:
            return None
        image = self._once("image", frames, index, lambda: frames[index])
        return View(image, self._once("mask", masks, index, lambda: read_mask(mask)))

    def _once(self, kind: str, owner: Any, index: int, take: Callable[[], Any]) -> Any:
        key = kind, id(owner), index
        if key not in self._known:
            self._known[key] = owner, take()
        return self._known[key][1]


def image_with_points(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + mIoU."""
    terms = image_segmentation(predicted, reference, context)
    return _with_mask(terms, predicted, context, _image_target)


def image_alone(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + mIoU."""
    return _without_points(image_with_points(predicted, reference, context))


def video_with_points(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G_t + w min(mIoU_p, mIoU_r), w = G_t min(1, area_p / area_r)."""
    terms = video_segmentation(predicted, reference, context)
    times = predicted.times.tolist(), reference.times.tolist(), terms.parts["time_proximity"].tolist()
    return _with_mask(terms, predicted, context, _frame_target, *times)


def video_alone(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G_t + w min(mIoU_p, mIoU_r), w = G_t min(1, area_p / area_r)."""
    return _without_points(video_with_points(predicted, reference, context))


def _with_mask(
    terms: Scores,
    predicted: PromptColumns,
    context: Context,
    target_of: Callable[..., Target | str],
    *columns: Sequence[float],
) -> Scores:
    """Add the mask's overlap to the terms; ``columns`` are further arguments of ``target_of``, one entry a row."""
    if context.segmenter is None:
        raise ArgumentError("this recipe draws masks: score with a Scorer that has a segmenter")
    if context.images is None or context.masks is None:
        missing = "images" if context.images is None else "masks"
        raise ArgumentError(f"{missing}: this recipe draws masks and needs one entry a row")
    reader = _ViewReader()
    # Nothing is drawn for a row that holds a stand-in.
    targets: list[Target | str] = [Target((), weight=0.0)] * len(predicted)
    for row in context.valid_rows(len(predicted)).tolist():
        image, mask = context.images[row], context.masks[row]
        if image is None or mask is None:
            targets[row] = f"{'images' if image is None else 'masks'}: none is given"
            continue
        try:
            targets[row] = target_of(image, mask, reader, *[values[row] for values in columns])
        except ArgumentError as error:
            targets[row] = f"masks: {error}"
    overlap, faults = _draw(predicted, targets, context.segmenter)
    return _sum({**terms.parts, "mask_iou": overlap}, faults)


_POINTS = ("positive_points", "negative_points")


def _without_points(terms: Scores) -> Scores:
    kept = {name: values for name, values in terms.parts.items() if name not in _POINTS}
    return _sum(kept, terms.bad_references)


def _sum(parts: Mapping[str, Floats], faults: Mapping[int, str]) -> Scores:
    return Scores(reduce(np.add, parts.values()), parts, bad_references=faults)


def _image_target(image: Any, mask: Any, reader: _ViewReader) -> Target | str:
    # Data sets hold the images of a question in a list.
    if isinstance(image, list | tuple) and len(image) == 1:
        image = image[0]
    view = reader.image(image, mask)
    return Target((view,)) if view.mask.any() else "the reference mask has nothing on"


def _frame_target(
    clip: Any, masks: Any, reader: _ViewReader, predicted: float, reference: float, proximity: float
) -> Target | str:
    if not isinstance(clip, Clip):
        return f"images: expected a Clip, got {type(clip).__name__}"
    count = len(clip.frames)
    if not _has_frames(masks) or len(masks) != count:
        return f"masks: expected a list or an array with one for each of the clip's {count} frames"
    # One frame more is allowed, since durations are rounded. Beyond it the rate is wrong, and every mask would be the
    # last frame's.
    if reference * clip.fps > count + 1:
        return f"the reference's time, {reference:g} s, is after the end of the clip, {count / clip.fps:g} s"
    index, ref_index = clip.frame_index(predicted), clip.frame_index(reference)
    wanted = reader.frame(clip.frames, masks, ref_index)
    if wanted is None or not wanted.mask.any():
        return f"the reference mask at the reference's own time, frame {ref_index}, has nothing on"
    if index == ref_index:
        return Target((wanted,), proximity)
    chosen = reader.frame(clip.frames, masks, index)
    if chosen is None:
        return Target((), weight=0.0)
    # Another frame could be easier in three ways: it is the wrong one, less of the object shows, and the model draws it
    # better. So time counts again, area counts, and the prompt has to draw the reference's frame too.
    return Target((chosen, wanted), proximity * min(1.0, float(chosen.mask.mean() / wanted.mask.mean())))


# Drawn masks are as large as their images: only so many views are drawn at a time, in whole groups.
_VIEWS_AT_ONCE = 64
_Views = list[tuple[int, View]]


def _draw(
    predicted: PromptColumns, targets: Sequence[Target | str], segmenter: Segmenter
) -> tuple[Floats, dict[int, str]]:
    """Draw each row's masks and compare them.

    Args:
        predicted: ``[N]`` prompts.
        targets: ``[N]`` what to draw, or why nothing can be drawn.
        segmenter: Draws the masks.

    Returns:
        ``[N]`` in [0, 1]; a target without weight scores 0 and is never drawn. Why rows have no score, by row.

    Raises:
        ArgumentError: If the segmenter gives another number of masks than it was asked for.
    """
    faults = {row: target for row, target in enumerate(targets) if isinstance(target, str)}
    weights = np.array([0.0 if isinstance(target, str) else target.weight for target in targets])
    views = [
        (row, view)
        for row, target in enumerate(targets)
        if not isinstance(target, str) and target.weight > 0
        for view in target.views
    ]
    least = np.ones(len(targets))
    for chunk in _chunks(views):
        for row, overlap in _overlaps(predicted, chunk, segmenter, faults):
            least[row] = min(least[row], overlap)
    return weights * least, faults


def _chunks(views: _Views) -> Iterator[_Views]:
    """Yield the views of the same image together, so that a segmenter encodes each image once."""
    by_image: dict[int, _Views] = {}
    for row, view in views:
        by_image.setdefault(id(view.image), []).append((row, view))
    chunk: _Views = []
    for group in by_image.values():
        if chunk and len(chunk) + len(group) > _VIEWS_AT_ONCE:
            yield chunk
            chunk = []
        chunk += group
    if chunk:
        yield chunk


def _overlaps(
    predicted: PromptColumns, views: _Views, segmenter: Segmenter, faults: dict[int, str]
) -> Iterator[tuple[int, float]]:
    """Yield the row and the overlap of each view; rows whose image or size is unusable are written to ``faults``."""
    for (row, view), mask in zip(*_masks(predicted, views, segmenter, faults), strict=True):
        drawn = np.asarray(mask, dtype=np.bool_)
        if drawn.shape == view.mask.shape:
            yield row, float(metrics.mask_iou(drawn[None], view.mask[None])[0])
        else:
            shapes = ["x".join(map(str, shape)) for shape in (view.mask.shape, drawn.shape)]
            faults[row] = f"the reference mask is {shapes[0]}, the image's mask {shapes[1]} (height x width)"


def _masks(
    predicted: PromptColumns, views: _Views, segmenter: Segmenter, faults: dict[int, str]
) -> tuple[_Views, Sequence[Any]]:
    """Return the views that could be drawn, and their masks; a bad image costs no other row its score."""
    while views := [(row, view) for row, view in views if row not in faults]:
        rows = [row for row, _ in views]
        prompts = predicted.take(np.array(rows, dtype=np.int64))
        images = [view.image for _, view in views]
        try:
            masks = segmenter(images, prompts.boxes, prompts.positive_points, prompts.negative_points)
        except BadImageError as error:
            if not error.rows:
                raise
            faults.update({rows[index]: why for index, why in zip(error.rows, error.reasons, strict=True)})
            continue
        if len(masks) != len(views):
            raise ArgumentError(f"the segmenter returned {len(masks)} masks for {len(views)} prompts")
        return views, masks
    return [], []


def _variant(spec: TaskSpec, accuracy: Formula, *, points: bool) -> TaskSpec:
    parts = tuple(name for name in spec.parts if points or name not in _POINTS)
    # Every term of segmentation is at most 1.
    return replace(spec, accuracy=accuracy, parts=(*parts, "mask_iou"), maximum=float(len(parts) + 1))


WITH_POINTS = TaskTable(
    [
        _variant(IMAGE_SEGMENTATION, image_with_points, points=True),
        _variant(VIDEO_SEGMENTATION, video_with_points, points=True),
    ]
)
INSTEAD_OF_POINTS = TaskTable(
    [_variant(IMAGE_SEGMENTATION, image_alone, points=False), _variant(VIDEO_SEGMENTATION, video_alone, points=False)]
)
