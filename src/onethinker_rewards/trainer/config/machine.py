"""Whether this machine has what a run needs: GPUs, files with the right columns, the model. Nothing is started."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from onethinker_rewards.trainer.config.paths import whole_path
from onethinker_rewards.trainer.config.readers import reader_fault
from onethinker_rewards.trainer.config.reading import Settings
from onethinker_rewards.trainer.config.rl import RlSettings

__all__ = ["machine_faults"]

# Packages that only workers import, long after Ray has started, and what each is there for.
_EVERY_STAGE = {"qwen_vl_utils": ("qwen-vl-utils", "images and videos are read with it")}
_FOR_RL = {
    "vllm": ("vllm", "responses are sampled with it"),
    "transfer_queue": ("TransferQueue", "verl's trainer hands rows on in it"),
}
_FRAMES = "videos.list.element.max_frames"
_PIXELS = "images.list.element.max_pixels"
_RL = ("prompt", "reward_model", "extra_info")
_SFT = ("messages",)
_WEIGHTS = ("*.safetensors", "*.bin")
_TOKENIZER = ("tokenizer.json", "tokenizer.model", "vocab.json")


def machine_faults(settings: Settings) -> Iterator[str]:
    """Yield what is missing here, each in one line; needs torch for a run on GPUs, and pyarrow."""
    yield from _packages(_EVERY_STAGE | (_FOR_RL if isinstance(settings, RlSettings) else {}))
    yield from _gpus(settings)
    yield from _files(settings)
    if settings.model.is_folder:
        yield from _model(settings.model.path)
    yield from _output(Path(whole_path(settings.run.output)))


def _packages(wanted: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    for module, (package, purpose) in wanted.items():
        if find_spec(module) is None:
            yield f"{package}: not installed, and {purpose}"


def _gpus(settings: Settings) -> Iterator[str]:
    # Elsewhere than at the address of a cluster, the processes of the first node start here.
    if settings.run.device == "cpu" or "RAY_ADDRESS" in os.environ:
        return
    import torch  # noqa: PLC0415 - an extra

    found, wanted = torch.cuda.device_count(), settings.run.gpus_per_node
    if found < wanted:
        yield f"run.gpus_per_node: {wanted} wanted, {found} here"


def _files(settings: Settings) -> Iterator[str]:
    data, rows, faults, films = settings.data, 0, list[str](), list[str]()
    for name in dict.fromkeys((*data.train_files, *data.validation_files)):
        table = _opened(name)
        if isinstance(table, str):
            faults.append(table)
            continue
        with table:
            faults += _content(name, table, settings)
            films += [name] if _most(table.metadata, _FRAMES) is not None else []
            # A file may be named several times, so that its rows weigh more.
            rows += table.metadata.num_rows * data.train_files.count(name)
    yield from faults
    why = reader_fault() if films else None
    if why is not None:
        yield f"{films[0]}: {why}"
    yield from [] if faults else _steps(settings, rows)


def _steps(settings: Settings, rows: int) -> Iterator[str]:
    """Yield what the rows are too few for; verl ends with the epochs, and then saves no last checkpoint."""
    run = settings.run
    step = settings.data.prompts_per_step if isinstance(settings, RlSettings) else settings.data.rows_per_step
    most = rows // step * run.epochs
    if most == 0:
        yield f"data.train_files: {rows} rows in all, and a step takes {step}"
    elif run.steps is not None and run.steps > most:
        why = f"{rows} rows are {most} steps; raise run.epochs, which is {run.epochs}"
        yield f"run.steps: {run.steps} wanted, and {why}"


def _opened(name: str) -> Any:
    """Return an open Parquet file, or what is wrong with it."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    from pyarrow import parquet  # noqa: PLC0415

    path = Path(whole_path(name))
    if not path.is_file():
        return f"{name}: no such file"
    try:
        return parquet.ParquetFile(path)
    except OSError as error:
        return f"{name}: {error.strerror or error}"
    except pa.ArrowInvalid:
        return f"{name}: not a Parquet file"


def _content(name: str, table: Any, settings: Settings) -> Iterator[str]:
    is_rl = isinstance(settings, RlSettings)
    missing = [column for column in (_RL if is_rl else _SFT) if column not in table.schema_arrow.names]
    if missing:
        stage = "rl" if is_rl else "sft"
        yield f"{name}: has no column {missing[0]}; write it with prepare --stage {stage}"
        return
    for column, limit, key in (
        (_FRAMES, settings.data.max_frames, "max_frames"),
        (_PIXELS, settings.data.max_image_pixels, "max_image_pixels"),
    ):
        found = _most(table.metadata, column)
        if found is not None and found > limit:
            yield f"{name}: has {column.split('.')[0]} of up to {found}, and data.{key} is {limit}; prepare it anew"


def _most(metadata: Any, column: str) -> int | None:
    """Return the largest value of a column from the statistics of its row groups; None where there are none."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    chunks = [group.column(place) for group in groups for place in range(group.num_columns)]
    known = [chunk.statistics for chunk in chunks if chunk.path_in_schema == column and chunk.is_stats_set]
    return max((one.max for one in known if one.has_min_max), default=None)


def _model(name: str) -> Iterator[str]:
    folder = Path(whole_path(name))
    if not (folder / "config.json").is_file():
        yield f"model.path: {name}: no folder with a config.json"
        return
    if not _names_a_model(folder / "config.json"):
        yield f"model.path: {name}: its config.json names no model_type"
    for what, patterns in (("weights", _WEIGHTS), ("tokenizer", _TOKENIZER)):
        if not any(file for pattern in patterns for file in folder.glob(pattern)):
            yield f"model.path: {name}: no {what}: none of {', '.join(patterns)}"


def _names_a_model(file: Path) -> bool:
    try:
        content = json.loads(file.read_bytes())
    except ValueError:
        return False
    return isinstance(content, dict) and "model_type" in content


def _output(folder: Path) -> Iterator[str]:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        yield f"run.output: {folder}: cannot be written"
