"""Segmentation scored by the mask that an answer makes a segmentation model draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np

from onethinker_rewards.columns import PromptColumns, TimedPromptColumns
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import image_segmentation, video_segmentation
from onethinker_rewards.tasks.clips import Clip, has_places
from onethinker_rewards.tasks.drawing import Target, ViewReader, draw
from onethinker_rewards.tasks.spec import Context, Formula, Scores, Segmenter, TaskSpec

__all__ = ["BESIDE_POINTS", "INSTEAD_OF_POINTS"]

_POINTS = ("positive_points", "negative_points")


def image_with_points(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + mIoU."""
    terms = image_segmentation.accuracy(predicted, reference, context)
    return _with_mask(terms, predicted, _segmenter(context), _image_targets(context))


def image_alone(predicted: PromptColumns, reference: PromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + mIoU."""
    return _without_points(image_with_points(predicted, reference, context))


def video_with_points(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G(dis+) + G(dis-) + G_t + w min(mIoU_p, mIoU_r), w = G_t min(1, area_p / area_r)."""
    terms = video_segmentation.accuracy(predicted, reference, context)
    moments = zip(
        predicted.times.tolist(), reference.times.tolist(), terms.parts["time_proximity"].tolist(), strict=True
    )
    return _with_mask(terms, predicted, _segmenter(context), _video_targets(context, moments))


def video_alone(predicted: TimedPromptColumns, reference: TimedPromptColumns, context: Context) -> Scores:
    """R_acc = sIoU + G_t + w min(mIoU_p, mIoU_r), w = G_t min(1, area_p / area_r)."""
    return _without_points(video_with_points(predicted, reference, context))


def _segmenter(context: Context) -> Segmenter:
    if context.segmenter is None:
        raise ArgumentError("this recipe draws masks: score with a Scorer that has a segmenter")
    return context.segmenter


def _with_mask(
    terms: Scores, predicted: PromptColumns, segmenter: Segmenter, targets: Sequence[Target | str]
) -> Scores:
    drawing = draw(predicted, targets, segmenter)
    return _sum({**terms.parts, "mask_iou": drawing.scores}, drawing.faults)


def _without_points(terms: Scores) -> Scores:
    kept = {name: values for name, values in terms.parts.items() if name not in _POINTS}
    return _sum(kept, terms.bad_references)


def _sum(parts: Mapping[str, Any], faults: Mapping[int, str]) -> Scores:
    return Scores(reduce(np.add, parts.values()), parts, bad_references=faults)


def _image_targets(context: Context) -> list[Target | str]:
    reader = ViewReader()
    return [_or_reason(_image_target, image, mask, reader) for image, mask in _rows(context)]


def _image_target(image: Any, mask: Any, reader: ViewReader) -> Target | str:
    # As data sets hold the images of a question: in a list.
    if isinstance(image, list | tuple) and len(image) == 1:
        image = image[0]
    view = reader.of_image(image, mask)
    return Target((view,)) if view.mask.any() else "the reference mask has nothing on"


def _video_targets(context: Context, moments: Iterable[tuple[float, float, float]]) -> list[Target | str]:
    reader = ViewReader()
    return [
        _or_reason(_frame_target, clip, masks, reader, *moment)
        for (clip, masks), moment in zip(_rows(context), moments, strict=True)
    ]


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


def _rows(context: Context) -> Iterable[tuple[Any, Any]]:
    return zip(_given("images", context.images), _given("masks", context.masks), strict=True)


def _given(name: str, values: Sequence[Any] | None) -> Sequence[Any]:
    if values is None:
        raise ArgumentError(f"{name}: this recipe draws masks and needs one entry a row")
    return values


def _or_reason(target_of: Callable[..., Target | str], image: Any, mask: Any, *rest: Any) -> Target | str:
    if image is None:
        return "images: none is given"
    if mask is None:
        return "masks: none is given"
    try:
        return target_of(image, mask, *rest)
    except ArgumentError as error:
        return f"masks: {error}"


def _variant(spec: TaskSpec, accuracy: Formula, *, points: bool) -> TaskSpec:
    parts = tuple(name for name in spec.parts if points or name not in _POINTS)
    # Every term of segmentation is at most 1. The release has no such task.
    maximum = float(len(parts) + 1)
    return replace(spec, accuracy=accuracy, parts=(*parts, "mask_iou"), maximum=maximum, released=None)


def _table(image: Formula, video: Formula, *, points: bool) -> Mapping[str, TaskSpec]:
    variants = (
        _variant(image_segmentation.IMAGE_SEGMENTATION, image, points=points),
        _variant(video_segmentation.VIDEO_SEGMENTATION, video, points=points),
    )
    return MappingProxyType({spec.name: spec for spec in variants})


BESIDE_POINTS = _table(image_with_points, video_with_points, points=True)
INSTEAD_OF_POINTS = _table(image_alone, video_alone, points=False)
