"""``prompt``: what to ask a model so that it answers in the format that is rewarded."""

from __future__ import annotations

import click

import onethinker_rewards
from onethinker_rewards.answers.dialects import ONETHINKER
from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.options import dialect_option
from onethinker_rewards.cli.samples import load_dialect
from onethinker_rewards.errors import ArgumentError, UnknownTaskError

__all__ = ["prompt"]


@click.command
@click.argument("task")
@click.argument("question")
@click.option(
    "--option", "options", multiple=True, metavar="TEXT", help="An option of a multiple-choice question; repeatable."
)
@dialect_option
def prompt(task: str, question: str, options: tuple[str, ...], dialect: str | None) -> None:
    """Print the prompt for TASK: the QUESTION, and how to think and to write the answer.

    Example: onethinker-rewards prompt multiple_choice "What is it?" --option "a dog" --option "a cat"
    """
    try:
        text = onethinker_rewards.prompt(
            task, question, list(options) or None, dialect=load_dialect(dialect or ONETHINKER.name)
        )
    except UnknownTaskError as error:
        raise CliError(error.reasons[0]) from None
    except ArgumentError as error:
        raise CliError(str(error)) from None
    click.echo(text.encode())
