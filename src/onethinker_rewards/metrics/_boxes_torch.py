"""Intersection over union of boxes in PyTorch, in as few operations as it takes.

An operation on a small tensor costs about a microsecond, whatever it does. Nothing is written in place and no value is
looked at: the formula is differentiated and traced like that of ``boxes.py``, and equals it.
"""

from __future__ import annotations

from onethinker_rewards.metrics._arrays import Array, Namespace

__all__ = ["iou"]


def iou(xp: Namespace, predicted: Array, reference: Array) -> Array:
    """Return the scores of ``[..., 4]`` boxes of one dtype that broadcast."""
    left, top, right, bottom = predicted.unbind(-1)
    ref_left, ref_top, ref_right, ref_bottom = reference.unbind(-1)
    width = (right.minimum(ref_right) - left.maximum(ref_left)).clamp_min(0.0)
    height = (bottom.minimum(ref_bottom) - top.maximum(ref_top)).clamp_min(0.0)
    intersection = width * height
    area = (right - left).clamp_min(0.0) * (bottom - top).clamp_min(0.0)
    ref_area = (ref_right - ref_left).clamp_min(0.0) * (ref_bottom - ref_top).clamp_min(0.0)
    # An empty box intersects nothing: with any area but 0 its scores are 0 too. So no union is 0, whose gradient would
    # be NaN, and of pairs only the boxes are looked through.
    return intersection / (area.masked_fill(area == 0.0, 1.0) + ref_area - intersection)
