"""Files that a run needs, as small as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from onethinker_rewards.trainer.data import Rules, schema_of

ROW = {
    "rl": {
        "data_source": "a",
        "prompt": [{"role": "user", "content": "?"}],
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "1"},
        "extra_info": {"index": 1},
    },
    "sft": {"data_source": "a", "messages": [{"role": "user", "content": "?"}], "extra_info": {"index": 1}},
}


def write_rows(path: Path, stage: Any = "rl", *, frames: int = 0, pixels: int = 0, rows: int = 1) -> Path:
    """Write Parquet of the columns that `prepare` writes, with a video or an image of that size."""
    video = {"video": "v.mp4", "fps": 2.0, "max_frames": frames, "min_pixels": 1, "max_pixels": 2}
    row = ROW[stage] | {
        "videos": [video] if frames else [],
        "images": [{"image": "i.png", "max_pixels": pixels}] if pixels else [],
    }
    schema = schema_of(Rules(stage=stage))
    parquet.write_table(pa.Table.from_pylist([row] * rows, schema), path)
    return path


def write_model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "qwen3_vl"}')
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).touch()
    return folder
