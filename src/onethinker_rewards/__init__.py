"""Verifiable rewards for multimodal reasoning models, and the EMA-GRPO advantage.

>>> import onethinker_rewards as otr
>>> response = '<think>The dog enters at 3 s.</think><answer>{"time": [3, 8]}</answer>'
>>> batch = otr.score([response], ['{"time": [3, 13]}'], "temporal_grounding")
>>> batch.accuracy.tolist(), batch.format.tolist(), batch.total.tolist()
([0.5], [1.0], [1.5])

The advantage lives in `onethinker_rewards.advantage` and needs torch; nothing else does.
"""

from __future__ import annotations

from onethinker_rewards import metrics
from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.errors import (
    ArgumentError,
    BadImageError,
    BadReferenceError,
    JudgeError,
    OneThinkerRewardsError,
    UnknownTaskError,
)
from onethinker_rewards.parsing import Limits, to_pixels, to_thousandths
from onethinker_rewards.rewards import RECIPES, Recipe, RewardBatch, Scorer, score, with_masks
from onethinker_rewards.tasks import (
    TASKS,
    Clip,
    Parsed,
    TaskSpec,
    answer_pattern,
    json_schema,
    parse,
    parse_answer,
    parse_reference,
    prompt,
    response_grammar,
    task_name,
)

__all__ = [
    "RECIPES",
    "TASKS",
    "ArgumentError",
    "BadImageError",
    "BadReferenceError",
    "Clip",
    "FailureCode",
    "JudgeError",
    "Limits",
    "OneThinkerRewardsError",
    "Parsed",
    "Recipe",
    "RepairCode",
    "RewardBatch",
    "Scorer",
    "TaskSpec",
    "UnknownTaskError",
    "answer_pattern",
    "json_schema",
    "metrics",
    "parse",
    "parse_answer",
    "parse_reference",
    "prompt",
    "response_grammar",
    "score",
    "task_name",
    "to_pixels",
    "to_thousandths",
    "with_masks",
]
