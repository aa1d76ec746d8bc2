"""The reward manager of a run: the adapter's, made ready while models load.

    reward.reward_manager.source=importlib
    reward.reward_manager.name=RewardManager
    reward.reward_manager.module.path=pkg://onethinker_rewards.trainer.verl.rewards

The first open-ended answer imports what a stemmer needs, the first in mathematics starts processes: a second or two,
which would hold up the first step. verl makes the manager minutes before.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

from onethinker_rewards.adapters.verl import make_reward_manager
from onethinker_rewards.rewards import score

__all__ = ["make_manager", "warm_up"]

# One open-ended answer for the stemmer, two in mathematics for two worker processes: none is right literally.
_CASES = (("open_ended", "a dog", "a brown dog"), ("math", "$x+x$", "$2x$"), ("math", "$x+y+x$", "$2x+y$"))


def warm_up() -> None:
    """Score an answer of each kind whose first one in a process takes long."""
    tasks, answers, references = zip(*_CASES, strict=True)
    score([f"<think>…</think><answer>{answer}</answer>" for answer in answers], references, tasks)


@cache
def make_manager() -> type:
    """Return the manager's class; imports verl."""
    base: Any = make_reward_manager()

    class RewardManager(base):
        """The adapter's manager, warmed up in the background."""

        def __init__(self, *arguments: Any, **settings: Any) -> None:
            super().__init__(*arguments, **settings)
            threading.Thread(target=warm_up, name="warm-up", daemon=True).start()

    return RewardManager


def __getattr__(name: str) -> type:
    """Make ``RewardManager`` when verl asks for it: its base class is verl's."""
    if name == "RewardManager":
        return make_manager()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
