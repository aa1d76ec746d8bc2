"""A few dozen rows of eight tasks with drawn images and videos, as the files of the data set have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.rewards.cases import REFERENCES, wrap
from tests.trainer.examples import draw, example_row, write_array

# A task and a wrong answer to it, which the model learns beside the right one: so there is something to tell apart.
WRONG = {
    "multiple_choice": "A",
    "numerical": "7",
    "regression": "60",
    "math": "$\\frac{1}{3}$",
    "ocr": "Platform 5 to the coast",
    "spatial_grounding": '{"boxes": [200, 100, 300, 400]}',
    "temporal_grounding": '{"time": [15.0, 20.0]}',
    "tracking": '{"boxes": {"1": [200, 100, 300, 400], "2": [210, 100, 310, 400]}}',
}
EACH = 6
# Row 11 of the Parquet, counted from 0.
BROKEN = 11
THINK = "Seen."


def rows(*, frames: bool = False) -> list[dict[str, Any]]:
    """Return the rows, each batch of eight with all tasks; videos are files, or with ``frames`` folders."""
    return [
        example_row(
            task,
            problem=f"Question {number} about it.",
            **({"videos": ["frames"]} if frames and is_video(task) else {}),
        )
        for number in range(EACH)
        for task in WRONG
    ]


def is_video(task: str) -> bool:
    return task in ("temporal_grounding", "tracking")


def taught(*, frames: bool = False) -> list[dict[str, Any]]:
    """Return the rows to fine-tune on: each question with a right and with a wrong response."""
    return [
        row | {"response": wrap(answer, THINK)}
        for row, task in zip(rows(frames=frames), list(WRONG) * EACH, strict=True)
        for answer in (REFERENCES[task], WRONG[task])
    ]


def words() -> list[str]:
    """Return what responses are put together from."""
    answers = [answer for task, wrong in WRONG.items() for answer in (REFERENCES[task], wrong)]
    # A letter or a digit that is a token would be one in prompts too.
    return [f"<think>{THINK}</think>", *(f"<answer>{answer}</answer>" for answer in answers)]


def prepare(folder: Path, *, frames: bool = False) -> tuple[Path, Path]:
    """Draw, write and prepare both files; return the Parquet to fine-tune on and that to train on."""
    from tests.cli.runs import run

    drawn = folder / "drawn"
    drawn.mkdir()
    draw(drawn)
    written = []
    for stage, its_rows in (("sft", taught(frames=frames)), ("rl", rows(frames=frames))):
        out = folder / f"{stage}.parquet"
        source = write_array(folder / f"{stage}.json", its_rows)
        options = [
            "--stage",
            stage,
            "--media-root",
            drawn,
            "--check-media",
            "readable",
            "--max-frames",
            "4",
            *(["--frames"] if frames else []),
        ]
        done = run("prepare", source, "--out", out, *options)
        assert done.exit_code == 0, done.stderr
        written.append(out)
    _break(written[1])
    return written[0], written[1]


def _break(path: Path) -> None:
    """Make one reference unreadable, which `prepare` would not have let through."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    models = table.column("reward_model").to_pylist()
    assert json.loads(json.dumps(models[BROKEN]))["ground_truth"]
    models[BROKEN]["ground_truth"] = "{broken"
    place = table.column_names.index("reward_model")
    column = pa.array(models, type=table.schema.field("reward_model").type)
    pq.write_table(table.set_column(place, table.schema.field("reward_model"), column), path)
