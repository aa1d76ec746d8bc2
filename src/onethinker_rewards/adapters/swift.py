"""Reward functions for ms-swift's GRPO.

The file `PLUGIN` registers them under their default names; for other settings call `register` in a plugin file.
Add to the command line of ``swift rlhf --rlhf_type grpo``::

    --external_plugins PLUGIN --reward_funcs onethinker --callbacks onethinker

or, for EMA-GRPO::

    --external_plugins PLUGIN --reward_funcs onethinker_ema --callbacks onethinker_ema --scale_rewards none
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Unpack

from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns, Table
from onethinker_rewards.adapters.reward_fn import (
    Rewarder,
    RewarderSettings,
    Rewards,
    make_rewarder,
    response_text,
    training_progress,
)

if TYPE_CHECKING:
    from transformers import TrainerCallback

# ms-swift puts a plugin's folder at the head of the module search path, so this file has a separate folder: next to the
# adapters, `import trl` would find our trl.py.
PLUGIN = Path(__file__).with_name("plugins") / "onethinker_swift.py"

# Arguments of reward functions that are not columns, and ms-swift's name of a group.
_NOT_COLUMNS = ("trainer_state", "trajectory_inputs")
_GROUPS = Columns(group=("prompt_id",))
_logger = logging.getLogger(__name__)


class SwiftReward:
    """A reward function of ms-swift; create it with `make_reward`."""

    def __init__(self, rewarder: Rewarder, name: str) -> None:
        self._rewarder = rewarder
        self._name = name
        self._trainer: Any = None

    def __call__(self, completions: Sequence[object], **columns: Any) -> list[float | None]:
        """Return a reward for each completion.

        Args:
            completions: ``[N]`` texts.
            columns: The data set's columns and those of ms-swift, ``[N]`` each.

        Returns:
            None for rows of tasks that this function does not reward. ms-swift counts None as 0, so a row to which a
            judge gave no score gets the mean of its group: its advantage is 0, and the others of the group keep theirs.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; ms-swift does not catch it, and the run stops.
        """
        table: Table = {name: values for name, values in columns.items() if name not in _NOT_COLUMNS}
        table = _with_flat_tokens(table)
        rewards = self._rewarder(
            [response_text(completion) for completion in completions],
            table,
            groups=_GROUPS.groups_or_none(table, rows=len(completions)),
            progress=training_progress(columns.get("trainer_state")),
        )
        if self._trainer is not None:
            mode = "train" if self._trainer.model.training else "eval"
            for key, value in rewards.log_items(self._name).items():
                # ms-swift gives reward functions no way to log.
                self._trainer._metrics[mode][key].append(value)  # noqa: SLF001
        return _with_group_means(rewards, table)

    def callback(self, args: object, trainer: Any) -> TrainerCallback:
        """Return the callback that ms-swift creates for a trainer: it logs curves, and keeps σ in the checkpoints."""
        self._trainer = trainer
        if self._rewarder.scaler is None:
            from transformers.trainer_callback import TrainerCallback  # noqa: PLC0415

            return TrainerCallback()
        from onethinker_rewards.adapters.ema_scaler import make_callback  # noqa: PLC0415 - imports torch

        return make_callback(self._rewarder.scaler, self._name)


def make_reward(*, name: str = "onethinker", **settings: Unpack[RewarderSettings]) -> SwiftReward:
    """Return a reward function for ms-swift.

    Args:
        name: Its name in logs.
        settings: Those of `RewarderSettings`; ``ema`` needs ``--scale_rewards none`` and the callback.

    Raises:
        ArgumentError: If a setting is out of its range.
    """

    class NamedReward(SwiftReward):
        """A class for each reward, because ms-swift logs a reward under the name of its class."""

    NamedReward.__name__ = name
    return NamedReward(make_rewarder(**settings), name)


def register(name: str = "onethinker", **settings: Unpack[RewarderSettings]) -> None:
    """Add a reward function to ms-swift's tables: ``--reward_funcs <name> --callbacks <name>``.

    Args:
        name: Its name on the command line and in logs.
        settings: Those of `make_reward`, whose errors are raised here.
    """
    runs = _Runs(lambda: make_reward(name=name, **settings))
    from swift.callbacks import callbacks_map  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
    from swift.rewards import orms  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

    orms[name] = runs.reward
    callbacks_map[name] = runs.callback


class _Runs:
    """Gives each run its own reward: ms-swift asks for the callback first, then for the reward that belongs to it."""

    def __init__(self, make: Callable[[], SwiftReward]) -> None:
        self._make = make
        self._waiting: SwiftReward | None = make()

    def callback(self, args: object, trainer: Any) -> TrainerCallback:
        self._waiting = self._make()
        return self._waiting.callback(args, trainer)

    def reward(self, args: object = None) -> SwiftReward:
        reward, self._waiting = self._waiting or self._make(), None
        return reward


def _with_flat_tokens(columns: Table) -> Table:
    """Return the columns with one list of token ids a row: ms-swift gives one for each turn of the conversation."""
    rows: Any = columns.get("response_token_ids")
    if rows is None:
        return columns
    flat = [[*chain(*ids)] if ids and isinstance(ids[0], list) else ids for ids in rows]
    return {**columns, "response_token_ids": flat}


def _with_group_means(rewards: Rewards, columns: Table) -> list[float | None]:
    """Return the rewards, with the mean of its group for a row to which the judge gave no score."""
    filled = list(rewards.values)
    missing = [row for row in rewards.rows if filled[row] is None]
    if missing:
        groups = _GROUPS.groups(columns, rows=len(filled))
        _logger.warning("no score for %d of %d responses: they get their group's mean", len(missing), len(filled))
        for row in missing:
            known = [value for value, group in zip(rewards.values, groups, strict=True) if group == groups[row]]
            filled[row] = fmean([value for value in known if value is not None] or [0.0])
    return filled


onethinker = make_reward()
