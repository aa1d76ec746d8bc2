"""Scoring on Ray Data: one task reads the table, others score its chunks, and results come back in order."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onethinker_rewards.cli.messages import STANDARD, CliError
from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.pipeline import Engine, Job
from onethinker_rewards.cli.table_reader import CHUNK_BYTES, Table, open_table

# Ray reports its use unless told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ImportError:
    raise CliError("--engine ray needs Ray: pip install 'onethinker-rewards[ray]'") from None

# Ray Data joins steps that ask for equally much into one task: then a single process would read and score.
_READER_CPUS = 0.5


def ray_engine(job: Job, workers: int | None, responses: Sequence[str]) -> Engine:
    """Return an engine on the Ray cluster that the environment names, else on a local one that ends with the run."""

    def engine(table: Table, skip: int) -> Generator[ChunkResult]:
        if table.path == STANDARD:
            raise CliError(f"{table.name}: Ray reads files only, at a path that all machines share")
        with _connected():
            what = [str(Path(table.path).absolute()), skip, responses]
            # Ray's types know no dictionaries of lists.
            source: Any = ray.data.range(1)
            chunks = source.map_batches(read_chunks, fn_args=what, num_cpus=_READER_CPUS)
            pool = ray.data.TaskPoolStrategy(workers)
            try:
                for row in chunks.map_batches(process_chunks, batch_size=1, compute=pool, fn_args=[job]).iter_rows():
                    yield pickle.loads(row["result"])  # noqa: S301 - written by our own workers
            except RayError as error:
                cause = getattr(error, "cause", None)
                if isinstance(cause, CliError):
                    raise cause from None
                text = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
                first_line = text.partition("\n")[0]
                raise CliError(f"Ray: {first_line}; its logs say more") from None

    return engine


def read_chunks(_: object, path: str, skip: int, responses: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a table, pickled; Ray runs it as one task."""
    with open_table(path, responses=responses) as table:
        for chunk in table.chunks(skip):
            yield {"chunk": [pickle.dumps(chunk)]}


def process_chunks(batch: dict[str, Any], job: Job) -> Iterator[dict[str, Any]]:
    """Yield what a job makes of a chunk, both pickled; Ray runs it as many tasks."""
    for chunk in batch["chunk"]:
        yield {"result": [pickle.dumps(job(pickle.loads(chunk)))]}  # noqa: S301 - written by the reader


@contextmanager
def _connected() -> Generator[None]:
    """Use the Ray that runs in this process already, else start one for as long as it is needed."""
    ours = not ray.is_initialized()
    if ours:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    options = context.execution_options
    logger = logging.getLogger("ray.data")
    before = context.enable_progress_bars, options.preserve_order, context.target_max_block_size, logger.level
    context.enable_progress_bars, options.preserve_order, context.target_max_block_size = False, True, CHUNK_BYTES
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars, options.preserve_order, context.target_max_block_size, level = before
        logger.setLevel(level)
        if ours:
            ray.shutdown()
