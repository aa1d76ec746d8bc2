"""The same work on Ray Data: a file is divided, machines read and score their parts, order is restored here."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onethinker_rewards.cli.files import Refused
from onethinker_rewards.cli.lines import count_lines
from onethinker_rewards.cli.sources import Source
from onethinker_rewards.cli.stream import Engine
from onethinker_rewards.cli.work import Done, Job, Place, Split

# Ray asks whether it may report its use, and reports it unless told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ImportError:
    raise Refused("--engine ray needs Ray: pip install 'onethinker-rewards[ray]'") from None

__all__ = ["counted", "on_ray", "scored"]


def on_ray(job: Job, count: int | None) -> Engine:
    """Return an engine on the Ray cluster that the environment names, else on a local one that ends with the run.

    Args:
        job: What to do; the package must be installed wherever it runs.
        count: Most parts at work at a time, None to let Ray decide.
    """

    def engine(source: Source, start: Place) -> Generator[Done]:
        if not Path(source.name).is_file():
            raise Refused("--engine ray needs an input that is a file, at a path that all machines share")
        with _connected():
            try:
                splits = source.splits(start, _count)
                for row in _each(splits, scored(job), count):
                    yield pickle.loads(row["done"])  # noqa: S301 - written by our own workers
            except RayError as error:
                raise Refused(f"Ray: {_in_a_line(error)}; its logs say more") from None

    return engine


def _count(ranges: list[tuple[str, int, int]]) -> Iterable[int]:
    return [row["lines"] for row in _each(ranges, counted, None)]


def _each(items: Iterable[Any], function: Callable[[Any], Any], count: int | None) -> Iterator[dict[str, Any]]:
    """Yield the rows that a function makes of each item, in the order of the items."""
    pickled = [{"item": pickle.dumps(item)} for item in items]
    if pickled:
        data = ray.data.from_items(pickled, override_num_blocks=len(pickled))
        yield from data.map_batches(function, batch_size=1, compute=ray.data.TaskPoolStrategy(count)).iter_rows()


def counted(batch: dict[str, Any]) -> dict[str, Any]:
    """Count the lines of ranges: runs over there."""
    return {"lines": [count_lines(*pickle.loads(item)) for item in batch["item"]]}  # noqa: S301 - our own


def scored(job: Job) -> Callable[[dict[str, Any]], Iterator[dict[str, Any]]]:
    """Return what does a job on splits, work by work: runs over there."""

    def each(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for item in batch["item"]:
            split: Split = pickle.loads(item)  # noqa: S301 - our own
            for work in split.works():
                yield {"done": [pickle.dumps(job(work))]}

    return each


def _in_a_line(error: Exception) -> str:
    """Return what went wrong: there, where it is known, else as Ray puts it."""
    cause = getattr(error, "cause", None)
    said = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
    return said.partition("\n")[0]


@contextmanager
def _connected() -> Generator[None]:
    """Use the Ray that runs in this process already, else one of our own for as long as it is needed."""
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    talker = logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.execution_options.preserve_order, talker.level
    context.enable_progress_bars, context.execution_options.preserve_order = False, True
    talker.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.execution_options.preserve_order, level = before
        talker.setLevel(level)
        if ours:
            ray.shutdown()
