"""The paper's benchmarks: to which table each belongs, and what OneThinker-8B reached, where that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Benchmark(NamedTuple):
    """A benchmark of the paper.

    Attributes:
        table: The table it is in; the mean of a table's benchmarks is the mean of a task.
        scores: What the paper reports for OneThinker-8B, in [0, 1], by our name of the number. Its AO and R@t of tracks
            are means and shares over videos, and so they have those names here.
    """

    table: str
    scores: Mapping[str, float] = {}


# The paper's full tables are not among the sources; these numbers are in its text, its README and its chart.
# Source: OneThinker, arXiv 2512.03043, and the repository tulerfeng/OneThinker at 768b20f.
BENCHMARKS: Mapping[str, Benchmark] = {
    "mmmu": Benchmark("image QA", {"accuracy": 0.706}),
    "mathvista": Benchmark("image QA"),
    "mathverse": Benchmark("image QA", {"accuracy": 0.643}),
    "mmbench": Benchmark("image QA"),
    "mmstar": Benchmark("image QA"),
    "scienceqa": Benchmark("image QA", {"accuracy": 0.965}),
    "ai2d": Benchmark("image QA"),
    "mmtbench": Benchmark("image QA"),
    "videommmu": Benchmark("video QA", {"accuracy": 0.662}),
    "mmvu": Benchmark("video QA"),
    "videomme": Benchmark("video QA"),
    "videoholmes": Benchmark("video QA", {"accuracy": 0.487}),
    "longvideobench": Benchmark("video QA"),
    "longvideoreason": Benchmark("video QA", {"accuracy": 0.792}),
    "videomathqa": Benchmark("video QA", {"accuracy": 0.35}),
    "charades": Benchmark("temporal grounding", {"R@0.5": 0.683}),
    "activitynet": Benchmark("temporal grounding", {"mIoU": 0.459, "R@0.5": 0.436}),
    "anetrtl": Benchmark("temporal grounding"),
    "refcocotesta": Benchmark("spatial grounding", {"acc@0.5": 0.937}),
    "refcocotestb": Benchmark("spatial grounding"),
    "refcocoval": Benchmark("spatial grounding"),
    "refcocop": Benchmark("spatial grounding"),
    "refcocog": Benchmark("spatial grounding"),
    "stvg": Benchmark("spatio-temporal grounding", {"sIoU": 0.367}),
    "got10k": Benchmark("tracking", {"video mIoU": 0.73, "videos@0.5": 0.844}),
    "segrefcoco": Benchmark("segmentation"),
    "segmevis": Benchmark("segmentation", {"J&F": 0.527}),
    "segreasonvos": Benchmark("segmentation", {"J&F": 0.549}),
}


def find_benchmark(name: str) -> Benchmark | None:
    """Return the benchmark that a name contains, whatever its case and its marks; None if none of the paper's is in it.

    >>> find_benchmark("eval_refcoco_testA").scores
    {'acc@0.5': 0.937}
    """
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    known = [key for key in BENCHMARKS if key in plain]
    return BENCHMARKS[max(known, key=len)] if known else None
