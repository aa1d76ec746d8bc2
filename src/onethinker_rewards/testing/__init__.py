"""Property tests for rewards, yours and ours: strategies for hypothesis, and laws to hold a metric against.

Needs the extra ``testing``. Strategies of text take a task's name, or one of its schemas.
"""

from __future__ import annotations

from onethinker_rewards.testing.arrays import RewardGroups, boxes, masks, point_sets, reward_groups, spans, tracks
from onethinker_rewards.testing.checking import LawViolation, check_laws
from onethinker_rewards.testing.hostile import HOSTILE, hostile_text
from onethinker_rewards.testing.laws import LAWS, Law
from onethinker_rewards.testing.misses import near_misses
from onethinker_rewards.testing.reward_checking import REWARD_LAWS, RewardLaw, check_rewards
from onethinker_rewards.testing.sound import answers, values
from onethinker_rewards.testing.tagged import any_answer, any_response, damaged, responses

__all__ = [
    "HOSTILE",
    "LAWS",
    "REWARD_LAWS",
    "Law",
    "LawViolation",
    "RewardGroups",
    "RewardLaw",
    "answers",
    "any_answer",
    "any_response",
    "boxes",
    "check_laws",
    "check_rewards",
    "damaged",
    "hostile_text",
    "masks",
    "near_misses",
    "point_sets",
    "responses",
    "reward_groups",
    "spans",
    "tracks",
    "values",
]
