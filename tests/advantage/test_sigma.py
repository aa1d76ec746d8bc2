"""How σ behaves where rewards move, are filtered or rare: the numbers of docs/advantage/sigma.md."""

from __future__ import annotations

import math

import pytest
import torch

from onethinker_rewards.advantage import BatchMoments, EmaGrpo, Moments, sigma, update

VARIANTS = {
    "first_batch": {"initial": "first_batch"},
    "debiased": {"initial": "debiased"},
    "within_group_first_batch": {"initial": "first_batch", "variance": "within_group"},
    "within_group": {"initial": "debiased", "variance": "within_group"},
}
# A mean that rises from .2 to .9 in 200 calls and stays; within a group rewards differ by ±.03.
RISING = [(0.2 + 0.7 * min(call, 199) / 199, 0.03) for call in range(400)]
# Nothing in the first call, as long as the format is not learned; 1.5 ± .1 in all others.
LEARNED = [(0.0, 0.0)] + [(1.5, 0.1)] * 199


def sigmas(options: dict, levels: list[tuple[float, float]]) -> list[float]:
    """Return σ after each call with a group of two rewards, one below the level's mean by its spread and one above."""
    estimator = EmaGrpo(**options)
    found = []
    for mean, spread in levels:
        estimator(torch.tensor([mean - spread, mean + spread], dtype=torch.float64), [0, 0], ["task"] * 2)
        found.append(round(sigma(estimator.state).item(), 3))
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first_batch", [0.03, 0.063, 0.129, 0.235, 0.137]),
        ("debiased", [0.03, 0.059, 0.103, 0.187, 0.104]),
        ("within_group", [0.03, 0.03, 0.03, 0.03, 0.03]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mean_that_rises_inflates_sigma(name: str, expected: list[float]) -> None:
    found = sigmas(VARIANTS[name], RISING)
    assert [found[call - 1] for call in (1, 50, 100, 200, 400)] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("first_batch", [0.15, 0.325, 0.58, 0.753, 0.521]),
        ("debiased", [0.753, 0.561, 0.32, 0.179, 0.116]),
        ("within_group_first_batch", [0.01, 0.022, 0.043, 0.071, 0.093]),
        ("within_group", [0.071, 0.092, 0.098, 0.1, 0.1]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_level_that_is_reached_after_the_first_call_inflates_sigma(name: str, expected: list[float]) -> None:
    found = sigmas(VARIANTS[name], LEARNED)
    assert [found[call - 1] for call in (2, 6, 21, 70, 200)] == expected


def sigma_of_calls(calls: int, decay: float) -> float:
    """Return σ after 10 steps with p = .05 and 40 with p = .5, the rows of each step in so many calls."""
    state = Moments.unseen(("task",))
    for rate in [0.05] * 10 + [0.5] * 40:
        moments = torch.tensor([[rate], [rate * (1 - rate)]], dtype=torch.float64)
        for _ in range(calls):
            batch = BatchMoments(torch.tensor([8.0], dtype=torch.float64), moments)
            state = update(state, batch, decay=decay, initial="first_batch")
    return sigma(state).item()


def test_decay_is_per_call() -> None:
    assert [round(sigma_of_calls(calls, 0.99), 3) for calls in (1, 4, 16)] == [0.399, 0.492, 0.5]


@pytest.mark.parametrize("calls", [4, 16])
def test_the_root_of_decay_makes_calls_a_step(calls: int) -> None:
    assert sigma_of_calls(calls, 0.99 ** (1 / calls)) == pytest.approx(sigma_of_calls(1, 0.99), abs=0.02)


def test_filtered_groups_have_another_sigma() -> None:
    """Success rates U⁴ over prompts, groups of 8; filtered are groups of only successes or none."""
    generator = torch.Generator().manual_seed(0)
    rates = torch.rand(5_000, 1, generator=generator, dtype=torch.float64) ** 4
    rewards = (torch.rand(5_000, 8, generator=generator, dtype=torch.float64) < rates).double()
    kept = rewards[(rewards.mean(1) > 0.01) & (rewards.mean(1) < 0.99)]
    found = []
    for groups in (rewards, kept):
        estimator = EmaGrpo()
        estimator(groups.flatten(), torch.arange(len(groups)).repeat_interleave(8))
        found.append(round(sigma(estimator.state).item(), 2))
    assert found == [0.4, 0.49]


@pytest.mark.parametrize(("success", "clipped"), [(0.031, True), (0.032, False)])
def test_a_lone_success_of_eight_is_clipped_below_a_rate_of_3_percent(success: float, clipped: bool) -> None:
    """A = (7/8)/√(p(1 − p)) in the steady state."""
    state = torch.tensor([[success], [success * (1 - success)]], dtype=torch.float64)
    estimator = EmaGrpo(decay=1.0, initial="first_batch", task_names=["task"])
    saved = estimator.state_dict()
    estimator.load_state_dict(saved | {"first": state[0], "second": state[1], "seen": torch.ones(1)})
    advantages = estimator([1.0] + [0.0] * 7, [0] * 8, ["task"] * 8)
    assert (advantages.sum().item() == pytest.approx(0.0, abs=1e-5)) is not clipped
    assert advantages[0].item() == pytest.approx(min(0.875 / math.sqrt(success * (1 - success)), 5.0), rel=1e-4)


def test_below_min_std_the_scale_of_rewards_counts() -> None:
    rewards, groups = torch.tensor([0.0, 1.0], dtype=torch.float64), [0, 0]
    scaled = {scale: EmaGrpo()(rewards * scale, groups)[1].item() for scale in (1.0, 0.01, 0.001, 0.0001)}
    assert scaled == {
        1.0: pytest.approx(1.0, abs=1e-3), 0.01: pytest.approx(1.0, abs=1e-3),
        0.001: pytest.approx(0.5, abs=1e-3), 0.0001: pytest.approx(0.05, abs=1e-3),
    }  # fmt: skip
