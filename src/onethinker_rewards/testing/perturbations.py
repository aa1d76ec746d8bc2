"""Perturbed responses: for each law of rewards, one or more responses that must not earn more than others.

Each function returns a strategy of `Comparison` for what a law is tried on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import Detections, Order, PointTrack, Think
from onethinker_rewards.testing.pairs import (
    CONSTANTS,
    Pair,
    as_text,
    best_answer,
    box_of_tenths,
    honest_answer,
    respond,
    sample,
    some_items,
)
from onethinker_rewards.testing.scenes import has_objects, scenes
from onethinker_rewards.testing.valid import Kind, is_json, schema_of

# Rows over which constant answers are averaged.
_ROWS = 48

# What the rewards of `worse` must be: at most those of `better`, less than they are, equal to them, the largest reward
# there is, or no more than the reward of the format alone.
Relation = Literal["at_most", "less", "equal", "largest", "nothing"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What laws are tried on.

    Attributes:
        task: The task.
        think: The ``think`` of its recipe.
        pairs: References with answers to them.
    """

    task: Kind
    think: Think
    pairs: SearchStrategy[Pair]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Responses to the same references, and what must be true of their mean rewards.

    Attributes:
        references: ``[N]``.
        worse: ``[N]`` responses.
        better: ``[N]`` responses that ``worse`` is compared with; None where it is compared with a bound.
        relation: How they must compare.
    """

    references: list[str]
    worse: list[str]
    better: list[str] | None = None
    relation: Relation = "at_most"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns about long output."""
        printer.text(f"{type(self).__name__} of {len(self.references)} rows")


def _comparison(
    subject: Subject, reference: Any, better: Any, worse: Any, relation: Relation = "at_most"
) -> Comparison:
    responses = [respond(as_text(answer), subject.think) for answer in (worse, better)]
    return Comparison([as_text(reference)], responses[:1], responses[1:], relation)


@st.composite
def dropping_a_frame(draw: DrawFn, subject: Subject) -> Comparison:
    """Leave out a frame of the reference."""
    reference, predicted = draw(subject.pairs)
    frames = predicted["boxes"]
    second = draw(st.sampled_from(sorted(reference["boxes"])))
    whole = {**frames, second: frames.get(second, reference["boxes"][second])}
    fewer = {key: box for key, box in whole.items() if key != second}
    return _comparison(subject, reference, {**predicted, "boxes": whole}, {**predicted, "boxes": fewer})


@st.composite
def adding_a_frame(draw: DrawFn, subject: Subject) -> Comparison:
    """Add a frame that the reference lacks, or one with a box far from the reference's."""
    reference, predicted = draw(subject.pairs)
    right = reference["boxes"]
    second = draw(st.one_of(st.integers(0, 20).map(str), st.sampled_from(sorted(right)), st.sampled_from(["01", "x"])))
    frames = {key: box for key, box in predicted["boxes"].items() if key != second} or {"21": [0, 0, 1, 1]}
    if second in right:
        # No reference box is wider than 100, so this one does not touch it.
        left = 0 if right[second][0] > 500 else 700
        box: list[float] = [left, 0, left + 1, 1]
    else:
        box = draw(box_of_tenths())
    more = {**frames, second: box}
    return _comparison(subject, reference, {**predicted, "boxes": frames}, {**predicted, "boxes": more})


@st.composite
def adding_a_key(draw: DrawFn, subject: Subject) -> Comparison:
    """Add a key to the object."""
    reference, predicted = draw(subject.pairs)
    names = ["label", "score", "bbox_2d", "boxes ", "Time", "second answer"]
    name = draw(st.sampled_from([name for name in names if name not in schema_of(subject.task).model_fields]))
    value = draw(st.sampled_from([1, "x", None, [], {}, reference]))
    items = draw(st.permutations([*predicted.items(), (name, value)]))
    return _comparison(subject, reference, predicted, dict(items))


@st.composite
def adding_a_point(draw: DrawFn, subject: Subject) -> Comparison:
    """Add a point, right or wrong."""
    reference, predicted = draw(subject.pairs)
    name = draw(st.sampled_from(["positive_points", "negative_points"]))
    points = list(predicted[name])
    points.insert(draw(st.integers(0, 3)), draw(st.sampled_from([*reference[name], [0, 0], [1000, 1000]])))
    return _comparison(subject, reference, predicted, {**predicted, name: points})


@st.composite
def repeating(draw: DrawFn, subject: Subject) -> Comparison:
    """Give the answer, or the whole response, twice."""
    reference, predicted = draw(subject.pairs)
    answer = as_text(predicted)
    once = respond(answer, subject.think)
    inside = [f"{answer}{between}{answer}" for between in (" ", "\n", ". ", ", ", " and ", "</answer><answer>")]
    twice = [
        once * 2,
        f"{once}\n{once}",
        *(respond(text, subject.think) for text in (*inside, f"[{answer}, {answer}]")),
    ]
    return Comparison([as_text(reference)], [draw(st.sampled_from(twice))], [once])


@st.composite
def text_around(draw: DrawFn, subject: Subject) -> Comparison:
    """Put text around the answer, inside or outside its tags."""
    reference, predicted = draw(subject.pairs)
    answer = as_text(predicted)
    once = respond(answer, subject.think)
    text = draw(st.sampled_from(["indeed", "perhaps hence", "```", "**", "\n\n", "\u200b", "<", ">"]))
    around = [
        f"{text}{once}",
        f"{once}{text}",
        once.replace("<answer>", f"{text}<answer>"),
        respond(f"{text} {answer}", subject.think),
        respond(f"{answer} {text}", subject.think),
        respond(f"{text}\n{answer}\n{text}", subject.think),
    ]
    return Comparison([as_text(reference)], [draw(st.sampled_from(around))], [once])


@st.composite
def moving_closer(draw: DrawFn, subject: Subject) -> Comparison:
    """Move the answer's numbers toward the best answer's, or one of several things toward the one it is for."""
    step = draw(st.sampled_from([1.0, 0.5, 0.25, 0.75]))
    if has_objects(subject.task):
        scene = draw(scenes(subject.task, fewest=1))
        items = [draw(st.sampled_from(pair)) for pair in zip(scene.right, scene.near, strict=True)]
        thing = draw(st.integers(0, len(items) - 1))
        closer = [*items[:thing], _moved(items[thing], scene.right[thing], step), *items[thing + 1 :]]
        return _comparison(subject, scene.reference, scene.answer(closer), scene.answer(items))
    reference, predicted = draw(subject.pairs)
    best = best_answer(subject.task, reference)
    if not is_json(subject.task):
        moved = repr(_moved(float(predicted), float(best), step))
        return _comparison(subject, reference, moved, predicted)
    if schema_of(subject.task) is Order:
        return _comparison(subject, reference, {"order": _less_inverted(predicted["order"], best["order"])}, predicted)
    names = draw(st.lists(st.sampled_from(sorted(predicted)), min_size=1, unique=True))
    closer = {name: _moved(predicted[name], best[name], step) for name in names}
    return _comparison(subject, reference, {**predicted, **closer}, predicted)


def _less_inverted(order: list[str], right: list[str]) -> list[str]:
    """Swap the first two neighbors that are in the wrong order."""
    ranks = [right.index(item) for item in order]
    for first in range(len(order) - 1):
        if ranks[first] > ranks[first + 1]:
            return [*order[:first], order[first + 1], order[first], *order[first + 2 :]]
    return order


def _moved(value: Any, goal: Any, step: float) -> Any:
    """Move all numbers toward their goals: sides of a box, ends of a span, points in their best pairing."""
    if isinstance(value, dict):
        return {key: _moved(inner, goal[key], step) if key in goal else inner for key, inner in value.items()}
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        return value + step * (goal - value)
    if len(value) == 3:
        goal = min(permutations(goal), key=lambda order: _distance(value, order))
    return [_moved(inner, right, step) for inner, right in zip(value, goal, strict=True)]


def _distance(points: Any, goals: Any) -> float:
    return sum(((x - u) ** 2 + (y - v) ** 2) ** 0.5 for (x, y), (u, v) in zip(points, goals, strict=True))


@st.composite
def reference_is_best(draw: DrawFn, subject: Subject) -> Comparison:
    """Give the best answer, which for most tasks is the reference."""
    reference = draw(subject.pairs).reference
    best = respond(as_text(best_answer(subject.task, reference)), subject.think)
    return Comparison([f"<answer>{as_text(reference)}</answer>"], [best], relation="largest")


@st.composite
def constants(draw: DrawFn, subject: Subject) -> Comparison:
    """Give one answer to many questions, compared with honest answers."""
    task, think = subject.task, subject.think
    random = Random(draw(st.integers(0, 2**16)))  # noqa: S311 - not for security
    references = [sample(task, random) for _ in range(_ROWS)]
    others = [as_text(best_answer(task, sample(task, random))) for _ in range(4)]
    constant = draw(st.sampled_from([*CONSTANTS[schema_of(task)], *others]))
    honest = [respond(as_text(honest_answer(reference, random)), think) for reference in references]
    return Comparison([as_text(reference) for reference in references], [respond(constant, think)] * _ROWS, honest)


# Several things. Every answer has at least one right item where there is one, so that what is added costs something.


@st.composite
def adding_junk(draw: DrawFn, subject: Subject) -> Comparison:
    """Add an item where nothing is, at any position in the list."""
    scene = draw(scenes(subject.task, fewest=draw(st.integers(0, 1))))
    items = some_items(draw, scene, min(1, len(scene.right)))
    position = draw(st.integers(0, len(items)))
    more = [*items[:position], draw(st.sampled_from(scene.elsewhere)), *items[position:]]
    return _comparison(subject, scene.reference, scene.answer(items), scene.answer(more), "less")


@st.composite
def copying_an_item(draw: DrawFn, subject: Subject) -> Comparison:
    """List one of the items twice."""
    scene = draw(scenes(subject.task, fewest=1))
    items = some_items(draw, scene, 1)
    position = draw(st.integers(0, len(items)))
    more = [*items[:position], draw(st.sampled_from(items)), *items[position:]]
    return _comparison(subject, scene.reference, scene.answer(items), scene.answer(more), "less")


@st.composite
def leaving_out(draw: DrawFn, subject: Subject) -> Comparison:
    """Leave out a right item."""
    scene = draw(scenes(subject.task, fewest=1))
    items = some_items(draw, scene, 1)
    right = draw(st.sampled_from([item for item in items if item in scene.right]))
    fewer = [item for item in items if item is not right]
    return _comparison(subject, scene.reference, scene.answer(items), scene.answer(fewer), "less")


@st.composite
def wrong_label(draw: DrawFn, subject: Subject) -> Comparison:
    """Give a right box the label of something else."""
    scene = draw(scenes(subject.task, fewest=1).filter(lambda scene: "label" in scene.right[0]))
    items = some_items(draw, scene, 1)
    right = draw(st.sampled_from([item for item in items if item in scene.right]))
    other = draw(st.sampled_from([label for label in ("cat", "dog", "zebra") if label != right["label"]]))
    relabeled = [{**item, "label": other} if item is right else item for item in items]
    return _comparison(subject, scene.reference, scene.answer(items), scene.answer(relabeled), "less")


@st.composite
def reordering(draw: DrawFn, subject: Subject) -> Comparison:
    """Write the items in another order, or the frames of a track."""
    reference, predicted = draw(subject.pairs)
    name = next(iter(predicted))
    entries = predicted[name]
    if isinstance(entries, dict):
        shuffled: Any = dict(draw(st.permutations(list(entries.items()))))
    else:
        shuffled = draw(st.permutations(entries))
    return _comparison(subject, reference, predicted, {**predicted, name: shuffled}, "equal")


@st.composite
def silence(draw: DrawFn, subject: Subject) -> Comparison:
    """Find nothing where there is something."""
    scene = draw(scenes(subject.task, fewest=1))
    response = respond(as_text(scene.answer([])), subject.think)
    return Comparison([as_text(scene.reference)], [response], relation="nothing")


def lists_items(task: Kind) -> bool:
    """Return whether an answer can list the same thing twice."""
    return has_objects(task) and schema_of(task) is not PointTrack


def has_labels(task: Kind) -> bool:
    """Return whether the things that an answer lists have labels."""
    return has_objects(task) and schema_of(task) is Detections
