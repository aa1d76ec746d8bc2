"""The judge of a command: its options, and what it cost."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

import click

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.errors import ArgumentError, JudgeError
from onethinker_rewards.judges.settings import KINDS, make_judge
from onethinker_rewards.tasks import RowJudge

_F = TypeVar("_F", bound=Callable[..., Any])
# The name of a variable, in settings that other processes get, and that are written into files.
_KEY_VARIABLE = "key_variable"
_SHOWN = ("rows", "calls", "cached", "shared", "tokens_in", "tokens_out", "seconds", "cost")

_OPTIONS = (
    click.option("--judge", "url", metavar="URL", help="Server of a judge for open-ended answers."),
    click.option(
        "--judge-kind", "kind", type=click.Choice([*KINDS]), help="Kind of judge.  [default: chat if URL ends in /v1]"
    ),
    click.option("--judge-model", "model", metavar="NAME", help="Name of the model on the server."),
    click.option(
        "--judge-option",
        "more",
        multiple=True,
        metavar="NAME=VALUE",
        help="Option of the judge, such as cache=verdicts.db; repeatable.",
    ),
    click.option(
        "--judge-key-variable",
        _KEY_VARIABLE,
        default="OPENAI_API_KEY",
        show_default=True,
        help="Environment variable with its API key.",
    ),
)


def judge_options(command: _F) -> _F:
    """Give a command the options of a judge, as one argument ``judge``: settings as JSON, or None."""

    @wraps(command)
    def with_judge(
        *, url: str | None, kind: str | None, model: str | None, more: tuple[str, ...], key_variable: str, **others: Any
    ) -> Any:
        if url is None and (kind or model or more):
            raise click.UsageError("--judge-kind, --judge-model and --judge-option need --judge.")
        given = {"url": url, "kind": kind, "model": model, _KEY_VARIABLE: key_variable} | _more(more)
        settings = {name: value for name, value in given.items() if value is not None}
        return command(judge=None if url is None else json.dumps(settings), **others)

    decorated: Callable[..., Any] = with_judge
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return cast("_F", decorated)


def _more(pairs: tuple[str, ...]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--judge-option {pair}: expected NAME=VALUE")
        try:
            settings[name] = json.loads(value)
        except json.JSONDecodeError:
            # Text needs no quotes.
            settings[name] = value
    return settings


def load_judge(settings: str) -> RowJudge:
    """Return the judge of settings that `judge_options` made; raises CliError."""
    given: dict[str, Any] = json.loads(settings)
    key = os.environ.get(given.pop(_KEY_VARIABLE), "").strip()
    try:
        return make_judge(given | ({"key": key} if key else {}))
    except ArgumentError as error:
        raise CliError(f"--judge: {str(error).removeprefix('judge: ')}") from None


def check_judge(settings: str) -> None:
    """Raise CliError where a judge cannot be made, or is set up in a way that cannot give right scores."""
    judge: Any = load_judge(settings)
    if not hasattr(judge, "check"):
        return

    async def check() -> None:
        try:
            await judge.check()
        finally:
            await judge.aclose()

    try:
        asyncio.run(check())
    except JudgeError as error:
        raise CliError(f"--judge: {error}") from None


def counts_text(counts: Mapping[str, float]) -> str:
    """Return counters in one line, failures last."""
    named = {name.removeprefix("judge/"): count for name, count in counts.items() if count}
    shown = [f"{name} {named[name]:,.6g}" for name in _SHOWN if name in named]
    return "judge: " + ", ".join(shown + [f"{name} {count:,.0f}" for name, count in named.items() if "/" in name])
