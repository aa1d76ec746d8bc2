"""Encodes ids of any kind as integers 0…C−1, without a loop over rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias, cast
from uuid import UUID

import numpy as np
import torch
from torch import Tensor

from onethinker_rewards.errors import ArgumentError

Label: TypeAlias = Hashable
Ids: TypeAlias = "Sequence[Label] | Iterable[Label] | np.ndarray | Tensor"
TaskKey: TypeAlias = "Callable[[Label], Label] | Mapping[Label, Label]"

_SHOWN = 5


def encode(ids: Ids, name: str, device: torch.device) -> tuple[Tensor, tuple[Label, ...]]:
    """Return each row's code and the distinct ids the codes stand for.

    Args:
        ids: ``[N]`` ints, strings, UUIDs or other hashable values; a list, a NumPy array or a tensor.
        name: The argument's name, for the error.
        device: Where the codes shall lie.

    Returns:
        Codes ``[N]``, int64, and the ``C`` distinct ids in the order of their codes.

    Raises:
        ArgumentError: If ``ids`` is one string, has other than one dimension, has a NaN, which equals no other row's
            id, or has the same id in two types, such as 1 and "1".
    """
    if isinstance(ids, (str, bytes)):
        raise ArgumentError(f"{name}: give one id a row, not one string")
    if isinstance(ids, (Tensor, np.ndarray)) and ids.ndim != 1:
        raise ArgumentError(f"{name}: expected one dimension, got shape {tuple(ids.shape)}")
    if isinstance(ids, Tensor):
        if ids.is_floating_point():
            _refuse_nan(ids.isnan().nonzero()[:, 0].tolist(), name)
        distinct, codes = torch.unique(ids, return_inverse=True)
        return codes.to(device), tuple(distinct.tolist())
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "biuf":
        _refuse_nan(np.isnan(ids).nonzero()[0].tolist(), name)
        distinct, codes = np.unique(ids, return_inverse=True)
        return torch.from_numpy(codes).to(device), tuple(distinct.tolist())
    return _encode_hashable(ids.tolist() if isinstance(ids, np.ndarray) else list(ids), name, device)


def _encode_hashable(ids: list[Label], name: str, device: torch.device) -> tuple[Tensor, tuple[Label, ...]]:
    # Both passes run inside the interpreter's C code; sorting strings or UUIDs would cost several times more.
    try:
        distinct = tuple(dict.fromkeys(ids))
    except TypeError as error:
        raise ArgumentError(f"{name}: ids must be hashable ({error})") from error
    _check_distinct(distinct, ids, name)
    code_of = {label: code for code, label in enumerate(distinct)}
    codes = np.fromiter(map(code_of.__getitem__, ids), dtype=np.int64, count=len(ids))
    return torch.from_numpy(codes).to(device), distinct


def _check_distinct(distinct: tuple[Label, ...], ids: list[Label], name: str) -> None:
    if any(label != label for label in distinct):  # noqa: PLR0124 - as only NaN does
        _refuse_nan([row for row, label in enumerate(ids) if label != label], name)  # noqa: PLR0124
    if len(set(map(type, distinct))) > 1:
        label_of_text: dict[str, Label] = {}
        for label in distinct:
            other = label_of_text.setdefault(str(label), label)
            if other is not label:
                rows = f"rows {ids.index(other)} and {ids.index(label)}"
                raise ArgumentError(f"{name}: {rows} have the same id in two types, {other!r} and {label!r}")


def _refuse_nan(rows: list[int], name: str) -> None:
    if rows:
        more = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        raise ArgumentError(f"{name}: NaN is no id, in rows {', '.join(map(str, rows[:_SHOWN]))}{more}")


def canonical(label: Label) -> Label:
    """Return a task label as the plain built-in that a state file can hold.

    NumPy scalars become Python's, string enumerations their text, UUIDs their 36 characters.

    Raises:
        ArgumentError: If the label is no string, number other than NaN, UUID, None or tuple of them.
    """
    if isinstance(label, np.generic):
        return canonical(cast("Label", label.item()))
    if isinstance(label, str):
        return str.__str__(label)
    if isinstance(label, int):
        return int(label)
    if isinstance(label, UUID):
        return str(label)
    if isinstance(label, tuple):
        return tuple(map(canonical, cast("tuple[Label, ...]", label)))
    if label is None or (isinstance(label, float) and not math.isnan(label)):
        return label
    raise ArgumentError(f"tasks: a label must be a string, a number, a UUID or a tuple of them, got {label!r}")


def keyed(label: Label, task_key: TaskKey | None) -> Label:
    """Return the label whose statistics a task uses: its family where it has one, else itself."""
    if task_key is None:
        return canonical(label)
    return canonical(task_key.get(label, label) if isinstance(task_key, Mapping) else task_key(label))
