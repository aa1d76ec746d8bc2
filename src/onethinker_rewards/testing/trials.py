"""Two responses to one reference, of which the second must not earn more: what the laws of rewards compare."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Any

from onethinker_rewards.answers import Think
from onethinker_rewards.testing.extra import DrawFn, SearchStrategy, st
from onethinker_rewards.testing.rollouts import (
    FOREIGN,
    Pair,
    boxes_of_tenths,
    is_json,
    pairs,
    respond,
    written,
)
from onethinker_rewards.testing.samples import CONSTANTS, observed, sample
from onethinker_rewards.testing.sound import schema_of

__all__ = [
    "RewardTrial",
    "adding_a_frame",
    "adding_a_key",
    "adding_a_point",
    "constants",
    "dropping_a_frame",
    "moving_closer",
    "reference_is_best",
    "repeating",
    "text_around",
]

_ROWS = 48


@dataclass(frozen=True, slots=True)
class RewardTrial:
    """Responses that a law compares, row beside row.

    Attributes:
        references: ``[N]``.
        worse: ``[N]`` responses that must not earn more on average,
        better: than these; None: than the largest reward there is, which ``worse`` has to reach, too.
    """

    references: list[str]
    worse: list[str]
    better: list[str] | None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns of what is long."""
        printer.text(f"{type(self).__name__} of {len(self.references)} rows")


def _trial(reference: Any, better: Any, worse: Any, think: Think) -> RewardTrial:
    return RewardTrial([written(reference)], [respond(written(worse), think)], [respond(written(better), think)])


@st.composite
def dropping_a_frame(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Leave out a frame of the reference."""
    reference, predicted = draw(pairs(task))
    frames = predicted["boxes"]
    second = draw(st.sampled_from(sorted(reference["boxes"])))
    whole = {**frames, second: frames.get(second, reference["boxes"][second])}
    fewer = {key: box for key, box in whole.items() if key != second}
    return _trial(reference, {**predicted, "boxes": whole}, {**predicted, "boxes": fewer}, think)


@st.composite
def adding_a_frame(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Add a frame that the reference lacks, or one with a box that is far from its own."""
    reference, predicted = draw(pairs(task))
    frames, right = predicted["boxes"], reference["boxes"]
    second = draw(st.one_of(st.integers(0, 20).map(str), st.sampled_from(sorted(right)), st.sampled_from(["01", "x"])))
    wrong = _far_from(right[second]) if second in right else None
    frames = {key: box for key, box in frames.items() if key != second} or {"21": [0, 0, 1, 1]}
    more = {**frames, second: wrong or draw(boxes_of_tenths())}
    return _trial(reference, {**predicted, "boxes": frames}, {**predicted, "boxes": more}, think)


def _far_from(box: list[float]) -> list[float]:
    """Return a box that has nothing in common with one: none of ours is wider than 101."""
    left = 0 if box[0] > 500 else 700
    return [left, 0, left + 1, 1]


@st.composite
def adding_a_key(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Add a key to the object."""
    reference, predicted = draw(pairs(task))
    name = draw(st.sampled_from(["label", "score", "bbox_2d", "boxes ", "Time", "second answer"]))
    value = draw(st.sampled_from([1, "x", None, [], {}, reference]))
    items = draw(st.permutations([*predicted.items(), (name, value)]))
    return _trial(reference, predicted, dict(items), think)


@st.composite
def adding_a_point(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Add a point, right or wrong."""
    reference, predicted = draw(pairs(task))
    name = draw(st.sampled_from(["positive_points", "negative_points"]))
    points = list(predicted[name])
    points.insert(draw(st.integers(0, 3)), draw(st.sampled_from([*reference[name], [0, 0], [1000, 1000]])))
    return _trial(reference, predicted, {**predicted, name: points}, think)


@st.composite
def repeating(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Say the answer, or the whole response, twice."""
    reference, predicted = draw(pairs(task))
    answer = written(predicted)
    once = respond(answer, think)
    inside = [f"{answer}{between}{answer}" for between in (" ", "\n", ". ", ", ", " and ", "</answer><answer>")]
    again = [once * 2, f"{once}\n{once}", *(respond(text, think) for text in (*inside, f"[{answer}, {answer}]"))]
    return RewardTrial([written(reference)], [draw(st.sampled_from(again))], [once])


@st.composite
def text_around(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Put text around the answer, inside of its tags or out."""
    reference, predicted = draw(pairs(task))
    answer = written(predicted)
    once = respond(answer, think)
    text = draw(st.sampled_from([FOREIGN[1], f"{FOREIGN[2]} {FOREIGN[3]}", "```", "**", "\n\n", "\u200b", "<", ">"]))
    around = [
        f"{text}{once}",
        f"{once}{text}",
        once.replace("<answer>", f"{text}<answer>"),
        respond(f"{text} {answer}", think),
        respond(f"{answer} {text}", think),
        respond(f"{text}\n{answer}\n{text}", think),
    ]
    return RewardTrial([written(reference)], [draw(st.sampled_from(around))], [once])


@st.composite
def moving_closer(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Move the answer's numbers towards the reference's."""
    reference, predicted = draw(pairs(task))
    step = draw(st.sampled_from([1.0, 0.5, 0.25, 0.75]))
    if not is_json(task):
        closer: Any = repr(_moved(float(predicted), float(reference), step))
        return _trial(reference, closer, predicted, think)
    names = draw(st.lists(st.sampled_from(sorted(predicted)), min_size=1, unique=True))
    closer = {
        name: _moved(value, reference[name], step) if name in names else value for name, value in predicted.items()
    }
    return _trial(reference, closer, predicted, think)


def _moved(value: Any, goal: Any, step: float) -> Any:
    """Move all numbers towards their goals: sides of a box, ends of a span, points in their best pairing."""
    if isinstance(value, dict):
        return {key: _moved(one, goal[key], step) if key in goal else one for key, one in value.items()}
    if not isinstance(value, list):
        return value + step * (goal - value)
    if isinstance(value[0], list):
        goal = min(permutations(goal), key=lambda order: _distance(value, order))
    return [_moved(one, right, step) for one, right in zip(value, goal, strict=True)]


def _distance(points: list[list[float]], goals: tuple[list[float], ...]) -> float:
    return sum(((x - u) ** 2 + (y - v) ** 2) ** 0.5 for (x, y), (u, v) in zip(points, goals, strict=True))


def reference_is_best(task: str, think: Think) -> SearchStrategy[RewardTrial]:
    """Give the reference as the answer."""
    return pairs(task).map(lambda pair: _highest(pair, think))


def _highest(pair: Pair, think: Think) -> RewardTrial:
    reference = written(pair.reference)
    return RewardTrial([f"<answer>{reference}</answer>"], [respond(reference, think)], None)


@st.composite
def constants(draw: DrawFn, task: str, think: Think) -> RewardTrial:
    """Give one answer to many questions, beside somebody who looks."""
    random = Random(draw(st.integers(0, 2**16)))  # noqa: S311 - nothing here is secret
    rows = [sample(task, random) for _ in range(_ROWS)]
    others = [written(sample(task, random)) for _ in range(4)]
    constant = draw(st.sampled_from([*CONSTANTS[schema_of(task)], *others]))
    honest = [respond(written(observed(row, random)), think) for row in rows]
    return RewardTrial([written(row) for row in rows], [respond(constant, think)] * _ROWS, honest)
