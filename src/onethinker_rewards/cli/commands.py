"""The command group: which commands there are, and how a run ends early."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from onethinker_rewards.cli.messages import BROKEN_PIPE, INTERRUPTED, CliError, discard, error_text, say

__all__ = ["main"]

_PACKAGE = "onethinker_rewards.cli"
# The commands, and what each does: known without importing it.
_COMMANDS = {
    "score": "Score the rows of a file.",
    "validate": "Check that each answer is in its schema.",
    "explain": "Explain why a response got its reward.",
    "evaluate": "Make a paper's tables from saved answers.",
    "report": "Make an HTML report of scored rows.",
    "rejudge": "Score the rows of a scored file again whose judge failed.",
    "calibrate": "Measure a judge against answers with known labels.",
    "schema": "Print or write the JSON Schemas of the answers.",
    "prompt": "Print the prompt for a question.",
    "codes": "Explain codes: their meaning and cost.",
    "prepare": "Convert a data set to verl's Parquet.",
    "filter": "Keep right answers to fine-tune on; ask a teacher for them.",
    "train": "Train with verl, or check a configuration for it.",
    "serve": "Serve the reward over HTTP.",
    "hacks": "Show which tricks pay under the recipes and your own reward function.",
    "lmms-tasks": "List the tasks for lmms-eval, or print their folder.",
    "demo": "Show what the library does, on examples that ship with it.",
}


class _Commands(click.Group):
    """Imports a command's module when the command is used, so that none waits for the others' imports."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"{_PACKAGE}.{name}"), name)
        # The package ends at a Ctrl-C while it is imported; from here on it is an exception.
        if getattr(signal.getsignal(signal.SIGINT), "__module__", "") == "onethinker_rewards":
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = get_close_matches(args[0], _COMMANDS, 1)
            if not near or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from None

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        with _quiet_end():
            return super().make_context(*arguments, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _quiet_end():
            return super().invoke(ctx)


@contextmanager
def _quiet_end() -> Generator[None]:
    """End with one line and an exit code, also where help is printed: click knows of neither a full disk nor 130."""
    try:
        yield
    except KeyboardInterrupt:
        say("Interrupted.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        discard(sys.stdout)
        raise click.exceptions.Exit(BROKEN_PIPE) from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        discard(sys.stdout)
        raise CliError(f"{error.filename or '<stdout>'}: {error_text(error)}") from None


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: onethinker-rewards demo",
)
@click.version_option(package_name="onethinker-rewards", prog_name="onethinker-rewards")
def main() -> None:
    """Verifiable rewards for what multimodal reasoning models write.

    Rows are JSON Lines: one JSON object a line. A row has a `response` (all that the model wrote), a
    `reference` (what is right) and a `task`. The columns of OneThinker's data sets are understood too.
    """
