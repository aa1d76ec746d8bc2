"""Rewards for EasyR1, and for the OneThinker release, which is built on it.

    worker.reward.reward_function=/path/to/onethinker_rewards/adapters/easyr1.py:compute_score

``python -c "import onethinker_rewards.adapters.easyr1 as e; print(e.__file__)"`` prints the path. The recipe is
``release``, so that a run equals one with the released reward; ``worker.reward.reward_function_kwargs`` sets another,
such as ``{recipe: paper}``. For other settings, put ``compute_score = make_reward(…)`` into your own file, with
``REWARD_TYPE = "batch"``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings, checked_totals, extra_info
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns, columns_of
from onethinker_rewards.errors import ArgumentError

# EasyR1 reads these two from the file.
REWARD_NAME = "onethinker"
REWARD_TYPE = "batch"

COLUMNS = Columns(reference=("ground_truth", "reference", "solution", "answer"))

# A task's curves; EasyR1 takes the mean of each over the rows that have it.
_CURVES = {"total": "total", "accuracy": "normalized", "format": "format"}
_CODES = ("failure", "format_fault")
_PART = "part/"


class ComputeScore:
    """A batch reward function of EasyR1.

    Args:
        task: The task of all rows.
        settings: Those of `RowScorer`; the recipe is ``release`` by default, the columns are `COLUMNS`.
    """

    def __init__(self, *, task: str | None = None, **settings: Unpack[Settings]) -> None:
        settings.setdefault("recipe", "release")
        settings.setdefault("columns", COLUMNS)
        self._task = task
        self._scorer = RowScorer(**settings)
        # The codes met so far, by task; dictionaries keep their order.
        self._codes: dict[str, dict[str, None]] = {}

    def __call__(
        self,
        reward_inputs: Sequence[Mapping[str, Any]],
        *,
        recipe: str | None = None,
        task: str | None = None,
        dialect: str | None = None,
        reference_dialect: str | None = None,
    ) -> list[dict[str, float]]:
        """Score N responses.

        Args:
            reward_inputs: ``[N]`` rows with ``response``, ``ground_truth`` and whatever else the trainer passes on. A
                ground truth that is a mapping is read as columns: ``{"answer": …, "problem_type": …}``.
            recipe: Another recipe, by name.
            task: The task of all rows, where the trainer passes no label on.
            dialect: How the model writes, by name; the recipe ``release`` knows no other than ours.
            reference_dialect: The same of references.

        Returns:
            ``[N]`` of ``overall``, ``accuracy`` (divided by the task's maximum, as the filter of groups needs it),
            ``format``, ``structure_reward``; and for the log, under the row's task, ``<task>/total``,
            ``<task>/accuracy``, ``<task>/format``, ``<task>/part/<name>`` and 0 or 1 in ``<task>/failed`` and in
            ``<task>/failure/<code>``, ``<task>/format_fault/<code>`` for codes met so far.

        Raises:
            BadReferenceError: Naming all rows whose reference is unreadable.
            UnknownTaskError: Naming all rows whose task is unknown.
            MissingColumnError: If a required column is missing.
            JudgeError: If a judge gave no score.
        """
        if isinstance(reward_inputs, Mapping):
            raise ArgumentError('reward_inputs is one row: set worker.reward.reward_type to "batch"')
        if not reward_inputs:
            return []
        rows = [_columns_of(row, task or self._task) for row in reward_inputs]
        scorer = self._scorer.with_recipe(recipe, dialect=dialect, reference_dialect=reference_dialect)
        columns = columns_of(rows)
        groups = scorer.columns.groups_or_none(columns, rows=len(rows))
        infos = extra_info(scorer.score([row["response"] for row in reward_inputs], columns, groups=groups))
        checked_totals(infos)
        for info in infos:
            codes = self._codes.setdefault(info["task"], {})
            codes.update({f"{kind}/{info[kind]}": None for kind in _CODES if info[kind]})
        return [
            {
                "overall": info["total"],
                "accuracy": info["normalized"],
                "format": info["format"],
                "structure_reward": info["structure"],
                **self._curves(info),
            }
            for info in infos
        ]

    def _curves(self, info: Info) -> dict[str, float]:
        task = info["task"]
        values = {name: info[key] for name, key in _CURVES.items()}
        values |= {key: value for key, value in info.items() if key.startswith(_PART) and not math.isnan(value)}
        values["failed"] = float(bool(info["failure"]))
        own = {f"{kind}/{info[kind]}" for kind in _CODES}
        values |= {code: float(code in own) for code in self._codes[task]}
        return {f"{task}/{key}": value for key, value in values.items()}


def _columns_of(row: Mapping[str, Any], task: str | None) -> dict[str, object]:
    columns: dict[str, object] = {key: value for key, value in row.items() if key != "response"}
    if isinstance(row.get("ground_truth"), Mapping):
        del columns["ground_truth"]
        columns |= row["ground_truth"]
    return columns if task is None else columns | {"task": task}


make_reward = ComputeScore
compute_score = make_reward()
