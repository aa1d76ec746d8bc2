"""No free lunch, as laws: nothing but a better answer earns a higher reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from onethinker_rewards.answers import Number, SegmentationPrompt, Think, VideoSegmentationPrompt
from onethinker_rewards.testing.extra import SearchStrategy
from onethinker_rewards.testing.rollouts import has_track, is_json
from onethinker_rewards.testing.sound import schema_of
from onethinker_rewards.testing.trials import (
    RewardTrial,
    adding_a_frame,
    adding_a_key,
    adding_a_point,
    constants,
    dropping_a_frame,
    moving_closer,
    reference_is_best,
    repeating,
    text_around,
)

__all__ = ["REWARD_LAWS", "RewardLaw"]


@dataclass(frozen=True, slots=True)
class RewardLaw:
    """A law by name.

    Attributes:
        name: What `check_rewards` calls it.
        statement: The law in one line.
        trials: From a task and a recipe's ``think`` to what the law is tried on.
        applies: Whether the law says anything about a task.
    """

    name: str
    statement: str
    trials: Callable[[str, Think], SearchStrategy[RewardTrial]]
    applies: Callable[[str], bool]


def _every(task: str) -> bool:
    return True


def _has_points(task: str) -> bool:
    return schema_of(task) in {SegmentationPrompt, VideoSegmentationPrompt}


def _has_numbers(task: str) -> bool:
    return is_json(task) or schema_of(task) is Number


_ALL = (
    RewardLaw("dropping_a_frame", "leaving out a frame of the reference never pays", dropping_a_frame, has_track),
    RewardLaw("adding_a_wrong_frame", "one more wrong frame never pays", adding_a_frame, has_track),
    RewardLaw("adding_a_key", "one more key never pays", adding_a_key, is_json),
    RewardLaw("adding_a_point", "a fourth point never pays", adding_a_point, _has_points),
    RewardLaw("repeating_the_answer", "saying it again never pays", repeating, _every),
    RewardLaw("text_around", "text around the answer never pays", text_around, _every),
    RewardLaw("moving_closer", "moving towards the reference never costs", moving_closer, _has_numbers),
    RewardLaw("reference_is_best", "the reference itself earns the largest reward", reference_is_best, _every),
    RewardLaw("constant_answers", "no constant answer earns more on average than looking does", constants, _every),
)

REWARD_LAWS: Mapping[str, RewardLaw] = MappingProxyType({law.name: law for law in _ALL})
