"""The tasks: a file each, and their ordered table."""

from onethinker_rewards.tasks.clips import Clip
from onethinker_rewards.tasks.grammars import response_grammar
from onethinker_rewards.tasks.names import check_names, resolve_tasks, spec_of, task_name
from onethinker_rewards.tasks.patterns import answer_pattern
from onethinker_rewards.tasks.prompts import prompt
from onethinker_rewards.tasks.reading import (
    Parsed,
    describe_reference,
    json_schema,
    parse,
    parse_answer,
    parse_reference,
)
from onethinker_rewards.tasks.spec import Context, Formula, Judge, Scores, Segmenter, TaskSpec
from onethinker_rewards.tasks.table import TASKS

__all__ = [
    "TASKS",
    "Clip",
    "Context",
    "Formula",
    "Judge",
    "Parsed",
    "Scores",
    "Segmenter",
    "TaskSpec",
    "answer_pattern",
    "check_names",
    "describe_reference",
    "json_schema",
    "parse",
    "parse_answer",
    "parse_reference",
    "prompt",
    "resolve_tasks",
    "response_grammar",
    "spec_of",
    "task_name",
]
