"""``hacks``: tricks, what they earn, and which of them pay under a reward function of the user's own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from itertools import groupby
from traceback import extract_tb
from types import TracebackType
from typing import Any

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.screen import console
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.hacks import FAILED, Played, Scored, Trick, Verdict, find_reward, play, read_tricks
from onethinker_rewards.rewards import RECIPES
from onethinker_rewards.tasks import spec_of

__all__ = ["PAYING", "hacks"]

# Exit code: some tricks pay under the user's function.
PAYING = 1
_YOURS = "yours"
_COLOURS = {Verdict.PAYS: "red", Verdict.NO_NUMBER: "red", Verdict.HARMLESS: "green", Verdict.NO_SAY: "dim"}

# One trick's results by the column that shows them.
_Results = dict[str, Scored]


@click.command(short_help="See which tricks pay, under the recipes and your own reward function.")
@click.argument("task", required=False)
@click.option(
    "--reward",
    metavar="MODULE:FUNCTION",
    help="Play them on this function too; a module of this directory or an installed one, or a .py file.",
)
@click.option("--recipe", type=click.Choice(list(RECIPES)), help="Show this recipe alone.")
@click.option("--paying", is_flag=True, help="Show only tricks that pay somewhere.")
@click.option("--jsonl", is_flag=True, help="Print JSON Lines with each trick's response instead of a table.")
@click.pass_context
def hacks(
    ctx: click.Context, task: str | None, reward: str | None, recipe: str | None, *, paying: bool, jsonl: bool
) -> None:
    """Print tricks that try to earn more than their content is worth, of one TASK or of all.

    Each trick is shown with its counterpart: the right answer, a wrong one, an answer that says nothing, or the
    same content said plainly. It pays where it earns more; "1.50 > 0.60" is the trick's reward and that of its
    counterpart.

    The function of --reward takes three lists, responses, references and tasks, and returns one number a row. Its scale
    does not matter. A dash stands where it does not tell the right answer from a wrong one.

    Exit code: 0; with --reward 1 if a trick pays under that function or gets no number from it; 2 if the function
    cannot be used.
    """
    names = list(RECIPES) if recipe is None else [recipe]
    tricks = _tricks(task)
    rows = [(trick, {name: getattr(trick, name) for name in names}) for trick in tricks]
    if reward is not None:
        for (_, results), played in zip(rows, _played(reward, tricks), strict=True):
            results[_YOURS] = Scored(played.rewards.trick, played.rewards.honest, played.verdict)
    shown = [row for row in rows if not paying or any(one.verdict in FAILED for one in row[1].values())]
    if jsonl:
        _print_lines(shown)
    else:
        _print_tables(console(), shown, rows)
    ctx.exit(PAYING if any(row[1][_YOURS].verdict in FAILED for row in rows if reward is not None) else 0)


def _tricks(task: str | None) -> list[Trick]:
    if task is None:
        return list(read_tricks())
    try:
        name = spec_of(task).name
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None
    return [trick for trick in read_tricks() if trick.task == name]


def _played(reward: str, tricks: Sequence[Trick]) -> list[Played]:
    # What the function prints must not stand among our rows.
    with _Foreign(reward), redirect_stdout(sys.stderr):
        played = play(find_reward(reward), tricks)
    if all(one.verdict is Verdict.NO_SAY for one in played):
        raise CliError(f"--reward {reward}: gives no right answer more than a wrong one, so nothing could be tried")
    return played


class _Foreign:
    """Says in one line what code that is not ours raised, and where."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ArgumentError):
            raise CliError(f"--reward {self._name}: {error}") from None
        # An exit of theirs, too: it would look like one of ours, and nothing would have been tried.
        if isinstance(error, Exception | SystemExit):
            last = extract_tb(trace)[-1]
            what = " ".join(f"{type(error).__name__}: {error}".split())
            raise CliError(f"--reward {self._name}: {what} ({last.filename}, line {last.lineno})") from None


def _print_lines(rows: Sequence[tuple[Trick, _Results]]) -> None:
    for trick, results in rows:
        words: dict[str, Any] = {
            name: value for name, value in msgspec.to_builtins(trick).items() if name not in RECIPES
        }
        # NaN, which JSON does not know, comes out as null.
        click.echo(msgspec.json.encode({**words, **results}))


def _print_tables(
    screen: Console, shown: Sequence[tuple[Trick, _Results]], rows: Sequence[tuple[Trick, _Results]]
) -> None:
    for task, group in groupby(shown, key=lambda row: row[0].task):
        screen.print(Text(task, style="bold cyan"))
        screen.print(_table(list(group)))
        screen.print()
    for name in rows[0][1]:
        screen.print(_summary(name, [results[name] for _, results in rows]), soft_wrap=True)


def _table(rows: Sequence[tuple[Trick, _Results]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("trick", no_wrap=True)
    table.add_column("what it tries", overflow="fold", ratio=1)
    table.add_column("compared with", overflow="fold", max_width=8)
    for name in rows[0][1]:
        table.add_column(name, justify="right", no_wrap=True)
    for trick, results in rows:
        table.add_row(trick.id, trick.tries, trick.compared_with, *map(_cell, results.values()))
    return table


def _cell(scored: Scored) -> Text:
    return Text(_shown(scored), style=_COLOURS[Verdict(scored.verdict)])


def _shown(scored: Scored) -> str:
    match scored.verdict:
        case Verdict.PAYS:
            return f"{scored.trick:.2f} > {scored.honest:.2f}"
        case Verdict.HARMLESS:
            return f"{scored.trick:.2f} ≤ {scored.honest:.2f}"
        case Verdict.NO_NUMBER:
            return str(Verdict.NO_NUMBER)
        case _:
            return "-"


def _summary(name: str, results: Sequence[Scored]) -> str:
    counts: Mapping[str, int] = {verdict: sum(one.verdict == verdict for one in results) for verdict in Verdict}
    said = [f"{counts[Verdict.PAYS]} of {len(results) - counts[Verdict.NO_SAY]} tricks pay"]
    if counts[Verdict.NO_NUMBER]:
        said.append(f"{counts[Verdict.NO_NUMBER]} get no number")
    if counts[Verdict.NO_SAY]:
        said.append(f"{counts[Verdict.NO_SAY]} not tried, for the right answer earns no more than a wrong one")
    return f"{name}: {', '.join(said)}"
