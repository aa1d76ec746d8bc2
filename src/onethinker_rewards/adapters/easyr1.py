"""Rewards for EasyR1, and for the OneThinker release, which is built on it.

    worker.reward.reward_function=/path/to/onethinker_rewards/adapters/easyr1.py:compute_score

``python -c "import onethinker_rewards.adapters.easyr1 as e; print(e.__file__)"`` says the path. The recipe is
``release``, so that a run equals one with the released reward; ``worker.reward.reward_function_kwargs`` takes another,
such as ``{recipe: paper}``. For other settings, put ``compute_score = make_reward(…)`` into a file of yours, with
``REWARD_TYPE = "batch"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.gather import whole_totals
from onethinker_rewards.adapters.logs import extra_info, log_items
from onethinker_rewards.adapters.scoring import RecipeScorers
from onethinker_rewards.errors import ArgumentError

__all__ = ["COLUMNS", "REWARD_NAME", "REWARD_TYPE", "ComputeScore", "compute_score", "log_items", "make_reward"]

# EasyR1 reads these two from the file.
REWARD_NAME = "onethinker"
REWARD_TYPE = "batch"

COLUMNS = Columns(reference=("ground_truth", "reference", "solution", "answer"))

# A task's curves; EasyR1 takes the mean of each over the rows that have it.
_CURVES = {"total": "total", "accuracy": "normalized", "format": "format"}
_CODES = ("failure", "format_fault")
_PART = "part/"


class ComputeScore:
    """A batch reward function of EasyR1; make it with `make_reward`."""

    def __init__(self, task: str | None = None, **settings: Any) -> None:
        self._task = task
        self._scorers = RecipeScorers(**{"recipe": "release", "columns": COLUMNS, **settings})
        self._seen: dict[str, dict[str, None]] = {}

    def __call__(
        self, reward_inputs: Sequence[Mapping[str, Any]], *, recipe: str | None = None, task: str | None = None
    ) -> list[dict[str, float]]:
        """Score N responses.

        Args:
            reward_inputs: ``[N]`` rows with ``response``, ``ground_truth`` and whatever else the trainer passes on. A
                ground truth that is a mapping is taken for columns: ``{"answer": …, "problem_type": …}``.
            recipe: Another recipe, by name.
            task: The task of all rows, where the trainer passes no label on.

        Returns:
            ``[N]`` of ``overall``, ``accuracy`` (divided by the task's maximum, as the filter of groups needs it),
            ``format``, ``structure_reward``; and for the log, under the row's task, ``<task>/total``,
            ``<task>/accuracy``, ``<task>/format``, ``<task>/part/<name>`` and 0 or 1 in ``<task>/failed`` and in
            ``<task>/failure/<code>``, ``<task>/format_fault/<code>`` for codes met so far.

        Raises:
            BadReferenceError: Naming all rows whose reference is unreadable.
            UnknownTaskError: Naming all rows whose task is unknown.
            MissingColumnError: If a column that is needed is not there.
            JudgeError: If a judge gave no score.
        """
        if isinstance(reward_inputs, Mapping):
            raise ArgumentError('reward_inputs is one row: set worker.reward.reward_type to "batch"')
        if not reward_inputs:
            return []
        rows = [self._columns(row, task) for row in reward_inputs]
        responses = [row["response"] for row in reward_inputs]
        scored = extra_info(self._scorers[recipe].score_rows(responses, rows))
        whole_totals(scored)
        self._meet(scored)
        return [_score_of(row) | self._curves(row) for row in scored]

    def _columns(self, row: Mapping[str, Any], task: str | None) -> dict[str, Any]:
        columns = {key: value for key, value in row.items() if key != "response"}
        record = columns.get("ground_truth")
        if isinstance(record, Mapping):
            del columns["ground_truth"]
            columns |= record
        label = task or self._task
        return columns if label is None else columns | {"task": label}

    def _meet(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Remember the codes of each task: from then on each of its rows says whether it has them."""
        for row in rows:
            codes = self._seen.setdefault(row["task"], {})
            codes.update({f"{kind}/{row[kind]}": None for kind in _CODES if row[kind]})

    def _curves(self, row: Mapping[str, Any]) -> dict[str, float]:
        task = row["task"]
        values = {name: row[key] for name, key in _CURVES.items()}
        values |= {key: value for key, value in row.items() if key.startswith(_PART) and not math.isnan(value)}
        values["failed"] = float(bool(row["failure"]))
        own = {f"{kind}/{row[kind]}" for kind in _CODES}
        values |= {code: float(code in own) for code in self._seen[task]}
        return {f"{task}/{key}": value for key, value in values.items()}


def make_reward(**settings: Any) -> ComputeScore:
    """Return a ``compute_score`` with settings of `RowScorer`, and ``task``, the task of all rows.

    The recipe is ``release`` if not given, columns are those of `COLUMNS`.
    """
    return ComputeScore(**settings)


compute_score = make_reward()


def _score_of(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        "overall": row["total"],
        "accuracy": row["normalized"],
        "format": row["format"],
        "structure_reward": row["structure"],
    }
