"""The command line; `commands` lists its commands."""

from onethinker_rewards.cli.commands import main
from onethinker_rewards.cli.schema import write_schemas

__all__ = ["main", "write_schemas"]
