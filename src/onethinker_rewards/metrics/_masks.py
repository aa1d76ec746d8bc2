"""How a metric takes its two stacks of masks: of one kind, boolean, of one shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_numpy_array

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics._arrays import Array, Namespace, check_innermost, numpy_namespace

__all__ = ["aligned_masks", "floats"]


def aligned_masks(predicted: Array, reference: Array) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both stacks, ``[N, H, W]`` boolean.

    Raises:
        ArgumentError: If the shapes or kinds differ, or a dtype is neither boolean nor integral.
    """
    arrays = [array for array in (predicted, reference) if is_array_api_obj(array)]
    try:
        xp = numpy_namespace if all(map(is_numpy_array, arrays)) else array_namespace(*arrays)
    except TypeError:
        raise ArgumentError("predicted and reference must be arrays of one kind") from None
    predicted, reference = (
        _masks(xp, _as_array(xp, masks, arrays, name), name)
        for masks, name in ((predicted, "predicted"), (reference, "reference"))
    )
    if predicted.shape != reference.shape:
        shapes = f"{list(predicted.shape)} and {list(reference.shape)}"
        raise ArgumentError(f"predicted and reference must have the same shape, got {shapes}")
    return xp, predicted, reference


def floats(xp: Namespace, counts: Array) -> Array:
    """Return counts in the kind's default float."""
    return xp.astype(counts, xp.__array_namespace_info__().default_dtypes()["real floating"])


def _as_array(xp: Namespace, masks: Any, arrays: list[Array], name: str) -> Array:
    if is_array_api_obj(masks):
        return masks
    listed = _from_sequence(masks, name)
    # A list beside another kind of array takes its kind and device.
    return listed if xp is numpy_namespace else xp.asarray(listed, device=device(arrays[0]))


def _from_sequence(masks: Any, name: str) -> np.ndarray[Any, Any]:
    if not isinstance(masks, list | tuple):
        raise ArgumentError(f"{name} must be an array or a list of masks, got {type(masks).__name__}")
    check_innermost(masks, name)
    try:
        return np.asarray(masks) if len(masks) else np.zeros((0, 0, 0), dtype=np.bool_)
    except ValueError:
        raise ArgumentError(f"{name} holds masks of different sizes: compare them one by one") from None


def _masks(xp: Namespace, masks: Array, name: str) -> Array:
    if len(masks.shape) != 3:
        raise ArgumentError(f"{name} must have the shape [N, H, W], got {list(masks.shape)}")
    if xp.isdtype(masks.dtype, "bool"):
        return masks
    if not xp.isdtype(masks.dtype, "integral"):
        raise ArgumentError(f"{name} must be boolean, or integral with 0 for what is off, got {masks.dtype}")
    return masks != 0
