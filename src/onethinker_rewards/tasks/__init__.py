"""The tasks: a file for each family, and their ordered table."""

from __future__ import annotations

from onethinker_rewards.tasks.grammars import answer_pattern, json_schema, response_grammar
from onethinker_rewards.tasks.mask_rewards import Clip
from onethinker_rewards.tasks.prompts import prompt
from onethinker_rewards.tasks.spec import Context, Formula, Judge, Scores, Segmenter, TaskSpec, TaskTable
from onethinker_rewards.tasks.table import TASKS, check_names, resolve_tasks, spec_of, task_name

__all__ = [
    "TASKS",
    "Clip",
    "Context",
    "Formula",
    "Judge",
    "Scores",
    "Segmenter",
    "TaskSpec",
    "TaskTable",
    "answer_pattern",
    "check_names",
    "json_schema",
    "prompt",
    "resolve_tasks",
    "response_grammar",
    "spec_of",
    "task_name",
]
