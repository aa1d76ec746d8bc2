"""Tricks that earn a reward without a better answer, and which of them pay under a reward function.

>>> def contains(responses, references, tasks):
...     return [float(reference in response) for response, reference in zip(responses, references, strict=True)]
>>> tricks = [trick for trick in read_tricks() if trick.task == "multiple_choice"]
>>> [played.trick.id for played in play(contains, tricks) if played.verdict == "pays"][:2]
['answer-in-thinking', 'right-after-wrong']
"""

from onethinker_rewards.hacks.playing import Played, Reward, find_object, find_reward, play, recipe_reward
from onethinker_rewards.hacks.tricks import NOTHING, WRONG, Counterpart, Scored, Trick, read_tricks
from onethinker_rewards.hacks.verdict import FAILED, LEAST_GAIN, Rewards, Verdict, gain, judge

__all__ = [
    "FAILED",
    "LEAST_GAIN",
    "NOTHING",
    "WRONG",
    "Counterpart",
    "Played",
    "Reward",
    "Rewards",
    "Scored",
    "Trick",
    "Verdict",
    "find_object",
    "find_reward",
    "gain",
    "judge",
    "play",
    "read_tricks",
    "recipe_reward",
]
