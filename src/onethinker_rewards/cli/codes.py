"""``codes``: what each code means, what it costs, and an example of what gets it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click
from rich import box
from rich.table import Table

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.screen import console
from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode

__all__ = ["codes"]

_KINDS = {
    FailureCode: "Failures: why an answer or its format earns nothing",
    RepairCode: "Repairs: what was changed before an answer was read",
    PenaltyCode: "Penalties: what lowered a total, where the recipe asks for it",
}


@click.command
@click.argument("code", required=False)
def codes(code: str | None) -> None:
    """Explain CODE: its meaning, its cost and an example. Without CODE, list all codes.

    Example: onethinker-rewards codes wrong_type
    """
    screen = console()
    if code is None:
        for kind, title in _KINDS.items():
            screen.print(title, style="bold")
            screen.print(_table(kind))
            screen.print()
        return
    known = {str(each): each for kind in _KINDS for each in kind}
    if code not in known:
        near = get_close_matches(code, known, 1)
        raise CliError(f"{code} is not a code" + (f"; did you mean {near[0]}?" if near else "; `codes` lists them"))
    found = known[code]
    costs = found.costs if isinstance(found, FailureCode) else _repair_costs(found)
    for label, text in (("means", found.meaning), ("costs", costs), ("example", found.example)):
        screen.print(f"{label:9}{text}", soft_wrap=True)


def _repair_costs(code: RepairCode | PenaltyCode) -> str:
    if isinstance(code, PenaltyCode):
        return "a part of the total, which the recipe sets"
    return "nothing" if code is RepairCode.CLIPPED else "format"


def _table(codes: Iterable[FailureCode | RepairCode | PenaltyCode]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for code in codes:
        table.add_row(str(code), code.meaning)
    return table
