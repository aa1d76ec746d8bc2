"""The configuration of a run: our keys, what they are in verl's words, and whether machine and verl agree.

``composing`` and ``machine`` are imported by who uses them: they need verl, and what comes with it.
"""

from onethinker_rewards.trainer.config.mapping import overrides_of
from onethinker_rewards.trainer.config.reading import Settings, read_settings, shipped
from onethinker_rewards.trainer.config.rl import RlSettings
from onethinker_rewards.trainer.config.section import keys_of
from onethinker_rewards.trainer.config.sft import SftSettings

__all__ = ["RlSettings", "Settings", "SftSettings", "keys_of", "overrides_of", "read_settings", "shipped"]
