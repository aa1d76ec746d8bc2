"""Reward function for OpenRLHF: ``--reward.remote_url`` takes the path of a file with a `reward_func`.

This file is one, with the default settings. A file of your own makes another:

    from onethinker_rewards.adapters.openrlhf import make_reward

    reward_func = make_reward(recipe="release")

OpenRLHF hands over one string a prompt beside prompt and response, the label: here a JSON object of the row's columns.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.adapters.gather import gather_calls, whole_totals
from onethinker_rewards.adapters.logs import log_items
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError

__all__ = ["OpenRlhfReward", "log_items", "make_reward", "response_of", "reward_func"]

_LOG = logging.getLogger(__name__)
_SPECIAL = re.compile(r"(<[^<>\s]+>)")


class OpenRlhfReward:
    """A reward function of OpenRLHF; make it with `make_reward`.

    OpenRLHF asks for each response on its own, from threads: the calls in flight are scored together.
    """

    def __init__(self, scorer: RowScorer) -> None:
        self._gather = gather_calls(scorer)

    def __call__(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        """Return rewards of N responses.

        Args:
            queries: ``[N]`` prompt and response, special tokens included.
            prompts: ``[N]`` prompts.
            labels: ``[N]`` JSON objects with the columns of the row.

        Returns:
            ``rewards``, float32 ``[N]``, the totals; ``scores``, float32 ``[N]``, the normalized accuracy, which
            OpenRLHF filters groups by; ``extra_logs``, numbers, always the same keys.

        Raises:
            OneThinkerRewardsError: As `RowScorer.score` does; also logged, since OpenRLHF logs no more than a line of
                level INFO and goes on until it misses the reward.
        """
        try:
            return self._answer(queries, prompts, labels)
        except OneThinkerRewardsError:
            _LOG.exception("no reward: OpenRLHF hides this error, and stops later for want of it")
            raise

    def _answer(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
        import torch  # noqa: PLC0415 - the adapter is imported without torch

        calls = [
            self._gather.submit((response_of(query, prompt), _columns_of(label)))
            for query, prompt, label in zip(queries, prompts, labels, strict=True)
        ]
        rows = [call.result() for call in calls]
        return {
            "rewards": torch.tensor(whole_totals(rows), dtype=torch.float32),
            "scores": torch.tensor([row["normalized"] for row in rows], dtype=torch.float32),
            "extra_logs": _extra_logs(rows),
        }


def make_reward(**settings: Any) -> OpenRlhfReward:
    """Return a reward function; the settings are those of `RowScorer`."""
    return OpenRlhfReward(RowScorer(**settings))


def response_of(query: str, prompt: str) -> str:
    r"""Return what the model wrote, the query without its prompt.

    A processor repeats the placeholder of an image, once for each of its patches: so a special token of the prompt may
    stand in the query many times over.

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
            f"queries: the query does not begin with its prompt, so it is not known where the response begins; "
            f"was the prompt cut off at the greatest length? query {query[:60]!r}, prompt {prompt[:60]!r}"
        )
    return query[found.end() :]


def _with_repeats(prompt: str) -> re.Pattern[str]:
    """Return a pattern of the prompt in which each run of one special token, but the last, has any length."""
    pieces = [piece for piece in _SPECIAL.split(prompt) if piece]
    patterns: list[str] = []
    for place, piece in enumerate(pieces):
        special = _SPECIAL.fullmatch(piece) is not None and place < len(pieces) - 1
        pattern = f"(?:{re.escape(piece)})++" if special else re.escape(piece)
        if not (special and patterns and patterns[-1] == pattern):
            patterns.append(pattern)
    return re.compile("".join(patterns))


def _columns_of(label: str) -> Mapping[str, Any]:
    try:
        columns = json.loads(label) if isinstance(label, str) else None  # pyright: ignore[reportUnnecessaryIsInstance]
    except json.JSONDecodeError:
        columns = None
    if not isinstance(columns, dict):
        raise ArgumentError(f"labels: expected a JSON object with the row's columns, got {label!r}")
    return columns


def _extra_logs(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return means with fixed keys: OpenRLHF joins the dictionaries of a batch, and wants them all alike."""
    values = {name: [row[name] for row in rows] for name in ("accuracy", "normalized", "format")}
    values["failed"] = [bool(row["failure"]) for row in rows]
    return {f"onethinker_{name}": sum(numbers) / len(numbers) for name, numbers in values.items()}


reward_func = make_reward()
