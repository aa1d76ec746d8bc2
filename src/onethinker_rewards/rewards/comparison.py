"""Why an answer is not its reference, in words: aligned words, normal forms, the frames that cost most.

A task's comparison is chosen by its formula: it says what that formula did.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from onethinker_rewards import metrics
from onethinker_rewards.codes import shortened
from onethinker_rewards.metrics.math import MathForm, math_form
from onethinker_rewards.metrics.text import words_by_script
from onethinker_rewards.rewards.recipe import Recipe
from onethinker_rewards.tasks import TaskSpec
from onethinker_rewards.tasks.grounding import point_tracking, spatio_temporal_grounding, tracking
from onethinker_rewards.tasks.text import math_equal, word_accuracy

# A heading, or none for a line that goes with the one before, and a text.
Line = tuple[str, str]
# Characters of an alignment's lines, and frames that are named.
_ALIGNED = 86
_FRAMES = 3
_MISSING = 20
# What is shown of a value with many digits.
_DIGITS = Context(prec=12)
_KINDS = {
    "set": "a set", "list": "a list", "or": "a list", "and": "a list", "rel": "an equation or inequality",
    "bracket": "a tuple or an interval", "matrix": "a matrix", "text": "words", "ratio": "a ratio",
}  # fmt: skip


def compared(spec: TaskSpec, recipe: Recipe, predicted: Any, reference: Any, accuracy: float) -> Iterator[Line]:
    """Yield what sets an answer apart from its reference, for the formulas that have more to say than their parts.

    Args:
        spec: The task.
        recipe: Which may have another formula for it.
        predicted: What the answer was read as.
        reference: What the reference was read as.
        accuracy: What the formula gave.
    """
    say = _COMPARISONS.get(recipe.formulas.get(spec.name, spec.accuracy))
    if say is not None:
        constants = {name: recipe.constants.get(name, value) for name, value in spec.constants.items()}
        yield from say(predicted, reference, accuracy, constants)


def _words(predicted: Any, reference: Any, accuracy: float, constants: Mapping[str, float]) -> Iterator[Line]:
    """Align the words of a transcript with those of its reference."""
    # Imported here because most callers never compare texts.
    import jiwer  # noqa: PLC0415

    texts = [str(predicted), str(reference)]
    if constants["nfkc"]:
        texts = [unicodedata.normalize("NFKC", text) for text in texts]
    said, right = map(words_by_script, texts)
    output = jiwer.process_words(" ".join(right), " ".join(said))
    counts = f"{output.substitutions} substituted, {output.deletions} deleted, {output.insertions} inserted"
    yield "words", f"{len(right)} in the reference: {counts}"
    if accuracy < 1.0:
        aligned = jiwer.visualize_alignment(output, show_measures=False, skip_correct=False, line_width=_ALIGNED)
        # The first two lines are a heading.
        for line in aligned.rstrip().splitlines()[2:]:
            yield "", line


def _forms(predicted: Any, reference: Any, accuracy: float, constants: Mapping[str, float]) -> Iterator[Line]:
    """Show both normal forms, and why they are not equal."""
    said, right = math_form(str(predicted)), math_form(str(reference))
    for name, form in (("said", said), ("right", right)):
        value = "" if form.value is None else f", which is {_decimal(form.value)}"
        read = form.tree and f", read as {shortened(form.tree)}{value}"
        yield name, shortened(form.text) + read
    if accuracy == 0.0:
        yield "difference", _difference(said, right)


def _difference(said: MathForm, right: MathForm) -> str:
    if said.fault is not None:
        return f"the answer cannot be read: {shortened(said.fault)}"
    if said.value is not None and right.value is not None:
        return _decimal(abs(said.value - right.value))
    kinds = [_KINDS.get(form.operation, "an expression") for form in (said, right)]
    if kinds[0] != kinds[1]:
        return f"the answer is {kinds[0]}, the reference {kinds[1]}"
    return "neither the rules nor algebra find them equal"


def _decimal(value: Fraction) -> str:
    return f"{_DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator)):g}"


def _boxes(predicted: Any, reference: Any, accuracy: float, constants: Mapping[str, float]) -> Iterator[Line]:
    """Name the frames that are missing, and those whose boxes cost most."""
    yield from _missing(predicted.boxes, reference.boxes)
    both = [frame for frame in reference.boxes if frame in predicted.boxes]
    said, right = (
        np.reshape([track[frame] for frame in both], (-1, 4)) for track in (predicted.boxes, reference.boxes)
    )
    scores = dict(zip(both, metrics.box_iou(said, right).tolist(), strict=True))
    for frame in sorted(scores, key=scores.__getitem__)[:_FRAMES]:
        if scores[frame] < 1.0:
            cost = (1.0 - scores[frame]) / len(reference.boxes)
            yield (
                "",
                (
                    f"frame {frame} costs {cost:.3f}: IoU {scores[frame]:.3f} of {_numbers(predicted.boxes[frame])} "
                    f"with {_numbers(reference.boxes[frame])}"
                ),
            )


def _points(predicted: Any, reference: Any, accuracy: float, constants: Mapping[str, float]) -> Iterator[Line]:
    """Name the frames that are missing, and those whose points are farthest away."""
    yield from _missing(predicted.points, reference.points)
    distances: dict[str, float] = {}
    for frame, right in reference.points.items():
        said = predicted.points.get(frame)
        if said is not None and right is not None:
            distances[frame] = float(np.hypot(said[0] - right[0], said[1] - right[1]))
        elif frame in predicted.points and said is not right:
            yield "", f"frame {frame}: {_hidden(said)} in the answer, {_hidden(right)} in the reference"
    for frame in sorted(distances, key=distances.__getitem__, reverse=True)[:_FRAMES]:
        if distances[frame] > 0.0:
            said, right = _numbers(predicted.points[frame]), _numbers(reference.points[frame])
            yield "", f"frame {frame}: {distances[frame]:.4g} thousandths apart, {said} for {right}"


def _missing(predicted: Mapping[str, Any], reference: Mapping[str, Any]) -> Iterator[Line]:
    missing = [frame for frame in reference if frame not in predicted]
    extra = len(predicted.keys() - reference.keys())
    more = f" and {len(missing) - _MISSING} more" if len(missing) > _MISSING else ""
    named = f"; missing: {', '.join(missing[:_MISSING])}{more}" if missing else ""
    others = f"; {extra} that the reference does not have" if extra else ""
    yield "frames", f"{len(reference) - len(missing)} of the reference's {len(reference)}{named}{others}"


def _hidden(point: Any) -> str:
    return "hidden" if point is None else "visible"


def _numbers(values: Any) -> str:
    return f"[{', '.join(f'{value:g}' for value in values)}]"


_COMPARISONS: dict[Any, Callable[[Any, Any, float, Mapping[str, float]], Iterator[Line]]] = {
    word_accuracy: _words,
    math_equal: _forms,
    tracking: _boxes,
    spatio_temporal_grounding: _boxes,
    point_tracking: _points,
}
