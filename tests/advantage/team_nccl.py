"""One process a GPU, joined by nccl."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from onethinker_rewards.advantage import EmaGrpo
from tests.waiting import LONGEST


def run_nccl(steps_of: list[list[tuple]], folder: Path) -> list[dict[str, Any]]:
    context = multiprocessing.get_context("spawn")
    world = len(steps_of)
    pipes = [context.Pipe() for _ in range(world)]
    processes = [
        context.Process(
            target=_rank, args=(rank, world, str(folder / "rendezvous"), steps, pipes[rank][1]), daemon=True
        )
        for rank, steps in enumerate(steps_of)
    ]
    for process in processes:
        process.start()
    try:
        answered = [pipe.poll(LONGEST) and pipe.recv() for pipe, _ in pipes]
        assert all(answered), "a rank did not answer"
        return answered
    finally:
        for process in processes:
            process.kill()
            process.join(10)


def _rank(rank: int, world: int, rendezvous: str, steps: list[tuple], pipe: Any) -> None:
    torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl", init_method=f"file://{rendezvous}", rank=rank, world_size=world, timeout=timedelta(seconds=LONGEST)
    )
    estimator = EmaGrpo(process_group=dist.group.WORLD, groups_span_ranks=True)
    advantages = [
        estimator(torch.tensor(rewards, dtype=torch.float64, device="cuda"), groups, tasks).tolist()
        for rewards, groups, tasks in steps
    ]
    pipe.send({"advantages": advantages})
