"""Property tests for rewards, yours and ours: strategies for hypothesis, and laws to hold a metric against.

Needs the extra ``testing``. Strategies of text take a task's name, or one of its schemas.
"""

from __future__ import annotations

from onethinker_rewards.testing.hostile import HOSTILE, hostile_text
from onethinker_rewards.testing.misses import near_misses
from onethinker_rewards.testing.sound import answers, values
from onethinker_rewards.testing.tagged import any_answer, any_response, damaged, responses

__all__ = [
    "HOSTILE",
    "answers",
    "any_answer",
    "any_response",
    "damaged",
    "hostile_text",
    "near_misses",
    "responses",
    "values",
]
