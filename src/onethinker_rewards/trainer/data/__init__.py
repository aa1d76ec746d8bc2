"""From the rows of data sets to the rows that verl trains on."""

from onethinker_rewards.trainer.data.media import Check, MediaRules
from onethinker_rewards.trainer.data.rows import Fault, InvalidRowError, Message, Question, read_row
from onethinker_rewards.trainer.data.verl_rows import Rules, Stage, schema_of, verl_row

__all__ = [
    "Check",
    "Fault",
    "InvalidRowError",
    "MediaRules",
    "Message",
    "Question",
    "Rules",
    "Stage",
    "read_row",
    "schema_of",
    "verl_row",
]
