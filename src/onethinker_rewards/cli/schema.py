"""``schema``: the JSON Schema of one task's answers, or of all tasks'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from onethinker_rewards.answers import AnyDialect
from onethinker_rewards.answers.dialects import ONETHINKER
from onethinker_rewards.cli.messages import CliError, one_line_errors
from onethinker_rewards.cli.options import dialect_option
from onethinker_rewards.cli.samples import load_dialect
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.tasks import TASKS, json_schema


@click.command
@click.argument("task", required=False)
@click.option("--out", metavar="DIR", help="Write DIR/<task>.json for every task.")
@click.option("--reference", is_flag=True, help="Print the schema of references instead.")
@dialect_option
def schema(task: str | None, out: str | None, dialect: str | None, *, reference: bool) -> None:
    """Print the JSON Schema of a TASK's answer; without TASK, one object with those of all tasks.

    Tasks whose answers are not JSON in the dialect are left out; such a TASK is an error.

    --out also writes the schema of references, as DIR/<task>.reference.json, if it differs.
    """
    if task is not None and out is not None:
        raise click.UsageError("Give a TASK or --out, not both.")
    if dialect is not None and out is not None:
        raise click.UsageError("--out writes the schemas of our own form; leave --dialect out.")
    if out is not None:
        with one_line_errors(out):
            click.echo(f"Wrote {len(write_schemas(out))} schemas to {out}", err=True)
        return
    written = load_dialect(dialect or ONETHINKER.name)
    try:
        if task is not None:
            shown = json_schema(task, reference=reference, dialect=written)
        else:
            shown = {name: found for name in TASKS if (found := _schema_or_none(name, reference, written)) is not None}
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None
    except ArgumentError as error:
        raise CliError(str(error)) from None
    # Bytes: UTF-8 whatever the terminal's encoding is.
    click.echo(_pretty(shown).encode(), nl=False)


def _schema_or_none(task: str, reference: bool, dialect: AnyDialect) -> dict[str, Any] | None:
    try:
        return json_schema(task, reference=reference, dialect=dialect)
    except ArgumentError:
        return None


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
