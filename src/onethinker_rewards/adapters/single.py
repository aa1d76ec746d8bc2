"""For trainers that ask for one response at a time, and that know no missing reward."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from onethinker_rewards.adapters.gather import Gatherer
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import JudgeError, OneThinkerRewardsError

__all__ = ["Call", "gather_calls", "whole_totals"]

# A response, and its row of the data set.
Call = tuple[str, Mapping[str, Any]]
_SHOWN = 5


def gather_calls(scorer: RowScorer) -> Gatherer[Call, dict[str, Any]]:
    """Return what scores the calls in flight together, and gives each its row of `extra_info`."""
    return Gatherer(partial(_score, scorer))


def _score(scorer: RowScorer, calls: list[Call]) -> list[dict[str, Any] | OneThinkerRewardsError]:
    return scorer.score_each([response for response, _ in calls], [row for _, row in calls])


def whole_totals(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the totals of rows as `extra_info` gives them, all of them numbers.

    Raises:
        JudgeError: If a judge gave no score: NaN would spoil its group's mean, and 0 would be a lie.
    """
    totals = [float(row["total"]) for row in rows]
    missing = [place for place, total in enumerate(totals) if math.isnan(total)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise JudgeError(
            f"the judge gave no score for row {', '.join(map(str, missing[:_SHOWN]))}{more}, "
            f"and this trainer knows no missing reward"
        )
    return totals
