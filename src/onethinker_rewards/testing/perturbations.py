"""Perturbed responses: for each law of rewards, one or more responses that must not earn more than others.

Each function returns a strategy of `Comparison` for a task and the ``think`` of a recipe.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import Think
from onethinker_rewards.testing.pairs import CONSTANTS, as_text, box_of_tenths, honest_answer, pairs, respond, sample
from onethinker_rewards.testing.valid import is_json, schema_of

# Rows over which constant answers are averaged.
_ROWS = 48


@dataclass(frozen=True, slots=True)
class Comparison:
    """Responses to the same references, of which the worse must not earn more on average.

    Attributes:
        references: ``[N]``.
        worse: ``[N]`` responses.
        better: ``[N]`` responses, or None: then ``worse`` has to earn the largest reward there is.
    """

    references: list[str]
    worse: list[str]
    better: list[str] | None

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print no rows: hypothesis warns about long output."""
        printer.text(f"{type(self).__name__} of {len(self.references)} rows")


def _comparison(reference: Any, better: Any, worse: Any, think: Think) -> Comparison:
    return Comparison([as_text(reference)], [respond(as_text(worse), think)], [respond(as_text(better), think)])


@st.composite
def dropping_a_frame(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Leave out a frame of the reference."""
    reference, predicted = draw(pairs(task))
    frames = predicted["boxes"]
    second = draw(st.sampled_from(sorted(reference["boxes"])))
    whole = {**frames, second: frames.get(second, reference["boxes"][second])}
    fewer = {key: box for key, box in whole.items() if key != second}
    return _comparison(reference, {**predicted, "boxes": whole}, {**predicted, "boxes": fewer}, think)


@st.composite
def adding_a_frame(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Add a frame that the reference lacks, or one with a box far from the reference's."""
    reference, predicted = draw(pairs(task))
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
    return _comparison(reference, {**predicted, "boxes": frames}, {**predicted, "boxes": more}, think)


@st.composite
def adding_a_key(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Add a key to the object."""
    reference, predicted = draw(pairs(task))
    name = draw(st.sampled_from(["label", "score", "bbox_2d", "boxes ", "Time", "second answer"]))
    value = draw(st.sampled_from([1, "x", None, [], {}, reference]))
    items = draw(st.permutations([*predicted.items(), (name, value)]))
    return _comparison(reference, predicted, dict(items), think)


@st.composite
def adding_a_point(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Add a point, right or wrong."""
    reference, predicted = draw(pairs(task))
    name = draw(st.sampled_from(["positive_points", "negative_points"]))
    points = list(predicted[name])
    points.insert(draw(st.integers(0, 3)), draw(st.sampled_from([*reference[name], [0, 0], [1000, 1000]])))
    return _comparison(reference, predicted, {**predicted, name: points}, think)


@st.composite
def repeating(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Give the answer, or the whole response, twice."""
    reference, predicted = draw(pairs(task))
    answer = as_text(predicted)
    once = respond(answer, think)
    inside = [f"{answer}{between}{answer}" for between in (" ", "\n", ". ", ", ", " and ", "</answer><answer>")]
    twice = [once * 2, f"{once}\n{once}", *(respond(text, think) for text in (*inside, f"[{answer}, {answer}]"))]
    return Comparison([as_text(reference)], [draw(st.sampled_from(twice))], [once])


@st.composite
def text_around(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Put text around the answer, inside or outside its tags."""
    reference, predicted = draw(pairs(task))
    answer = as_text(predicted)
    once = respond(answer, think)
    text = draw(st.sampled_from(["indeed", "perhaps hence", "```", "**", "\n\n", "\u200b", "<", ">"]))
    around = [
        f"{text}{once}",
        f"{once}{text}",
        once.replace("<answer>", f"{text}<answer>"),
        respond(f"{text} {answer}", think),
        respond(f"{answer} {text}", think),
        respond(f"{text}\n{answer}\n{text}", think),
    ]
    return Comparison([as_text(reference)], [draw(st.sampled_from(around))], [once])


@st.composite
def moving_closer(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Move the answer's numbers toward the reference's."""
    reference, predicted = draw(pairs(task))
    step = draw(st.sampled_from([1.0, 0.5, 0.25, 0.75]))
    if not is_json(task):
        return _comparison(reference, repr(_moved(float(predicted), float(reference), step)), predicted, think)
    names = draw(st.lists(st.sampled_from(sorted(predicted)), min_size=1, unique=True))
    closer = {name: _moved(predicted[name], reference[name], step) for name in names}
    return _comparison(reference, {**predicted, **closer}, predicted, think)


def _moved(value: Any, goal: Any, step: float) -> Any:
    """Move all numbers toward their goals: sides of a box, ends of a span, points in their best pairing."""
    if isinstance(value, dict):
        return {key: _moved(inner, goal[key], step) if key in goal else inner for key, inner in value.items()}
    if not isinstance(value, list):
        return value + step * (goal - value)
    if isinstance(value[0], list):
        goal = min(permutations(goal), key=lambda order: _distance(value, order))
    return [_moved(inner, right, step) for inner, right in zip(value, goal, strict=True)]


def _distance(points: list[list[float]], goals: tuple[list[float], ...]) -> float:
    return sum(((x - u) ** 2 + (y - v) ** 2) ** 0.5 for (x, y), (u, v) in zip(points, goals, strict=True))


def reference_is_best(task: str, think: Think) -> SearchStrategy[Comparison]:
    """Give the reference as the answer."""
    references = pairs(task).map(lambda pair: as_text(pair.reference))
    return references.map(lambda text: Comparison([f"<answer>{text}</answer>"], [respond(text, think)], None))


@st.composite
def constants(draw: DrawFn, task: str, think: Think) -> Comparison:
    """Give one answer to many questions, compared with honest answers."""
    random = Random(draw(st.integers(0, 2**16)))  # noqa: S311 - not for security
    references = [sample(task, random) for _ in range(_ROWS)]
    others = [as_text(sample(task, random)) for _ in range(4)]
    constant = draw(st.sampled_from([*CONSTANTS[schema_of(task)], *others]))
    honest = [respond(as_text(honest_answer(reference, random)), think) for reference in references]
    return Comparison([as_text(reference) for reference in references], [respond(constant, think)] * _ROWS, honest)
