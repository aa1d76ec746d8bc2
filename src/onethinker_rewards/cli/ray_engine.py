"""Scoring on Ray Data: a file is divided, machines read and score their parts, and results come back in order."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from onethinker_rewards.cli.messages import CliError
from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.pipeline import Engine, Job
from onethinker_rewards.cli.table_reader import Split, TableReader

# Ray reports its use unless told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ImportError:
    raise CliError("--engine ray needs Ray: pip install 'onethinker-rewards[ray]'") from None

__all__ = ["process_splits", "ray_engine"]


def ray_engine(job: Job, workers: int | None) -> Engine:
    """Return an engine on the Ray cluster that the environment names, else on a local one that ends with the run.

    Args:
        job: What to do with a chunk; the package must be installed on every machine.
        workers: Most parts at work at a time, None to let Ray decide.
    """

    def engine(table: TableReader, skip: int) -> Generator[ChunkResult]:
        splits = table.splits(skip)
        if not splits:
            return
        with _connected():
            items = [{"split": pickle.dumps(split)} for split in splits]
            data = ray.data.from_items(items, override_num_blocks=len(items))
            strategy = ray.data.TaskPoolStrategy(workers)
            try:
                for row in data.map_batches(process_splits(job), batch_size=1, compute=strategy).iter_rows():
                    yield pickle.loads(row["result"])  # noqa: S301 - written by our own workers
            except RayError as error:
                raise CliError(f"Ray: {_in_a_line(error)}; its logs say more") from None

    return engine


def process_splits(job: Job) -> Any:
    """Return what Ray runs on each part: it yields a pickled result a chunk."""

    def process(batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for item in batch["split"]:
            split: Split = pickle.loads(item)  # noqa: S301 - written by the driver
            for chunk in split.chunks():
                yield {"result": [pickle.dumps(job(chunk))]}

    return process


def _in_a_line(error: Exception) -> str:
    """Return what went wrong on the worker if it is known, else as Ray puts it."""
    cause = getattr(error, "cause", None)
    text = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
    return text.partition("\n")[0]


@contextmanager
def _connected() -> Generator[None]:
    """Use the Ray that runs in this process already, else start one for as long as it is needed."""
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    logger = logging.getLogger("ray.data")
    before = context.enable_progress_bars, context.execution_options.preserve_order, logger.level
    context.enable_progress_bars, context.execution_options.preserve_order = False, True
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, context.execution_options.preserve_order, level = before
        logger.setLevel(level)
        if ours:
            ray.shutdown()
