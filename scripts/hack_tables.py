"""What `docs/hacks.md` and `docs/public-rewards.md` show of the tricks: one function a block, from page to Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from scripts.hacks import PEER_NUMBERS, PUBLIC_NUMBERS, RECIPES
from tests.hacks.public_rewards import PUBLIC_TASKS

from onethinker_rewards.hacks import LEAST_GAIN, Scored, Trick, Verdict, read_tricks

__all__ = ["HACK_BLOCKS"]

_Results = Mapping[str, Mapping[str, Scored]]


def hack_counts(page: Path) -> str:
    """How many tricks pay under each reward function."""
    rows = [
        (name, str(len(scored)), _count(scored, Verdict.PAYS), _count(scored, Verdict.NO_NUMBER))
        for name, scored in _results().items()
    ]
    return _table(("reward", "tricks tried", "pay", "get no number"), rows)


def hack_tricks(page: Path) -> str:
    """All tricks, a table a task."""
    results = _results()
    groups = groupby(read_tricks(), key=lambda trick: trick.task)
    return "\n\n".join(f"### {task}\n\n{_task_table(list(tricks), results)}" for task, tricks in groups)


def public_counts(page: Path) -> str:
    """How many tricks pay under each public reward, how many cost nothing, and the largest gain."""
    ours = _kept(read_tricks(), "paper")
    rows = [
        (
            name,
            ", ".join(f"`{task}`" for task in PUBLIC_TASKS[name]),
            str(len(results)),
            str(sum(verdict == Verdict.PAYS for *_, verdict in results.values())),
            str(sum(verdict == Verdict.NO_NUMBER for *_, verdict in results.values())),
            str(sum(_costs_nothing(ours[key], row) for key, row in results.items())),
            _largest(results),
        )
        for name, results in _read(PUBLIC_NUMBERS).items()
    ]
    return _table(("reward", "tasks", "tricks tried", "pay", "get no number", "cost nothing", "largest gain"), rows)


def _costs_nothing(ours: Scored, row: list[Any]) -> bool:
    """Return whether an answer earns as much as its counterpart, though by our formula it is worth less."""
    *_, gain, verdict = row
    # What we cannot read has a total below 1, and is another matter: it may be said as well in another syntax.
    worse = 1 <= ours.trick < ours.honest - LEAST_GAIN
    return worse and verdict == Verdict.HARMLESS and gain >= -LEAST_GAIN


def _largest(results: Mapping[str, list[Any]]) -> str:
    gains = {key: gain for key, (*_, gain, verdict) in results.items() if verdict == Verdict.PAYS}
    if not gains:
        return ""
    # Of several that gain as much, the first.
    key = max(gains, key=gains.__getitem__)
    return f"{gains[key]:.2f}, `{key}`"


def public_tricks(page: Path) -> str:
    """What tricks earn under `paper` and the public rewards, a table a task that one of these is for."""
    theirs = {name: {key: _scored(*row) for key, row in rows.items()} for name, rows in _read(PUBLIC_NUMBERS).items()}
    results = {"`paper`": _kept(read_tricks(), "paper")} | theirs
    named = {task for tasks in PUBLIC_TASKS.values() for task in tasks}
    groups = groupby((trick for trick in read_tricks() if trick.task in named), key=lambda trick: trick.task)
    return "\n\n".join(f"### {task}\n\n{_task_table(list(tricks), results)}" for task, tricks in groups)


HACK_BLOCKS: dict[str, Callable[[Path], str]] = {
    block.__name__: block for block in (hack_counts, hack_tricks, public_counts, public_tricks)
}


def _results() -> _Results:
    """Return what every reward function that a trick could be tried on makes of it."""
    tricks = read_tricks()
    return {f"`{name}`": _kept(tricks, name) for name in RECIPES} | {
        peer: {key: _scored(*row) for key, row in rows.items()} for peer, rows in _read(PEER_NUMBERS).items()
    }


def _kept(tricks: Iterable[Trick], recipe: str) -> dict[str, Scored]:
    """Return what the file says that a recipe gives, by trick; nothing where the recipe has no formula."""
    every = {trick.id: getattr(trick, recipe) for trick in tricks}
    return {key: scored for key, scored in every.items() if scored is not None}


def _read(path: Path) -> dict[str, dict[str, list[Any]]]:
    return json.loads(path.read_text(encoding="utf-8"))


def _scored(trick: float | None, honest: float | None, gain: float | None, verdict: str) -> Scored:
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
