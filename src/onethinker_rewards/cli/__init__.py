"""The command line; `commands` lists its commands."""

from onethinker_rewards.cli.commands import main

__all__ = ["main"]
