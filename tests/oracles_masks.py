"""Masks compared pixel by pixel, as in a textbook."""

from __future__ import annotations

import math

import numpy as np

Pixels = list[tuple[int, int]]


def mask_iou(predicted: np.ndarray, reference: np.ndarray, empty: float = 0.0) -> float:
    pairs = list(zip(predicted.ravel().tolist(), reference.ravel().tolist(), strict=True))
    union = sum(one or other for one, other in pairs)
    return sum(one and other for one, other in pairs) / union if union else empty


def contour(mask: np.ndarray) -> Pixels:
    """Return pixels that differ from the one to the right, below, or right below, where there is one."""
    height, width = mask.shape

    def differs(y: int, x: int) -> bool:
        last_row, last_column = y == height - 1, x == width - 1
        neighbors = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
        if last_row and last_column:
            return False
        if last_row:
            neighbors = [(y, x + 1)]
        elif last_column:
            neighbors = [(y + 1, x)]
        return any(mask[pixel] != mask[y, x] for pixel in neighbors)

    return [(y, x) for y in range(height) for x in range(width) if differs(y, x)]


def boundary_f(predicted: np.ndarray, reference: np.ndarray, radius: int) -> float:
    ours, theirs = contour(predicted), contour(reference)

    def share(points: Pixels, others: Pixels) -> float:
        if not points:
            return 1.0
        near = [any((y - b) ** 2 + (x - a) ** 2 <= radius**2 for b, a in others) for y, x in points]
        return sum(near) / len(points)

    precision, recall = share(ours, theirs), share(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def radius_of(shape: tuple[int, int], tolerance: float = 0.008) -> int:
    return int(tolerance) if tolerance >= 1 else math.ceil(tolerance * math.hypot(*shape))


def runs(mask: np.ndarray) -> list[int]:
    """Return COCO's uncompressed counts: lengths of off, on, off … down the columns."""
    lengths, state = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != state:
            lengths.append(0)
            state = pixel
        lengths[-1] += 1
    return lengths


def runs_of_text(text: str) -> list[int]:
    """Return what a text of COCO's compressed counts stands for, a character at a time."""
    lengths: list[int] = []
    number, digits = 0, 0
    for character in text:
        code = ord(character) - 48
        number += (code % 32) * 32**digits
        digits += 1
        if code < 32:
            if code % 32 >= 16:
                number -= 32**digits
            lengths.append(number + (lengths[-2] if len(lengths) > 2 else 0))
            number, digits = 0, 0
    return lengths


def inner_contour(mask: np.ndarray) -> Pixels:
    """Return pixels that are on and have one of eight neighbors off, or beyond the image."""
    height, width = mask.shape

    def is_on(y: int, x: int) -> bool:
        return 0 <= y < height and 0 <= x < width and bool(mask[y, x])

    around = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    pixels = [(y, x) for y in range(height) for x in range(width)]
    return [
        (y, x) for y, x in pixels if is_on(y, x) and not all(is_on(y + down, x + across) for down, across in around)
    ]


def release_boundary_f(predicted: np.ndarray, reference: np.ndarray, radius: int) -> float:
    ours, theirs = inner_contour(predicted), inner_contour(reference)
    if not ours and not theirs:
        return 1.0
    if not ours or not theirs:
        return 0.0

    def share(points: Pixels, others: Pixels) -> float:
        return sum(any(max(abs(y - b), abs(x - a)) <= radius for b, a in others) for y, x in points) / len(points)

    precision, recall = share(ours, theirs), share(theirs, ours)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def release_radius_of(shape: tuple[int, int], tolerance: float = 0.0075) -> int:
    return int(tolerance) if tolerance >= 1 else max(1, round(tolerance * math.hypot(*shape)))
