"""Options that several commands have."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import click

from onethinker_rewards.adapters import Columns
from onethinker_rewards.cli.samples import RowReader, load_dialect, load_recipe
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.tasks import task_name

_FIELDS = (
    "response", "reference", "references", "task", "data_type", "options", "question", "size", "width", "height",
)  # fmt: skip
_F = TypeVar("_F", bound=Callable[..., Any])


def number_option(name: str, kind: click.IntRange | click.FloatRange, default: float, text: str) -> Callable[[_F], _F]:
    """Return an option that is a finite number."""

    def finite(ctx: click.Context, option: click.Parameter, value: float) -> float:
        if not math.isfinite(value):
            raise click.BadParameter(f"{value} is not a finite number")
        return value

    return click.option(name, type=kind, default=default, show_default=True, help=text, callback=finite)


def choice_option(name: str, choices: Sequence[str], text: str, field: str | None = None) -> Callable[[_F], _F]:
    """Return an option that is one of several words, by default the first."""
    names = (name,) if field is None else (name, field)
    return click.option(*names, type=click.Choice(choices), default=choices[0], show_default=True, help=text)


def file_option(name: str, text: str) -> Callable[[_F], _F]:
    """Return an option that is a file."""
    return click.option(name, metavar="FILE", help=text)


bad_option = file_option("--bad", "File for bad rows.  [default: OUT with .bad.jsonl]")
frames_option = click.option("--frames", is_flag=True, help="Videos are folders or lists of frames, not files.")
resume_option = click.option("--resume", is_flag=True, help="Resume an earlier run of the same command.")
root_option = click.option(
    "--media-root", "root", metavar="DIR", help="Base folder of relative paths.  [default: the folder of FILE]"
)

workers_option = click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Use N processes.")


def recipe_option(text: str) -> Callable[[_F], _F]:
    """Return the option ``--recipe``, a name, because other processes load the recipe too."""

    def checked(ctx: click.Context, option: click.Parameter, name: str) -> str:
        load_recipe(name)
        return name

    return click.option("--recipe", metavar="NAME", default="paper", show_default=True, help=text, callback=checked)


def _known_dialect(ctx: click.Context, option: click.Parameter, name: str | None) -> str | None:
    if name is not None:
        load_dialect(name)
    return name


def dialect_option(command: _F) -> _F:
    """Give a command the option ``--dialect``, a name, because other processes load the dialect too."""
    text = "Form of boxes, points and times, such as qwen3-vl, or your own module:DIALECT."
    return click.option("--dialect", metavar="NAME", callback=_known_dialect, help=text)(command)


def dialect_options(command: _F) -> _F:
    """Give a command ``--dialect`` and ``--reference-dialect``."""
    text = "Dialect of the references.  [default: the recipe's]"
    command = click.option("--reference-dialect", metavar="NAME", callback=_known_dialect, help=text)(command)
    return dialect_option(command)


def row_options(command: _F) -> _F:
    """Give a command the options that say which column holds what, as one argument ``reader``."""

    @wraps(command)
    def with_reader(*, column: tuple[str, ...], task: str | None, table: str | None, **others: Any) -> Any:
        reader = RowReader(_columns(column), task, table)
        tasks = reader.tasks()
        try:
            task_name(task, table=tasks) if task is not None else None
        except UnknownTaskError as error:
            raise click.UsageError(f"--task: {error.reasons[0]}") from None
        return command(reader=reader, **others)

    options = (
        click.option(
            "--column", multiple=True, metavar="FIELD=NAME", help="Name of a column, such as response=output."
        ),
        click.option("--task", metavar="TASK", help="The task of all rows."),
        click.option("--table", metavar="MODULE:TABLE", help="Your own tasks, instead of ours."),
    )
    decorated: Callable[..., Any] = with_reader
    for option in reversed(options):
        decorated = option(decorated)
    return cast("_F", decorated)


def _columns(pairs: tuple[str, ...]) -> Columns:
    names: dict[str, Any] = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not column or name not in _FIELDS:
            raise click.UsageError(f"--column {pair}: expected FIELD=NAME, FIELD one of {', '.join(_FIELDS)}")
        # A tuple: a row that lacks the column is one invalid row, not the end of the run.
        names[name] = (column,)
    return replace(Columns(), **names)
