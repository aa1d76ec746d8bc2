from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.hacks import Rewards, Verdict, play, read_tricks, recipe_reward
from onethinker_rewards.hacks.tricks import plain_response

TRICKS = [trick for trick in read_tricks() if trick.task in {"multiple_choice", "tracking"}]


def lengths(responses: list[str], references: list[str], tasks: list[str]) -> list[float]:
    return [float(len(response)) for response in responses]


def test_each_trick_gets_its_four_rewards() -> None:
    played = play(lengths, TRICKS)
    assert [result.trick for result in played] == TRICKS
    for trick, result in zip(TRICKS, played, strict=True):
        texts = trick.response, *(plain_response(trick, kind) for kind in (trick.compared_with, "right", "wrong"))
        assert result.rewards == Rewards(*map(float, map(len, texts)))


def test_references_and_tasks_belong_to_their_responses() -> None:
    def checked(responses: list[str], references: list[str], tasks: list[str]) -> list[float]:
        rows = {(trick.response, trick.reference, trick.task) for trick in TRICKS}
        assert rows <= set(zip(responses, references, tasks, strict=True))
        return [1.0] * len(responses)

    assert {result.verdict for result in play(checked, TRICKS)} == {Verdict.NOT_TRIED}


def test_one_call_and_each_question_once() -> None:
    calls: list[int] = []

    def counted(responses: list[str], references: list[str], tasks: list[str]) -> list[float]:
        calls.append(len(responses))
        assert len(set(zip(responses, references, tasks, strict=True))) == len(responses)
        return [0.0] * len(responses)

    play(counted, TRICKS)
    assert len(calls) == 1
    assert calls[0] < 4 * len(TRICKS)


def test_all_by_default_and_none_if_there_are_none() -> None:
    assert [result.trick for result in play(lengths)] == list(read_tricks())
    assert play(lengths, []) == []


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, lambda values: np.array(values, np.float32)])
def test_any_array_is_a_list_of_numbers(kind: Any) -> None:
    assert play(lambda *columns: kind(lengths(*columns)), TRICKS) == play(lengths, TRICKS)


def test_none_is_no_number() -> None:
    trick = TRICKS[0]

    def silent(responses: list[str], references: list[str], tasks: list[str]) -> list[float | None]:
        return [None if text == trick.response else float(text == plain_response(trick, "right")) for text in responses]

    assert play(silent, [trick])[0].verdict is Verdict.NO_NUMBER


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        pytest.param([1.0], r"reward returned shape \(1,\) for 4 responses", id="too few"),
        pytest.param([[1.0]] * 4, r"reward returned shape \(4, 1\) for 4 responses", id="nested"),
        pytest.param(1.0, r"reward returned shape \(\) for 4 responses", id="one number"),
        pytest.param(None, r"reward returned shape \(\) for 4 responses", id="nothing"),
        pytest.param(["good"] * 4, "reward returned list, not one number per row", id="words"),
        pytest.param([1.0, [2.0], 3.0, 4.0], "reward returned list, not one number per row", id="ragged"),
        pytest.param({"a": 1.0}, "reward returned dict, not one number per row", id="a dict"),
    ],
)
def test_what_is_not_one_number_a_row(returned: Any, message: str) -> None:
    trick = next(trick for trick in TRICKS if trick.compared_with == "plain")
    with pytest.raises(otr.ArgumentError, match=message):
        play(lambda responses, references, tasks: returned, [trick])


def test_an_error_of_the_function_is_its_own() -> None:
    def broken(responses: list[str], references: list[str], tasks: list[str]) -> list[float]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        play(broken, TRICKS)


def test_a_recipe_is_a_reward() -> None:
    perfect = recipe_reward(otr.Recipe(name="halved", accuracy_weight=0.5))
    assert perfect(["<think>…</think><answer>B</answer>"], ["B"], ["multiple_choice"]) == [1.5]
