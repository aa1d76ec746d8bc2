"""Reinforcement learning: one run of one estimator in one condition, from one supervised start."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import onethinker_rewards as otr
from benchmarks.study.conditions import ESTIMATORS, Condition
from benchmarks.study.policy import Policy
from benchmarks.study.world import PADDING, Prompts, World, text
from onethinker_rewards.advantage import EmaGrpo, clipped_loss, gradient_share

GROUP = 8
# After how many steps the policy is measured, and on how many new prompts of each task.
EVERY, HELD_OUT = 4, 50


@dataclass(frozen=True)
class Rollout:
    """A step's prompts and the ``N = P · GROUP`` responses to them.

    ``responses`` is ``[N, T]``; ``parts`` is ``[N, 2]``, the reward for accuracy and for format as the estimator gets
    them; ``accuracy`` is ``[N]``, what the responses truly earn, in 0…1; ``tasks`` has N names.
    """

    prompts: Prompts
    responses: Tensor
    parts: Tensor
    accuracy: Tensor
    tasks: np.ndarray

    @property
    def groups(self) -> Tensor:
        """The number of each row's prompt, ``[N]``."""
        return torch.arange(len(self.tasks)) // GROUP

    def select(self, prompts: np.ndarray) -> Rollout:
        """Return the groups of the prompts with these numbers."""
        rows = (prompts[:, None] * GROUP + np.arange(GROUP)).ravel()
        kept = self.responses[rows], self.parts[rows], self.accuracy[rows], self.tasks[rows]
        return Rollout(self.prompts.select(prompts), *kept)


def run(start: Policy, condition: Condition, estimator: str, seed: int, rate: float, steps: int) -> dict[str, Any]:
    """Train a copy of ``start`` and return what was measured, rounded: the same input gives the same bits.

    Runs of one seed and condition see the same prompts and draw the same random numbers, so that their differences are
    paired. Held-out accuracy is measured on prompts that no step of training has seen.
    """
    policy = copy.deepcopy(start)
    optimizer = torch.optim.Adam(policy.parameters(), rate, betas=(0.9, 0.99))
    advantages_of = ESTIMATORS[estimator]()
    tasks = list(condition.prompts)
    log = _Log(tasks, held_out(policy, condition, seed, steps)[0])
    for step in range(steps):
        rollout = collect(policy, condition, seed, step)
        rewards = rollout.parts if estimator == "gdpo" else rollout.parts.sum(1)
        advantages = advantages_of(rewards, rollout.groups, rollout.tasks.tolist())
        log.add_step(rollout, advantages)
        if (step + 1) % (2 * EVERY) == 0:
            log.gradient.append([_gradient_square(policy, rollout, advantages, task) for task in tasks])
        optimizer.zero_grad()
        _loss(policy, rollout, advantages).backward()
        optimizer.step()
        if (step + 1) % EVERY == 0:
            log.add_held_out(*held_out(policy, condition, seed, step))
            if isinstance(advantages_of, EmaGrpo):
                statistics = advantages_of.statistics()
                log.sigma.append([statistics[task].sigma for task in tasks])
    setting = {"condition": condition.name, "estimator": estimator, "seed": seed, "rate": rate, "steps": steps}
    return setting | log.result()


def collect(policy: Policy, condition: Condition, seed: int, step: int) -> Rollout:
    """Sample a group for each prompt of a step and reward it as the condition says."""
    drawn = 2 if condition.filtered else 1
    names = [task for task, count in condition.prompts.items() for _ in range(count * drawn)]
    prompts = World((seed, 1, step), condition.noise).draw(names)
    generator = torch.Generator().manual_seed(10_000 * seed + step)
    responses = policy.sample(prompts, generator, GROUP)
    tasks = np.repeat(names, GROUP)
    references = np.repeat(np.array(prompts.references, dtype=object), GROUP).tolist()
    batch = otr.score([text(tokens) for tokens in responses.tolist()], references, tasks.tolist())
    parts = torch.from_numpy(np.stack((batch.accuracy, batch.format), axis=1))
    parts[:, 0] += condition.judge_noise * torch.randn(len(tasks), generator=generator, dtype=torch.float64)
    parts *= torch.tensor([condition.scale.get(task, 1.0) for task in tasks], dtype=torch.float64)[:, None]
    if step == 0:
        parts[torch.from_numpy(np.isin(tasks, condition.nothing_at_first))] = 0.0
    if condition.shuffled:
        order = (
            torch.rand(len(names), GROUP, generator=generator).argsort(1) + GROUP * torch.arange(len(names))[:, None]
        )
        parts = parts[order.flatten()]
    rollout = Rollout(prompts, responses, parts, torch.from_numpy(np.asarray(batch.normalized)), tasks)
    return _filtered(rollout, condition) if condition.filtered else rollout


def held_out(policy: Policy, condition: Condition, seed: int, step: int) -> tuple[Tensor, Tensor]:
    """Return each task's accuracy and the standard deviation of its rewards, on new prompts with a response each."""
    names = [task for task in condition.prompts for _ in range(HELD_OUT)]
    prompts = World((seed, 2, step), condition.noise).draw(names)
    responses = policy.sample(prompts, torch.Generator().manual_seed(10_000 * seed + step))
    batch = otr.score([text(tokens) for tokens in responses.tolist()], prompts.references, names)
    scale = torch.tensor([condition.scale.get(task, 1.0) for task in condition.prompts], dtype=torch.float64)
    accuracy, total = (torch.from_numpy(np.asarray(of)).view(-1, HELD_OUT) for of in (batch.normalized, batch.total))
    return accuracy.mean(1), (total.var(1) + condition.judge_noise**2).sqrt() * scale


def _filtered(rollout: Rollout, condition: Condition) -> Rollout:
    """Keep, of each task, at most as many groups with unequal rewards as the condition asks for; all if none has."""
    rewards = rollout.parts.sum(1).view(-1, GROUP)
    mixed = (rewards != rewards[:, :1]).any(1).numpy()
    if not mixed.any():
        return rollout
    names = np.array(rollout.prompts.names)
    kept = [np.flatnonzero(mixed & (names == task))[:count] for task, count in condition.prompts.items()]
    return rollout.select(np.concatenate(kept))


def _loss(policy: Policy, rollout: Rollout, advantages: Tensor) -> Tensor:
    """Return the loss of one on-policy step, averaged over sequences as in the paper."""
    mask = rollout.responses != PADDING
    longest = int(mask.sum(1).max())
    log_probs = policy.log_probs(rollout.prompts, rollout.responses[:, :longest], GROUP)
    return clipped_loss(log_probs, log_probs.detach(), advantages.float(), mask[:, :longest]).loss


def _gradient_square(policy: Policy, rollout: Rollout, advantages: Tensor, task: str) -> float:
    """Return the squared norm of what a task's rows add to the gradient of the loss."""
    own = np.flatnonzero(np.array(rollout.prompts.names) == task)
    rows = torch.from_numpy(rollout.tasks == task)
    if not len(own):
        return 0.0
    loss = _loss(policy, rollout.select(own), advantages[rows]) * (rows.sum() / len(rows))
    return sum(float(gradient.square().sum()) for gradient in torch.autograd.grad(loss, list(policy.parameters())))


class _Log:
    """What a run measures, for each task in turn."""

    def __init__(self, tasks: list[str], start: Tensor) -> None:
        self.tasks, self.start = tasks, start.tolist()
        self.curve: list[list[float]] = []
        self.gradient: list[list[float]] = []
        self.sigma: list[list[float]] = []
        self.true_sigma: list[list[float]] = []
        self._share: list[list[float]] = []
        self._groups: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add_step(self, rollout: Rollout, advantages: Tensor) -> None:
        share = gradient_share(advantages, rollout.tasks.tolist())
        self._share.append([share.get(task, 0.0) for task in self.tasks])
        square = advantages.view(-1, GROUP).square().sum(1).numpy()
        successes = rollout.accuracy.view(-1, GROUP).sum(1).numpy()
        self._groups.append((np.array(rollout.prompts.names), successes, square))

    def add_held_out(self, accuracy: Tensor, sigma: Tensor) -> None:
        self.curve.append(accuracy.tolist())
        self.true_sigma.append(sigma.tolist())

    def result(self) -> dict[str, Any]:
        """Return means over the steps; ``weight`` is, for tasks of 0 and 1, Σ A² of a group by its successes of 8."""
        names, successes, square = (np.concatenate(column) for column in zip(*self._groups, strict=True))
        exact = np.isin(names, ("multiple_choice", "numerical"))
        by_successes = [square[exact & (successes == count)] for count in range(GROUP + 1)]
        gradient = np.array(self.gradient)
        measured = {
            "start": self.start,
            "curve": self.curve,
            "share": np.mean(self._share, axis=0),
            "first_share": np.mean(self._share[1:11], axis=0),
            "gradient_share": (gradient / np.maximum(gradient.sum(axis=1, keepdims=True), 1e-30)).mean(axis=0),
            "top_tenth": [_top_tenth(square[names == task]) for task in self.tasks],
            "weight": [float(of.mean()) if len(of) else None for of in by_successes],
            "sigma": self.sigma,
            "true_sigma": self.true_sigma if self.sigma else [],
        }
        return {"tasks": self.tasks} | {name: _rounded(value) for name, value in measured.items()}


def _top_tenth(squares: np.ndarray) -> float:
    """Return the share of the sum that the largest tenth holds."""
    largest = np.sort(squares)[::-1][: max(len(squares) // 10, 1)]
    return float(largest.sum() / max(squares.sum(), 1e-12))


def _rounded(value: Any) -> Any:
    """Return nested lists with four digits after the point."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value if value is None else round(value, 4)
