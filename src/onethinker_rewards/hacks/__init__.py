"""Tricks that earn a reward without a better answer, and which of them pay under a reward function.

>>> def contains(responses, references, tasks):
...     return [float(reference in response) for response, reference in zip(responses, references, strict=True)]
>>> tricks = [trick for trick in read_tricks() if trick.task == "multiple_choice"]
>>> [played.trick.id for played in play(contains, tricks) if played.verdict == "pays"][:2]
['answer-in-thinking', 'right-after-wrong']
"""

from onethinker_rewards.hacks.endpoint import EndpointError, endpoint_reward
from onethinker_rewards.hacks.judge_tricks import JudgeTrick, JudgeTrickKind, read_judge_tricks
from onethinker_rewards.hacks.loading import find_object, find_reward, load_reward
from onethinker_rewards.hacks.playing import Played, Reward, play, recipe_reward
from onethinker_rewards.hacks.signatures import FORMS, Signature, Source, UserReward, as_reward, signature_of
from onethinker_rewards.hacks.tricks import NOTHING, SCORED_RECIPES, WRONG, Counterpart, Scored, Trick, read_tricks
from onethinker_rewards.hacks.verdict import FAILED, LEAST_GAIN, Rewards, Verdict, gain, judge

__all__ = [
    "FAILED",
    "FORMS",
    "LEAST_GAIN",
    "NOTHING",
    "SCORED_RECIPES",
    "WRONG",
    "Counterpart",
    "EndpointError",
    "JudgeTrick",
    "JudgeTrickKind",
    "Played",
    "Reward",
    "Rewards",
    "Scored",
    "Signature",
    "Source",
    "Trick",
    "UserReward",
    "Verdict",
    "as_reward",
    "endpoint_reward",
    "find_object",
    "find_reward",
    "gain",
    "judge",
    "load_reward",
    "play",
    "read_judge_tricks",
    "read_tricks",
    "recipe_reward",
    "signature_of",
]
