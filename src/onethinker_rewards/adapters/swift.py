"""Reward functions for ms-swift's GRPO.

The file `PLUGIN` registers them under their default names; a plugin of your own calls `register` with other settings.
To the command line of ``swift rlhf --rlhf_type grpo`` add::

    --external_plugins PLUGIN --reward_funcs onethinker --callbacks onethinker

or, for EMA-GRPO::

    --external_plugins PLUGIN --reward_funcs onethinker_ema --callbacks onethinker_ema --scale_rewards none
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.logs import log_items
from onethinker_rewards.adapters.rewarding import Rewarded, Rewarder, make_rewarder, response_text
from onethinker_rewards.adapters.steps import make_callback

__all__ = ["PLUGIN", "SwiftReward", "log_items", "make_reward", "onethinker", "register"]

# ms-swift puts a plugin's folder at the head of the module search path, so this one has a folder to itself: beside the
# adapters, `import trl` would find the one of ours.
PLUGIN = Path(__file__).with_name("plugins") / "onethinker_swift.py"

# Arguments of reward functions that are no columns, and ms-swift's own name of a group.
_NO_COLUMNS = ("trainer_state", "trajectory_inputs")
_GROUPS = Columns(group="prompt_id")
_logger = logging.getLogger(__name__)


class SwiftReward:
    """A reward function of ms-swift; make it with `make_reward`."""

    def __init__(self, rewarder: Rewarder, name: str) -> None:
        self._rewarder = rewarder
        self._name = name
        self._curves: Callable[[dict[str, float]], None] | None = None

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        """Return a reward for each completion.

        Args:
            completions: ``[N]`` texts.
            columns: The data set's columns and those of ms-swift, ``[N]`` each.

        Returns:
            None for rows of tasks that this function does not reward. ms-swift adds None up as 0, so a row to which a
            judge gave no score gets the mean of its group: its advantage is 0, and nobody else's moves.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; ms-swift lets it through, and the run stops.
        """
        columns = {name: values for name, values in columns.items() if name not in _NO_COLUMNS}
        rewarded = self._rewarder([response_text(completion) for completion in completions], columns)
        if self._curves is not None:
            self._curves(rewarded.log_items(self._name))
        return _without_gaps(rewarded, columns)

    def callback(self, args: Any, trainer: Any) -> Any:
        """Return the callback that ms-swift makes for a trainer: it logs curves, and keeps σ in the checkpoints."""
        self._curves = _Curves(trainer)
        if self._rewarder.scale is not None:
            return make_callback(self._rewarder.scale, self._name)
        return importlib.import_module("transformers.trainer_callback").TrainerCallback()


def make_reward(
    *,
    ema: bool | Mapping[str, Any] = False,
    tasks: Collection[str] | None = None,
    name: str = "onethinker",
    **settings: Any,
) -> SwiftReward:
    """Return a reward function for ms-swift.

    Args:
        ema: Whether rewards are divided by the running σ of their task, which with ``--scale_rewards none`` is
            EMA-GRPO; a mapping gives settings of `onethinker_rewards.advantage.EmaRewardScaler`. Needs the callback.
        tasks: Our names of the tasks that this function rewards, None for all; other rows get None, whatever they are.
        name: What logs call it.
        settings: Those of `RowScorer`: ``recipe``, ``columns``, ``table``, ``judge``, ``segmenter``, ``workers``.

    Raises:
        ArgumentError: If a setting is out of its range.
    """
    # ms-swift's log calls a reward by the name of its class.
    return type(name, (SwiftReward,), {})(make_rewarder(ema, tasks, settings), name)


def register(name: str = "onethinker", **settings: Any) -> None:
    """Enter a reward function in ms-swift's tables: ``--reward_funcs <name> --callbacks <name>``.

    Args:
        name: What command line and logs call it.
        settings: Those of `make_reward`, which raises its errors here.
    """
    runs = _Runs(lambda: make_reward(name=name, **settings))
    importlib.import_module("swift.rewards").orms[name] = runs.reward
    importlib.import_module("swift.callbacks").callbacks_map[name] = runs.callback


class _Runs:
    """Gives each run a reward of its own, and the same one to its two askers: first the callback, then the trainer."""

    def __init__(self, make: Callable[[], SwiftReward]) -> None:
        self._make = make
        self._waiting: SwiftReward | None = make()

    def callback(self, args: Any, trainer: Any) -> Any:
        self._waiting = self._make()
        return self._waiting.callback(args, trainer)

    def reward(self, args: Any = None) -> SwiftReward:
        reward, self._waiting = self._waiting or self._make(), None
        return reward


class _Curves:
    """Adds curves to what a trainer logs, where it keeps its own."""

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def __call__(self, items: dict[str, float]) -> None:
        mode = "train" if self._trainer.model.training else "eval"
        for key, value in items.items():
            # ms-swift gives reward functions no way to log.
            self._trainer._metrics[mode][key].append(value)  # noqa: SLF001


def _without_gaps(rewarded: Rewarded, columns: Mapping[str, Sequence[Any]]) -> list[float | None]:
    filled = list(rewarded.rewards)
    gaps = [row for row in rewarded.rows if filled[row] is None]
    if gaps:
        groups = _GROUPS.groups(columns, rows=len(filled))
        _logger.warning("no score for %d of %d responses: they get their group's mean", len(gaps), len(filled))
        for gap in gaps:
            known = [value for value, group in zip(rewarded.rewards, groups, strict=True) if group == groups[gap]]
            filled[gap] = fmean([value for value in known if value is not None] or [0.0])
    return filled


onethinker = make_reward()
