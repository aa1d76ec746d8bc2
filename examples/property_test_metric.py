"""Property-test a metric of your own: two bugs of a box IoU that ordinary examples do not show.

    pip install 'onethinker-rewards[testing]'
    python examples/property_test_metric.py
    pytest examples/property_test_metric.py

The first version takes the sides of an overlap that does not exist for negative numbers, whose product is an area. The
second mends that by sorting the corners of the answer first, and so pays for a box that is written the wrong way round
what it pays for the right one. The third keeps every law. Printed is, for each version, a law that it breaks, with the
smallest boxes that hypothesis found; it takes some five seconds. The tests at the end belong into a project.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from numpy.typing import NDArray

from onethinker_rewards import metrics
from onethinker_rewards.testing import LAWS, LawViolation, boxes, check_laws

Boxes = NDArray[np.float64]  # [N, 4] as x1, y1, x2, y2
Scores = NDArray[np.float64]  # [N]


def first_iou(predicted: Boxes, reference: Boxes) -> Scores:
    """Return the IoU; wrong for boxes that lie apart, where ``high - low`` is negative."""
    low, high = np.maximum(predicted[:, :2], reference[:, :2]), np.minimum(predicted[:, 2:], reference[:, 2:])
    shared = (high - low).prod(axis=1)
    return shared / (area(predicted) + area(reference) - shared)


def second_iou(predicted: Boxes, reference: Boxes) -> Scores:
    """Return the IoU; wrong for boxes whose corners are exchanged, which it repairs without a word."""
    corners = predicted.reshape(-1, 2, 2)
    return third_iou(np.hstack([corners.min(axis=1), corners.max(axis=1)]), reference)


def third_iou(predicted: Boxes, reference: Boxes) -> Scores:
    """Return the IoU, [0, 1]; 0 / 0 is 0."""
    low, high = np.maximum(predicted[:, :2], reference[:, :2]), np.minimum(predicted[:, 2:], reference[:, 2:])
    shared = area(np.hstack([low, high]))
    union = area(predicted) + area(reference) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def area(corners: Boxes) -> Scores:
    """Return the area of each box, 0 where a side is not positive."""
    return np.maximum(corners[:, 2:] - corners[:, :2], 0.0).prod(axis=1)


def report(metric: Callable[[Boxes, Boxes], Scores]) -> None:
    """Print which law a metric breaks first, and for which boxes."""
    laws = ["range", "identity", "symmetry", "malformed"]
    try:
        check_laws(metric, boxes(1), laws, examples=50)
    except LawViolation as violation:
        predicted, reference = (violation.inputs[name].tolist() for name in ("predicted", "reference"))
        print(f"{metric.__name__} breaks the law {violation.law}: {LAWS[violation.law].statement}")
        print(f"  predicted {predicted}, reference {reference}, got {violation.got}")
    else:
        print(f"{metric.__name__} keeps the laws {', '.join(laws)}")


def test_it_keeps_every_law() -> None:
    """Range, identity, symmetry, invariances, monotony, batches, and nothing for malformed answers."""
    check_laws(third_iou, boxes(1))


@settings(deadline=None)
@given(boxes(3), boxes(3))
def test_it_is_the_iou(predicted: Boxes, reference: Boxes) -> None:
    """Compare with another implementation on whatever hypothesis makes."""
    np.testing.assert_allclose(third_iou(predicted, reference), metrics.box_iou(predicted, reference), atol=1e-12)


if __name__ == "__main__":
    for version in (first_iou, second_iou, third_iou):
        report(version)
