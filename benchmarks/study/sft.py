"""The supervised start: the policy imitates the teacher of `world`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch

from benchmarks.study.policy import Policy
from benchmarks.study.world import PADDING, TASKS, World

STEPS, PROMPTS, RATE = 800, 12, 8e-3
NOISE, HASTY = (0.05, 0.2), 0.7
# The part of the steps with careful answers alone.
CAREFUL = 0.6


def train(seed: int, steps: int = STEPS, tasks: Iterable[str] = TASKS) -> Policy:
    """Return a policy after supervised training on ``steps`` batches of `PROMPTS` prompts of each task."""
    torch.manual_seed(seed)
    policy = Policy()
    optimizer = torch.optim.Adam(policy.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        # Seeing is learned from careful answers first: it takes longest.
        world = World((seed, 0, step), NOISE, HASTY if step > CAREFUL * steps else 0.0)
        prompts = world.draw([task for task in tasks for _ in range(PROMPTS)])
        taught = prompts.taught != PADDING
        loss = -(policy.log_probs(prompts, prompts.taught) * taught).sum() / taught.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return policy


def start(seed: int, folder: Path, steps: int = STEPS) -> Policy:
    """Return the trained policy of a seed, from ``folder`` if it was trained before."""
    path = folder / f"start-{seed}-{steps}-{_code_hash()}.pt"
    policy = Policy()
    if path.exists():
        policy.load_state_dict(torch.load(path, weights_only=True))
        return policy
    policy = train(seed, steps)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(policy.state_dict(), path)
    return policy


def _code_hash() -> str:
    """Return a number of the code that a start depends on: a start that other code trained is not taken."""
    files = [Path(__file__).with_name(name) for name in ("policy.py", "sft.py", "world.py")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
