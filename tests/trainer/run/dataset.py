"""A few dozen rows of eight tasks with drawn images and videos, as the files of the data set have them."""

from __future__ import annotations

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
    rows, schema = _read(path)
    assert rows[BROKEN]["reward_model"]["ground_truth"]
    rows[BROKEN]["reward_model"]["ground_truth"] = "{broken"
    _write(rows, schema, path)


def keep_images(path: Path) -> None:
    """Leave rows with an image and a readable reference, those first whose reference the model has never seen."""
    rows, schema = _read(path)
    kept = [row for place, row in enumerate(rows) if row["images"] and place != BROKEN]
    never = [row for row in kept if row["ability"] == "numerical"]
    for row in never:
        row["reward_model"]["ground_truth"] = "31415"
    _write(never + [row for row in kept if row["ability"] != "numerical"], schema, path)


def _read(path: Path) -> tuple[list[dict[str, Any]], Any]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return table.to_pylist(), table.schema


def _write(rows: list[dict[str, Any]], schema: Any, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows, schema), path)
