"""The numeric metrics as a textbook writes them: one row, no arrays, exact fractions where that is possible."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, permutations

Row = Sequence[float]
Point = tuple[float, float]


def _length(start: float, end: float) -> Fraction:
    return max(Fraction(end) - Fraction(start), Fraction(0))


def _ratio(intersection: Fraction, predicted: Fraction, reference: Fraction) -> float:
    union = predicted + reference - intersection
    return float(intersection / union) if union else 0.0


def box_iou(predicted: Row, reference: Row) -> float:
    areas = [_length(box[0], box[2]) * _length(box[1], box[3]) for box in (predicted, reference)]
    if not all(areas):
        return 0.0
    width = _length(max(predicted[0], reference[0]), min(predicted[2], reference[2]))
    height = _length(max(predicted[1], reference[1]), min(predicted[3], reference[3]))
    return _ratio(width * height, areas[0], areas[1])


def generalized_box_iou(predicted: Row, reference: Row) -> float:
    hull = _length(min(predicted[0], reference[0]), max(predicted[2], reference[2])) * _length(
        min(predicted[1], reference[1]), max(predicted[3], reference[3])
    )
    areas = [_length(box[0], box[2]) * _length(box[1], box[3]) for box in (predicted, reference)]
    width = _length(max(predicted[0], reference[0]), min(predicted[2], reference[2]))
    height = _length(max(predicted[1], reference[1]), min(predicted[3], reference[3]))
    union = sum(areas) - width * height
    iou = width * height / union if union else Fraction(0)
    return float(iou - ((hull - union) / hull if hull else 0))


def matched_sum(scores: Sequence[Row]) -> float:
    """Try every one-to-one assignment."""
    if not (scores and scores[0]):
        return 0.0
    if len(scores) > len(scores[0]):
        return matched_sum([list(column) for column in zip(*scores, strict=True)])
    orders = permutations(range(len(scores[0])), len(scores))
    return max(math.fsum(row[column] for row, column in zip(scores, order, strict=True)) for order in orders)


def matched_f1(scores: Sequence[Row], others: int) -> float:
    """Return the F1 of ``[n, m]`` scores; m is given, because an empty list does not say it."""
    return 2 * matched_sum(scores) / (len(scores) + others) if scores or others else 1.0


def convex_iou(predicted: Sequence[Point], reference: Sequence[Point]) -> float:
    """Return the IoU of two convex polygons, by Sutherland and Hodgman's clipping."""
    shared = counter_clockwise(predicted)
    outline = counter_clockwise(reference)
    for start, end in pairwise([*outline, outline[0]]):
        shared = _left_of(shared, start, end)
    areas = [_area(list(polygon)) for polygon in (predicted, reference)]
    union = sum(areas) - _area(shared)
    return _area(shared) / union if union else 0.0


def counter_clockwise(polygon: Sequence[Point]) -> list[Point]:
    turn = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise([*polygon, polygon[0]]))
    return list(polygon) if turn >= 0 else list(polygon)[::-1]


def sampled_iou(predicted: Sequence[Point], reference: Sequence[Point], low: float, high: float, steps: int) -> float:
    """Return the IoU of any two simple polygons by counting the points of a grid inside them."""
    places = [low + (high - low) * (step + 0.5) / steps for step in range(steps)]
    inside = [(is_inside((x, y), predicted), is_inside((x, y), reference)) for x in places for y in places]
    either = sum(map(any, inside))
    return sum(map(all, inside)) / either if either else 0.0


def is_inside(point: Point, polygon: Sequence[Point]) -> bool:
    """Count the edges to the right of a point."""
    x, y = point
    crossings = 0
    for (ax, ay), (bx, by) in pairwise([*polygon, polygon[0]]):
        if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
            crossings += 1
    return crossings % 2 == 1


def temporal_iou(predicted: Row, reference: Row) -> float:
    durations = [_length(*span) for span in (predicted, reference)]
    if tuple(predicted) == tuple(reference) and not any(durations):
        return 1.0
    shared = _length(max(predicted[0], reference[0]), min(predicted[1], reference[1]))
    return _ratio(shared, durations[0], durations[1])


def relative_accuracy(predicted: float, reference: float) -> float:
    error, size = abs(Fraction(predicted) - Fraction(reference)), abs(Fraction(reference))
    if size == 0:
        return float(error == 0)
    # The paper's thresholds: an error below 1 - theta for theta in 0.5, 0.55, ... 0.95.
    thresholds = [Fraction(10 + step, 20) for step in range(10)]
    return sum(error / size < 1 - threshold for threshold in thresholds) / 10


def point_similarity(predicted: Sequence[Point], reference: Sequence[Point], sigma: float) -> float:
    pairings = [zip(predicted, order, strict=True) for order in permutations(reference)]
    means = [sum(math.dist(*pair) for pair in pairing) / len(predicted) for pairing in pairings]
    return time_proximity(min(means), 0.0, sigma)


def time_proximity(predicted: float, reference: float, sigma: float) -> float:
    return math.exp(-((predicted - reference) ** 2) / (2 * sigma**2))


def rotated_box_iou(predicted: Row, reference: Row) -> float:
    areas = [max(box[2], 0.0) * max(box[3], 0.0) for box in (predicted, reference)]
    if not all(areas):
        return 0.0
    polygon = corners(predicted)
    outline = corners(reference)
    for start, end in pairwise([*outline, outline[0]]):
        polygon = _left_of(polygon, start, end)
    shared = _area(polygon)
    return shared / (areas[0] + areas[1] - shared)


def corners(box: Row) -> list[Point]:
    """Return the four corners, counter-clockwise."""
    x, y, width, height, angle = box
    cos, sin = math.cos(angle), math.sin(angle)
    halves = [(sx * width / 2, sy * height / 2) for sx, sy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return [(x + u * cos - v * sin, y + u * sin + v * cos) for u, v in halves]


def _left_of(polygon: list[Point], start: Point, end: Point) -> list[Point]:
    """Clip a polygon to the left of a line: one step of Sutherland and Hodgman's algorithm."""
    kept: list[Point] = []
    for first, last in pairwise([*polygon, *polygon[:1]]):
        before, after = _side(first, start, end), _side(last, start, end)
        if before >= 0:
            kept.append(first)
        if before * after < 0:
            share = before / (before - after)
            kept.append((first[0] + share * (last[0] - first[0]), first[1] + share * (last[1] - first[1])))
    return kept


def _side(point: Point, start: Point, end: Point) -> float:
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _area(polygon: list[Point]) -> float:
    ring = pairwise([*polygon, *polygon[:1]])
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in ring)) / 2
