"""The rows of one benchmark to scores: how each task is read by official or release rules, and added up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, TypeVar

import numpy as np

from onethinker_rewards.answers import Answers, Floats, Size, TrackColumns, bare_reference
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.evaluation.answers import TEXT_TASKS, AnswerRules, AnswerTotals
from onethinker_rewards.evaluation.boxes import BoxTotals
from onethinker_rewards.evaluation.overlaps import mask_overlaps, reference_masks
from onethinker_rewards.evaluation.pairs import Rules
from onethinker_rewards.evaluation.readers import release_json, release_numbers
from onethinker_rewards.evaluation.spans import MeanOver, SpanTotals
from onethinker_rewards.evaluation.statistics import ClusterTotals, Estimate, RatioTotals
from onethinker_rewards.evaluation.sums import ExactMean, ScoreSums
from onethinker_rewards.evaluation.tracks import TrackTotals
from onethinker_rewards.evaluation.tubes import TubeTotals
from onethinker_rewards.evaluation.videos import j_and_f
from onethinker_rewards.rewards import Recipe, score
from onethinker_rewards.rewards.score import describe_reference
from onethinker_rewards.tasks import TASKS

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, eq=False)
class EvaluatedRow:
    """One answer with what it is compared with.

    Attributes:
        number: Its number among all rows, from 0; names it where it has no cluster.
        task: The task's name.
        response: All that the model wrote; empty if the row is missing.
        reference: What is right, as text.
        columns: All else that a task may need: ``options``, ``type``, ``given``, ``visible``, ``reward``,
            ``predicted_masks``, ``segmentation_output``.
        cluster: What it shares with other rows.
        size: Width and height of the image in pixels, for a dialect in pixels.
        is_missing: Whether there was no answer at all: the row was expected.
    """

    number: int
    task: str
    response: str
    reference: str
    columns: Mapping[str, Any]
    cluster: Hashable = None
    size: Size | None = None
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class RowScore:
    """The score of one row, in [0, 1], and why its answer could not be read."""

    value: float
    failure: str | None


class TaskScores(ABC):
    """The sums of one benchmark, whose rows have one task.

    Attributes:
        headline: The name of the number that has an interval.
    """

    headline: str

    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        self.rules: Rules = rules
        self.recipe = recipe
        self.sums = ClusterTotals()

    @abstractmethod
    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        """Add rows; return the score of each, None where the rules leave it out.

        Raises:
            BadReferenceError: Naming the rows whose reference cannot be read. Nothing is added then.
        """

    @abstractmethod
    def scores(self) -> dict[str, float]:
        """Return all numbers by name; there must be at least one row."""

    def estimate(self, confidence: float) -> Estimate:
        """Return the headline with its interval."""
        return self.sums.result(confidence)

    def notes(self) -> list[str]:
        """Return what a reader of the numbers must know."""
        return []

    def _add(self, rows: Sequence[EvaluatedRow], values: Sequence[float]) -> None:
        self.sums.update(values, [row.cluster for row in rows])


class _TextScores(TaskScores):
    headline = "accuracy"

    def __init__(self, rules: Rules, recipe: Recipe, answer_rules: AnswerRules) -> None:
        super().__init__(rules, recipe)
        self.totals = AnswerTotals("release" if rules == "release" else answer_rules)

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        values, failures = self.totals.update(
            [row.response for row in rows],
            [row.reference for row in rows],
            [row.task for row in rows],
            options=[row.columns.get("options") for row in rows],
            types=[None if (kind := row.columns.get("type")) is None else str(kind) for row in rows],
        )
        self._add(rows, values)
        return [RowScore(*pair) for pair in zip(values, map(_text, failures), strict=True)]

    def scores(self) -> dict[str, float]:
        result = self.totals.result()
        types = {"mean of types": result.mean_of_types} if len(result.types) > 1 else {}
        return result.to_dict() | types | {f"accuracy, {name}": value for name, value in result.types.items()}


class _SpanScores(TaskScores):
    headline = "mIoU"

    def __init__(self, rules: Rules, recipe: Recipe, mean: MeanOver) -> None:
        super().__init__(rules, recipe)
        self.totals = SpanTotals(rules, mean)

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        if self.rules == "release":
            spans, wanted, failures = _release_values(rows, "time", 2)
        else:
            columns, references, failures = _read(rows, self.recipe)
            spans, wanted = _unless_failed(columns.spans, failures), references.spans
        clusters = [row.cluster for row in rows]
        values = self.totals.update(spans, wanted, clusters if self.totals.mean == "video" else None)
        self._add(rows, values)
        return [RowScore(*pair) for pair in zip(values, failures, strict=True)]

    def estimate(self, confidence: float) -> Estimate:
        if self.totals.mean == "row":
            return super().estimate(confidence)
        # Each video has one number, its mean.
        videos = ClusterTotals()
        videos.update([sums.scores.value for sums in self.totals.videos.values()])
        return videos.result(confidence)

    def scores(self) -> dict[str, float]:
        return self.totals.result().to_dict()


class _BoxScores(TaskScores):
    headline = "acc@0.5"

    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        super().__init__(rules, recipe)
        self.totals = BoxTotals(rules, (0.5,) if rules == "official" else (0.3, 0.5, 0.7))

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        if self.rules == "release":
            boxes, wanted, failures = _release_values(rows, "boxes", 4)
        else:
            columns, references, failures = _read(rows, self.recipe)
            boxes, wanted = _unless_failed(columns.boxes, failures), references.boxes
        values = [float(iou >= 0.5) for iou in self.totals.update(boxes, wanted)]
        self._add(rows, values)
        return [RowScore(*pair) for pair in zip(values, failures, strict=True)]

    def scores(self) -> dict[str, float]:
        return self.totals.result().to_dict()


class _TubeScores(TaskScores):
    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        super().__init__(rules, recipe)
        self.headline = "accuracy" if rules == "release" else "m_vIoU"
        self.totals = TubeTotals(rules)

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        if self.rules == "release":
            boxes, tracks, _ = _release_tracks(rows)
            spans, wanted, failures = _release_values(rows, "time", 2)
        else:
            columns, references, failures = _read(rows, self.recipe)
            spans, wanted = _unless_failed(columns.spans, failures), references.spans.tolist()
            boxes, tracks = _tracks(columns.tracks, failures), _tracks(references.tracks)
        values: list[float] = []
        for tube in zip(spans, boxes, wanted, tracks, strict=True):
            temporal, spatial = self.totals.update(*tube)
            values.append(0.5 * temporal + 0.5 * spatial if self.rules == "release" else spatial)
        self._add(rows, values)
        return [RowScore(*pair) for pair in zip(values, failures, strict=True)]

    def scores(self) -> dict[str, float]:
        return self.totals.result().to_dict()


class _TrackScores(TaskScores):
    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        super().__init__(rules, recipe)
        self.headline = "video mIoU" if rules == "release" else "AO"
        self.totals = TrackTotals(rules)
        self.first_frames = 0

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        if self.rules == "release":
            boxes, tracks, failures = _release_tracks(rows)
        else:
            columns, references, failures = _read(rows, self.recipe)
            boxes, tracks = _tracks(columns, failures), _tracks(references)
        by_row = dict(zip(rows, tracks, strict=True))
        _each(rows, lambda row: _check_visible(row, len(by_row[row])))
        return [self._add_track(*track) for track in zip(rows, boxes, tracks, failures, strict=True)]

    def _add_track(
        self, row: EvaluatedRow, boxes: Mapping[Any, Any], wanted: Mapping[Any, Any], failure: str | None
    ) -> RowScore | None:
        given, visible = row.columns.get("given"), row.columns.get("visible")
        self.first_frames += given is None
        frames = self.totals.update(
            [boxes.get(second) for second in wanted], [*wanted.values()], given=given or 0, visible=visible
        )
        if not frames:
            return None
        mean = ExactMean()
        mean.add(frames)
        # The frames of a video are a cluster; the release has one number a video.
        units = [mean.value] if self.rules == "release" else frames
        self.sums.update(units, [_cluster(row)] * len(units))
        return RowScore(mean.value, failure)

    def notes(self) -> list[str]:
        if self.rules == "release" or not self.first_frames:
            return []
        return ["no column 'given': all frames count, also a first one that the model was told"]

    def scores(self) -> dict[str, float]:
        return self.totals.result().to_dict()


class _ImageScores(TaskScores):
    headline = "cIoU"

    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        super().__init__(rules, recipe)
        self.iou = ScoreSums((0.5, 0.6, 0.7, 0.8, 0.9))
        self.ratio = RatioTotals()
        self.without_area = 0

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        results: list[RowScore | None] = []
        for row, pixels in zip(rows, _each(rows, self._pixels), strict=True):
            if pixels is None:
                results.append(None)
                continue
            shared, union, failure = pixels
            iou = shared / union if union else 0.0
            self.without_area += failure is not None and row.columns.get("segmentation_output") is None
            self.iou.add([iou])
            self.ratio.update([shared], [union], [_cluster(row)])
            results.append(RowScore(iou, failure))
        return results

    def _pixels(self, row: EvaluatedRow) -> tuple[int, int, str | None] | None:
        """Return intersection, union, and why there is no mask; None where the release leaves the row out."""
        reward, masks = _drawn(row)
        if reward is not None:
            shared, union = int(_number(reward, "inter")), int(_number(reward, "union"))
            if not 0 <= shared <= union:
                raise ArgumentError(f"reward: an intersection of {shared} and a union of {union} do not fit")
            return shared, union, None
        output = row.columns.get("segmentation_output")
        if masks is None and self.rules == "release" and not row.is_missing:
            return None
        if masks is None and output is None:
            # Nothing says how large the reference is.
            return 0, 0, _NO_MASK
        overlaps = mask_overlaps([masks], _reference_masks(output))
        return int(overlaps.intersections[0]), int(overlaps.unions[0]), _NO_MASK if masks is None else None

    def estimate(self, confidence: float) -> Estimate:
        return self.ratio.result(confidence)

    def notes(self) -> list[str]:
        if not self.without_area:
            return []
        what = "rows without a mask have no 'segmentation_output' either: they add nothing to cIoU, which is too high"
        return [f"{self.without_area:,} {what}"]

    def scores(self) -> dict[str, float]:
        precision = {f"P@{threshold:g}": share for threshold, share in self.iou.shares().items()}
        return {"cIoU": self.ratio.value, "gIoU": self.iou.scores.value} | precision


class _VideoScores(TaskScores):
    headline = "J&F"

    def __init__(self, rules: Rules, recipe: Recipe) -> None:
        super().__init__(rules, recipe)
        self.j, self.f = ExactMean(), ExactMean()

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        results: list[RowScore | None] = []
        for row, pair in zip(rows, _each(rows, self._j_and_f), strict=True):
            if pair is None:
                results.append(None)
                continue
            j, f, failure = pair
            self.j.add([j])
            self.f.add([f])
            self._add([row], [(j + f) / 2.0])
            results.append(RowScore((j + f) / 2.0, failure))
        return results

    def _j_and_f(self, row: EvaluatedRow) -> tuple[float, float, str | None] | None:
        """Return J, F, and why there is no mask; None where the release leaves the row out."""
        reward, masks = _drawn(row)
        if reward is not None:
            return _number(reward, "J"), _number(reward, "F"), None
        if masks is None:
            return None if self.rules == "release" and not row.is_missing else (0.0, 0.0, _NO_MASK)
        reference = _reference_masks(row.columns.get("segmentation_output"))
        if not isinstance(masks, list | np.ndarray):
            raise ArgumentError(f"predicted_masks: expected a list of masks, got {type(masks).__name__}")
        result = j_and_f(masks, reference, rules="release" if self.rules == "release" else "davis")
        return result.j, result.f, None

    def scores(self) -> dict[str, float]:
        j, f = self.j.value, self.f.value
        return {"J&F": (j + f) / 2.0, "J": j, "F": f}


class _OtherScores(TaskScores):
    """Tasks that no benchmark of the paper has: the mean accuracy of the rewards, as a share of its maximum."""

    headline = "accuracy"

    def update(self, rows: Sequence[EvaluatedRow]) -> list[RowScore | None]:
        columns = [row.response for row in rows], [row.reference for row in rows], rows[0].task
        sizes = [row.size for row in rows]
        batch = score(*columns, recipe=self.recipe, sizes=sizes if any(sizes) else None)
        values = batch.normalized.tolist()
        self._add(rows, values)
        return [RowScore(*pair) for pair in zip(values, map(_text, batch.failure), strict=True)]

    def scores(self) -> dict[str, float]:
        return {"accuracy": self.sums.result().value}


_FAMILIES: Mapping[str, type[TaskScores]] = {
    "spatial_grounding": _BoxScores, "spatio_temporal_grounding": _TubeScores, "tracking": _TrackScores,
    "image_segmentation": _ImageScores, "video_segmentation": _VideoScores,
}  # fmt: skip
_NO_MASK = "no_mask"


def task_scores(task: str, rules: Rules, recipe: Recipe, answer_rules: AnswerRules, mean: MeanOver) -> TaskScores:
    """Return empty sums for the rows of a task; ``mean`` is for spans, over rows or over videos, which are clusters."""
    if task in TEXT_TASKS:
        return _TextScores(rules, recipe, answer_rules)
    if task == "temporal_grounding":
        return _SpanScores(rules, recipe, mean)
    return _FAMILIES.get(task, _OtherScores)(rules, recipe)


def _cluster(row: EvaluatedRow) -> Hashable:
    """Return what a row shares with others, and what no other row has where it shares nothing."""
    return ("row", row.number) if row.cluster is None else row.cluster


def _text(code: FailureCode | None) -> str | None:
    return None if code is None else str(code)


def _each(rows: Sequence[EvaluatedRow], function: Callable[[EvaluatedRow], _T]) -> list[_T]:
    """Return what a function gives for each row; raise a `BadReferenceError` that names all rows it refuses."""
    results: list[_T] = []
    bad: dict[int, str] = {}
    for index, row in enumerate(rows):
        try:
            results.append(function(row))
        except ArgumentError as error:
            bad[index] = str(error)
    if bad:
        raise BadReferenceError([*bad], [*bad.values()])
    return results


def _read(rows: Sequence[EvaluatedRow], recipe: Recipe) -> tuple[Any, Any, list[str | None]]:
    """Return the columns of all answers and references of one task, and why an answer could not be read."""
    spec, options, sizes = TASKS[rows[0].task], recipe.read_options, [row.size for row in rows]
    for dialect, schema in ((options.dialect, spec.schema), (options.reference_dialect, spec.references_in)):
        without = [index for index, size in enumerate(sizes) if size is None]
        if without and dialect.needs_size(schema):
            raise BadReferenceError(without, [f"the dialect {dialect.name} writes pixels: no size"] * len(without))
    references = Answers.of_texts([bare_reference(row.reference) for row in rows], sizes)
    wanted = recipe.reader.read_references(references, spec.references_in, options)
    bad = {
        index: describe_reference(spec, references.texts[index], code, references.details.get(index))
        for index, code in enumerate(references.failure)
        if code is not None
    }
    if bad:
        raise BadReferenceError([*bad], [*bad.values()])
    answers = recipe.reader.find([row.response for row in rows], options)
    answers.sizes = sizes
    columns = recipe.reader.read(answers, np.arange(len(rows)), spec.schema, options)
    return columns, wanted, [*map(_text, answers.failure)]


def _unless_failed(values: Floats, failures: Sequence[str | None]) -> list[Any]:
    return [row if failure is None else None for row, failure in zip(values.tolist(), failures, strict=True)]


def _tracks(columns: TrackColumns, failures: Sequence[str | None] | None = None) -> list[dict[int, list[float]]]:
    """Return the boxes of each row by second; none of a row that could not be read."""
    starts, frames, boxes = columns.starts.tolist(), columns.frames.tolist(), columns.boxes.tolist()
    pairs = [zip(frames[start:end], boxes[start:end], strict=True) for start, end in pairwise(starts)]
    # In the order of time: the first frames may be given.
    tracks = [dict(sorted(track)) for track in pairs]
    return tracks if failures is None else [
        track if failure is None else {} for track, failure in zip(tracks, failures, strict=True)
    ]  # fmt: skip


def _check_visible(row: EvaluatedRow, frames: int) -> None:
    visible, given = row.columns.get("visible"), row.columns.get("given")
    if visible is not None:
        is_list = isinstance(visible, list) and all(isinstance(number, int | float) for number in visible)
        if not is_list or len(visible) != frames:
            raise ArgumentError(f"visible: expected a number for each of the reference's {frames} frames")
    if given is not None and not (isinstance(given, int) and given >= 0):
        raise ArgumentError(f"given: expected how many first frames the model was told, got {given!r:.60}")


# The release's reading.


def _release_values(
    rows: Sequence[EvaluatedRow], key: str, length: int
) -> tuple[list[Any], list[Any], list[str | None]]:
    wanted = _each(rows, lambda row: _release_reference(row, key, length))
    answers = [release_json(row.response) for row in rows]
    values = [release_numbers(answer.get(key), length) for answer in answers]
    return values, wanted, [_release_failure(*pair) for pair in zip(answers, values, strict=True)]


def _release_failure(answer: Mapping[str, Any], value: Any) -> str | None:
    if value is not None:
        return None
    return str(FailureCode.WRONG_TYPE if answer else FailureCode.INVALID_JSON)


def _release_reference(row: EvaluatedRow, key: str, length: int) -> list[float]:
    value = release_numbers(release_json(row.reference).get(key), length)
    if value is None:
        raise ArgumentError(f"{row.task}: the reference has no {key!r} of {length} numbers")
    return value


def _release_boxes(answer: Mapping[str, Any]) -> dict[str, list[float]] | None:
    """Return the boxes by second; one that is none has no area, so that it counts and scores 0."""
    boxes = answer.get("boxes")
    if not isinstance(boxes, dict):
        return None
    return {str(name): release_numbers(box, 4) or [0.0] * 4 for name, box in boxes.items()}


def _release_track_reference(row: EvaluatedRow) -> dict[str, list[float]]:
    boxes = _release_boxes(release_json(row.reference))
    if not boxes:
        raise ArgumentError(f"{row.task}: the reference has no boxes")
    return boxes


def _release_tracks(rows: Sequence[EvaluatedRow]) -> tuple[list[Any], list[Any], list[str | None]]:
    wanted = _each(rows, _release_track_reference)
    answers = [release_json(row.response) for row in rows]
    boxes = [_release_boxes(answer) for answer in answers]
    failures = [_release_failure(*pair) for pair in zip(answers, boxes, strict=True)]
    return [track or {} for track in boxes], wanted, failures


# Masks.


def _drawn(row: EvaluatedRow) -> tuple[Mapping[str, Any] | None, Any]:
    """Return the scores that the release wrote after drawing, or else the masks that were drawn, or neither."""
    columns = row.columns
    if not (row.is_missing or {"reward", "predicted_masks"} & columns.keys()):
        raise ArgumentError("no masks: draw them first, and give predicted_masks, or the reward of seg_post_sam2.py")
    reward = columns.get("reward")
    return (reward, None) if isinstance(reward, Mapping) else (None, columns.get("predicted_masks"))


def _reference_masks(output: Any) -> list[Any]:
    if not isinstance(output, Mapping):
        raise ArgumentError(f"segmentation_output: expected an object, got {type(output).__name__}")
    return reference_masks(output)


def _number(reward: Mapping[str, Any], name: str) -> float:
    value = reward.get(name)
    if not isinstance(value, int | float) or not isfinite(value):
        raise ArgumentError(f"reward: expected a number {name!r}, got {value!r:.60}")
    return float(value)
