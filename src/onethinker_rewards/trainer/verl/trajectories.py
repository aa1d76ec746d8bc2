"""What verl knows of a batch's rows, as the estimators take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onethinker_rewards.errors import ArgumentError

__all__ = ["Trajectories", "reward_info", "uid_of", "unwrapped"]


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
    def read(
        cls,
        keys: Sequence[str],
        tags: Sequence[Mapping[str, Any]],
        extra_fields: Iterable[Any],
        metrics: Iterable[Any],
    ) -> Trajectories:
        """Return the rows of a batch of verl's transfer queue.

        Args:
            keys: ``[N]`` of ``<uid>_<conversation>_<number>``.
            tags: ``[N]`` the queue's tags of each row.
            extra_fields: ``[N]`` the column of that name.
            metrics: ``[N]`` the column of that name.

        Raises:
            ArgumentError: If a row's reward is not ours.
        """
        last = _last_rows(keys)
        return cls(
            groups=[uid_of(key) for key in keys],
            infos=[reward_info(fields) for fields in extra_fields],
            counted=[
                last_row == row and not tag.get("is_padding", False)
                for row, (last_row, tag) in enumerate(zip(last, tags, strict=True))
            ],
            last=last,
            seconds=[float((unwrapped(values) or {}).get("compute_score") or 0.0) for values in metrics],
        )

    @property
    def tasks(self) -> list[str]:
        """``[N]`` the task that each row was scored as."""
        return [info["scored_as"] for info in self.infos]

    def counted_infos(self) -> list[Mapping[str, Any]]:
        """The reward's details of the rows that count."""
        return [info for info, counted in zip(self.infos, self.counted, strict=True) if counted]


def uid_of(key: str) -> str:
    """Return the prompt's id of a row's key."""
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


def _last_rows(keys: Sequence[str]) -> list[int]:
    parts = [key.rsplit("_", 1) for key in keys]
    last: dict[str, tuple[int, int]] = {}
    for row, (conversation, number) in enumerate(parts):
        last[conversation] = max(last.get(conversation, (-1, -1)), (int(number), row))
    return [last[conversation][1] for conversation, _ in parts]


def unwrapped(value: Any) -> Any:
    """Return a value of tensordict, which wraps some in an object with ``data``."""
    return getattr(value, "data", value)
