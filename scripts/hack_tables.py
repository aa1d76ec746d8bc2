"""What `docs/hacks.md` shows of the tricks: one function a block, from its page to Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts.hacks import PEER_NUMBERS, RECIPES

from onethinker_rewards.hacks import Scored, Trick, Verdict, read_tricks

__all__ = ["HACK_BLOCKS"]

_Results = Mapping[str, Mapping[str, Scored]]


def hack_counts(page: Path) -> str:
    """How many tricks pay under each reward function."""
    rows = [
        (name, str(len(scored)), _count(scored, Verdict.PAYS), _count(scored, Verdict.NO_NUMBER))
        for name, scored in _results().items()
    ]
    return _table(("reward", "tricks it has a say on", "pay", "get no number"), rows)


def hack_tricks(page: Path) -> str:
    """All tricks, a table a task."""
    results = _results()
    groups = groupby(read_tricks(), key=lambda trick: trick.task)
    return "\n\n".join(f"### {task}\n\n{_task_table(list(tricks), results)}" for task, tricks in groups)


HACK_BLOCKS: dict[str, Callable[[Path], str]] = {block.__name__: block for block in (hack_counts, hack_tricks)}


def _results() -> _Results:
    """Return what every reward function that has a say on a trick makes of it."""
    tricks = read_tricks()
    ours = {f"`{name}`": {trick.id: getattr(trick, name) for trick in tricks} for name in RECIPES}
    theirs: dict[str, dict[str, Any]] = json.loads(PEER_NUMBERS.read_text(encoding="utf-8"))
    return ours | {peer: {key: _scored(*row) for key, row in rows.items()} for peer, rows in theirs.items()}


def _scored(trick: float | None, honest: float | None, verdict: str) -> Scored:
    nan = float("nan")
    return Scored(nan if trick is None else trick, nan if honest is None else honest, verdict)


def _count(scored: Mapping[str, Scored], verdict: Verdict) -> str:
    return str(sum(result.verdict == verdict for result in scored.values()))


def _task_table(tricks: list[Trick], results: _Results) -> str:
    shown = {name: scored for name, scored in results.items() if any(trick.id in scored for trick in tricks)}
    rows = [
        (
            f"`{trick.id}`",
            trick.tries,
            trick.compared_with,
            *(_shown(scored.get(trick.id)) for scored in shown.values()),
        )
        for trick in tricks
    ]
    return _table(("trick", "what it tries", "compared with", *shown), rows)


def _shown(scored: Scored | None) -> str:
    if scored is None:
        return ""
    if scored.verdict == Verdict.NO_NUMBER:
        return "**no number**"
    if scored.verdict == Verdict.PAYS:
        return f"**{scored.trick:.2f} > {scored.honest:.2f}**"
    return f"{scored.trick:.2f} ≤ {scored.honest:.2f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *map(tuple, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
