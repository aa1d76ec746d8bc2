"""How far a judge can be trusted, on judges whose faults are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

import onethinker_rewards as otr
from onethinker_rewards.judges import Calibration, JudgeRow, Verdict, calibrate
from tests.judges.stub_server import chat, stub_server
from tests.judges.test_combine import Known, Plain
from tests.judges.test_requests import chat_judge


def known(*answers: str) -> list[JudgeRow]:
    return [JudgeRow(answer=answer, reference="0") for answer in answers]


def test_labels() -> None:
    found = calibrate(Known(), known("1", "0.9", "0.2", "0.6", "?"), [1, 1, 0, 0, 1])
    assert (found.rows, found.failures) == (5, {"judge_timeout": 1})
    assert found.accuracy == 0.75
    # Three of four said right, two of four are: chance gives 3/4 · 1/2 + 1/4 · 1/2.
    assert found.kappa == pytest.approx((0.75 - 0.5) / (1 - 0.5))
    assert found.mae == pytest.approx((0 + 0.1 + 0.2 + 0.6) / 4)
    assert np.isnan(found.scores[4])


def test_scores() -> None:
    answers, expected = ("0.1", "0.9", "0.4", "0.6"), [0.2, 0.7, 0.5, 0.5]
    found = calibrate(Known(), known(*answers), expected)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.kappa)
    assert found.spearman == pytest.approx(spearmanr(list(map(float, answers)), expected).statistic)
    assert math.isnan(found.drift)
    assert math.isnan(found.position_bias)


def test_agreement_that_chance_gives_too() -> None:
    found = calibrate(Known(), known("1", "1"), [1, 1])
    assert (found.accuracy, math.isnan(found.kappa), math.isnan(found.spearman)) == (1.0, True, True)


def test_no_row_has_a_score() -> None:
    found = calibrate(Known(), known("?", "?"), [1, 0], swap=True)
    figures = (found.accuracy, found.kappa, found.spearman, found.mae, found.position_bias, found.position_flips)
    assert all(map(math.isnan, figures))


class Longest:
    """The longer an answer, the better."""

    async def judge(self, row: JudgeRow) -> Verdict:
        return Verdict(score=min(1.0, len(row.answer) / 10))


def test_a_judge_that_likes_length() -> None:
    found = calibrate(Longest(), [JudgeRow(answer="x" * n, reference="r") for n in (2, 4, 6, 8)], [1, 0, 0, 1])
    assert found.length_bias == pytest.approx(1.0)
    assert found.expected_length_bias == pytest.approx(0.0)


def test_a_judge_that_has_a_position() -> None:
    rows = [JudgeRow(answer="x" * 9, reference="r"), JudgeRow(answer="xx", reference="rr")]
    found = calibrate(Longest(), rows, [1, 0], swap=True)
    assert found.position_bias == pytest.approx(((0.9 - 0.1) + 0) / 2)
    assert found.position_flips == 0.5


def test_half_is_on_the_upper_side() -> None:
    rows = [JudgeRow(answer="x" * 5, reference="r" * 9), JudgeRow(answer="x" * 4, reference="r" * 5)]
    found = calibrate(Longest(), rows, [1, 0], swap=True)
    assert (found.accuracy, found.position_flips) == (1.0, 0.5)


def test_drift() -> None:
    first = calibrate(Known(), known("0.5", "0.5", "?"), [1, 0, 1])
    second = calibrate(Known(), known("0.75", "0.5", "1"), [1, 0, 1], earlier=first.scores.tolist())
    assert (second.drift, second.absolute_drift) == (0.125, 0.125)


@pytest.mark.parametrize(("expected", "earlier"), [([1], None), ([1, math.nan], None), ([1, 0], [0.5])])
def test_arguments_that_do_not_fit(expected: list[float], earlier: list[float] | None) -> None:
    with pytest.raises(otr.ArgumentError):
        calibrate(Plain(), known("1", "0"), expected, earlier=earlier)


def test_over_http_and_closed_in_the_end() -> None:
    rows = [JudgeRow(answer=f"a {number}", reference="b") for number in range(20)]
    with stub_server(lambda request, number: chat("yes")) as server:
        judge = chat_judge(server.url)
        found = calibrate(judge, rows, [1.0] * 10 + [0.0] * 10)
        assert judge._session is None
    assert isinstance(found, Calibration)
    assert (found.accuracy, found.kappa) == (0.5, 0.0)
