"""How a metric takes its two arrays: of one kind, in a dtype fit to compute in, of the shapes it needs.

The kinds are those of the Python array API standard. Nothing here copies an array to another device, and
nothing looks at its values, so a metric can be traced and differentiated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import (
    array_namespace,
    device,
    is_array_api_obj,
    is_cupy_array,
    is_numpy_array,
    is_torch_array,
)
from numpy.typing import NDArray

from onethinker_rewards.errors import ArgumentError

# The standard has no type of which the arrays of NumPy, PyTorch, CuPy and JAX are all instances.
Array: TypeAlias = Any
Namespace: TypeAlias = Any


def aligned(predicted: Array, reference: Array, row: tuple[int, ...]) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both arrays, each ``[N, *row]`` with the same N."""
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
    xp = _namespace(predicted, reference)
    predicted, reference = (
        _numbers(xp, predicted, reference, "predicted"),
        _numbers(xp, reference, predicted, "reference"),
    )
    if xp is not np and device(predicted) != device(reference):
        raise ArgumentError(f"predicted is on {device(predicted)} and reference on {device(reference)}")
    if predicted.dtype == reference.dtype and predicted.dtype in (xp.float32, xp.float64):
        return xp, predicted, reference
    dtype = xp.result_type(
        _computing_dtype(xp, predicted.dtype, "predicted"), _computing_dtype(xp, reference.dtype, "reference")
    )
    return xp, xp.astype(predicted, dtype, copy=False), xp.astype(reference, dtype, copy=False)


def aligned_masks(predicted: Array, reference: Array) -> tuple[Namespace, Array, Array]:
    """Return the namespace and both stacks of masks, ``[N, H, W]`` boolean.

    Raises:
        ArgumentError: If the shapes or kinds differ, or a dtype is neither boolean nor integral.
    """
    xp = _namespace(predicted, reference)
    predicted, reference = _masks(xp, predicted, reference, "predicted"), _masks(xp, reference, predicted, "reference")
    if predicted.shape != reference.shape:
        shapes = f"{list(predicted.shape)} and {list(reference.shape)}"
        raise ArgumentError(f"predicted and reference must have the same shape, got {shapes}")
    return xp, predicted, reference


def on_cpu(array: Array) -> np.ndarray[Any, Any]:
    """Return an array of any kind as NumPy's, without its gradient."""
    if is_torch_array(array):
        array = array.detach().cpu()
    return array.get() if is_cupy_array(array) else np.asarray(array)


def polygon_lists(
    predicted: Sequence[Array] | Array, reference: Sequence[Array] | Array
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return both sides as N polygons, ``[K, 2]`` each.

    Raises:
        ArgumentError: If the lengths differ, or a polygon is not a list of pairs of numbers.
    """
    first, second = _polygons(predicted, "predicted"), _polygons(reference, "reference")
    if len(first) != len(second):
        raise ArgumentError(f"predicted has {len(first)} rows and reference has {len(second)}")
    return first, second


def _polygons(polygons: Sequence[Array] | Array, name: str) -> list[NDArray[np.float64]]:
    shapes: list[NDArray[np.float64]] = []
    for row, corners in enumerate(on_cpu(polygons) if is_array_api_obj(polygons) else polygons):
        try:
            shape = on_cpu(corners).astype(np.float64).reshape(len(corners), 2)
        except (TypeError, ValueError):
            raise ArgumentError(f"{name}, row {row}: expected [K, 2] corners, got {corners!r:.80}") from None
        shapes.append(shape)
    return shapes


def like(array: Array, scores: NDArray[np.float64]) -> Array:
    """Return scores that were computed on the CPU as an array of the kind of ``array``, on its device."""
    xp = _namespace(array, array)
    dtype = _computing_dtype(xp, array.dtype, "predicted")
    return scores.astype(dtype, copy=False) if xp is np else xp.asarray(scores, dtype=dtype, device=device(array))


def without_warnings(xp: Namespace) -> AbstractContextManager[object]:
    """Return a context in which NumPy computes NaN for what is undefined without warning of it."""
    # The other kinds never warn, and PyTorch's compiler cannot trace what silences NumPy.
    return np.errstate(all="ignore") if xp is np else nullcontext()


def default_float(xp: Namespace) -> Any:
    """Return the kind's default floating dtype."""
    return xp.__array_namespace_info__().default_dtypes()["real floating"]


def _namespace(predicted: Array, reference: Array) -> Namespace:
    """Return the namespace that both share; a list fits any."""
    arrays: list[Array] = [array for array in (predicted, reference) if is_array_api_obj(array)]
    try:
        # NumPy is its own namespace since 2.1; array_api_compat's would import all of NumPy for it.
        return np if all(map(is_numpy_array, arrays)) else array_namespace(*arrays)
    except TypeError:
        kinds = f"{_kind(predicted)} and {_kind(reference)}"
        raise ArgumentError(f"predicted and reference must be arrays of one kind, got {kinds}") from None


def _numbers(xp: Namespace, values: Array, other: Array, name: str) -> Array:
    """Return an array as it is, and a list of numbers as one."""
    if is_array_api_obj(values):
        return values
    if not isinstance(values, list | tuple):
        raise ArgumentError(f"{name} must be an array or a list of numbers, got {_kind(values)}")
    _check_innermost(values, name)
    try:
        array = np.asarray(values)
    except ValueError:
        raise ArgumentError(f"{name} is ragged: its rows differ in length") from None
    if array.dtype.kind not in "iuf":
        raise ArgumentError(f"{name} must hold numbers, got {array.dtype}")
    array = array.astype(np.float64, copy=False)
    # A list compared with another kind of array takes its kind, device and precision.
    return array if xp is np else xp.asarray(array, dtype=_computing_dtype(xp, other.dtype, name), device=device(other))


def _masks(xp: Namespace, masks: Array, other: Array, name: str) -> Array:
    """Return ``[N, H, W]`` booleans of an array or a list of masks."""
    stack: Array = masks
    if not is_array_api_obj(masks):
        if not isinstance(masks, list | tuple):
            raise ArgumentError(f"{name} must be an array or a list of masks, got {type(masks).__name__}")
        _check_innermost(masks, name)
        try:
            listed = np.asarray(masks) if len(masks) else np.zeros((0, 0, 0), dtype=np.bool_)
        except ValueError:
            raise ArgumentError(f"{name} holds masks of different sizes: compare them one by one") from None
        stack = listed if xp is np else xp.asarray(listed, device=device(other))
    if len(stack.shape) != 3:
        raise ArgumentError(f"{name} must have the shape [N, H, W], got {list(stack.shape)}")
    if xp.isdtype(stack.dtype, "bool"):
        return stack
    if not xp.isdtype(stack.dtype, "integral"):
        raise ArgumentError(f"{name} must be boolean, or integral with 0 for what is off, got {stack.dtype}")
    return stack != 0


def _check_innermost(values: Any, name: str) -> None:
    """Raise where a list holds arrays of another kind: NumPy would take them off their device and their gradients."""
    while isinstance(values, list | tuple) and values:
        values = values[0]
    if is_array_api_obj(values) and not is_numpy_array(values):
        raise ArgumentError(f"{name} is a list of {_kind(values)}: stack them into one array")


def _rows(array: Array, name: str, row: tuple[int, ...]) -> Array:
    shape = array.shape
    if shape and shape[1:] == row:
        return array
    if shape == (0,):
        # An empty list has no second axis, and an empty batch is no mistake.
        return array.reshape((0, *row))
    wanted = ", ".join(["N", *map(str, row)])
    raise ArgumentError(f"{name} must have the shape [{wanted}], got {list(shape)}")


def _computing_dtype(xp: Namespace, dtype: Any, name: str) -> Any:
    if xp.isdtype(dtype, "integral"):
        return default_float(xp)
    if not xp.isdtype(dtype, "real floating"):
        raise ArgumentError(f"{name} must hold real numbers, got {dtype}")
    # 11 bits of a half-precision number cannot hold the area of a box of 1000 by 1000.
    return xp.float32 if xp.finfo(dtype).bits < 32 else dtype


def _kind(values: object) -> str:
    return f"{type(values).__module__}.{type(values).__qualname__}"
