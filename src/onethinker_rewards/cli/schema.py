"""``schema``: the JSON Schema of one task's answers, or of all tasks'."""

from __future__ import annotations

import json
from pathlib import Path

import click

from onethinker_rewards.cli.messages import CliError, one_line_errors
from onethinker_rewards.errors import UnknownTaskError
from onethinker_rewards.tasks import TASKS, json_schema


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
        with one_line_errors(out):
            click.echo(f"Wrote {len(write_schemas(out))} schemas to {out}", err=True)
        return
    try:
        every = {name: json_schema(name, reference=reference) for name in TASKS}
        shown = every if task is None else json_schema(task, reference=reference)
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None
    # Bytes: UTF-8 whatever the terminal's encoding is.
    click.echo(_pretty(shown).encode(), nl=False)


def write_schemas(directory: str | Path) -> list[Path]:
    """Write the JSON Schema of each task's answer to ``<directory>/<task>.json``; return the files.

    Where references have a schema of their own, it goes to ``<directory>/<task>.reference.json``.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for name, spec in TASKS.items():
        for reference in (False, True)[: 1 + (spec.reference_schema is not None)]:
            paths.append(folder / f"{name}{'.reference' if reference else ''}.json")
            paths[-1].write_text(_pretty(json_schema(name, reference=reference)), encoding="utf-8", newline="\n")
    return paths


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
