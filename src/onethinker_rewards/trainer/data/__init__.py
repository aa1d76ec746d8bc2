"""From the rows of OneThinker's data sets to the rows that verl trains on."""

from onethinker_rewards.trainer.data.columns import schema_of
from onethinker_rewards.trainer.data.convert import Rules, Stage, verl_row
from onethinker_rewards.trainer.data.faults import BadRowError, Fault
from onethinker_rewards.trainer.data.media import Check, MediaRules
from onethinker_rewards.trainer.data.rows import Message, Question, read_row

__all__ = [
    "BadRowError",
    "Check",
    "Fault",
    "MediaRules",
    "Message",
    "Question",
    "Rules",
    "Stage",
    "read_row",
    "schema_of",
    "verl_row",
]
