"""``schema``: the JSON Schema of one task's answers, or of all tasks'."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click

from onethinker_rewards.cli.messages import CliError, error_text
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.tasks import TASKS, json_schema

__all__ = ["schema", "write_schemas"]


@click.command(short_help="Print or write the JSON Schemas of the answers.")
@click.argument("task", required=False)
@click.option("--out", metavar="DIR", help="Write DIR/<task>.json for every task instead.")
@click.option("--reference", is_flag=True, help="Print what references have to be, not answers.")
def schema(task: str | None, out: str | None, *, reference: bool) -> None:
    """Print the JSON Schema of a TASK's answer; without TASK, of all tasks as one object by task.

    --out writes the schema of references too, as DIR/<task>.reference.json, where it is another one.
    """
    if task is not None and out is not None:
        raise click.UsageError("Give a TASK or --out, not both.")
    if out is not None:
        click.echo(f"Wrote {len(_written(out))} schemas to {out}", err=True)
    else:
        every = {name: json_schema(name, reference=reference) for name in TASKS}
        shown = every if task is None else _one(task, reference)
        # Bytes: UTF-8 whatever the terminal's encoding is.
        click.echo(_pretty(shown).encode(), nl=False)


def write_schemas(directory: str | Path) -> list[Path]:
    """Write the JSON Schema of each task's answer to ``<directory>/<task>.json``.

    Where references have a schema of their own, it goes to ``<directory>/<task>.reference.json``.

    Args:
        directory: Created if it does not exist.

    Returns:
        The files, in the order of the tasks.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return list(_write_each(folder))


def _write_each(folder: Path) -> Iterator[Path]:
    for name in TASKS:
        for reference in (False, True)[: 1 + (TASKS[name].reference_schema is not None)]:
            path = folder / f"{name}{'.reference' if reference else ''}.json"
            path.write_text(_pretty(json_schema(name, reference=reference)), encoding="utf-8", newline="\n")
            yield path


def _written(directory: str) -> list[Path]:
    try:
        return write_schemas(directory)
    except (OSError, ValueError) as error:
        raise CliError(f"{directory}: {error_text(error)}") from None


def _one(task: str, reference: bool) -> dict[str, object]:
    try:
        return json_schema(task, reference=reference)
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
