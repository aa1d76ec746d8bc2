"""EMA-GRPO from token rewards to token advantages, beside its floor: one sum over tokens and one broadcast."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness import Row
from onethinker_rewards.advantage import EmaGrpo, broadcast, g2rpo, grpo

# The last shape has too few tokens for a training batch: it shows what a row costs.
SHAPES = {(1_024, 4_096): 1.5, (8_192, 512): 1.5, (65_536, 16): None}
GPU_SHAPE, GPU_LIMIT = (131_072, 4_096), 1.3
SIZE, TASKS = 8, 12
ROUNDS, SECONDS = 20, 3.0

Calls = dict[str, Callable[[], Any]]


def run() -> list[Row]:
    """Return one row for each shape and way; the note says how many times the floor ours takes, and the limit."""
    threads = torch.get_num_threads()
    rows = [
        row for count in sorted({1, threads}) for shape, limit in SHAPES.items() for row in on_cpu(shape, limit, count)
    ]
    return rows + (on_gpu() if torch.cuda.is_available() else [])


def rollout(shape: tuple[int, int], device: str = "cpu") -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return token rewards, the mask, and the rows' groups and tasks; groups of eight, in shuffled order."""
    rows, _ = shape
    generator = torch.Generator(device).manual_seed(0)
    groups = (torch.arange(rows, device=device) // SIZE)[torch.randperm(rows, generator=generator, device=device)]
    rewards = torch.rand(shape, generator=generator, device=device)
    return rewards, torch.ones_like(rewards), groups, groups % TASKS


def floor(rewards: Tensor, mask: Tensor) -> Tensor:
    """Return the least that any estimator does."""
    return rewards.sum(-1)[:, None] * mask


def on_cpu(shape: tuple[int, int], limit: float | None, threads: int) -> list[Row]:
    """Return ours by dense, by integer and by string ids, and verl, beside the floor.

    Several threads wait for each other: where other work takes a core, only the rows of one thread mean something.
    """
    rewards, mask, groups, tasks = rollout(shape)
    estimator = EmaGrpo(task_names=range(TASKS))
    counts = {"num_groups": shape[0] // SIZE, "num_tasks": TASKS}
    labels = [f"task-{task}" for task in tasks.tolist()]
    uids = np.array([f"uid-{group}" for group in groups.tolist()], dtype=object)
    scalars = rewards.sum(-1)
    calls: Calls = {
        "floor": lambda: floor(rewards, mask),
        "dense ids": lambda: broadcast(estimator(rewards.sum(-1), groups, tasks, **counts), mask),
        "tensor ids": lambda: broadcast(EmaGrpo()(rewards.sum(-1), groups, tasks), mask),
        "strings": lambda: broadcast(EmaGrpo()(rewards.sum(-1), uids, labels), mask),
        "scalar part alone": lambda: estimator(scalars, groups, tasks, **counts),
        "grpo": lambda: grpo(scalars, groups, tasks, **counts),
        "g2rpo": lambda: g2rpo(scalars, groups, tasks, **counts),
        **verl(rewards, mask, {"tensor ids": groups, "strings": uids}),
    }
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    took = beside(calls)
    torch.set_num_threads(before)
    size = f"{shape[0]:,} x {shape[1]:,}, {threads} thread{'s' * (threads > 1)}"
    rows = [
        Row(f"EMA-GRPO {size}, {way}", took[way], "floor", took["floor"], _times(took[way], took["floor"], most))
        for way, most in (("dense ids", limit), ("tensor ids", None), ("strings", None), ("scalar part alone", None))
    ]
    rows += [Row(f"EMA-GRPO {size}, dense ids", took["dense ids"], way, took[way]) for way in took if "verl" in way]
    alone = took["scalar part alone"]
    return rows + [Row(f"{way} {size}, scalar part alone", took[way], "EMA-GRPO", alone) for way in ("grpo", "g2rpo")]


def on_gpu() -> list[Row]:
    """Return ours on a GPU, eager and compiled, beside a copy of as many bytes and verl's vectorized GRPO."""
    rewards, mask, groups, tasks = rollout(GPU_SHAPE, "cuda")
    counts = {"num_groups": GPU_SHAPE[0] // SIZE, "num_tasks": TASKS}
    eager, compiled = EmaGrpo(task_names=range(TASKS)), EmaGrpo(task_names=range(TASKS))
    scalar = torch.compile(lambda *rows: compiled(*rows, **counts), fullgraph=True)
    target = torch.empty_like(rewards)
    calls: Calls = {
        # Ours reads rewards and mask and writes advantages: three passes; a copy is two.
        "two thirds of the bandwidth": lambda: target.copy_(rewards),
        "eager": lambda: broadcast(eager(rewards.sum(-1), groups, tasks, **counts), mask),
        "compiled": lambda: broadcast(scalar(rewards.sum(-1), groups, tasks), mask),
        **verl(rewards, mask, {"tensor ids": groups}),
    }
    took = beside(calls, finish=torch.cuda.synchronize)
    least = took["two thirds of the bandwidth"] * 1.5
    size = f"{GPU_SHAPE[0]:,} x {GPU_SHAPE[1]:,}, {torch.cuda.get_device_name()}"
    rows = [
        Row(f"EMA-GRPO {size}, {way}", took[way], "memory bandwidth", least, _times(took[way], least, GPU_LIMIT))
        for way in ("eager", "compiled")
    ]
    return rows + [Row(f"EMA-GRPO {size}", took["compiled"], way, took[way]) for way in took if "verl" in way]


def verl(rewards: Tensor, mask: Tensor, ids: dict[str, Any]) -> Calls:
    """Return verl's vectorized GRPO on the same rows, where it is there."""
    if not (Path(sys.prefix) / "peers" / "verl").exists():
        return {}
    from tests.advantage import peers

    vectorized = peers.verl()["compute_grpo_vectorized_outcome_advantage"]
    return {
        f"verl grpo_vectorized, {way}": lambda index=index: vectorized(rewards, mask, index)
        for way, index in ids.items()
    }


def beside(calls: Calls, *, finish: Callable[[], Any] = lambda: None) -> dict[str, float]:
    """Return each call's shortest time, in turns: whatever slows the machine down slows all of them."""
    best = dict.fromkeys(calls, float("inf"))
    start = time.perf_counter()
    rounds = 0
    while rounds < ROUNDS or time.perf_counter() - start < SECONDS:
        for name, call in calls.items():
            # Twice, and only the second is timed: the first brings its tensors back into the cache.
            call()
            finish()
            before = time.perf_counter()
            call()
            finish()
            best[name] = min(best[name], time.perf_counter() - before)
        rounds += 1
    return best


def _times(seconds: float, least: float, limit: float | None) -> str:
    return f"{seconds / least:.2f} times the floor" + (f", at most {limit}" if limit else "")
