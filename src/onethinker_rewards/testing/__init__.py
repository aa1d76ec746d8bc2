"""Property tests for rewards, yours and ours: strategies for hypothesis, and laws to check a metric or a reward with.

Needs the extra ``testing``. Strategies of text take a task's name, a task, or a schema, which may be your own.
"""

from __future__ import annotations

try:
    import hypothesis as _hypothesis  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError:
    raise ImportError(
        "onethinker_rewards.testing needs hypothesis: pip install 'onethinker-rewards[testing]'"
    ) from None

from onethinker_rewards.testing.arrays import RewardGroups, boxes, masks, point_sets, reward_groups, spans, tracks
from onethinker_rewards.testing.hostile import HOSTILE, hostile_text
from onethinker_rewards.testing.invalid import near_misses
from onethinker_rewards.testing.metric_laws import LAWS, Law, LawViolation, check_laws
from onethinker_rewards.testing.response_texts import any_answer, any_response, damaged, responses
from onethinker_rewards.testing.reward_laws import REWARD_LAWS, RewardLaw, check_rewards
from onethinker_rewards.testing.valid import answers, references, values

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
    "references",
    "responses",
    "reward_groups",
    "spans",
    "tracks",
    "values",
]
