"""Encodes ids of any kind as integers 0…C−1, without a loop over rows."""

from __future__ import annotations

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


def encode(ids: Ids, name: str, device: torch.device) -> tuple[Tensor, tuple[Label, ...]]:
    """Return each row's code and the distinct ids the codes stand for.

    Args:
        ids: ``[N]`` ints, strings, UUIDs or other hashable values; a list, a NumPy array or a tensor.
        name: The argument's name, for the error.
        device: Where the codes shall lie.

    Returns:
        Codes ``[N]``, int64, and the ``C`` distinct ids in the order of their codes.

    Raises:
        ArgumentError: If ``ids`` is one string or has other than one dimension.
    """
    if isinstance(ids, (str, bytes)):
        raise ArgumentError(f"{name}: give one id a row, not one string")
    if isinstance(ids, (Tensor, np.ndarray)) and ids.ndim != 1:
        raise ArgumentError(f"{name}: expected one dimension, got shape {tuple(ids.shape)}")
    if isinstance(ids, Tensor):
        distinct, codes = torch.unique(ids, return_inverse=True)
        return codes.to(device), tuple(distinct.tolist())
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "biuf":
        distinct, codes = np.unique(ids, return_inverse=True)
        return torch.from_numpy(codes).to(device), tuple(distinct.tolist())
    return _encode_hashable(ids.tolist() if isinstance(ids, np.ndarray) else list(ids), name, device)


def _encode_hashable(ids: list[Label], name: str, device: torch.device) -> tuple[Tensor, tuple[Label, ...]]:
    # Both passes run inside the interpreter's C code; sorting strings or UUIDs would cost several times more.
    try:
        distinct = tuple(dict.fromkeys(ids))
    except TypeError as error:
        raise ArgumentError(f"{name}: ids must be hashable ({error})") from error
    code_of = {label: code for code, label in enumerate(distinct)}
    codes = np.fromiter(map(code_of.__getitem__, ids), dtype=np.int64, count=len(ids))
    return torch.from_numpy(codes).to(device), distinct


def canonical(label: Label) -> Label:
    """Return a task label as the plain built-in that a state file can hold.

    NumPy scalars become Python's, string enumerations their text, UUIDs their 36 characters.

    Raises:
        ArgumentError: If the label is no string, number, UUID, None or tuple of them.
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
    if label is None or isinstance(label, float):
        return label
    raise ArgumentError(f"tasks: a label must be a string, a number, a UUID or a tuple of them, got {label!r}")


def keyed(label: Label, task_key: TaskKey | None) -> Label:
    """Return the label whose statistics a task uses: its family where it has one, else itself."""
    if task_key is None:
        return canonical(label)
    return canonical(task_key.get(label, label) if isinstance(task_key, Mapping) else task_key(label))
