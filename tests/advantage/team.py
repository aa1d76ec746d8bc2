"""Real processes joined by gloo, kept between tests, killed when one does not answer in time."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from onethinker_rewards import advantage
from tests.waiting import LONGEST


class Team:
    """``world`` processes that run the same function, each with its own arguments."""

    def __init__(self, world: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.world = world
        self.pipes: list[Connection] = []
        self.processes = []
        for rank in range(world):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(rank, world, str(folder / "rendezvous"), theirs), daemon=True
            )
            process.start()
            self.pipes.append(ours)
            self.processes.append(process)
        self._answers()

    def run(self, function: Callable[..., Any], each: list[tuple]) -> list[Any]:
        """Return what the ranks return, in their order."""
        for pipe, arguments in zip(self.pipes, each, strict=True):
            pipe.send((function, arguments))
        return self._answers()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.join(10)

    def _answers(self) -> list[Any]:
        answers = []
        for rank, pipe in enumerate(self.pipes):
            if not pipe.poll(LONGEST):
                self.close()
                raise TimeoutError(f"rank {rank} of {self.world} did not answer within {LONGEST} s")
            answers.append(pipe.recv())
        failed = [answer for ok, answer in answers if not ok]
        assert not failed, "\n".join(failed)
        return [answer for _, answer in answers]


def _serve(rank: int, world: int, rendezvous: str, pipe: Connection) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=world, timeout=timedelta(seconds=LONGEST)
    )
    pipe.send((True, None))
    while True:
        function, arguments = pipe.recv()
        try:
            pipe.send((True, function(*arguments)))
        except Exception:  # noqa: BLE001  whatever it is, the test shall show it
            pipe.send((False, traceback.format_exc()))


# What the ranks run. Numbers travel as lists: float64 survives them to the bit.


def tensor(values: list[float], dtype: str) -> torch.Tensor:
    return torch.tensor(values, dtype=getattr(torch, dtype))


def ema(steps: list[tuple], options: dict, dtype: str = "float64", counts: dict | None = None) -> dict[str, Any]:
    estimator = advantage.EmaGrpo(**options, process_group=dist.group.WORLD)
    results = [
        estimator(tensor(rewards, dtype), groups, tasks, **counts or {}).tolist() for rewards, groups, tasks in steps
    ]
    state = estimator.state
    return {"advantages": results, "labels": state.labels, "values": state.values.tolist()}


def scaler(steps: list[tuple]) -> dict[str, Any]:
    estimator = advantage.EmaRewardScaler(process_group=dist.group.WORLD)
    results = [estimator(tensor(rewards, "float64"), tasks).tolist() for rewards, _, tasks in steps]
    return {"advantages": results, "labels": estimator.state.labels, "values": estimator.state.values.tolist()}


def baseline(name: str, step: tuple, options: dict) -> list[float]:
    rewards, groups, tasks = step
    function = getattr(advantage, name)
    return function(tensor(rewards, "float64"), groups, tasks, process_group=dist.group.WORLD, **options).tolist()


def only_rank_zero(step: tuple) -> list[float] | None:
    """Estimators without a process group, called by one rank alone; the others return at once."""
    if dist.get_rank() != 0:
        return None
    rewards, groups, tasks = step
    estimator = advantage.EmaGrpo()
    return estimator(tensor(rewards, "float64"), groups, tasks).tolist()


def statistics_on_rank_zero(step: tuple) -> dict | None:
    rewards, groups, tasks = step
    estimator = advantage.EmaGrpo(process_group=dist.group.WORLD, groups_span_ranks=True)
    estimator(tensor(rewards, "float64"), groups, tasks)
    return estimator.statistics() if dist.get_rank() == 0 else None
