"""Tricks that earn a reward without a better answer, and which of them pay under a reward function."""

from onethinker_rewards.hacks.tricks import Trick, read_tricks

__all__ = ["Trick", "read_tricks"]
