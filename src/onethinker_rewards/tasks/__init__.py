"""The tasks: a file for each family, and their ordered table."""

from __future__ import annotations

from onethinker_rewards.tasks.guidance import answer_pattern, json_schema, prompt, response_grammar
from onethinker_rewards.tasks.judging import BatchJudge, Judge, JudgeRow, RowJudge, Verdict
from onethinker_rewards.tasks.segmentation import Clip
from onethinker_rewards.tasks.spec import Context, Formula, Scores, Segmenter, TaskSpec, TaskTable
from onethinker_rewards.tasks.table import TASKS, check_names, resolve_tasks, spec_of, task_name

__all__ = [
    "TASKS", "BatchJudge", "Clip", "Context", "Formula", "Judge", "JudgeRow", "RowJudge", "Scores", "Segmenter",
    "TaskSpec", "TaskTable", "Verdict", "answer_pattern", "check_names", "json_schema", "prompt", "resolve_tasks",
    "response_grammar", "spec_of", "task_name",
]  # fmt: skip
