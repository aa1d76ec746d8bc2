"""The configuration of a run: a YAML file of verl's keys and a few of our own, and what is checked before a start.

``composing`` and ``launch`` are imported where they are used: they need verl, and what comes with it.
"""

from onethinker_rewards.trainer.config.preflight import cluster_faults, hub_faults, machine_faults
from onethinker_rewards.trainer.config.reading import RunConfig, read_config, shipped, text_of

__all__ = ["RunConfig", "cluster_faults", "hub_faults", "machine_faults", "read_config", "shipped", "text_of"]
