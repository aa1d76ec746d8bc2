"""The rows of a batch, as verl hands them over: their order, seeds, advantages and curves. Needs no verl."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from onethinker_rewards import advantage
from onethinker_rewards.adapters.ema_state import load_state, save_state
from onethinker_rewards.adapters.verl import log_items
from onethinker_rewards.advantage import EmaGrpo
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.options import NAME, Estimator

# What GDPO normalizes separately; a total is their weighted sum.
_PARTS = ("normalized", "format")
_SEED_BYTES = 4
# Of verl's transfer queue: one value a row.
Column: TypeAlias = Iterable[Any]


@dataclass(frozen=True, slots=True)
class Trajectories:
    """N rows of a batch.

    Attributes:
        groups: ``[N]`` the prompt's id.
        infos: ``[N]`` the reward's details, as `onethinker_rewards.adapters.verl.compute_score` returns it.
        counted: ``[N]`` false where the row is padding, or not the last of its conversation.
        last: ``[N]`` the index of the last row of the row's conversation: all its rows share one advantage.
        seconds: ``[N]`` how long the row waited for its reward; 0 where verl did not say.
    """

    groups: list[str]
    infos: list[Mapping[str, Any]]
    counted: list[bool]
    last: list[int]
    seconds: list[float]

    @classmethod
    def read(cls, keys: Sequence[str], tags: Column, extra_fields: Column, metrics: Column) -> Trajectories:
        """Return the rows of verl's transfer queue with these keys, tags and columns, each ``[N]``.

        Raises:
            ArgumentError: If a row's reward is not ours.
        """
        conversations = [key.rsplit("_", 1) for key in keys]
        newest: dict[str, tuple[int, int]] = {}
        for row, (conversation, number) in enumerate(conversations):
            newest[conversation] = max(newest.get(conversation, (-1, -1)), (int(number), row))
        last = [newest[conversation][1] for conversation, _ in conversations]
        return cls(
            groups=[uid_of(key) for key in keys],
            infos=[reward_info(fields) for fields in extra_fields],
            counted=[last[row] == row and not tag.get("is_padding", False) for row, tag in enumerate(tags)],
            last=last,
            seconds=[float((unwrapped(values) or {}).get("compute_score") or 0.0) for values in metrics],
        )

    @property
    def tasks(self) -> list[str]:
        """``[N]`` the task that each row was scored as."""
        return [info["scored_as"] for info in self.infos]


def uid_of(key: str) -> str:
    """Return the prompt's id of a row's key, which is ``<uid>_<conversation>_<number>``."""
    return key.rsplit("_", 2)[0]


def reward_info(extra_fields: Any) -> Mapping[str, Any]:
    """Return the reward's details of a row, from its ``extra_fields``.

    Raises:
        ArgumentError: If the reward is not ours.
    """
    info = (unwrapped(extra_fields) or {}).get("reward_extra_info") or {}
    if "scored_as" not in info:
        raise ArgumentError(
            "a row's reward does not say which task it was scored as: set reward.reward_manager, or "
            "reward.custom_reward_function, to onethinker_rewards.adapters.verl"
        )
    return info


def unwrapped(value: Any) -> Any:
    """Return a value of tensordict, which wraps some in an object with ``data``."""
    return getattr(value, "data", value)


# verl samples with vLLM's one generator, and orders rows by when they are done: both depend on timing. A run that can
# be repeated has a seed for each response, and rows in an order that is always the same.


def response_seed(seed: int, row: Mapping[str, Any]) -> int:
    """Return the seed of one response, in [0, 2³²): different for all responses of a step, and in each step.

    The run's seed and ``global_steps``, ``session_id``, ``index`` and ``extra_info`` of the row go into it.
    """
    parts = (seed, int(row["global_steps"]), _identity(row["index"], row.get("extra_info")), int(row["session_id"]))
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:_SEED_BYTES], "big")


def data_order(keys: Sequence[str], indices: Column, extra_infos: Column) -> list[int]:
    """Return the places of the rows in the order of the data, and those of one prompt by conversation and number."""
    turns = [tuple(int(part) for part in key.rsplit("_", 2)[1:]) for key in keys]
    ranks = [*zip(map(_identity, indices, extra_infos), turns, strict=True)]
    return sorted(range(len(keys)), key=ranks.__getitem__)


def _identity(index: Any, extra_info: Any) -> tuple[int, str]:
    """Return what no other row of the data has: rows of several files may have the same index."""
    return int(unwrapped(index)), str((unwrapped(extra_info) or {}).get("group", ""))


class Advantages:
    """An estimator, called with the rewards and rows of a batch.

    Its options are keywords of `EmaGrpo`, or of the function of its name in `onethinker_rewards.advantage`;
    `onethinker_rewards.trainer.options.Options` has checked them.
    """

    def __init__(self, name: Estimator, options: Mapping[str, object] | None = None) -> None:
        self._name = name
        self._options: dict[str, Any] = dict(options or {})
        self.ema = EmaGrpo(**self._options) if name == "ema_grpo" else None
        self._shares: Mapping[Any, float] = {}

    def __call__(self, rewards: Tensor, rows: Trajectories) -> Tensor:
        """Return ``[N]`` advantages of the rewards ``[N]``; all rows of a conversation get that of its last."""
        counted = torch.tensor(rows.counted, dtype=torch.bool)
        if self.ema is not None:
            values = self.ema(rewards, rows.groups, rows.tasks, mask=counted)
        else:
            baseline: Callable[..., Tensor] = getattr(advantage, self._name)
            parts = {part: _column(rows, part) for part in _PARTS} if self._name == "gdpo" else rewards
            values = baseline(parts, rows.groups, rows.tasks, mask=counted, **self._options)
            tasks = [task for task, counts in zip(rows.tasks, rows.counted, strict=True) if counts]
            self._shares = advantage.gradient_share(values[counted], tasks)
        return values[torch.tensor(rows.last, dtype=torch.int64)]

    def estimate(
        self, rows: Trajectories, *, token_level_rewards: Tensor, response_mask: Tensor, **_: object
    ) -> tuple[Tensor, Tensor]:
        """Return advantages and returns ``[N, tokens]``, which are equal: this is what verl calls.

        A row's reward is the sum of its ``token_level_rewards``; ``response_mask`` is 1 where the model wrote.
        """
        values = self(token_level_rewards.sum(-1), rows).unsqueeze(-1) * response_mask
        return values, values

    def metrics(self) -> dict[str, float]:
        """Return what to log about the last batch: ``advantage/<task>/…``."""
        if self.ema is not None:
            return advantage.log_items(self.ema.statistics())
        return {f"advantage/{task}/gradient_share": share for task, share in self._shares.items()}

    def save(self, folder: str | Path) -> None:
        """Write the statistics into a checkpoint's folder, all or nothing; a baseline has none."""
        if self.ema is not None:
            save_state(self.ema, folder)

    def load(self, folder: str | Path) -> None:
        """Take over statistics from a checkpoint's folder.

        Raises:
            ArgumentError: If there are none: a run that went on without them would be another run.
        """
        try:
            if self.ema is not None:
                load_state(self.ema, folder)
        except FileNotFoundError as error:
            raise ArgumentError(
                f"{folder}: this checkpoint has no running statistics of EMA-GRPO ({error.filename}); it was not saved "
                "by this trainer, or by one with another estimator"
            ) from error


def _column(rows: Trajectories, part: str) -> Tensor:
    return torch.tensor([math.nan if info[part] is None else float(info[part]) for info in rows.infos])


def filtered_groups_key(task: str) -> str:
    """Return the name of the metric of a task's filtered groups."""
    return f"{NAME}/{task}/filtered_groups"


def reward_metrics(
    rows: Trajectories, expected: int, logged: Mapping[str, float], *, filtered: bool
) -> dict[str, float]:
    """Return the metrics ``onethinker/…`` of a batch's rewards, in which ``expected`` rows were asked for.

    If groups are filtered, each task that has no number of filtered groups in what is logged already gets 0.
    """
    counted = [row for row, counts in enumerate(rows.counted) if counts]
    metrics = log_items([rows.infos[row] for row in counted], NAME)
    if filtered:
        keys = {filtered_groups_key(rows.infos[row]["scored_as"]) for row in counted}
        metrics |= dict.fromkeys(sorted(keys - logged.keys()), 0.0)
    metrics[f"{NAME}/lost_rows"] = float(expected - len(counted))
    if seconds := [rows.seconds[row] for row in counted]:
        metrics[f"{NAME}/reward_seconds/mean"] = statistics.fmean(seconds)
        metrics[f"{NAME}/reward_seconds/max"] = max(seconds)
    return metrics
