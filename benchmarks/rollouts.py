"""Rollouts to measure with: well-formed, in groups of eight that share a reference, with 300 words of thinking."""

from __future__ import annotations

import json
import random
from typing import Any

GROUP = 8
WORDS = 300
JSON_TASKS = (
    "temporal_grounding",
    "spatial_grounding",
    "spatio_temporal_grounding",
    "tracking",
    "image_segmentation",
    "video_segmentation",
)

Rows = tuple[list[str], list[str], list[str]]


def _box(rng: random.Random) -> list[int]:
    x, y = rng.randint(0, 600), rng.randint(0, 600)
    return [x, y, x + rng.randint(20, 400), y + rng.randint(20, 400)]


def _points(rng: random.Random) -> list[list[int]]:
    return [[rng.randint(0, 1000), rng.randint(0, 1000)] for _ in range(3)]


def _moved(box: list[int], rng: random.Random) -> list[int]:
    x, y, right, bottom = (value + rng.randint(-15, 15) for value in box)
    x, y = max(0, x), max(0, y)
    return [x, y, min(1000, max(x + 1, right)), min(1000, max(y + 1, bottom))]


def _span(rng: random.Random) -> list[float]:
    start = round(rng.uniform(0, 60), 2)
    return [start, round(start + rng.uniform(5, 20), 2)]


def reference(task: str, rng: random.Random) -> Any:
    """Return the reference of one group."""
    if task == "temporal_grounding":
        return {"time": _span(rng)}
    if task == "spatial_grounding":
        return {"boxes": _box(rng)}
    if task == "tracking":
        return {"boxes": {str(second): _box(rng) for second in range(1, rng.randint(10, 32) + 1)}}
    if task == "spatio_temporal_grounding":
        start = rng.randint(1, 40)
        seconds = range(start, start + rng.randint(6, 16))
        return {"time": [start, seconds[-1]], "boxes": {str(second): _box(rng) for second in seconds}}
    prompt = {"boxes": _box(rng), "positive_points": _points(rng), "negative_points": _points(rng)}
    if task == "image_segmentation":
        return prompt
    if task == "video_segmentation":
        return {"time": round(rng.uniform(0, 30), 2), **prompt}
    if task == "multiple_choice":
        return rng.choice("ABCD")
    return f"{rng.uniform(1, 500):.2f}"


def rollout(right: Any, rng: random.Random) -> Any:
    """Return an answer that is off by a little."""
    if isinstance(right, str):
        return rng.choice("ABCD") if right.isalpha() else f"{float(right) * rng.choice([1, 1, 1.02, 1.3]):.2f}"
    answer = dict(right)
    if isinstance(right.get("time"), list):
        answer["time"] = [round(max(0.0, value + rng.uniform(-2, 2)), 2) for value in right["time"]]
        answer["time"].sort()
    boxes = right.get("boxes")
    if isinstance(boxes, list):
        answer["boxes"] = _moved(boxes, rng)
    elif boxes is not None:
        answer["boxes"] = {second: _moved(box, rng) for second, box in boxes.items()}
    return answer


def make_rows(tasks: tuple[str, ...], count: int, broken: float = 0.0, seed: int = 0) -> Rows:
    """Return responses, references and tasks; ``broken`` is the share of answers that are cut in the middle."""
    rng = random.Random(seed)
    words = "the a box car at second frame left right of image person moves then stops near corner".split()
    responses: list[str] = []
    references: list[str] = []
    labels: list[str] = []
    for group in range(count // GROUP):
        task = tasks[group % len(tasks)]
        right = reference(task, rng)
        text = right if isinstance(right, str) else json.dumps(right)
        for _ in range(GROUP):
            answer = rollout(right, rng)
            written = answer if isinstance(answer, str) else json.dumps(answer)
            if rng.random() < broken:
                written = written[: len(written) // 2]
            think = " ".join(rng.choices(words, k=WORDS))
            responses.append(f"<think>{think}</think>\n<answer>{written}</answer>")
            references.append(f"<answer>{text}</answer>")
            labels.append(task)
    return responses, references, labels
