"""Scored rows of every task with pictures, a video, masks and steps, for reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import onethinker_rewards as otr
from onethinker_rewards.answers.masks import encode_mask

EXAMPLES = Path(otr.__file__).parent / "cli" / "examples.jsonl"
# An answer and a reference of each task beyond the paper.
BEYOND = {
    "detection": (
        {
            "objects": [
                {"box": [100, 100, 300, 400], "label": "cat"},
                {"box": [500, 500, 700, 900], "label": "dog & co"},
            ]
        },
        {"objects": [{"box": [120, 110, 300, 400], "label": "cat"}]},
    ),
    "pointing": ({"points": [[200, 300], [800, 100]]}, {"boxes": [[150, 250, 250, 350]]}),
    "gui_click": ({"point": [500, 490]}, {"box": [450, 450, 600, 520]}),
    "rotated_box": (
        {"corners": [[500, 200], [800, 500], [500, 800], [200, 500]]},
        {"corners": [[520, 200], [820, 500], [520, 800], [220, 500]]},
    ),
    "temporal_segments": ({"times": [[1, 3], [6, 8.5]]}, {"times": [[1, 2.5], [6, 9]]}),
    "point_tracking": (
        {"points": {"1": [100, 100], "2": None, "3": [300, 310]}},
        {"points": {"1": [100, 110], "2": [200, 200], "3": None}},
    ),
    "image_quality": (3.5, {"score": 3.4, "scale": [1, 5]}),
    "ordering": ({"order": ["B", "A", "C"]}, {"order": ["A", "B", "C"]}),
}


def examples() -> list[dict[str, Any]]:
    """Return the package's examples of the paper's tasks, and one row of each task beyond it, without rewards."""
    rows = [json.loads(line) for line in EXAMPLES.read_text().splitlines()]
    # Mathematics takes a worker process, and has nothing to draw.
    rows = [row for row in rows if row["task"] not in {"math", *BEYOND}]
    for task, (answer, reference) in BEYOND.items():
        response = f"<think>I look.</think><answer>{json.dumps(answer)}</answer>"
        rows.append({"task": task, "question": f"A {task}?", "reference": reference, "response": response})
    return rows


def scored(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their rewards, as the command ``score`` writes them."""
    batch = otr.score(
        [row["response"] for row in rows],
        [row["reference"] for row in rows],
        [row["task"] for row in rows],
        options=[row.get("options") for row in rows],
    )
    return [row | rewards for row, rewards in zip(rows, batch.to_rows(), strict=True)]


def photo(path: Path, width: int = 640, height: int = 480, seed: int = 0) -> Path:
    """Write a picture that packs about as badly as a photograph."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noise = np.resize(rng.normal(0, 12, 99_991), (height, width, 3))
    Image.fromarray(np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)).save(path, quality=92)
    return path


def illustrated(folder: Path) -> list[dict[str, Any]]:
    """Return scored rows of every task, with an image or frames each, in a folder; some have steps and masks."""
    photo(folder / "image.jpg")
    frames = [photo(folder / f"frame{second}.jpg", 320, 240, second).name for second in range(10)]
    mask = np.zeros((48, 64), dtype=bool)
    mask[16:34, 14:32] = True
    rows = scored(examples())
    for index, row in enumerate(rows):
        row["step"] = index % 4
        is_video = any(word in row["task"] for word in ("temporal", "tracking", "video"))
        row.update({"videos": frames, "duration": 10} if is_video else {"images": ["image.jpg"]})
        if row["task"] == "image_segmentation":
            row.update(mask=encode_mask(mask), predicted_mask=encode_mask(np.roll(mask, 4, axis=1)))
    return rows
