"""Changes to the JSON inside an input, one place at a time; changes to bytes alone seldom keep it JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

__all__ = ["mutate"]

_ODD: tuple[Any, ...] = (None, True, "5", "", [], {}, 0, -1, 1000, 1001, 0.5, 1e308, 2**64, [1, 2], {"0": [1, 2, 3, 4]})
_KEYS = ("0", "1", "-0", "01", "1.0", "1234567890", "time", "boxes", "bbox_2d", "label", "positive_points", "")


def mutate(data: bytes, seed: int) -> bytes | None:
    """Return an input with one place of its JSON changed, or None where it holds no JSON object."""
    start, end = data.find(b"{"), data.rfind(b"}") + 1
    try:
        value = json.loads(data[start:end]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return None
    rng = random.Random(seed)
    places = list(_places(value))
    inside, key = rng.choice(places) if places else (value, "boxes")
    rng.choice(_CHANGES)(inside, key, rng, places)
    return data[:start] + json.dumps(value).encode() + data[end:]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container with every one of its keys or positions."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    return [found for key in keys for found in ((value, key), *_places(value[key]))]


def _replace(inside: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    inside[key] = deepcopy(rng.choice(_ODD))


def _copy(inside: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    other, other_key = rng.choice(places) if places else (inside, key)
    inside[key] = deepcopy(other[other_key]) if places else 1


def _wrap(inside: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    inside[key] = [inside[key]] if places else []


def _drop(inside: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    if places:
        del inside[key]


def _add(inside: Any, key: Any, rng: random.Random, places: list[tuple[Any, Any]]) -> None:
    added = deepcopy(inside[key]) if places else 1
    if isinstance(inside, dict):
        inside[rng.choice(_KEYS)] = added
    else:
        inside.append(added)


_CHANGES: tuple[Callable[[Any, Any, random.Random, list[tuple[Any, Any]]], None], ...] = (
    _replace,
    _copy,
    _wrap,
    _drop,
    _add,
)
