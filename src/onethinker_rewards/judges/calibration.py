"""How far a judge can be trusted: its agreement with known scores, and what else moves its scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
from anyio.from_thread import start_blocking_portal
from numpy.typing import NDArray
from scipy.stats import rankdata

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.judges.concurrency import all_of
from onethinker_rewards.tasks.judging import JudgeRow, RowJudge, Verdict

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What `calibrate` found. Figures leave out rows without a score, and are NaN where no row is left.

    Attributes:
        rows: How many.
        failures: Rows without a score, by code.
        scores: The judge's score of each row, NaN for none; give them as ``earlier`` to a later run.
        accuracy: The share of rows on the same side of 0.5 as the expected score; NaN unless all of those are 0 or 1.
        kappa: Cohen's κ of the same: 1 for agreement, 0 for what chance gives; NaN also where all are on one side.
        spearman: Rank correlation of scores and expected scores, in [−1, 1]; NaN if either are all equal.
        mae: Mean of |score − expected|.
        position_bias: Mean of score(answer, reference) − score(reference, answer); NaN if not asked for. Equality has
            no direction, so it is near 0 for a judge that only compares.
        position_flips: The share of rows that change the side of 0.5 by that.
        length_bias: Rank correlation of scores and lengths of answers in characters, in [−1, 1]. Compare it with
            ``expected_length_bias``: long answers may be better in truth.
        expected_length_bias: The same of the expected scores.
        drift: Mean of score − earlier score; NaN without earlier scores.
        absolute_drift: Mean of |score − earlier score|.
    """

    rows: int
    failures: Mapping[str, int]
    scores: Floats
    accuracy: float
    kappa: float
    spearman: float
    mae: float
    position_bias: float
    position_flips: float
    length_bias: float
    expected_length_bias: float
    drift: float
    absolute_drift: float


def calibrate(
    judge: RowJudge,
    rows: Sequence[JudgeRow],
    expected: Sequence[float],
    *,
    swap: bool = False,
    earlier: Sequence[float] | None = None,
) -> Calibration:
    """Compare a judge with scores that are known, such as those of people.

    It runs an event loop in a thread, and closes the judge's connections at its end.

    Args:
        judge: It need not be raw or in [0, 1], but accuracy and κ take 0.5 as the border.
        rows: What to judge.
        expected: ``[N]`` the known scores; 0 and 1 alone are labels.
        swap: Whether to judge each row again with answer and reference exchanged, for the position bias.
        earlier: ``[N]`` `Calibration.scores` of another run, for the drift.

    Raises:
        ArgumentError: If the lengths differ, or an expected score is not finite.
        JudgeError: As the judge raises it.

    Source: Cohen 1960, doi:10.1177/001316446002000104, for κ.
    """
    known = np.asarray(expected, dtype=np.float64)
    before = np.full(len(rows), math.nan) if earlier is None else np.asarray(earlier, dtype=np.float64)
    if known.shape != (len(rows),) or before.shape != (len(rows),):
        raise ArgumentError(f"expected and earlier: one number for each of {len(rows)} rows")
    if not np.isfinite(known).all():
        raise ArgumentError("expected: finite numbers")
    swapped = [replace(row, answer=row.reference, reference=row.answer) for row in rows] if swap else []
    with start_blocking_portal() as portal:
        verdicts = portal.call(_judge_all, judge, [*rows, *swapped])
    scores, turned = _scores(verdicts[: len(rows)]), _scores(verdicts[len(rows) :])
    if not swap:
        turned = np.full(len(rows), math.nan)
    lengths = np.array([len(row.answer) for row in rows], dtype=np.float64)
    accuracy, kappa = _agreement(scores, known) if np.isin(known, (0.0, 1.0)).all() else (math.nan, math.nan)
    return Calibration(
        rows=len(rows),
        failures=dict(Counter(str(verdict.code) for verdict in verdicts[: len(rows)] if verdict.code)),
        scores=scores,
        accuracy=accuracy,
        kappa=kappa,
        spearman=_rank_correlation(scores, known),
        mae=_mean(np.abs(scores - known)),
        position_bias=_mean(scores - turned),
        position_flips=_mean(np.where(np.isnan(scores - turned), np.nan, (scores >= 0.5) != (turned >= 0.5))),
        length_bias=_rank_correlation(scores, lengths),
        expected_length_bias=_rank_correlation(known, lengths),
        drift=_mean(scores - before),
        absolute_drift=_mean(np.abs(scores - before)),
    )


async def _judge_all(judge: RowJudge, rows: Sequence[JudgeRow]) -> list[Verdict]:
    try:
        return cast("list[Verdict]", await all_of([partial(judge.judge, row) for row in rows]))
    finally:
        if hasattr(judge, "aclose"):
            await cast("Any", judge).aclose()


def _scores(verdicts: Sequence[Verdict]) -> Floats:
    return np.array([math.nan if verdict.score is None else verdict.score for verdict in verdicts], dtype=np.float64)


def _mean(values: Floats) -> float:
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if len(finite) else math.nan


def _agreement(scores: Floats, known: Floats) -> tuple[float, float]:
    """Return accuracy and Cohen's κ = (p_o − p_e) / (1 − p_e)."""
    judged = ~np.isnan(scores)
    if not judged.any():
        return math.nan, math.nan
    said, right = scores[judged] >= 0.5, known[judged] == 1.0
    observed = float((said == right).mean())
    by_chance = float(said.mean() * right.mean() + (~said).mean() * (~right).mean())
    return observed, math.nan if by_chance == 1 else (observed - by_chance) / (1 - by_chance)


def _rank_correlation(one: Floats, other: Floats) -> float:
    both = ~(np.isnan(one) | np.isnan(other))
    one, other = one[both], other[both]
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    # Spearman's ρ is the correlation of the ranks.
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
