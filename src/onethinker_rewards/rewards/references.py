"""References as callers have them: text, the object itself, or several of which the best counts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from pydantic import BaseModel, RootModel

from onethinker_rewards._validation import as_list
from onethinker_rewards.errors import ArgumentError

_SHOWN = 80
_WANTED = "expected text, a number, a list, a mapping, a pydantic model or AnyOf"


@dataclass(frozen=True, slots=True, init=False)
class AnyOf:
    """Several references of one row; the one that gives the highest accuracy counts, of equal ones the first.

    Args:
        references: At least one reference, as text or as the object itself.

    Raises:
        ArgumentError: If it is not a list, is empty, or holds another `AnyOf`.

    >>> import onethinker_rewards as otr
    >>> said = "<think>It is a car.</think><answer>automobile</answer>"
    >>> otr.score([said], [AnyOf(["car", "automobile"])], "ocr").accuracy.tolist()
    [1.0]
    """

    references: tuple[Any, ...]

    def __init__(self, references: Sequence[Any]) -> None:
        if not isinstance(references, list | tuple) and not hasattr(references, "tolist"):
            raise ArgumentError(f"AnyOf takes a list of references, not {type(references).__name__}")
        given = [*references]
        if not given:
            raise ArgumentError("AnyOf needs at least one reference")
        if any(isinstance(reference, AnyOf) for reference in given):
            raise ArgumentError("AnyOf holds references, not another AnyOf")
        object.__setattr__(self, "references", tuple(given))

    def __len__(self) -> int:
        return len(self.references)


def reference_texts(references: Any) -> list[list[str]]:
    """Return the texts of each row's references: one, or as many as its `AnyOf` has.

    Raises:
        ArgumentError: Naming the row whose reference is none, and which of an `AnyOf` it is.
    """
    rows = as_list("references", references)
    if set(map(type, rows)) <= {str}:
        return [[text] for text in rows]
    # Rollouts of a group share one object, which needs to be written only once.
    known: dict[int, list[str]] = {}
    for row, reference in enumerate(rows):
        if id(reference) not in known:
            known[id(reference)] = _texts_of(reference, f"references, row {row}")
    return [known[id(reference)] for reference in rows]


def _texts_of(reference: Any, name: str) -> list[str]:
    if not isinstance(reference, AnyOf):
        return [reference_text(reference, name)]
    count = len(reference)
    return [
        reference_text(one, f"{name}, reference {number} of {count}")
        for number, one in enumerate(reference.references, start=1)
    ]


def reference_text(reference: Any, name: str = "reference") -> str:
    """Return one reference as text.

    A list, a mapping and a model become JSON. The None entries of a mapping are left out, because Arrow adds them to
    objects that share a column. Arrays, tensors and their scalars count as the lists and numbers that they hold.

    Args:
        reference: Text, a number, a list, a mapping or a pydantic model.
        name: What to call it in an error.

    Raises:
        ArgumentError: If it is something else, or a number that is not finite.

    >>> reference_text({"time": [3, 8.5], "boxes": None}), reference_text(7)
    ('{"time": [3, 8.5]}', '7')
    """
    if isinstance(reference, str):
        # Not `str(text)`, which is the name of an enumeration's member and not its value.
        return str.__str__(reference)
    if isinstance(reference, Decimal) and reference.is_finite():
        # With all of its digits.
        return str(reference)
    value = _plain(reference, name)
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        raise ArgumentError(f"{name}: {_WANTED}, got {type(reference).__name__}")
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _plain(value: Any, name: str) -> Any:
    """Return a value as JSON has it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal):
        value = float(value)
        if not math.isfinite(value):
            raise ArgumentError(f"{name}: {value} is not a finite number")
        return value
    if isinstance(value, BaseModel):
        # Its None are meant so: a hidden point of a track.
        return value.root if isinstance(value, RootModel) and isinstance(value.root, str) else _dumped(value)
    if isinstance(value, Mapping):
        members = cast("Mapping[Any, Any]", value).items()
        return {_key(key, name): _plain(member, name) for key, member in members if member is not None}
    if isinstance(value, list | tuple):
        return [_plain(member, name) for member in cast("Sequence[Any]", value)]
    if hasattr(value, "tolist"):
        return _plain(value.tolist(), name)
    raise ArgumentError(f"{name}: {_WANTED}, got {type(value).__name__}")


def _dumped(model: BaseModel) -> Any:
    return model.model_dump(mode="json", by_alias=True, round_trip=True)


def _key(key: Any, name: str) -> str:
    """Return a key as text; that of a frame may be a whole number."""
    key = key.tolist() if hasattr(key, "tolist") else key
    if isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool)):
        return str(key)
    raise ArgumentError(f"{name}: a key is text or a whole number, not {repr(key)[:_SHOWN]}")
