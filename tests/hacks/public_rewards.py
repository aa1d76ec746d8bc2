"""Public rewards for boxes, points, clicks, segments and orders, in the form that tricks are played on.

Each is written from what its project's file computes, in our own words: `docs/public-rewards.md` names repository, path
and commit of each. Of every reward the accuracy alone is taken, without a format: that is what is compared. Our
thousandths are its pixels or bins, on a square image where a size matters.

A reward is a function of a response in its own syntax and of our decoded reference. It returns a number, NaN where its
formula comes to NaN, or None where it is for other answers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from tests.hacks.peers import Rewards
from tests.hacks.public_syntax import (
    Write,
    boxes_and_points,
    dashed_times,
    gui_action,
    gym_point,
    is_numbers,
    middle,
    number_list,
    qwen_boxes,
    qwen_boxes_fenced,
    qwen_point,
    rex_boxes,
    rex_points,
    translated,
)

Box = list[float]
Matrix = np.ndarray[Any, np.dtype[np.float64]]


class Labeled(NamedTuple):
    """An object: x1, y1, x2, y2 and what it is called."""

    box: Box
    label: str = ""


Reference = dict[str, Any]
Reward = Callable[[str, Reference], float | None]

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_COCO_THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
_V_TRIUNE_THRESHOLDS = (*_COCO_THRESHOLDS, 0.99)


# Vero


def vero_score(predicted: Sequence[Box], reference: Sequence[Box]) -> float:
    """Mean IoU of matches + 0.75 F1 - 0.25 (share of false boxes + share of missed ones), clipped to 0…1.

    Matches are the assignment of most pairs with an IoU of at least 0.5, and among those of the highest IoU. Labels are
    not looked at. Nothing to find earns 0.
    """
    if not reference or not predicted:
        return 0.0
    iou = _iou(predicted, reference)
    if np.isnan(iou).any():
        return 0.0
    matched = iou[linear_sum_assignment(np.where(iou < 0.5, 1e6, 1 - iou))]
    hits = matched[matched >= 0.5]
    if not len(hits):
        return 0.0
    precision, recall = len(hits) / len(predicted), len(hits) / len(reference)
    f1 = 2 * precision * recall / (precision + recall)
    score = hits.mean() + 0.75 * f1 - 0.25 * (1 - precision + 1 - recall)
    return float(np.clip(score, 0, 1))


def vero_boxes(response: str, reference: Reference) -> float:
    """Vero's reward for grounding: the score of a strict list in the one answer."""
    items = _vero_items(response)
    boxes = [_floats(item.get("bbox_2d"), 4) for item in items if isinstance(item, dict)]
    return vero_score([box for box in boxes if box], _boxes(reference))


def vero_click(response: str, reference: Reference) -> float:
    """Vero's reward for clicks: 1 if the first point lies in the box, borders included."""
    items = _vero_items(response)
    point = _floats(items[0].get("point_2d"), 2) if items and isinstance(items[0], dict) else []
    return float(bool(point) and _inside(point, reference["box"]))


def vero_order_score(predicted: Sequence[int], reference: Sequence[int]) -> float:
    """1 for the right order, a fifth of the share of right places for another permutation, else 0."""
    if sorted(predicted) != sorted(reference):
        return 0.0
    if list(predicted) == list(reference):
        return 1.0
    return 0.2 * sum(map(int.__eq__, predicted, reference)) / len(reference)


def vero_order(response: str, reference: Reference) -> float:
    """Vero's reward for lists of numbers: the whole numbers in the one answer."""
    items = sorted(reference["order"])
    right = [items.index(item) + 1 for item in reference["order"]]
    return vero_order_score([int(number) for number in re.findall(r"-?\d+", _vero_answer(response))], right)


def _vero_answer(response: str) -> str:
    """Return the answer of a response that has each tag once, thinks something and ends with the answer."""
    once = all(response.count(tag) == 1 for tag in ("<think>", "</think>", "<answer>", "</answer>"))
    found = re.fullmatch(r"<think>(.*)</think>\s*<answer>(.*)</answer>\s*", response, re.DOTALL)
    return found[2].strip() if once and found and found[1].strip() else ""


def _vero_items(response: str) -> list[Any]:
    items = _json(_vero_answer(response))
    return items if isinstance(items, list) else []


def _floats(value: Any, count: int) -> list[float]:
    """Return so many numbers, of text too; an empty list where they are not so many, or no numbers."""
    try:
        return [float(item) for item in value] if isinstance(value, list) and len(value) == count else []
    except (TypeError, ValueError):
        return []


# Rex-Omni


def rex_f1(predicted: Sequence[Labeled], reference: Sequence[Labeled]) -> float:
    """F1 of two means: of each reference's highest IoU with its class, and of each predicted box's.

    A box may be the highest of several. Nothing to find and nothing said is 1.
    """
    if not predicted or not reference:
        return float(not predicted and not reference)
    iou = _iou([item.box for item in predicted], [item.box for item in reference])
    same = [[item.label == other.label for other in reference] for item in predicted]
    iou = np.where(same, iou, 0)
    return _harmonic(iou.max(axis=1).mean(), iou.max(axis=0).mean())


def rex_boxes_reward(response: str, reference: Reference) -> float:
    """Rex-Omni's reward for boxes: corners are put in order, boxes without area are left out."""
    boxes = [
        Labeled([min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)], label)
        for label, (x1, y1, x2, y2) in _rex_numbers(response, 4)
        if x1 != x2 and y1 != y2
    ]
    return rex_f1(boxes, _objects(reference))


def rex_points_score(points: Sequence[Sequence[float]], boxes: Sequence[Box]) -> float:
    """F1 of points in boxes: each box takes the first point in it that no box before it has taken."""
    if not points or not boxes:
        return float(not points and not boxes)
    left = list(points)
    for box in boxes:
        hit = next((point for point in left if _inside(point, box)), None)
        if hit is not None:
            left.remove(hit)
    taken = len(points) - len(left)
    return _harmonic(taken / len(points), taken / len(boxes))


def rex_points_reward(response: str, reference: Reference) -> float | None:
    """Rex-Omni's reward for points in boxes; none where the reference has points alone."""
    if "boxes" not in reference:
        return None
    return rex_points_score([point for _, point in _rex_numbers(response, 2)], reference["boxes"])


def _rex_numbers(response: str, count: int) -> list[tuple[str, list[float]]]:
    """Return every label and so many of its numbers; what is left over of a box's numbers is dropped."""
    pattern = r"<\|object_ref_start\|>(.*?)<\|object_ref_end\|><\|box_start\|>(.*?)<\|box_end\|>"
    found: list[tuple[str, list[float]]] = []
    for label, bins in re.findall(pattern, response):
        numbers = [float(number) for number in re.findall(r"<(\d+)>", bins)]
        found += [
            (label.strip(), numbers[start : start + count]) for start in range(0, len(numbers) - count + 1, count)
        ]
    return found


# VLM-R1


def coco_map(predicted: Sequence[Labeled], reference: Sequence[Labeled]) -> float:
    """COCO's mean average precision, 0.5 to 0.95, of boxes that all have the same confidence.

    So the boxes of a class rank in the order in which they are given. A class that the reference lacks is left out, and
    so is what comes after the hundredth box of a class.
    """
    precisions: list[float] = []
    for label in dict.fromkeys(item.label for item in reference):
        theirs = [item.box for item in reference if item.label == label]
        ours = [item.box for item in predicted if item.label == label][:100]
        precisions += [_average_precision(ours, theirs, threshold) for threshold in _COCO_THRESHOLDS]
    return float(np.mean(precisions)) if precisions else 0.0


def _average_precision(predicted: Sequence[Box], reference: Sequence[Box], threshold: float) -> float:
    """Mean of the highest precision at a recall of at least 0, 0.01, …, 1, boxes taken in order."""
    if not predicted:
        return 0.0
    free = [*range(len(reference))]
    hits: list[bool] = []
    for row in _iou(predicted, reference).tolist():
        level, best = threshold, None
        for column in free:
            # In these words, because no NaN is less than anything: a box of NaN is a match.
            if not row[column] < level:
                level, best = row[column], column
        hits.append(best is not None)
        free = [column for column in free if column != best]
    found = np.cumsum(hits)
    precision = np.maximum.accumulate((found / np.arange(1, len(hits) + 1))[::-1])[::-1]
    at = np.searchsorted(found / len(reference), np.linspace(0, 1, 101))
    return float(np.append(precision, 0)[at].mean())


def vlm_r1(response: str, reference: Reference, *, by_length: bool) -> float:
    """VLM-R1's ``od``: mAP of the last fenced list in the last answer; ``odLength`` divides by what is too many.

    Nothing to find and nothing said is 1.
    """
    answers = _ANSWER.findall(response)
    fences = re.findall(r"```json(.*?)```", answers[-1], re.DOTALL) if answers else []
    items = _json(fences[-1].strip()) if fences else []
    predicted = items if isinstance(items, list) else []
    objects = _objects(reference)
    if not predicted or not objects:
        return float(bool(answers) and not predicted and not objects)
    score = coco_map(_read_items(predicted), objects)
    return score * min(1, len(objects) / len(predicted)) if by_length else score


# V-Triune


def v_triune_score(predicted: Sequence[Labeled], reference: Sequence[Labeled], *, by: str) -> float:
    """0.3 completeness + 0.7 IoU over the reference's boxes, mean over thresholds 0.5…0.99, times 0.6^|n - m|.

    Completeness is 1 less half of the shares of missed and of false boxes. ``by`` is how boxes are matched.
    """
    if not predicted or not reference:
        return 0.0
    match = {"label": _label_first, "iou": _iou_first}[by]
    iou = _iou([item.box for item in predicted], [item.box for item in reference])
    same = np.array([[item.label == other.label for other in reference] for item in predicted])
    scores: list[float] = []
    for threshold in _V_TRIUNE_THRESHOLDS:
        matches = match(iou, same, threshold)
        missed = (len(reference) - len(matches)) / len(reference)
        false = (len(predicted) - len(matches)) / len(predicted)
        scores.append(0.3 * (1 - (missed + false) / 2) + 0.7 * sum(matches) / len(reference))
    return float(np.mean(scores)) * 0.6 ** abs(len(predicted) - len(reference))


def _label_first(iou: Matrix, same: Matrix, threshold: float) -> list[float]:
    """Give each reference in turn the free box of its label with the highest IoU; return these IoUs."""
    free = np.ones(len(iou), bool)
    matches: list[float] = []
    for column in range(iou.shape[1]):
        candidates = np.where(free & same[:, column], iou[:, column], -1)
        best = int(candidates.argmax())
        if candidates[best] >= threshold:
            matches.append(float(candidates[best]))
            free[best] = False
    return matches


def _iou_first(iou: Matrix, same: Matrix, threshold: float) -> list[float]:
    """Match what is left by the highest IoU of all, as the published loop does it.

    Its search reuses the names of the pair that it has found, so the pair it takes away is always the last box and the
    last reference, with the highest IoU of any pair.
    """
    rows, columns = iou.shape
    matches: list[float] = []
    while rows and columns and iou[:rows, :columns].max() >= threshold:
        rows, columns = rows - 1, columns - 1
        matches.append(float(iou[: rows + 1, : columns + 1].max()) if same[rows, columns] else 0.0)
    return matches


def v_triune(response: str, reference: Reference, *, by: str) -> float:
    """V-Triune's reward for detection: the first answer in lower case, inverted boxes and copies left out."""
    answer = _ANSWER.search(response)
    items = _json(answer[1].strip().lower()) if answer else None
    boxes: dict[tuple[float, ...], Labeled] = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and is_numbers(item.get("bbox_2d"), 4) and isinstance(item.get("label"), str):
            x1, y1, x2, y2 = item["bbox_2d"]
            if x1 <= x2 and y1 <= y2:
                boxes.setdefault((x1, y1, x2, y2), Labeled(item["bbox_2d"], item["label"]))
    objects = [Labeled(box, label.lower()) for box, label in _objects(reference)]
    return v_triune_score([*boxes.values()], objects, by=by)


# VisionReasoner

_VISION_REASONER_SIDE = 840


def vision_reasoner_score(predicted: Sequence[Box], reference: Sequence[Box]) -> float:
    """Sum over assigned pairs of [IoU > 0.5] + [mean difference < 10] + [middles < 30 apart], over the larger count.

    In pixels of a square of 840; the point of each object is the middle of its box. Sides are a pixel longer than
    their ends are apart. Labels are not looked at. From 0 to 3; where either side is empty, 0.
    """
    if not predicted or not reference:
        return 0.0
    ours, theirs = np.array(predicted[:120], float), np.array(reference[:120], float)
    iou = _iou(ours, theirs, pixel=1)
    difference = np.abs(ours[:, None] - theirs[None]).mean(axis=2)
    points, targets = (np.array([middle(box) for box in boxes.tolist()]) for boxes in (ours, theirs))
    distance = np.sqrt(((points[:, None] - targets[None]) ** 2).sum(axis=2))
    within = np.array([_inside(point, box) for point, box in zip(points, ours, strict=True)])
    terms = (iou > 0.5).astype(float) + (difference < 10) + ((distance < 30) & within[:, None])
    return float(terms[linear_sum_assignment(-terms)].sum() / max(len(ours), len(theirs)))


def vision_reasoner(response: str, reference: Reference) -> float:
    """VisionReasoner's accuracy: the list in the first answer; what cannot be read earns 0."""
    answer = _ANSWER.search(response)
    items = _json(answer[1].strip()) if answer else None
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and is_numbers(item.get("bbox_2d"), 4) for item in items
    ):
        return 0.0
    scale = _VISION_REASONER_SIDE / 1000
    theirs = [[number * scale for number in box] for box in _boxes(reference)]
    return vision_reasoner_score([item["bbox_2d"] for item in items], theirs)


# GUI-R1 and NeMo-Gym

_GUI_R1_DISTANCE = 140


def gui_r1(response: str, reference: Reference, *, target: str) -> float:
    """GUI-R1's accuracy for clicks: the last pair of whole numbers in brackets, by a box or by a point.

    By a box: 1 strictly inside. By a point, here the box's middle: 1 within 140 pixels.
    """
    answer = _ANSWER.search(response)
    action = re.search(r"'action':\s*'(\w+)'", answer[1]) if answer else None
    if answer is None or action is None or action[1] != "click":
        return 0.0
    found = re.search(r"\{.*\[(\d+),\s*(\d+)]\s*.*\}", answer[1].strip())
    x, y = (int(found[1]), int(found[2])) if found else (0, 0)
    box = reference["box"]
    if target == "point":
        return float(math.dist((x, y), middle(box)) < _GUI_R1_DISTANCE)
    return float(box[0] < x < box[2] and box[1] < y < box[3])


def gym_click_score(point: Sequence[float], target: Sequence[float]) -> float:
    """(1 - d / 0.15)² within a distance of 0.15, else 0, in shares of the screen."""
    distance = math.dist(point, target)
    return (1 - distance / 0.15) ** 2 if distance < 0.15 else 0.0


def gym_click(response: str, reference: Reference) -> float:
    """NeMo-Gym's gui_coordinate: the first point anywhere, against the middle of the box."""
    found = re.search(r"<point>\s*\[?\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*\]?\s*</point>", response)
    if found is None:
        return 0.0
    return gym_click_score(
        [int(found[1]) / 1000, int(found[2]) / 1000], [number / 1000 for number in middle(reference["box"])]
    )


# MUSEG


def museg_score(predicted: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> float:
    """Global and local matching, added; from 0 to 2.

    Global: F1 of seconds, overlapping segments merged. Local: mean over pairs in order of (1 + generalized IoU) / 2,
    where the shorter list is filled up with a second in the far future. Nothing to find earns 0.
    """
    return _museg_global(predicted, reference) + _museg_local(predicted, reference)


def _museg_global(predicted: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> float:
    merged: list[list[float]] = []
    for start, end in sorted(predicted):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    shared = sum(max(0, min(span[1], other[1]) - max(span[0], other[0])) for span in merged for other in reference)
    precision = shared / (sum(end - start for start, end in merged) + 1e-6)
    recall = shared / (sum(end - start for start, end in reference) + 1e-6)
    return 2 * precision * recall / (precision + recall + 1e-6)


def _museg_local(predicted: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> float:
    count = max(len(predicted), len(reference))
    far = [[1e9, 1e9 + 1]]
    pairs = zip(
        [*predicted, *far * (count - len(predicted))], [*reference, *far * (count - len(reference))], strict=True
    )
    scores: list[float] = []
    for span, other in pairs:
        shared = max(0, min(span[1], other[1]) - max(span[0], other[0]))
        union = other[1] - other[0] + span[1] - span[0] - shared
        hull = max(span[1], other[1]) - min(span[0], other[0])
        scores.append((1 + shared / union - (hull - union) / hull) / 2)
    return sum(scores) / len(scores) if scores else 0.0


def museg(response: str, reference: Reference) -> float:
    """MUSEG's segment matching: the one answer, split at white space and dashes; what cannot be read earns 0."""
    answers = _ANSWER.findall(response)
    if len(answers) != 1:
        return 0.0
    spans: list[list[float]] = []
    for text in answers[0].split():
        try:
            start, end = map(float, text.split("-")[:2])
        except ValueError:
            return 0.0
        if not 0 <= start < end:
            return 0.0
        spans.append([start, end])
    return museg_score(spans, reference["times"])


# What they share


def _iou(predicted: Any, reference: Any, pixel: float = 0) -> Matrix:
    """Return ``[N, M]`` IoU; negative sides are 0, and a pair without area has none. NaN where a corner is NaN."""
    ours, theirs = np.asarray(predicted, float)[:, None], np.asarray(reference, float)[None]
    with np.errstate(invalid="ignore"):
        shared = _area(np.maximum(ours[..., :2], theirs[..., :2]), np.minimum(ours[..., 2:], theirs[..., 2:]), pixel)
        areas = _area(ours[..., :2], ours[..., 2:], pixel) + _area(theirs[..., :2], theirs[..., 2:], pixel)
        return shared / np.maximum(areas - shared, 1e-12)


def _area(low: Matrix, high: Matrix, pixel: float) -> Matrix:
    return (high - low + pixel).clip(min=0).prod(axis=-1)


def _harmonic(precision: float, recall: float) -> float:
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


def _inside(point: Sequence[float], box: Sequence[float]) -> bool:
    return bool(box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3])


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _objects(reference: Reference) -> list[Labeled]:
    return [Labeled(item["box"], item.get("label", "")) for item in reference["objects"]]


def _boxes(reference: Reference) -> list[Box]:
    return [item["box"] for item in reference["objects"]]


def _read_items(items: list[Any]) -> list[Labeled]:
    """Return the items that have a box of numbers and a label."""
    return [
        Labeled(item["bbox_2d"], item["label"])
        for item in items
        if isinstance(item, dict) and is_numbers(item.get("bbox_2d"), 4) and isinstance(item.get("label"), str)
    ]


class _Entry(NamedTuple):
    """A reward for one task, and how it wants the answer written; the reference may be needed for that."""

    reward: Reward
    write: Callable[[Reference], Write]


def _entry(reward: Reward, write: Write) -> _Entry:
    return _Entry(reward, lambda reference: write)


_PUBLIC: dict[str, dict[str, _Entry]] = {
    "Vero": {
        "detection": _entry(vero_boxes, qwen_boxes),
        "gui_click": _entry(vero_click, qwen_point),
        "ordering": _Entry(vero_order, lambda reference: number_list(reference["order"])),
    },
    "Rex-Omni": {
        "detection": _entry(rex_boxes_reward, rex_boxes),
        "pointing": _entry(rex_points_reward, rex_points),
    },
    "VLM-R1, od": {"detection": _entry(partial(vlm_r1, by_length=False), qwen_boxes_fenced)},
    "VLM-R1, odLength": {"detection": _entry(partial(vlm_r1, by_length=True), qwen_boxes_fenced)},
    "V-Triune, label first": {"detection": _entry(partial(v_triune, by="label"), qwen_boxes)},
    "V-Triune, IoU first": {"detection": _entry(partial(v_triune, by="iou"), qwen_boxes)},
    "VisionReasoner": {"detection": _entry(vision_reasoner, boxes_and_points(_VISION_REASONER_SIDE))},
    "GUI-R1, box": {"gui_click": _entry(partial(gui_r1, target="box"), gui_action)},
    "GUI-R1, point": {"gui_click": _entry(partial(gui_r1, target="point"), gui_action)},
    "NeMo-Gym": {"gui_click": _entry(gym_click, gym_point)},
    "MUSEG": {"temporal_segments": _entry(museg, dashed_times)},
}


def _played(entries: dict[str, _Entry], responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    rewards: Rewards = []
    for response, reference, task in zip(responses, references, tasks, strict=True):
        entry = entries.get(task)
        rewards.append(None if entry is None else entry.reward(*_written(entry, response, reference)))
    return rewards


def _written(entry: _Entry, response: str, reference: str) -> tuple[str, Reference]:
    """Return a response in the reward's syntax, and the decoded reference."""
    decoded = json.loads(reference)
    return translated(response, entry.write(decoded)), decoded


def prepared(name: str, responses: list[str], references: list[str], task: str) -> Callable[[], Rewards]:
    """Return a call that gives the rewards of responses to one task, which are in the reward's syntax before."""
    entry = _PUBLIC[name][task]
    rows = [_written(entry, *row) for row in zip(responses, references, strict=True)]
    return lambda: [entry.reward(response, reference) for response, reference in rows]


PUBLIC_REWARDS = {name: partial(_played, entries) for name, entries in _PUBLIC.items()}
PUBLIC_TASKS = {name: tuple(entries) for name, entries in _PUBLIC.items()}
