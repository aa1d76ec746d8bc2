"""Reward function for OpenRLHF: ``--reward.remote_url`` takes the path of a file with a `reward_func`.

This file is one, with the default settings. For other settings write your own file:

    from onethinker_rewards.adapters.openrlhf import make_reward

    reward_func = make_reward(recipe="release")

OpenRLHF passes prompt, response and one more string, the label: here a JSON object of the row's columns.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from typing import Any, Unpack

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings, checked_totals
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Row
from onethinker_rewards.adapters.microbatch import batch_calls
from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError

_LOG = logging.getLogger(__name__)
_SPECIAL = re.compile(r"(<[^<>\s]+>)")


class OpenRlhfReward:
    """A reward function of OpenRLHF; the settings are those of `RowScorer`.

    OpenRLHF asks for one response at a time, from several threads: the calls in flight are scored together.
    """

    def __init__(self, **settings: Unpack[Settings]) -> None:
        self._batcher = batch_calls(RowScorer(**settings))

    def __call__(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """Return rewards of N responses.

        Args:
            queries: ``[N]`` prompt and response, with their special tokens.
            prompts: ``[N]`` prompts.
            labels: ``[N]`` JSON objects with the columns of the row.

        Returns:
            ``rewards``, float32 ``[N]``, the totals; ``scores``, float32 ``[N]``, the normalized accuracy, by which
            OpenRLHF filters groups; ``extra_logs``, numbers, always the same keys.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; also logged here, because OpenRLHF only logs a line of
                level INFO and goes on until it needs the reward.
        """
        import torch  # noqa: PLC0415 - the adapter is imported without torch

        try:
            calls = [
                self._batcher.submit((response_of(query, prompt), _columns_of(label)))
                for query, prompt, label in zip(queries, prompts, labels, strict=True)
            ]
            infos = [call.result() for call in calls]
            totals = checked_totals(infos)
        except OneThinkerRewardsError:
            _LOG.exception("no reward: OpenRLHF hides this error, and stops later because the reward is missing")
            raise
        return {
            "rewards": torch.tensor(totals, dtype=torch.float32),
            "scores": torch.tensor([info["normalized"] for info in infos], dtype=torch.float32),
            "extra_logs": _extra_logs(infos),
        }


def response_of(query: str, prompt: str) -> str:
    r"""Return what the model wrote, the query without its prompt.

    A processor repeats the placeholder of an image once for each patch, so the query may repeat a special token of the
    prompt many times.

    Raises:
        ArgumentError: If the query does not begin with the prompt.

    >>> response_of("<|pad|><|pad|>How many?\n<think>Two.</think><answer>2</answer>", "<|pad|>How many?\n")
    '<think>Two.</think><answer>2</answer>'
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    found = _with_repeats(prompt).match(query)
    if found is None:
        raise ArgumentError(
            f"queries: the query does not begin with its prompt, so the beginning of the response is unknown; "
            f"was the prompt truncated to the maximum length? query {query[:60]!r}, prompt {prompt[:60]!r}"
        )
    return query[found.end() :]


def _with_repeats(prompt: str) -> re.Pattern[str]:
    """Return a pattern of the prompt in which each run of a special token, except at the end, has any length."""
    pieces = [piece for piece in _SPECIAL.split(prompt) if piece]
    patterns: list[str] = []
    for index, piece in enumerate(pieces):
        special = _SPECIAL.fullmatch(piece) is not None and index < len(pieces) - 1
        pattern = f"(?:{re.escape(piece)})++" if special else re.escape(piece)
        if not (special and patterns and patterns[-1] == pattern):
            patterns.append(pattern)
    return re.compile("".join(patterns))


def _columns_of(label: str) -> Row:
    try:
        columns = json.loads(label) if isinstance(label, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    except json.JSONDecodeError:
        columns = None
    if not isinstance(columns, dict):
        raise ArgumentError(f"labels: expected a JSON object with the row's columns, got {label!r}")
    return columns


def _extra_logs(infos: Sequence[Info]) -> dict[str, float]:
    """Return means with fixed keys: OpenRLHF joins the dictionaries of a batch, which must have the same keys."""
    values = {name: [info[name] for info in infos] for name in ("accuracy", "normalized", "format")}
    values["failed"] = [bool(info["failure"]) for info in infos]
    return {f"onethinker_{name}": sum(numbers) / len(numbers) for name, numbers in values.items()}


make_reward = OpenRlhfReward
reward_func = make_reward()
