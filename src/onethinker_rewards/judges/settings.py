"""Judges from settings: what a command line or a configuration says of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, cast

from onethinker_rewards import judges
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks import RowJudge

# The classes by the names that settings give them. A rubric has criteria, which need a recipe in Python.
KINDS: Mapping[str, str] = {"chat": "ChatJudge", "polar": "PolarJudge", "classifier": "ClassifierJudge"}


def make_judge(settings: Mapping[str, Any]) -> RowJudge:
    """Return the judge that settings describe.

    Args:
        settings: ``kind``, one of `KINDS`; without it a URL that ends in ``/v1`` is a chat's and any other POLAR's.
            All other keys are those of the judge's class, which explains them.

    Raises:
        ArgumentError: If the kind or a key is unknown, ``url`` is missing, a value is out of its range, or the extra
            ``judge`` is not installed.

    >>> make_judge({"url": "http://localhost:8000/v1", "model": "qwen3", "timeout": 10.0})
    ChatJudge('http://localhost:8000/v1', model='qwen3', timeout=10.0)
    """
    given = _plain(settings)
    url = given.get("url")
    if not isinstance(url, str):
        raise ArgumentError("judge: url is missing, such as http://localhost:8000/v1")
    kind = given.pop("kind", None) or ("chat" if url.rstrip("/").endswith("/v1") else "polar")
    if kind not in KINDS:
        raise ArgumentError(f"judge: no kind {kind!r}; there are {', '.join(KINDS)}")
    try:
        made = getattr(judges, KINDS[kind])
    except ImportError as error:
        raise ArgumentError(f"judge: {error}") from None
    names = [field.name for field in fields(made) if field.init]
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, 1)
            raise ArgumentError(
                f"judge: {KINDS[kind]} has no {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
    try:
        return made(**given)
    except TypeError as error:
        raise ArgumentError(f"judge: {error}") from None


def _plain(value: Any) -> Any:
    """Return a configuration's mappings and lists as Python's own, which JSON takes."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value
