"""Draw the figures of docs/advantage and print their numbers: ``python -m scripts.plot_advantage``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt
from torch import Tensor

from onethinker_rewards import advantage

FOLDER = Path(__file__).parents[1] / "docs" / "advantage"
STEPS, GROUPS, SIZE = 200, 32, 8
TASKS = ("sparse 0/1", "dense, narrow")

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
    """Draw one bar an estimator."""
    found = shares()
    figure, axis = plt.subplots(figsize=(7, 2.9))
    left = [0.0] * len(found)
    for task, color in zip(range(2), ("#3b6ea5", "#e0a458"), strict=True):
        width = [of_tasks[task] for of_tasks in found.values()]
        axis.barh(list(found), width, left=left, color=color, label=TASKS[task])
        left = width
    axis.axvline(0.5, color="black", linewidth=0.8, linestyle=":")
    axis.set(xlim=(0, 1), xlabel="share of the sum of squared advantages")
    axis.invert_yaxis()
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    save(figure, "gradient_share.svg")
    for name, of_tasks in found.items():
        print(f"{name!r}: sparse {of_tasks[0]:.3f}, dense {of_tasks[1]:.3f}")


def draw_sigma() -> None:
    """Draw σ of a 0/1 reward whose success rate jumps from 5 % to 50 %."""
    generator = torch.Generator().manual_seed(1)
    rates = [0.05] * 150 + [0.5] * 450
    lines = {decay: advantage.EmaGrpo(decay=decay) for decay in (0.9, 0.99, 0.999)}
    traces: dict[float, list[float]] = {decay: [] for decay in lines}
    for rate in rates:
        rewards = (torch.rand(GROUPS * SIZE, generator=generator) < rate).double()
        for decay, estimator in lines.items():
            estimator(rewards, torch.arange(GROUPS).repeat_interleave(SIZE), ["task"] * len(rewards))
            traces[decay].append(advantage.sigma(estimator.state).item())
    figure, axis = plt.subplots(figsize=(7, 2.9))
    axis.plot([(rate * (1 - rate)) ** 0.5 for rate in rates], color="black", linestyle=":", label="the reward's own σ")
    for decay, color in zip(traces, ("#e0a458", "#3b6ea5", "#8a8a8a"), strict=True):
        axis.plot(traces[decay], color=color, label=f"β = {decay}")
    axis.set(xlabel="step", ylabel="σ", ylim=(0, 0.6))
    axis.legend(loc="lower right", frameon=True)
    save(figure, "sigma.svg")
    for decay, trace in traces.items():
        reached = next((step for step, value in enumerate(trace) if step >= 150 and value >= 0.45), None)
        after = "not in this run" if reached is None else f"after {reached - 149} steps"
        print(f"β = {decay}: σ {trace[149]:.3f} before the jump, 0.45 {after}")


def save(figure: plt.Figure, name: str) -> None:
    """Write the same bytes for the same figure."""
    figure.savefig(FOLDER / name, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Draw all figures."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "onethinker", "svg.fonttype": "none", "font.size": 9})
    FOLDER.mkdir(parents=True, exist_ok=True)
    draw_shares()
    draw_sigma()


if __name__ == "__main__":
    main()
