"""Scoring whole rollouts, beside the floor: finding the answer, decoding it if it is JSON, and nothing else.

The bounds are 2.0 times the floor for the mix (2.3 with 5 % broken), 1.8 for tracking, 1.5 for boxes, and 2.5 for a
choice or a number; for detection 1.5 times decoding both sides and scipy's assignment on matrices that are ready; and
for a dialect 2.5 times our own form.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of, best_of_both
from benchmarks.rollouts import GROUP, JSON_TASKS, Rows, make_rows
from onethinker_rewards import metrics
from onethinker_rewards.answers import find_dialect, read_answer

COUNT = 1024
CASES = {
    "mix of the six JSON tasks": JSON_TASKS,
    **{task: (task,) for task in (*JSON_TASKS, "multiple_choice", "numerical", "regression")},
}


def find(responses: list[str]) -> list[object]:
    """Find each answer and keep its text."""
    found: list[object] = []
    for response in responses:
        start = response.find("<answer>")
        found.append(response[start + 8 : response.find("</answer>", start)])
    return found


def decode(responses: list[str]) -> list[Any]:
    """Find each answer, decode it and keep the result."""
    decoded: list[Any] = []
    for response in responses:
        start = response.find("<answer>")
        end = response.find("</answer>", start)
        try:
            decoded.append(orjson.loads(response[start + 8 : end]))
        except orjson.JSONDecodeError:
            decoded.append(None)
    return decoded


def pydantic_rows(rows: Rows) -> list[object]:
    """Find each answer and validate it with its schema, one by one."""
    found = [response[response.find("<answer>") + 8 : -9] for response in rows[0]]
    return [read_answer(text, otr.TASKS[task].schema) for text, task in zip(found, rows[2], strict=True)]


def _row(name: str, rows: Rows) -> Row:
    count = len(rows[0])
    floor = decode if otr.TASKS[rows[2][0]].is_json else find
    ours, least = best_of_both(lambda: otr.score(*rows), lambda: floor(rows[0]))
    return Row(
        name, ours, "the floor", least, note=f"{ours / count * 1e6:.2f} µs a row, {ours / least:.2f} of the floor"
    )


def detections(count: int, objects: int = 20) -> Rows:
    """Return answers to detection with as many objects as their references, every object moved a little."""
    rng = np.random.default_rng(0)
    responses: list[str] = []
    references: list[str] = []
    for _ in range(count // GROUP):
        corners = rng.uniform(0, 600, (objects, 2))
        boxes = np.concatenate([corners, corners + rng.uniform(20, 300, (objects, 2))], axis=1)
        labels = rng.choice(["cat", "dog", "bus"], objects).tolist()
        for moved in boxes + rng.normal(0, 10, (GROUP, 1, 4)):
            answer = _objects(np.sort(np.clip(moved, 0, 999).reshape(-1, 2, 2), axis=1), labels)
            responses.append(f"<think>I look for all of them.</think>\n<answer>{answer}</answer>")
        references += [_objects(boxes.reshape(-1, 2, 2), labels)] * GROUP
    return responses, references, ["detection"] * len(responses)


def _objects(corners: NDArray[np.float64], labels: list[str]) -> str:
    boxes = corners.round(1).reshape(-1, 4).tolist()
    return json.dumps({"objects": [{"box": box, "label": label} for box, label in zip(boxes, labels, strict=True)]})


def _detection_row(rows: Rows) -> Row:
    """Compare detection with decoding both sides and assigning on matrices that are ready."""
    count, distinct = len(rows[0]), [*dict.fromkeys(rows[1])]
    predicted = [np.array([item["box"] for item in answer["objects"]]) for answer in decode(rows[0])]
    reference = [np.array([item["box"] for item in json.loads(text)["objects"]]) for text in rows[1]]
    matrices = [metrics.pairwise_box_iou(*pair) for pair in zip(predicted, reference, strict=True)]

    def floor() -> None:
        decode(rows[0])
        for text in distinct:
            orjson.loads(text)
        for matrix in matrices:
            matrix[linear_sum_assignment(matrix, maximize=True)].sum()

    ours, least = best_of_both(lambda: otr.score(*rows), floor)
    note = f"{ours / count * 1e6:.2f} µs a row, {ours / least:.2f} of the floor"
    return Row(f"detection, {count} rows of 20 objects", ours, "decoding and scipy's assignment", least, note=note)


# The tasks with one box, and with one span, that each dialect writes in its own way.
DIALECTS = {
    "qwen3-vl": "spatial_grounding",
    "qwen2.5-vl": "spatial_grounding",
    "internvl": "spatial_grounding",
    "molmo": "pointing",
    "molmo2": "pointing",
    "mm:ss": "temporal_grounding",
    "seconds-text": "temporal_grounding",
}
_SIZE = (1000.0, 1000.0)


def _dialect_row(name: str, task: str) -> Row:
    """Compare answers in a dialect with the same answers in our own form."""
    responses, references, tasks = _points(COUNT) if task == "pointing" else make_rows((task,), COUNT)
    dialect, schema = find_dialect(name), otr.TASKS[task].schema
    written: list[str] = []
    for response in responses:
        start, end = response.find("<answer>") + 8, response.find("</answer>")
        answer = dialect.write(json.loads(response[start:end]), schema, _SIZE)
        written.append(f"{response[:start]}{answer}{response[end:]}")
    sizes = [_SIZE] * COUNT if dialect.needs_size(schema) else None
    recipe = otr.Recipe(dialect=name)
    ours, own = best_of_both(
        lambda: otr.score(written, references, tasks, recipe=recipe, sizes=sizes),
        lambda: otr.score(responses, references, tasks),
    )
    note = f"{ours / COUNT * 1e6:.2f} µs a row, {ours / own:.2f} of our own form"
    return Row(f"{task} in {name}, {COUNT} rows", ours, "our own form", own, note=note)


def _points(count: int, points: int = 3) -> Rows:
    rng = np.random.default_rng(0)
    answers = [json.dumps({"points": rng.integers(0, 1000, (points, 2)).tolist()}) for _ in range(count // GROUP)]
    answers = [answer for answer in answers for _ in range(GROUP)]
    responses = [f"<think>{'It moves left. ' * 100}</think>\n<answer>{answer}</answer>" for answer in answers]
    return responses, answers, ["pointing"] * count


def run() -> list[Row]:
    """Measure clean rows, rows of which one in twenty is broken, and small batches."""
    table: list[Row] = []
    for name, tasks in CASES.items():
        table.append(_row(f"{name}, {COUNT} rows", make_rows(tasks, COUNT)))
        table.append(_row(f"{name}, {COUNT} rows, 5 % broken", make_rows(tasks, COUNT, broken=0.05)))
        table.append(_row(f"{name}, 96 rows", make_rows(tasks, 96)))
    table.append(_detection_row(detections(COUNT)))
    table += [_dialect_row(*pair) for pair in DIALECTS.items()]
    rows = make_rows(JSON_TASKS, COUNT)
    ours = best_of(lambda: otr.score(*rows))
    table.append(Row("mix, scored", ours, "schema validation a row", best_of(lambda: pydantic_rows(rows))))
    released = best_of(lambda: otr.score(*rows, recipe="release"))
    table.append(Row("mix, scored", ours, "the release's formulas in plain Python", released))
    return table
