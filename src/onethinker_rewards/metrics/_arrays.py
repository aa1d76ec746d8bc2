"""How a metric takes its two arrays: of one kind, in a dtype fit to compute in, of the shapes it needs.

The kinds are those of the Python array API standard. Nothing here copies an array to another device, and
nothing looks at its values, so a metric can be traced and differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, is_numpy_array, is_torch_namespace

from onethinker_rewards.errors import ArgumentError

__all__ = [
    "Array",
    "Namespace",
    "aligned",
    "are_plain",
    "check_innermost",
    "crossed",
    "numpy_namespace",
    "of_one_kind",
]

# The standard has no type that all of NumPy, PyTorch, CuPy and JAX answer to.
Array: TypeAlias = Any
Namespace: TypeAlias = Any

# NumPy is its own namespace since 2.1; array_api_compat's would import all of NumPy for it.
numpy_namespace: Namespace = np

_FLOAT64 = np.dtype(np.float64)
# What two arrays of one class and dtype, which need no conversion, compute with: finding out takes long.
_namespaces: dict[tuple[type, Any], Namespace] = {}


def aligned(predicted: Array, reference: Array, row: tuple[int, ...]) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both arrays, each ``[N, *row]`` with the same N."""
    # Most calls are of this kind, and many of few rows: looking closer would cost a tenth of the formula.
    if (
        type(predicted) is np.ndarray
        and type(reference) is np.ndarray
        and predicted.dtype is _FLOAT64
        and reference.dtype is _FLOAT64
        and predicted.shape == reference.shape
        and predicted.shape[1:] == row
        and predicted.ndim
    ):
        return numpy_namespace, predicted, reference
    xp, predicted, reference = crossed(predicted, reference, row)
    if predicted.shape[0] != reference.shape[0]:
        raise ArgumentError(f"predicted has {predicted.shape[0]} rows and reference has {reference.shape[0]}")
    return xp, predicted, reference


def crossed(predicted: Array, reference: Array, row: tuple[int, ...]) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both arrays, ``[N, *row]`` and ``[M, *row]``."""
    xp, predicted, reference = of_one_kind(predicted, reference)
    return xp, _rows(predicted, "predicted", row), _rows(reference, "reference", row)


def of_one_kind(predicted: Array, reference: Array) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both arrays in the one floating dtype to compute in."""
    xp = _known_namespace(predicted, reference)
    if xp is not None:
        return xp, predicted, reference
    xp, predicted, reference = _same_namespace(predicted, reference)
    if xp is not numpy_namespace and device(predicted) != device(reference):
        raise ArgumentError(f"predicted is on {device(predicted)} and reference on {device(reference)}")
    dtype = xp.result_type(
        _computing_dtype(xp, predicted.dtype, "predicted"), _computing_dtype(xp, reference.dtype, "reference")
    )
    if type(predicted) is type(reference) and predicted.dtype == reference.dtype == dtype:
        _namespaces[type(predicted), dtype] = xp
    return xp, xp.astype(predicted, dtype, copy=False), xp.astype(reference, dtype, copy=False)


def _known_namespace(predicted: Array, reference: Array) -> Namespace | None:
    kind = type(predicted)
    if kind is not type(reference) or kind is list or kind is tuple:
        return None
    dtype = getattr(predicted, "dtype", None)
    alike = dtype == getattr(reference, "dtype", None)
    if alike and kind is not np.ndarray:
        alike = getattr(predicted, "device", None) == getattr(reference, "device", None)
    return _namespaces.get((kind, dtype)) if alike else None


def are_plain(predicted: Array, reference: Array) -> bool:
    """Say whether both are NumPy's own arrays, not of a subclass with rules of its own."""
    return type(predicted) is np.ndarray and type(reference) is np.ndarray


def _rows(array: Array, name: str, row: tuple[int, ...]) -> Array:
    shape = array.shape
    if shape[1:] == row and shape:
        return array
    if shape == (0,):
        # An empty list has no second axis, and an empty batch is no mistake.
        return array.reshape((0, *row))
    wanted = ", ".join(["N", *map(str, row)])
    raise ArgumentError(f"{name} must have the shape [{wanted}], got {list(shape)}")


def _same_namespace(predicted: Array, reference: Array) -> tuple[Namespace, Array, Array]:
    arrays: list[Array] = [array for array in (predicted, reference) if is_array_api_obj(array)]
    try:
        xp = numpy_namespace if all(map(is_numpy_array, arrays)) else _lean(array_namespace(*arrays))
    except TypeError:
        kinds = f"{_kind(predicted)} and {_kind(reference)}"
        raise ArgumentError(f"predicted and reference must be arrays of one kind, got {kinds}") from None
    return xp, _as_array(xp, predicted, reference, "predicted"), _as_array(xp, reference, predicted, "reference")


def _lean(xp: Namespace) -> Namespace:
    if not is_torch_namespace(xp):
        return xp
    from onethinker_rewards.metrics import _torch  # noqa: PLC0415 - who has a tensor has imported torch

    return _torch


def _as_array(xp: Namespace, values: Array, other: Array, name: str) -> Array:
    if is_array_api_obj(values):
        return values
    listed = _from_sequence(values, name)
    if xp is numpy_namespace:
        return listed
    # A list beside another kind of array takes its kind, device and precision.
    return xp.asarray(listed, dtype=_computing_dtype(xp, other.dtype, name), device=device(other))


def _from_sequence(values: Sequence[object], name: str) -> np.ndarray[Any, Any]:
    if not isinstance(values, list | tuple):
        raise ArgumentError(f"{name} must be an array or a list of numbers, got {_kind(values)}")
    check_innermost(values, name)
    try:
        array = np.asarray(values)
    except ValueError:
        raise ArgumentError(f"{name} is ragged: its rows differ in length") from None
    if array.dtype.kind not in "iuf":
        raise ArgumentError(f"{name} must hold numbers, got {array.dtype}")
    return array.astype(np.float64, copy=False)


def check_innermost(values: Any, name: str) -> None:
    """Raise where a list holds arrays of another kind: NumPy would take them off their device and their gradients."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    if is_array_api_obj(values) and not is_numpy_array(values):
        raise ArgumentError(f"{name} is a list of {_kind(values)}: stack them into one array")


def _computing_dtype(xp: Namespace, dtype: Any, name: str) -> Any:
    if xp.isdtype(dtype, "integral"):
        return xp.__array_namespace_info__().default_dtypes()["real floating"]
    if not xp.isdtype(dtype, "real floating"):
        raise ArgumentError(f"{name} must hold real numbers, got {dtype}")
    # 11 bits of a half-precision number cannot hold the area of a box of 1000 by 1000.
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def _kind(values: object) -> str:
    return f"{type(values).__module__}.{type(values).__qualname__}"
