"""Draw the figures of docs/advantage/index.md and print their numbers: ``python -m scripts.plot_advantage``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from matplotlib import pyplot as plt
from scripts.figures import COLORS, GRAY, IMAGES, STYLES, label, save_svg, style
from torch import Tensor

from onethinker_rewards import advantage

STEPS, GROUPS, SIZE = 200, 32, 8
TASKS = ("sparse 0/1", "dense, narrow")
# The step of each label of σ, and how far from its line it is: where no other line is near.
LABELED = {0.9: (170, (0, 6)), 0.99: (200, (4, -12)), 0.999: (400, (4, -12))}

Batch = tuple[Tensor, Tensor, Tensor]


def batch(generator: torch.Generator, success: float) -> Batch:
    """Half of the groups earn 0 or 1, each prompt with its own rate; half an overlap that hardly moves in a group."""
    rate = torch.rand(GROUPS, 1, generator=generator).pow(1 / success - 1)
    sparse = (torch.rand(GROUPS, SIZE, generator=generator) < rate).double()
    level = 0.5 + 0.2 * torch.rand(GROUPS, 1, generator=generator)
    dense = (level + 0.03 * torch.randn(GROUPS, SIZE, generator=generator)).clamp(0, 1).double()
    groups = torch.arange(2 * GROUPS).repeat_interleave(SIZE)
    return torch.cat((sparse.flatten(), dense.flatten())), groups, (groups >= GROUPS).long()


def shares() -> dict[str, list[float]]:
    """Return each task's part of the squared advantages under each estimator, over all steps."""
    ema = advantage.EmaGrpo(guard=None)
    within = advantage.EmaGrpo(guard=None, variance="within_group")
    estimators: dict[str, Callable[..., Tensor]] = {
        "Dr.GRPO": advantage.dr_grpo,
        "batch std": advantage.batch_std,
        "GRPO": advantage.grpo,
        "EMA-GRPO": ema,
        "EMA-GRPO,\nwithin groups": within,
        "G²RPO": advantage.g2rpo,
    }
    generator = torch.Generator().manual_seed(0)
    total = {name: torch.zeros(2, dtype=torch.float64) for name in estimators}
    for _ in range(STEPS):
        rewards, groups, tasks = batch(generator, success=0.2)
        for name, estimator in estimators.items():
            square = estimator(rewards, groups, tasks).square()
            total[name] += torch.stack([square[tasks == task].sum() for task in range(2)])
    return {name: (sums / sums.sum()).tolist() for name, sums in total.items()}


def draw_shares() -> None:
    """Draw one bar an estimator: the sparse task's share from the left, the dense task's hatched from the right."""
    found = shares()
    figure, axis = plt.subplots(figsize=(7, 2.9))
    sparse, dense = zip(*found.values(), strict=True)
    axis.barh(list(found), sparse, color="none", edgecolor=COLORS[0], linewidth=1.4)
    axis.barh(list(found), dense, left=sparse, color="none", edgecolor=COLORS[1], linewidth=1.4, hatch="////")
    for row, of_tasks in enumerate(found.values()):
        label(axis, f"{of_tasks[0]:.2f}", (0, row), COLORS[0], va="center")
        label(axis, f"{of_tasks[1]:.2f}", (1, row), COLORS[1], va="center")
    label(axis, f"{TASKS[0]}: plain", (0, -0.5), COLORS[0], xytext=(0, 4), va="bottom")
    label(axis, f"{TASKS[1]}: hatched", (1, -0.5), COLORS[1], xytext=(0, 4), ha="right", va="bottom")
    axis.axvline(0.5, color=GRAY, linewidth=1, linestyle=":")
    axis.set(xlim=(0, 1), ylim=(len(found) - 0.5, -0.5), xlabel="share of the sum of squared advantages")
    axis.grid(visible=False)
    save_svg(figure, IMAGES / "gradient_share.svg")
    for name, of_tasks in found.items():
        print(f"{name!r}: sparse {of_tasks[0]:.3f}, dense {of_tasks[1]:.3f}")


def draw_sigma() -> None:
    """Draw σ of a 0/1 reward whose success rate jumps from 5 % to 50 %."""
    generator = torch.Generator().manual_seed(1)
    rates = [0.05] * 150 + [0.5] * 450
    lines = {decay: advantage.EmaGrpo(decay=decay) for decay in LABELED}
    traces: dict[float, list[float]] = {decay: [] for decay in lines}
    for rate in rates:
        rewards = (torch.rand(GROUPS * SIZE, generator=generator) < rate).double()
        for decay, estimator in lines.items():
            estimator(rewards, torch.arange(GROUPS).repeat_interleave(SIZE), ["task"] * len(rewards))
            traces[decay].append(advantage.sigma(estimator.state).item())
    figure, axis = plt.subplots(figsize=(7, 2.9))
    axis.plot([(rate * (1 - rate)) ** 0.5 for rate in rates], color=GRAY, linewidth=1)
    label(axis, "true σ of the reward", (400, 0.5), xytext=(0, 5))
    for (decay, trace), color, dashes in zip(traces.items(), COLORS, STYLES, strict=False):
        axis.plot(trace, color=color, linestyle=dashes)
        step, offset = LABELED[decay]
        label(axis, f"β = {decay}", (step, trace[step]), color, xytext=offset)
    axis.set(xlabel="step", ylabel="σ", xlim=(0, len(rates)), ylim=(0, 0.6))
    save_svg(figure, IMAGES / "sigma.svg")
    for decay, trace in traces.items():
        reached = next((step for step, value in enumerate(trace) if step >= 150 and value >= 0.45), None)
        after = "not in this run" if reached is None else f"after {reached - 149} steps"
        print(f"β = {decay}: σ {trace[149]:.3f} before the jump, 0.45 {after}")


if __name__ == "__main__":
    with style():
        draw_shares()
        draw_sigma()
