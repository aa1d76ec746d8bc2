"""The passes alone, with a backend that gives what it is told to."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from onethinker_rewards.models.sam2.backend import Decoded, Prompts, two_pass_logits


class _Told:
    """Gives logits and presence in turn, and keeps what it was asked."""

    def __init__(self, *answers: tuple[float, float]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Prompts, Any]] = []

    def decode(self, _: Any, prompts: Prompts, mask: Any) -> Decoded:
        self.asked.append((prompts, mask))
        logit, presence = self.answers.pop(0)
        return Decoded(torch.full((1, 1, 2, 2), logit), torch.ones(1, 1), torch.full((1, 1), presence))


def _drawn(*answers: tuple[float, float]) -> tuple[_Told, torch.Tensor]:
    told: Any = _Told(*answers)
    prompts = Prompts(torch.arange(10.0).reshape(1, 5, 2), torch.tensor([[2, 3, 1, 0, 0]]))
    return told, two_pass_logits(told, (), prompts)


def test_the_first_pass_sees_the_box_and_the_second_all() -> None:
    told, _ = _drawn((1.0, 1.0), (2.0, 1.0))
    (first, no_mask), (second, mask) = told.asked
    assert first.points.tolist() == [[[0, 1], [2, 3]]]
    assert first.labels.tolist() == [[2, 3]]
    assert no_mask is None
    assert second.labels.tolist() == [[2, 3, 1, 0, 0]]
    assert (mask == 1).all()


@pytest.mark.parametrize(("logit", "prompt"), [(31.0, 31.0), (40.0, 32.0), (-40.0, -32.0)])
def test_the_first_masks_logits_are_limited(logit: float, prompt: float) -> None:
    told, _ = _drawn((logit, 1.0), (2.0, 1.0))
    assert (told.asked[1][1] == prompt).all()


def test_the_second_masks_logits_are_not() -> None:
    assert (_drawn((1.0, 1.0), (40.0, 1.0))[1] == 40).all()


@pytest.mark.parametrize(("presence", "is_there"), [(0.1, True), (0.0, False), (-0.1, False)])
def test_an_object_is_there_above_0(presence: float, is_there: bool) -> None:
    _, logits = _drawn((1.0, 1.0), (2.0, presence))
    assert (logits > 0).all() == is_there


def test_without_an_object_at_first_the_second_pass_is_asked_all_the_same() -> None:
    told, logits = _drawn((5.0, -1.0), (2.0, 1.0))
    assert (told.asked[1][1] == -32).all()
    assert (logits == 2).all()
