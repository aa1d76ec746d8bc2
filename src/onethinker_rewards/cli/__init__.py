"""The command line: ``score``, ``validate``, ``schema``, ``prepare``, ``filter``, ``train``, ``hacks`` and ``demo``."""

from onethinker_rewards.cli.commands import main
from onethinker_rewards.cli.schema import write_schemas

__all__ = ["main", "write_schemas"]
