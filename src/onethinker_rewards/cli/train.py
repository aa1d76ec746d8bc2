"""``train``: a run on verl, or with ``--dry-run`` its configuration."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from typing import Any

import click

from onethinker_rewards.cli.files import UNREADABLE, Refused
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.config import Settings, read_settings

__all__ = ["LACKING", "train"]

# Exit code of --dry-run: the configuration is sound, but could not run on this machine.
LACKING = 1
_PACKAGES = {"yaml": "pyyaml", "pyarrow": "pyarrow", "torch": "torch", "hydra": "hydra-core", "verl": "verl"}


@click.command(short_help="Train with verl, or check a configuration for it.")
@click.option(
    "--config",
    required=True,
    metavar="FILE",
    help="A YAML file, or one that comes along: h800-4x8, h800-1x8, cpu-smoke, and each after sft-.",
)
@click.option("--dry-run", is_flag=True, help="Print verl's whole configuration, and start nothing.")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.pass_context
def train(ctx: click.Context, config: str, changes: tuple[str, ...], *, dry_run: bool) -> None:
    """Train with verl as a configuration says.

    KEY=VALUE changes a key of the file, such as optimisation.learning_rate=1e-6, or with verl. in front any key of
    verl's. Before anything is started, verl checks the configuration, and GPUs, files and model are looked for.

    With --dry-run, verl's configuration goes to standard output, and what this machine lacks to standard error.

    Exit code: 0; 1 with --dry-run if this machine lacks something; 2 if the configuration is wrong, something is
    lacking, or verl is not installed. Of fine-tuning, that of torchrun.
    """
    _check_packages()
    try:
        settings = read_settings(config, changes)
        composed, faults = _checked(settings)
        if not dry_run:
            ctx.exit(_start(settings, composed, faults))
    except ArgumentError as error:
        raise Refused(str(error)) from None
    _show(composed, faults)
    ctx.exit(LACKING if faults else 0)


def _checked(settings: Settings) -> tuple[Any, list[str]]:
    from onethinker_rewards.trainer.config.composing import compose  # noqa: PLC0415 - imports verl
    from onethinker_rewards.trainer.config.machine import machine_faults  # noqa: PLC0415 - imports torch

    # What verl prints while it is imported must not stand in the configuration.
    with redirect_stdout(sys.stderr):
        return compose(settings), list(machine_faults(settings))


def _start(settings: Settings, composed: Any, faults: list[str]) -> int:
    from onethinker_rewards.trainer.config.cluster import cluster_faults  # noqa: PLC0415 - imports Ray
    from onethinker_rewards.trainer.config.hub import hub_faults  # noqa: PLC0415 - may ask Hugging Face
    from onethinker_rewards.trainer.config.starting import check_start, start  # noqa: PLC0415 - imports verl

    check_start(settings)
    # Others are asked only where all is there that stands here.
    faults = faults or list(hub_faults(settings)) or list(cluster_faults(settings))
    if not faults:
        return start(settings, composed)
    for fault in faults:
        click.echo(f"Error: {fault}", err=True)
    return UNREADABLE


def _show(composed: Any, faults: list[str]) -> None:
    from onethinker_rewards.trainer.config.composing import as_yaml  # noqa: PLC0415 - imports verl

    click.echo(as_yaml(composed), nl=False)
    for fault in faults:
        click.echo(f"Not here: {fault}", err=True)


def _check_packages() -> None:
    missing = [package for name, package in _PACKAGES.items() if find_spec(name) is None]
    if missing:
        raise Refused(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[train]'")
