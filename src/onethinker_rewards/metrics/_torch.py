"""The array API's functions for tensors, without what each costs to mend.

array-api-compat mends the dtypes of every call for tensors of different ones, which costs as much as the call itself.
Here all have one dtype before a formula begins, so PyTorch's own functions do for those that formulas call most.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any, TypeAlias

__all__ = ["SCORES", "lean_namespace"]

Array: TypeAlias = Any

# Scores of a block for each thread: an operation is shared out among them, and starting them costs.
SCORES = 65_536


def lean_namespace(mended: ModuleType) -> SimpleNamespace:
    """Return array-api-compat's namespace of PyTorch with PyTorch's own functions where they do."""
    import torch  # noqa: PLC0415 - who has a tensor has imported it

    def maximum(values: Array, other: Any) -> Array:
        return torch.clamp_min(values, other) if isinstance(other, float) else torch.maximum(values, other)

    def minimum(values: Array, other: Any) -> Array:
        return torch.clamp_max(values, other) if isinstance(other, float) else torch.minimum(values, other)

    def scores_at_once(values: Array) -> int:
        return SCORES * torch.get_num_threads() if values.device.type == "cpu" else sys.maxsize

    def expand_dims(values: Array, *, axis: int) -> Array:
        return values.unsqueeze(axis)

    return SimpleNamespace(
        **{
            **vars(mended),
            "expand_dims": expand_dims,
            "is_torch": True,
            "maximum": maximum,
            "minimum": minimum,
            "scores_at_once": scores_at_once,
            "where": torch.where,
        }
    )
