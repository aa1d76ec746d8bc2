"""The columns of verl's Parquet as Arrow types: the same for every row group of every file of one kind."""

from __future__ import annotations

from typing import Any

from onethinker_rewards.trainer.data.convert import Rules

__all__ = ["schema_of"]


def schema_of(rules: Rules) -> Any:
    """Return the Arrow schema of the rows that `verl_row` gives under these rules; needs pyarrow."""
    import pyarrow as pa  # noqa: PLC0415 - an extra

    text, whole, real = pa.string(), pa.int64(), pa.float64()
    messages = pa.list_(pa.struct({"role": text, "content": text}))
    sizes = {"min_pixels": whole, "max_pixels": whole}
    frames = {"video": pa.list_(text), "sample_fps": real} | sizes
    file = {"video": text, "fps": real, "max_frames": whole} | sizes
    rl = {"prompt": messages, "ability": text, "reward_model": pa.struct({"style": text, "ground_truth": text})}
    own = rl if rules.stage == "rl" else {"messages": messages}
    columns = {
        "data_source": text,
        **own,
        "images": pa.list_(pa.struct({"image": text, "max_pixels": whole})),
        "videos": pa.list_(pa.struct(frames if rules.media.frames else file)),
        "extra_info": pa.struct(
            {
                "index": whole,
                **dict.fromkeys(["task", "group", "problem_id", "problem_type", "data_type", "question"], text),
                "options": pa.list_(text),
                **dict.fromkeys(["width", "height", "fps"], real),
                "segmentation": text,
            }
        ),
    }
    return pa.schema(columns)
