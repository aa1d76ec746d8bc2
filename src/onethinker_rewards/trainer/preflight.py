"""What is checked before a run starts: values that do not fit together, and what this machine or the cluster lacks.

Every check looks at verl's keys, dotted. Before verl composes its configuration these are the keys that are given, and
what is not given is not checked; afterwards they are all keys.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.options import NAME, Options

# verl's keys, dotted, and their values.
Keys: TypeAlias = Mapping[str, object]

MODEL: Mapping[str, str] = {"rl": "actor_rollout_ref.model.path", "sft": "model.path"}
TRAINER_MODE, ADV_ESTIMATOR = "trainer.v1.trainer_mode", "algorithm.adv_estimator"
FILTER_GROUPS = "algorithm.filter_groups.enable"
_BATCH, _TRAIN, _VALIDATION = "data.train_batch_size", "data.train_files", "data.val_files"
_NODES, _GPUS, _OUTPUT = "trainer.nnodes", "trainer.n_gpus_per_node", "trainer.default_local_dir"
_STEPS, _EPOCHS = "trainer.total_training_steps", "trainer.total_epochs"
_GROUP, _PARALLEL = "actor_rollout_ref.rollout.n", "actor_rollout_ref.rollout.tensor_model_parallel_size"
_MINI_BATCH = "actor_rollout_ref.actor.ppo_mini_batch_size"
# The key of the tokens of a micro-batch, and those of the tokens of the longest row.
_TOKENS = {
    "rl": ("actor_rollout_ref.actor.ppo_max_token_len_per_gpu", "data.max_prompt_length", "data.max_response_length"),
    "sft": ("data.max_token_len_per_gpu", "data.max_length"),
}

# Packages that only workers import, long after Ray has started, and what each is for.
_PACKAGES = {
    "qwen_vl_utils": "qwen-vl-utils: not installed; it reads images and videos",
    "vllm": "vllm: not installed; it generates the responses",
    "transfer_queue": "TransferQueue: not installed; verl's trainer passes rows on with it",
}
_COLUMNS = {"rl": ("prompt", "reward_model", "extra_info"), "sft": ("messages",)}
_FRAMES, _PIXELS = "videos.list.element.max_frames", "images.list.element.max_pixels"
_MODEL_FILES = {
    "weights": ("*.safetensors", "*.bin"),
    "tokenizer": ("tokenizer.json", "tokenizer.model", "vocab.json"),
}
# In the order in which qwen-vl-utils looks for them. It falls back on torchvision, whose newer versions read no video.
_VIDEO_READERS = {"torchcodec": "torchcodec.decoders", "decord": "decord"}
_READER_CHOICE = "FORCE_QWENVL_VIDEO_READER"
_TIMEOUT_S = 5.0


def integer(keys: Keys, key: str) -> int | None:
    """Return a value if it is a whole number: others are missing, or interpolations."""
    value = keys.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def files_of(keys: Keys, key: str) -> list[str]:
    """Return the names of files, given as one or as a list."""
    value = keys.get(key)
    return [value] if isinstance(value, str) else [str(name) for name in value] if isinstance(value, list) else []


def absolute(name: str) -> str:
    """Return a path from the root: workers do not start in this folder."""
    return str(Path(os.path.expanduser(name)).absolute())  # noqa: PTH111 - a Path raises where there is no such user


def is_folder(model: str) -> bool:
    """Whether a model's path is a folder, and not a name on Hugging Face."""
    return model.startswith(("/", ".", "~"))


def check_values(options: Options, keys: Keys) -> None:
    """Check that values fit together.

    Raises:
        ArgumentError: With all that is wrong.
    """
    faults = [*_common_faults(options.stage, keys), *(_rl_faults(options, keys) if options.stage == "rl" else ())]
    if faults:
        raise ArgumentError("; ".join(faults))


def _common_faults(stage: str, keys: Keys) -> Iterator[str]:
    for key in (_BATCH, _MINI_BATCH, _PARALLEL, _NODES, _GPUS):
        value = integer(keys, key)
        if value is not None and value < 1:
            yield f"{key}: at least 1, not {value}"
    if _TRAIN in keys and not keys[_TRAIN]:
        yield f"{_TRAIN}: names no file"
    if (integer(keys, "trainer.test_freq") or 0) > 0 and not keys.get(_VALIDATION):
        yield f"trainer.test_freq needs {_VALIDATION}"
    batch, gpus = integer(keys, _BATCH), _gpus(keys)
    if stage == "sft" and batch and gpus and batch % gpus:
        yield f"{_BATCH} {batch} is not a multiple of {gpus} GPUs"
    room, *lengths = (integer(keys, key) for key in _TOKENS[stage])
    longest = sum(length or 0 for length in lengths)
    if room and all(lengths) and room < longest:
        yield f"{_TOKENS[stage][0]} {room} is less than one row of {longest} tokens"


def _rl_faults(options: Options, keys: Keys) -> Iterator[str]:
    if (keys.get(TRAINER_MODE, NAME) == NAME) != (keys.get(ADV_ESTIMATOR, NAME) == NAME):
        yield f"{ADV_ESTIMATOR} and {TRAINER_MODE}: {NAME} in one needs it in both; the formula is {NAME}.estimator"
    if FILTER_GROUPS in keys and bool(keys[FILTER_GROUPS]) != (options.filter is not None):
        yield f"{FILTER_GROUPS}: is verl's filter, and follows from {NAME}.filter, which is ours"
    batch, mini_batch, group = integer(keys, _BATCH), integer(keys, _MINI_BATCH), integer(keys, _GROUP)
    parallel, node, gpus = integer(keys, _PARALLEL), integer(keys, _GPUS), _gpus(keys)
    if group is not None and group < 2:
        yield f"{_GROUP}: a group has at least 2 responses, not {group}"
    if batch and mini_batch and batch % mini_batch:
        yield f"{_BATCH} {batch} is not a multiple of ppo_mini_batch_size {mini_batch}"
    if mini_batch and group and gpus and mini_batch * group % gpus:
        yield f"a mini-batch of {mini_batch} prompts has {mini_batch * group} responses: not a multiple of {gpus} GPUs"
    if parallel and node and node % parallel:
        yield f"{_PARALLEL} {parallel} does not divide the {node} GPUs of a node"


def _gpus(keys: Keys) -> int:
    return (integer(keys, _NODES) or 0) * (integer(keys, _GPUS) or 0)


def machine_faults(options: Options, keys: Keys) -> Iterator[str]:
    """Yield what is missing here, each in one line; files are looked into if pyarrow is installed."""
    wanted = list(_PACKAGES) if options.stage == "rl" else ["qwen_vl_utils"]
    yield from (_PACKAGES[module] for module in wanted if find_spec(module) is None)
    yield from _gpu_faults(keys)
    yield from _file_faults(options, keys)
    model, output = keys.get(MODEL[options.stage]), keys.get(_OUTPUT)
    if isinstance(model, str) and is_folder(model):
        yield from (f"{MODEL[options.stage]}: {model}: {why}" for why in _model_faults(Path(absolute(model))))
    if isinstance(output, str):
        folder = Path(absolute(output))
        nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK):
            yield f"{_OUTPUT}: {folder}: cannot be written"


def _gpu_faults(keys: Keys) -> Iterator[str]:
    wanted = integer(keys, _GPUS)
    # With a cluster's address, processes start elsewhere; without one, those of the first node start here.
    if wanted is None or keys.get("trainer.device") == "cpu" or "RAY_ADDRESS" in os.environ or not find_spec("torch"):
        return
    import torch

    if (found := torch.cuda.device_count()) < wanted:
        yield f"{_GPUS}: {wanted} wanted, {found} here"


def _file_faults(options: Options, keys: Keys) -> Iterator[str]:
    train, rows, faults, films = files_of(keys, _TRAIN), 0, list[str](), list[str]()
    for name in dict.fromkeys([*train, *files_of(keys, _VALIDATION)]):
        table = _metadata(name)
        if isinstance(table, str):
            faults.append(f"{name}: {table}")
        elif table is not None:
            faults += _table_faults(name, table, options)
            films += [name] if _most(table, _FRAMES) is not None else []
            # A file may be named several times, so that its rows weigh more.
            rows += table.num_rows * train.count(name)
    yield from faults
    why = reader_fault() if films else None
    if why is not None:
        yield f"{films[0]}: {why}"
    if train and not faults and find_spec("pyarrow"):
        yield from _step_faults(keys, rows)


def _step_faults(keys: Keys, rows: int) -> Iterator[str]:
    """Yield what the rows are too few for: verl ends with the epochs, and then saves no last checkpoint."""
    batch, epochs, steps = integer(keys, _BATCH), integer(keys, _EPOCHS), integer(keys, _STEPS)
    if not batch:
        return
    most = rows // batch * (epochs or 1)
    if most == 0:
        yield f"{_TRAIN}: {rows} rows in all, and a step takes {batch}"
    elif epochs and steps is not None and steps > most:
        yield f"{_STEPS}: {steps} wanted, and {rows} rows are {most} steps; raise {_EPOCHS}, which is {epochs}"


def _metadata(name: str) -> Any:
    """Return the metadata of a Parquet file, or what is wrong with it as a text; None without pyarrow."""
    path = Path(absolute(name))
    if not path.is_file():
        return "no such file"
    if not find_spec("pyarrow"):
        return None
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.read_metadata(path)
    except OSError as error:
        return str(error.strerror or error)
    except pa.ArrowInvalid:
        return "not a Parquet file"


def _table_faults(name: str, table: Any, options: Options) -> Iterator[str]:
    present = table.schema.to_arrow_schema().names
    if missing := [column for column in _COLUMNS[options.stage] if column not in present]:
        yield f"{name}: has no column {missing[0]}; write it with prepare --stage {options.stage}"
        return
    limits = {(_FRAMES, "max_frames"): options.max_frames, (_PIXELS, "max_image_pixels"): options.max_image_pixels}
    for (column, key), limit in limits.items():
        found = _most(table, column)
        if found is not None and found > limit:
            medium = column.partition(".")[0]
            yield f"{name}: has {medium} of up to {found}, and {NAME}.{key} is {limit}; prepare it anew"


def _most(metadata: Any, column: str) -> int | None:
    """Return the largest value of a column from the statistics of its row groups; None without any."""
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    known = [chunk.statistics for chunk in chunks if chunk.path_in_schema == column and chunk.is_stats_set]
    return max((statistics.max for statistics in known if statistics.has_min_max), default=None)


def reader_fault() -> str | None:
    """Say why video files cannot be read, None if they can: qwen-vl-utils would find out at the first one."""
    if _READER_CHOICE in os.environ:
        # Whoever sets it knows what is installed.
        return None
    found, *others = [name for name in _VIDEO_READERS if find_spec(name) is not None] or [None]
    if found is None:
        return "video files are read with torchcodec or decord, and neither is installed; or prepare frames"
    try:
        import_module(_VIDEO_READERS[found])
    # torchcodec raises all of these if FFmpeg's libraries are missing, or torch has another version.
    except (ImportError, OSError, RuntimeError) as error:
        why = str(error).partition("\n")[0]
        instead = "".join(f"; {_READER_CHOICE}={other} takes that instead" for other in others)
        return f"video files are read with {found}, which is installed but cannot be loaded: {why}{instead}"
    return None


def _model_faults(folder: Path) -> Iterator[str]:
    if not (folder / "config.json").is_file():
        yield "not a folder with a config.json"
        return
    try:
        content = json.loads((folder / "config.json").read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict) or "model_type" not in content:
        yield "its config.json names no model_type"
    for what, patterns in _MODEL_FILES.items():
        if not any(file for pattern in patterns for file in folder.glob(pattern)):
            yield f"no {what}: none of {', '.join(patterns)}"


def hub_faults(options: Options, keys: Keys) -> Iterator[str]:
    """Yield what is wrong with a model's name; asks Hugging Face only if its cache here lacks the model."""
    key = MODEL[options.stage]
    name = str(keys.get(key))
    # verl itself copies what has a scheme, such as hdfs://.
    if is_folder(name) or "://" in name:
        return
    why = f"a folder starts with / or . or ~: write ./{name}" if Path(name).is_dir() else _missing(name)
    if why is not None:
        yield f"{key}: {name}: {why}"


def _missing(name: str) -> str | None:
    hub: Any = import_module("huggingface_hub")
    errors: Any = import_module("huggingface_hub.errors")
    try:
        try:
            hub.hf_hub_download(name, "config.json", local_files_only=True)
        except errors.LocalEntryNotFoundError:
            hub.HfApi().model_info(name, timeout=_TIMEOUT_S)
    except errors.GatedRepoError:
        return "Hugging Face wants you to accept its terms and to log in first"
    except errors.RepositoryNotFoundError:
        return "not a folder, and not on Hugging Face, or not for you: a folder starts with / or . or ~"
    # The packages that it is asked with have errors of their own.
    except (OSError, errors.HTTPError, errors.HFValidationError) as error:
        text = str(error).partition("\n")[0] or type(error).__name__
        return f"not a folder, not in the cache here, and Hugging Face cannot be asked for it: {text}"
    return None


def cluster_faults(options: Options, keys: Keys) -> Iterator[str]:
    """Yield why a run cannot be started from here on several nodes: verl would wait forever for what Ray lacks.

    Connects to the cluster, and leaves it again, if the run needs one.
    """
    nodes, gpus = integer(keys, _NODES) or 1, integer(keys, _GPUS) or 1
    if options.stage == "sft" and nodes > 1:
        yield (
            f"{_NODES}: fine-tuning on {nodes} nodes is started with torchrun on each of them, "
            f"from what --dry-run prints; or set {_NODES}=1"
        )
    address = os.environ.get("RAY_ADDRESS", "")
    if options.stage != "rl" or keys.get("trainer.device") == "cpu" or (nodes == 1 and not address):
        return
    if ":" in address and not _answers(address):
        yield f"RAY_ADDRESS: nothing answers at {address}"
        return
    ray: Any = import_module("ray")
    try:
        # The address is that of RAY_ADDRESS, or of the cluster that was started on this machine.
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).partition("\n")[0]
        yield f"{_NODES}: no Ray cluster for {nodes} nodes; run `ray start` on each first ({why})"
        return
    try:
        counts = [int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"]]
    finally:
        ray.shutdown()
    # verl takes whole nodes, each with that many GPUs.
    found = sum(count >= gpus for count in counts)
    if found < nodes:
        yield f"{_NODES}: {nodes} of {gpus} GPUs wanted, {found} in the Ray cluster"


def _answers(address: str) -> bool:
    """Tell whether anything listens at an address: Ray would try for minutes."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True
