"""Run the study: ``python -m benchmarks.study run``, then ``report`` writes its tables and figures into the docs.

A run that is in the results already is not repeated, so a study that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from benchmarks.study import rl, sft
from benchmarks.study.analysis import RESULTS, best_rates, mean_accuracy, read
from benchmarks.study.conditions import CONDITIONS, MAIN, RATE_OF, RATES, SEEDS, STEPS, TUNING_SEEDS, Condition

STARTS = Path("build") / "study"

Job = tuple[Condition, str, int, float]


def main() -> int:
    """Run the command that is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run what is not in the results yet")
    run.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    run.add_argument("--jobs", type=int, default=1, help="processes, of one thread each")
    run.add_argument("--out", type=Path, default=RESULTS)
    run.add_argument("--smoke", action="store_true", help="one short run, of which the result is printed")
    page = commands.add_parser("report", help="write tables and figures from the results")
    page.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    page.add_argument("--results", type=Path, default=RESULTS)
    page.add_argument(
        "--folder", type=Path, default=Path(), help="the repository, or a copy that docs/ is written into"
    )
    arguments = parser.parse_args()
    if arguments.command == "report":
        from benchmarks.study import report

        report.write(arguments.folder, arguments.results, arguments.seeds)
    elif arguments.smoke:
        print(json.dumps(smoke()))
    else:
        run_all(tuning(), arguments.out, arguments.jobs)
        rates = best_rates(read(arguments.out))
        run_all(confirmatory(arguments.seeds, rates), arguments.out, arguments.jobs)
    return 0


def tuning() -> list[Job]:
    """Return the runs that learning rates are chosen by."""
    tuned = [name for name in MAIN.estimators if name not in RATE_OF]
    return [(MAIN, name, seed, rate) for seed in TUNING_SEEDS for rate in RATES for name in tuned]


def confirmatory(seeds: list[int], rates: dict[str, float]) -> list[Job]:
    """Return the runs of the comparison, seed by seed."""
    return [(of, name, seed, rates[name]) for seed in seeds for of in CONDITIONS for name in of.estimators]


def smoke() -> dict[str, Any]:
    """Return a short run: one task, from a start that knows it alone."""
    torch.set_num_threads(1)
    condition = Condition("smoke", "Accuracy rises.", prompts={"multiple_choice": 6})
    return rl.run(sft.train(0, 400, ["multiple_choice"]), condition, "ema", seed=0, rate=2e-3, steps=24)


def run_all(jobs: list[Job], out: Path, processes: int) -> None:
    """Append the result of each job that ``out`` lacks."""
    done = {(found["condition"], found["estimator"], found["seed"], found["rate"]) for found in read(out)}
    missing = [job for job in jobs if (job[0].name, *job[1:]) not in done]
    began = time.monotonic()
    with out.open("a", encoding="utf-8") as file:
        for count, result in enumerate(_results(missing, processes), start=1):
            file.write(json.dumps(result, separators=(",", ":")) + "\n")
            file.flush()
            left = (time.monotonic() - began) / count * (len(missing) - count) / 60
            named = f"{result['condition']}, {result['estimator']}, seed {result['seed']}, rate {result['rate']:g}"
            print(f"{count}/{len(missing)}, {left:.0f} min left: {named}: {mean_accuracy(result):.4f}", flush=True)


def _results(jobs: list[Job], processes: int) -> Iterator[dict[str, Any]]:
    if processes == 1:
        yield from map(_run, jobs)
        return
    # Starts first: two processes must not train the same one.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(_start, sorted({job[2] for job in jobs})))
        for future in as_completed([pool.submit(_run, job) for job in jobs]):
            yield future.result()


def _start(seed: int) -> None:
    torch.set_num_threads(1)
    sft.start(seed, STARTS)


def _run(job: Job) -> dict[str, Any]:
    torch.set_num_threads(1)
    condition, estimator, seed, rate = job
    return rl.run(sft.start(seed, STARTS), condition, estimator, seed, rate, STEPS)


if __name__ == "__main__":
    sys.exit(main())
