"""The array API's functions for tensors, without what each costs to mend.

array-api-compat mends the dtypes of every call for tensors of different ones, which costs as much as the call itself.
Here all have one dtype before a formula begins, so PyTorch's own functions do for those that formulas call most.

Imported where a tensor comes in. It is a module, as array-api-compat's namespaces are: PyTorch's compiler can look
through those.
"""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import torch
from array_api_compat import torch as mended

__all__ = ["SCORES", "expand_dims", "is_torch", "maximum", "minimum", "scores_at_once", "where"]

Array: TypeAlias = Any

# Scores of a block for each thread: an operation is shared out among them, and starting them costs.
SCORES = 65_536

# What tells this namespace from others.
is_torch = True

where = torch.where


def maximum(values: Array, other: Any) -> Array:
    """Return the larger of each, beside a tensor or a number."""
    return torch.clamp_min(values, other) if isinstance(other, float) else torch.maximum(values, other)


def minimum(values: Array, other: Any) -> Array:
    """Return the smaller of each, beside a tensor or a number."""
    return torch.clamp_max(values, other) if isinstance(other, float) else torch.minimum(values, other)


def expand_dims(values: Array, *, axis: int) -> Array:
    """Return the values with one more axis, of length 1."""
    return values.unsqueeze(axis)


def scores_at_once(values: Array) -> int:
    """Return how many scores a block should have."""
    # What is compiled makes no temporaries.
    if torch.compiler.is_compiling() or values.device.type != "cpu":
        return sys.maxsize
    return SCORES * torch.get_num_threads()


def __getattr__(name: str) -> Any:
    """Return array-api-compat's own function."""
    return getattr(mended, name)
