"""``train``: a run on verl, or with ``--dry-run`` its configuration."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib.util import find_spec

import click

from onethinker_rewards.cli.messages import UNREADABLE, CliError
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer import config as configs
from onethinker_rewards.trainer import launch
from onethinker_rewards.trainer.preflight import cluster_faults, hub_faults, machine_faults

__all__ = ["LACKING", "train"]

# Exit code of --dry-run: the configuration is sound, but could not run on this machine.
LACKING = 1
_PACKAGES = {"pyarrow": "pyarrow", "torch": "torch", "hydra": "hydra-core", "verl": "verl"}


@click.command
@click.option("--config", metavar="FILE", help="A YAML file of verl's keys, or a name that --list shows.")
@click.option("--dry-run", is_flag=True, help="Print verl's whole configuration without starting anything.")
@click.option("--list", "lists", is_flag=True, help="List the configurations that ship with the package.")
@click.option("--show", metavar="NAME", help="Print a configuration.")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.pass_context
def train(
    ctx: click.Context, config: str | None, show: str | None, changes: tuple[str, ...], *, dry_run: bool, lists: bool
) -> None:
    """Train with verl, with a configuration of its keys and ours.

    KEY=VALUE changes a key of the file: one of verl's, such as data.train_batch_size=64, or one of ours, such as
    onethinker.estimator=grpo. Before anything starts, verl checks the configuration, and we check GPUs, files and the
    model. Most checks work without verl.

    With --dry-run, verl's configuration goes to standard output, and what this machine lacks to standard error.

    Exit code: 0; 1 with --dry-run if this machine lacks something; 2 if the configuration is wrong, something is
    missing, or verl is not installed; in fine-tuning, the exit code of torchrun.
    """
    try:
        if lists:
            _list()
        elif show is not None:
            click.echo(configs.text_of(show), nl=False)
        elif config is None:
            raise click.UsageError("Missing option '--config'.", ctx)
        else:
            ctx.exit(_run(configs.read_config(config, changes), dry_run=dry_run))
    except ArgumentError as error:
        raise CliError(str(error)) from None


def _list() -> None:
    """Print a line for each configuration: its name and the first line of its comment."""
    width = max(map(len, configs.shipped()))
    for name, file in configs.shipped().items():
        comment = file.read_text(encoding="utf-8").partition("\n")[0]
        click.echo(f"{name:<{width}}  {comment.removeprefix('# ')}")


def _run(run: configs.RunConfig, *, dry_run: bool) -> int:
    missing = [package for name, package in _PACKAGES.items() if find_spec(name) is None]
    if missing:
        _report("Error", list(machine_faults(run.options, run.verl)))
        raise CliError(f"this needs {' and '.join(missing)}: pip install 'onethinker-rewards[train]'")

    # What verl prints while it is imported is not part of the configuration.
    with redirect_stdout(sys.stderr):
        config = configs.compose(run)
    keys = configs.as_keys(config)
    faults = list(machine_faults(run.options, keys))
    if dry_run:
        from omegaconf import OmegaConf  # noqa: PLC0415 - comes with verl

        click.echo(OmegaConf.to_yaml(config), nl=False)
        _report("Not here", faults)
        return LACKING if faults else 0
    # The cluster and Hugging Face are asked only if this machine has all that it needs.
    faults = faults or list(cluster_faults(run.options, keys)) or list(hub_faults(run.options, keys))
    if faults:
        _report("Error", faults)
        return UNREADABLE
    if run.options.stage == "rl":
        launch.train(config)
    else:
        launch.fine_tune(config)
    return 0


def _report(what: str, faults: list[str]) -> None:
    for fault in faults:
        click.echo(f"{what}: {fault}", err=True)
