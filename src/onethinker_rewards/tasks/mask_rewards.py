"""Segmentation scored by the mask that an answer makes a segmentation model draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards import metrics
from onethinker_rewards.answers import Floats, PromptColumns, TimedPromptColumns
from onethinker_rewards.answers.masks import read_mask
from onethinker_rewards.errors import ArgumentError, BadImageError
from onethinker_rewards.tasks import segmentation
from onethinker_rewards.tasks.spec import Context, Formula, Scores, Segmenter, TaskSpec, TaskTable

_NO_FRAMES = (str, bytes, bytearray, Mapping)


@dataclass(frozen=True, slots=True, repr=False)
class Clip:
    """A video's frames; rollouts of a group share one object.

    Attributes:
        frames: ``[T]`` images as the segmenter takes them, in a list or an array.
        fps: Frames a second, as many as ``frames`` has.

    Raises:
        ArgumentError: If there is no frame, ``frames`` holds none by its place, or ``fps`` is not a positive number.

    >>> Clip(["a.png", "b.png", "c.png"], fps=2.0).place(0.6)
    1
    """

    frames: Sequence[Any]
    fps: float

    def __post_init__(self) -> None:
        if not has_places(self.frames):
            raise ArgumentError(f"frames: expected a list or an array of images, got {type(self.frames).__name__}")
        if len(self.frames) == 0:
            raise ArgumentError("frames: a clip has at least one")
        if not _is_positive(self.fps):
            raise ArgumentError(f"fps: expected a positive number, got {self.fps!r:.60}")

    def __repr__(self) -> str:
        return f"Clip({len(self.frames)} frames, fps={self.fps})"

    def place(self, seconds: float) -> int:
        """Return the place of the frame shown at a time, the last one for any time after the end."""
        last = len(self.frames) - 1
        # Beyond the end before rounding: seconds * fps may be infinite.
        return round(min(max(seconds * self.fps, 0.0), last))


def has_places(frames: Any) -> bool:
    """Return whether something holds one thing a frame: a list or an array, but no text, file or mapping."""
    return hasattr(frames, "__getitem__") and hasattr(frames, "__len__") and not isinstance(frames, _NO_FRAMES)


def _is_positive(number: Any) -> bool:
    try:
        return isinstance(number, Real) and 0.0 < float(number) < math.inf
    except OverflowError:
        return False


Mask = NDArray[np.bool_]

# A row, and what its prompt has to draw.
Wanted: TypeAlias = "tuple[int, View]"

# Drawn masks are as large as their images: so many rows at a time, and whole groups, bound what is held of them.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class View:
    """An image, and the mask that a prompt should draw on it."""

    image: Any
    mask: Mask


@dataclass(frozen=True, slots=True)
class Target:
    """What one row's prompt has to draw: its overlap is the least of all views, times the weight."""

    views: tuple[View, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """``scores`` ``[N]``: overlap times weight; ``faults``: why a row could not be drawn and has no score, by row."""

    scores: Floats
    faults: dict[int, str]


class ViewReader:
    """Takes each frame and reads each mask once, however many rows share it."""

    def __init__(self) -> None:
        # By whose it is and where: a frame out of an array is a new object each time. The owner stays beside what was
        # taken from it, as its id must not be given to another object.
        self._known: dict[tuple[str, int, int], tuple[Any, Any]] = {}

    def of_image(self, image: Any, mask: Any) -> View:
        """Return the view of an image.

        Raises:
            ArgumentError: If its mask cannot be read.
        """
        return View(image, self._once("mask", mask, 0, lambda: read_mask(mask)))

    def of_frame(self, frames: Any, masks: Any, place: int) -> View | None:
        """Return the view of a video's frame; None where it has no mask.

        Raises:
            ArgumentError: If its mask cannot be read.
        """
        mask = masks[place]
        if mask is None:
            return None
        image = self._once("image", frames, place, lambda: frames[place])
        return View(image, self._once("mask", masks, place, lambda: read_mask(mask)))

    def _once(self, kind: str, owner: Any, place: int, take: Callable[[], Any]) -> Any:
        name = kind, id(owner), place
        if name not in self._known:
            self._known[name] = owner, take()
        return self._known[name][1]


def draw(predicted: PromptColumns, targets: Sequence[Target | str], segmenter: Segmenter) -> Drawing:
    """Draw each row's masks and compare them.

    Args:
        predicted: ``[N]`` prompts.
        targets: ``[N]`` what to draw on, or why there is nothing.
        segmenter: Draws the masks.

    Returns:
        Scores in [0, 1]. A target without weight scores 0 and is never drawn.

    Raises:
        ArgumentError: If the segmenter gives another number of masks than it was asked for.
    """
    faults = {row: target for row, target in enumerate(targets) if isinstance(target, str)}
    weights = np.array([0.0 if isinstance(target, str) else target.weight for target in targets])
    wanted = [
        (row, view)
        for row, target in enumerate(targets)
        if not isinstance(target, str) and target.weight > 0
        for view in target.views
    ]
    least = np.ones(len(targets))
    for portion in _portions(wanted):
        for row, overlap in _overlaps(predicted, portion, segmenter, faults):
            least[row] = min(least[row], overlap)
    return Drawing(weights * least, faults)


def _portions(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Give what is on the same images together, so that no image is begun twice."""
    by_image: dict[int, list[Wanted]] = {}
    for row, view in wanted:
        by_image.setdefault(id(view.image), []).append((row, view))
    portion: list[Wanted] = []
    for group in by_image.values():
        if portion and len(portion) + len(group) > _ROWS_AT_ONCE:
            yield portion
            portion = []
        portion += group
    if portion:
        yield portion


def _overlaps(
    predicted: PromptColumns, wanted: list[Wanted], segmenter: Segmenter, faults: dict[int, str]
) -> Iterator[tuple[int, float]]:
    """Give a row and an overlap a view; rows whose image or size is unusable become faults, and cost no other row."""
    for (row, view), mask in zip(*_masks(predicted, wanted, segmenter, faults), strict=True):
        drawn = np.asarray(mask, dtype=np.bool_)
        if drawn.shape == view.mask.shape:
            yield row, float(metrics.mask_iou(drawn[None], view.mask[None])[0])
        else:
            shapes = ["x".join(map(str, shape)) for shape in (view.mask.shape, drawn.shape)]
            faults[row] = f"the reference mask is {shapes[0]}, the image's mask {shapes[1]} (height x width)"


def _masks(
    predicted: PromptColumns, wanted: list[Wanted], segmenter: Segmenter, faults: dict[int, str]
) -> tuple[list[Wanted], Sequence[Any]]:
    """Return what could be drawn, and its masks."""
    while wanted := [(row, view) for row, view in wanted if row not in faults]:
        rows = [row for row, _ in wanted]
        prompts = predicted.take(np.array(rows, dtype=np.int64))
        images = [view.image for _, view in wanted]
        try:
            masks = segmenter(images, prompts.boxes, prompts.positive_points, prompts.negative_points)
        except BadImageError as error:
            if not error.rows:
                raise
            faults.update({rows[place]: why for place, why in zip(error.rows, error.reasons, strict=True)})
            continue
        if len(masks) != len(wanted):
            raise ArgumentError(f"the segmenter returned {len(masks)} masks for {len(wanted)} prompts")
        return wanted, masks
    return [], []


_POINTS = ("positive_points", "negative_points")


def image_with_points(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + mIoU."""
    terms = segmentation.image_segmentation(predicted, reference, context)
    return _with_mask(terms, predicted, context, _image_target)


def image_alone(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + mIoU."""
    return _without_points(image_with_points(predicted, reference, context))


def video_with_points(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G_t + w min(mIoU_p, mIoU_r), w = G_t min(1, area_p / area_r)."""
    terms = segmentation.video_segmentation(predicted, reference, context)
    moments = predicted.times.tolist(), reference.times.tolist(), terms.parts["time_proximity"].tolist()
    return _with_mask(terms, predicted, context, _frame_target, *moments)


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
    """Add the mask's overlap to the terms; ``columns`` are what ``target_of`` needs to know of a row besides."""
    if context.segmenter is None:
        raise ArgumentError("this recipe draws masks: score with a Scorer that has a segmenter")
    for name, values in {"images": context.images, "masks": context.masks}.items():
        if values is None:
            raise ArgumentError(f"{name}: this recipe draws masks and needs one entry a row")
    reader = ViewReader()
    # A row that holds a stand-in is not drawn.
    targets: list[Target | str] = [Target((), weight=0.0)] * len(predicted)
    for row in context.valid_rows(len(predicted)).tolist():
        image, mask = (values[row] for values in (context.images or (), context.masks or ()))
        targets[row] = _or_reason(target_of, image, mask, reader, *[values[row] for values in columns])
    drawing = draw(predicted, targets, context.segmenter)
    return _sum({**terms.parts, "mask_iou": drawing.scores}, drawing.faults)


def _or_reason(target_of: Callable[..., Target | str], image: Any, mask: Any, *rest: Any) -> Target | str:
    if image is None:
        return "images: none is given"
    if mask is None:
        return "masks: none is given"
    try:
        return target_of(image, mask, *rest)
    except ArgumentError as error:
        return f"masks: {error}"


def _without_points(terms: Scores) -> Scores:
    kept = {name: values for name, values in terms.parts.items() if name not in _POINTS}
    return _sum(kept, terms.bad_references)


def _sum(parts: Mapping[str, Any], faults: Mapping[int, str]) -> Scores:
    return Scores(reduce(np.add, parts.values()), parts, bad_references=faults)


def _image_target(image: Any, mask: Any, reader: ViewReader) -> Target | str:
    # As data sets hold the images of a question: in a list.
    if isinstance(image, list | tuple) and len(image) == 1:
        image = image[0]
    view = reader.of_image(image, mask)
    return Target((view,)) if view.mask.any() else "the reference mask has nothing on"


def _frame_target(
    clip: Any, masks: Any, reader: ViewReader, predicted: float, reference: float, proximity: float
) -> Target | str:
    if not isinstance(clip, Clip):
        return f"images: expected a Clip, got {type(clip).__name__}"
    count = len(clip.frames)
    if not has_places(masks) or len(masks) != count:
        return f"masks: expected a list or an array with one for each of the clip's {count} frames"
    # A frame more, since durations are rounded; beyond it the rate is wrong, and every mask would be the last frame's.
    if reference * clip.fps > count + 1:
        return f"the reference's time, {reference:g} s, is after the end of the clip, {count / clip.fps:g} s"
    place, meant = clip.place(predicted), clip.place(reference)
    wanted = reader.of_frame(clip.frames, masks, meant)
    if wanted is None or not wanted.mask.any():
        return f"the reference mask at the reference's own time, frame {meant}, has nothing on"
    if place == meant:
        return Target((wanted,), proximity)
    chosen = reader.of_frame(clip.frames, masks, place)
    if chosen is None:
        return Target((), weight=0.0)
    # Three ways in which another frame could be the easier one: it is the wrong one, less of the object shows, and the
    # model draws it better. So time counts again, area counts, and the prompt has to draw the reference's frame too.
    return Target((chosen, wanted), proximity * min(1.0, float(chosen.mask.mean() / wanted.mask.mean())))


def _variant(spec: TaskSpec, accuracy: Formula, *, points: bool) -> TaskSpec:
    parts = tuple(name for name in spec.parts if points or name not in _POINTS)
    # Every term of segmentation is at most 1.
    return replace(spec, accuracy=accuracy, parts=(*parts, "mask_iou"), maximum=float(len(parts) + 1))


_IMAGE, _VIDEO = segmentation.IMAGE_SEGMENTATION, segmentation.VIDEO_SEGMENTATION
WITH_POINTS = TaskTable(
    [_variant(_IMAGE, image_with_points, points=True), _variant(_VIDEO, video_with_points, points=True)]
)
INSTEAD_OF_POINTS = TaskTable(
    [_variant(_IMAGE, image_alone, points=False), _variant(_VIDEO, video_alone, points=False)]
)
