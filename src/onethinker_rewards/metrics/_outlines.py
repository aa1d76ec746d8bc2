"""What counts as a mask's contour, and how near is near: DAVIS's rules, and those of the released evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import device

from onethinker_rewards.metrics._arrays import Array, Namespace

__all__ = ["RULES", "Rules"]


@dataclass(frozen=True, slots=True)
class Rules:
    """How contours are drawn and compared.

    Attributes:
        outline: The namespace and ``[N, H, W]`` masks to ``[N, H, W]``: their contours.
        tolerance: How far apart two contour pixels may be, as a share of the diagonal.
        whole: That distance to whole pixels.
        square: Whether it is the larger of the steps across and down, not the straight line.
    """

    outline: Callable[[Namespace, Array], Array]
    tolerance: float
    whole: Callable[[float], int]
    square: bool

    def radius(self, tolerance: float | None, height: int, width: int) -> int:
        """Return the distance in pixels; a tolerance from 1 on is one already, None is the rules' own."""
        share = self.tolerance if tolerance is None else tolerance
        return int(share) if share >= 1.0 else self.whole(share * math.hypot(height, width))


def _between(xp: Namespace, masks: Array) -> Array:
    """Return where a pixel differs from its neighbour to the right, below or between.

    In the last row and column only the neighbour that there is counts, and the last pixel of all has none.
    """
    inner, right = masks[:, :-1, :-1], masks[:, :-1, 1:]
    below, between = masks[:, 1:, :-1], masks[:, 1:, 1:]
    body = (inner != right) | (inner != below) | (inner != between)
    last_column = masks[:, :-1, -1:] != masks[:, 1:, -1:]
    last_row = masks[:, -1:, :-1] != masks[:, -1:, 1:]
    corner = xp.zeros_like(masks[:, -1:, -1:])
    upper = xp.concat([body, last_column], axis=2)
    return xp.concat([upper, xp.concat([last_row, corner], axis=2)], axis=1)


def _inside(xp: Namespace, masks: Array) -> Array:
    """Return where a pixel is on and one of its eight neighbours is off; beyond the image all is off."""
    count, height, width = masks.shape
    side = xp.zeros((count, height, 1), dtype=xp.bool, device=device(masks))
    edge = xp.zeros((count, 1, width), dtype=xp.bool, device=device(masks))
    wide = xp.concat([side, masks, side], axis=2)
    across = wide[:, :, :-2] & masks & wide[:, :, 2:]
    tall = xp.concat([edge, across, edge], axis=1)
    return masks & ~(tall[:, :-2, :] & across & tall[:, 2:, :])


def _at_least_one(pixels: float) -> int:
    return max(1, round(pixels))


RULES = {
    "davis": Rules(_between, 0.008, math.ceil, square=False),
    "release": Rules(_inside, 0.0075, _at_least_one, square=True),
}
