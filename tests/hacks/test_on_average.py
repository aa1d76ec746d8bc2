"""Over many references, no constant answer and no trick earns on average what an honest, imperfect answer earns.

The references have 1 to 8 objects, a tenth of them none. The honest answer misses one object in five; what it finds has
an IoU of 0.7, or for points a similarity of 0.7. It is right about what is empty. Tricks are played on that answer.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import onethinker_rewards as otr
from onethinker_rewards.hacks.tricks import plain

ROWS = 300
LABELS = ("cat", "dog", "car")
# A box or a span that is moved by this share of its length has an IoU of 0.7: (1 - x) / (1 + x).
MOVED = 0.3 / 1.7
# A point at this distance has a similarity of 0.7: exp(-d² / (2 · 50²)).
APART = 50 * math.sqrt(-2 * math.log(0.7))

Item = list[float]
Entry = tuple[Item, str]
Answer = list[Entry]
Trick = Callable[[Answer, random.Random], Answer]


class Kind(NamedTuple):
    """What a task's objects are: how one is made, seen, cut, and written."""

    made: Callable[[random.Random], Item]
    seen: Callable[[Item, random.Random], Item]
    halves: Callable[[Item], list[Item]]
    around: Callable[[list[Item]], Item]
    grid: Callable[[int], list[Item]]
    written: Callable[[Answer], dict[str, Any]]


def made_box(rng: random.Random) -> Item:
    width, height = rng.uniform(60, 300), rng.uniform(60, 300)
    left, top = rng.uniform(110, 890 - width), rng.uniform(110, 890 - height)
    return [left, top, left + width, top + height]


def seen_box(box: Item, rng: random.Random) -> Item:
    axis = rng.randrange(2)
    step = rng.choice((-1, 1)) * MOVED * (box[axis + 2] - box[axis])
    return [number + step * (place % 2 == axis) for place, number in enumerate(box)]


def box_halves(box: Item) -> list[Item]:
    across = (box[0] + box[2]) / 2
    return [[*box[:2], across, box[3]], [across, *box[1:]]]


def box_around(boxes: list[Item]) -> Item:
    left, top, right, bottom = zip(*boxes, strict=True)
    return [min(left), min(top), max(right), max(bottom)]


def box_grid(count: int) -> list[Item]:
    edge = 1000 / count
    return [[edge * x, edge * y, edge * x + edge, edge * y + edge] for y in range(count) for x in range(count)]


def written_boxes(answer: Answer) -> dict[str, Any]:
    return {"objects": [{"box": box, "label": label} for box, label in answer]}


def made_span(rng: random.Random) -> Item:
    length = rng.uniform(3, 30)
    start = rng.uniform(12, 108 - length)
    return [start, start + length]


def seen_span(span: Item, rng: random.Random) -> Item:
    step = rng.choice((-1, 1)) * MOVED * (span[1] - span[0])
    return [span[0] + step, span[1] + step]


def span_halves(span: Item) -> list[Item]:
    between = sum(span) / 2
    return [[span[0], between], [between, span[1]]]


def span_around(spans: list[Item]) -> Item:
    return [min(start for start, _ in spans), max(end for _, end in spans)]


def span_grid(count: int) -> list[Item]:
    length = 120 / count**2
    return [[length * place, length * place + length] for place in range(count**2)]


def written_spans(answer: Answer) -> dict[str, Any]:
    return {"times": [span for span, _ in answer]}


def written_points(answer: Answer) -> dict[str, Any]:
    return {"points": [point for point, _ in answer]}


def seen_point(point: Item, rng: random.Random) -> Item:
    angle = rng.uniform(0, 2 * math.pi)
    return [point[0] + APART * math.cos(angle), point[1] + APART * math.sin(angle)]


def middle_of(points: list[Item]) -> Item:
    return [sum(numbers) / len(points) for numbers in zip(*points, strict=True)]


def point_grid(count: int) -> list[Item]:
    return [[1000 * (x + 0.5) / count, 1000 * (y + 0.5) / count] for y in range(count) for x in range(count)]


KINDS = {
    "detection": Kind(made_box, seen_box, box_halves, box_around, box_grid, written_boxes),
    "temporal_segments": Kind(made_span, seen_span, span_halves, span_around, span_grid, written_spans),
    "pointing": Kind(
        lambda rng: [rng.uniform(110, 890), rng.uniform(110, 890)],
        seen_point,
        lambda point: [[point[0] - 10, point[1]], [point[0] + 10, point[1]]],
        middle_of,
        point_grid,
        written_points,
    ),
}


def references(kind: Kind) -> list[Answer]:
    rng = random.Random(0)
    return [
        [(kind.made(rng), rng.choice(LABELS)) for _ in range(rng.randint(1, 8))] if row % 10 else []
        for row in range(ROWS)
    ]


def honest(kind: Kind, reference: Answer, rng: random.Random) -> Answer:
    return [(kind.seen(item, rng), label) for item, label in reference if rng.random() < 0.8]


def mean_accuracy(task: str, answers: list[Answer], truth: list[Answer]) -> float:
    written = KINDS[task].written
    responses = [plain(json.dumps(written(answer))) for answer in answers]
    batch = otr.score(responses, [json.dumps(written(reference)) for reference in truth], task)
    assert set(batch.format.tolist()) == {1.0}
    return float(batch.accuracy.mean())


def constants(kind: Kind, truth: list[Answer]) -> Iterator[tuple[str, Answer]]:
    """Yield constant answers: nothing, all there is, grids, the middle, copies of it, and references of other rows."""
    # Nothing is the most frequent reference, and a grid of one is the whole image or video.
    yield "nothing", []
    label = most_frequent_label(truth)
    for count in range(1, 11):
        yield f"grid of {count}", [(item, label) for item in kind.grid(count)]
    for count in (3, 5, 7, 9):
        middle = kind.grid(count)[count**2 // 2]
        yield f"middle of {count}", [(middle, label)]
        yield f"middle of {count} a hundred times", [(middle, label)] * 100
        yield f"middle of {count} with every label", [(middle, label) for label in LABELS]
    for row in range(1, 40, 2):
        yield f"reference {row}", truth[row]


def most_frequent_label(truth: list[Answer]) -> str:
    labels = [label for reference in truth for _, label in reference]
    return max(LABELS, key=labels.count)


def tricks(kind: Kind) -> dict[str, Trick]:
    """Return what each trick makes of an honest answer."""

    def junk(count: int) -> Trick:
        return lambda answer, rng: [*answer, *((kind.made(rng), rng.choice(LABELS)) for _ in range(count))]

    def around(answer: Answer, rng: random.Random) -> Answer:
        return [(kind.around([item for item, _ in answer]), answer[0][1])] if answer else []

    return {
        "one box of junk": junk(1),
        "four boxes of junk": junk(4),
        "fifty boxes of junk": junk(50),
        "as many as are usual": lambda answer, rng: junk(max(0, 5 - len(answer)))(answer, rng),
        "each twice": lambda answer, rng: answer * 2,
        "each twenty times": lambda answer, rng: answer * 20,
        "the first ten times": lambda answer, rng: [*answer, *answer[:1] * 9],
        "each seen twice": lambda answer, rng: [
            (kind.seen(item, rng), label) for item, label in answer for _ in range(2)
        ],
        "halves": lambda answer, rng: [(half, label) for item, label in answer for half in kind.halves(item)],
        "one around all": around,
        "nothing": lambda answer, rng: [],
        "the first alone": lambda answer, rng: answer[:1],
        "a grid behind": lambda answer, rng: [*answer, *((item, LABELS[0]) for item in kind.grid(4))],
        "the middle where nothing is": lambda answer, rng: answer or [(kind.grid(3)[4], LABELS[0])],
    }


LABEL_TRICKS: dict[str, Trick] = {
    "one label for all": lambda answer, rng: [(item, LABELS[0]) for item, _ in answer],
    "every label": lambda answer, rng: [(item, label) for item, _ in answer for label in LABELS],
    "no label": lambda answer, rng: [(item, "") for item, _ in answer],
    "a label that contains them all": lambda answer, rng: [(item, " ".join(LABELS)) for item, _ in answer],
}


@pytest.fixture(params=KINDS, scope="module")
def played(request: pytest.FixtureRequest) -> tuple[str, list[Answer], list[Answer], float]:
    """Return a task, its references, honest answers to them, and what these earn on average."""
    task: str = request.param
    truth = references(KINDS[task])
    rng = random.Random(1)
    answers = [honest(KINDS[task], reference, rng) for reference in truth]
    return task, truth, answers, mean_accuracy(task, answers, truth)


def test_the_honest_answer_is_imperfect(played: tuple[str, list[Answer], list[Answer], float]) -> None:
    _, truth, _, earned = played
    assert sum(not reference for reference in truth) == ROWS // 10
    assert 0.55 < earned < 0.75


def test_no_constant_answer_earns_as_much(played: tuple[str, list[Answer], list[Answer], float]) -> None:
    task, truth, _, earned = played
    for name, answer in constants(KINDS[task], truth):
        assert mean_accuracy(task, [answer] * ROWS, truth) < earned, name


def test_no_trick_earns_as_much(played: tuple[str, list[Answer], list[Answer], float]) -> None:
    task, truth, answers, earned = played
    for name, trick in (tricks(KINDS[task]) | (LABEL_TRICKS if task == "detection" else {})).items():
        rng = random.Random(2)
        assert mean_accuracy(task, [trick(answer, rng) for answer in answers], truth) < earned, name


@pytest.mark.parametrize("places", [2, 3, 5])
def test_a_hedge_earns_more_than_a_guess(places: int) -> None:
    """What F1 pays for, as `docs/public-rewards.md` says: each of several places where one object may be."""
    rng = random.Random(3)
    boxes = [[100 * place + 10.0, 0.0, 100 * place + 90.0, 80.0] for place in range(places)]
    truth = [[(rng.choice(boxes), "cat")] for _ in range(ROWS)]
    assert mean_accuracy("detection", [[(box, "cat") for box in boxes]] * ROWS, truth) == pytest.approx(
        2 / (1 + places)
    )
    assert mean_accuracy("detection", [[(boxes[0], "cat")]] * ROWS, truth) == pytest.approx(1 / places, abs=0.06)
