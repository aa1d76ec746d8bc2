"""A million responses that were made to break scoring: ``python -m scripts.storm [ROWS] [--seed N] [--out FILE]``.

Over all tasks and recipes: no exception, no total that is NaN or outside of its recipe's range, no response that takes
longer than 50 ms by itself. Prints what it found, and writes it as a page. Ends with 1 where anything was found.

A batch that takes less than 50 ms holds no response that takes longer, so only slow batches are halved until the slow
response is found, and that one is timed again by itself, in the best of many tries. Mathematics is timed answer by
answer, because a second comparison finds its terms in caches; its workers' time counts. Time is the processor's: other
work on the machine makes the clock's longer.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from scripts.storm_inputs import RECIPES, Shower, hail, showers

import onethinker_rewards as otr

__all__ = ["Finding", "Storm", "main", "report"]

SECONDS = 0.05
MATH_VERIFY = "slow in math-verify"
_SIZE = 64
# Other work on the machine makes a processor's time longer too, by its caches, and never shorter.
_AGAIN = 40
_AGAIN_FRESH = 3
_PAUSE = 0.05
_SHOWN = 200
_MANY = 100_000
# Comparisons that need algebra.
_WARM = ["<think></think><answer>(x + 1)^2</answer>", "<think></think><answer>2x > 6</answer>"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One response that broke a promise."""

    kind: str
    task: str
    recipe: str
    response: str
    reference: str
    detail: str

    def __str__(self) -> str:
        # ASCII, because marks that turn the line round would turn this one.
        shown = ascii(self.response if len(self.response) <= 120 else f"{self.response[:80]}...{self.response[-30:]}")
        return f"{self.kind}: {self.task}, {self.recipe}: {self.detail}: {shown} against {self.reference[:40]!a}"


@dataclass(slots=True)
class Storm:
    """What has been scored so far, and what was found.

    Attributes:
        scorers: A scorer a recipe.
        seconds: Longest time that one response may take.
        rows: Rows by task and recipe.
        failures: Failures by code.
        slowest: Seconds of the slowest response by task, where a batch was slow enough to look.
        findings: What broke a promise.
    """

    scorers: dict[str, otr.Scorer]
    seconds: float = SECONDS
    rows: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    failures: Counter[str] = field(default_factory=Counter[str])
    slowest: dict[str, float] = field(default_factory=dict[str, float])
    findings: list[Finding] = field(default_factory=list[Finding])

    def hold(self, shower: Shower) -> None:
        """Score a batch and look for what it breaks."""
        for part in _singly(shower) if shower.task == "math" else (shower,):
            self._hold(part)

    def _hold(self, shower: Shower) -> None:
        try:
            taken, batch = self._timed(shower)
        except Exception as error:  # noqa: BLE001 - what raises is what this looks for
            self._raised(shower, error)
            return
        self._count(shower)
        self.failures.update("scored" if code is None else str(code) for code in batch.failure)
        self._check(shower, batch)
        if taken > self.seconds:
            self._slow(shower, taken)

    def _timed(self, shower: Shower) -> tuple[float, otr.RewardBatch]:
        spent = _spent_with_workers if shower.task == "math" else time.process_time
        start = spent()
        batch = self.scorers[shower.recipe].score(shower.responses, shower.references, shower.task)
        return spent() - start, batch

    def _raised(self, shower: Shower, error: Exception) -> None:
        if len(shower.responses) == 1:
            self._count(shower)
            self._find("exception", shower, 0, repr(error))
            return
        for half in _halves(shower):
            self._hold(half)

    def _count(self, shower: Shower) -> None:
        self.rows[shower.task, shower.recipe] += len(shower.responses)

    def _check(self, shower: Shower, batch: otr.RewardBatch) -> None:
        largest = _largest(shower.task, shower.recipe)
        for row in np.flatnonzero(~np.isfinite(batch.total)).tolist():
            self._find("not a number", shower, row, f"total {batch.total[row]}")
        for row in np.flatnonzero((batch.total < 0) | (batch.total > largest + 1e-9)).tolist():
            self._find("out of range", shower, row, f"total {batch.total[row]} of {largest}")

    def _slow(self, shower: Shower, taken: float) -> None:
        if len(shower.responses) > 1:
            for half in _halves(shower):
                again, _ = self._timed(half)
                if again > self.seconds:
                    self._slow(half, again)
            return
        taken = self._alone(shower, taken)
        self.slowest[shower.task] = max(taken, self.slowest.get(shower.task, 0.0))
        if taken > self.seconds:
            self._find(self._kind(shower), shower, 0, f"{1000 * taken:.0f} ms")

    def _alone(self, shower: Shower, taken: float) -> float:
        """Return how long a response takes by itself, in the best of several tries."""
        for _ in range(_AGAIN_FRESH if shower.task == "math" else _AGAIN):
            if taken <= self.seconds:
                break
            time.sleep(_PAUSE)
            again = _in_fresh_workers(shower) if shower.task == "math" else self._timed(shower)[0]
            taken = min(taken, again)
        return taken

    def _kind(self, shower: Shower) -> str:
        """Return whether a slow response is slow to us, or to math-verify in a worker."""
        if (shower.task, shower.recipe) != ("math", "release"):
            return "slow"
        start = time.process_time()
        self.scorers[shower.recipe].score(shower.responses, shower.references, shower.task)
        return "slow" if time.process_time() - start > self.seconds else MATH_VERIFY

    def _find(self, kind: str, shower: Shower, row: int, detail: str) -> None:
        response, reference = shower.responses[row], shower.references[row]
        self.findings.append(Finding(kind, shower.task, shower.recipe, response, reference, detail))


def _largest(task: str, recipe: str) -> float:
    chosen = RECIPES[recipe]
    if chosen.rules == "release":
        return 1.5
    return 1.0 + (1.0 if chosen.accuracy == "normalized" else otr.TASKS[task].maximum)


def _singly(shower: Shower) -> Iterator[Shower]:
    for response, reference in zip(shower.responses, shower.references, strict=True):
        yield shower._replace(responses=[response], references=[reference])


def _halves(shower: Shower) -> Iterator[Shower]:
    middle = len(shower.responses) // 2
    for part in (slice(middle), slice(middle, None)):
        yield shower._replace(responses=shower.responses[part], references=shower.references[part])


def _in_fresh_workers(shower: Shower) -> float:
    """Return how long a comparison takes in a process that has compared something else before."""
    with otr.Scorer(recipe=RECIPES[shower.recipe], workers=1) as scorer:
        scorer.score(_WARM, ["x^2 + 2x + 1", "x > 3"], "math")
        start = _spent_with_workers()
        scorer.score(shower.responses, shower.references, "math")
        return _spent_with_workers() - start


def _spent_with_workers() -> float:
    """Return the processor time in seconds of this process, and of its children, alive and gone."""
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    alive = sum(int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) for child in children)
    return time.process_time() + gone.ru_utime + gone.ru_stime + alive / 1e9


def run(rows: int, seed: int, *, size: int = _SIZE, progress: bool = False) -> Storm:
    """Score ``rows`` responses of a seed; a run of many begins with every long text in every task and recipe."""
    scorers = {name: otr.Scorer(recipe=recipe) for name, recipe in RECIPES.items()}
    storm = Storm(scorers)
    first = hail() if rows >= _MANY else ()
    for number, shower in enumerate(chain(first, showers(seed, rows, size))):
        storm.hold(shower)
        if progress and number % 1000 == 0:
            print(f"{sum(storm.rows.values()):,} rows, {len(storm.findings)} findings", flush=True)
    return storm


def report(storm: Storm, asked: int, seed: int, seconds: float) -> str:
    """Return the findings and counts as a page."""
    total = sum(storm.rows.values())
    kinds = Counter(finding.kind for finding in storm.findings)
    lines = [
        "# A million responses made to break scoring",
        "",
        f"Written by `.venv/bin/python -m scripts.storm {asked} --seed {seed} --out docs/internals/storm.md`,",
        f"in {seconds:.0f} s.",
        "",
        f"{total:,} generated and mutated responses over {len(otr.TASKS)} tasks and {len(RECIPES)} recipes:",
        "sound ones, ones with pieces deleted, inserted, replaced and doubled, odd numbers and keys put in,",
        "soup of tags, other answers, deep nesting, megabytes of one character.",
        "",
        "| promise | responses that broke it |",
        "| --- | --- |",
        f"| no exception | {kinds['exception']} |",
        f"| no total is NaN or infinite | {kinds['not a number']} |",
        f"| no total is outside of its recipe's range | {kinds['out of range']} |",
        f"| none takes longer than {1000 * storm.seconds:.0f} ms of processor time by itself | {kinds['slow']} |",
        "",
        "By itself is the best of many tries, since other work on a machine makes a processor's time longer, too.",
        f"Not counted there: {kinds[MATH_VERIFY]} of the {storm.rows['math', 'release']:,} of `math` under `release`.",
        "Their verdict is math-verify's own, and so is their time: it is spent in a worker process, which is killed at",
        "its deadline, and any shorter one would give other verdicts. Of the scoring process's own time none of them",
        f"takes {1000 * storm.seconds:.0f} ms. A text that math-verify can extract nothing from never gets there.",
        "",
        "| task | responses | longer than 50 ms | the slowest, ms |",
        "| --- | --- | --- | --- |",
    ]
    for task in otr.TASKS:
        count = sum(rows for (name, _), rows in storm.rows.items() if name == task)
        slow = sum(finding.kind.startswith("slow") and finding.task == task for finding in storm.findings)
        longest = storm.slowest.get(task)
        lines.append(
            f"| `{task}` | {count:,} | {slow} | {'under 50' if longest is None else f'{1000 * longest:.0f}'} |"
        )
    lines += ["", "| how an answer was read | responses |", "| --- | --- |"]
    lines += [f"| `{code}` | {count:,} |" for code, count in storm.failures.most_common()]
    shown = sorted(storm.findings, key=lambda finding: (finding.kind, finding.task, finding.recipe))[:_SHOWN]
    lines += ["", "What was found:", "", "```text", *map(str, shown), "```"] if shown else []
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    start = time.perf_counter()
    storm = run(chosen.rows, chosen.seed, progress=True)
    page = report(storm, chosen.rows, chosen.seed, time.perf_counter() - start)
    print(page)
    if chosen.out is not None:
        chosen.out.write_text(page, encoding="utf-8")
    return 1 if any(finding.kind != MATH_VERIFY for finding in storm.findings) else 0


if __name__ == "__main__":
    raise SystemExit(main())
