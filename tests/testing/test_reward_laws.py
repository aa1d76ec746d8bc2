"""No free lunch: ours keep the laws in every recipe but the release's, and each planted fault is caught by its law."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.tasks import Scores
from onethinker_rewards.testing import REWARD_LAWS, LawViolation, check_rewards
from onethinker_rewards.testing.pairs import CONSTANTS, as_text, honest_answer, pairs, respond, sample
from onethinker_rewards.testing.valid import REFERENCE_SCHEMAS, SCHEMAS
from tests.testing.bad_rewards import PUBLIC
from tests.testing.collecting import some_of

TASKS = list(otr.TASKS)
RECIPES = {
    "paper": otr.RECIPES["paper"],
    "normalized": otr.Recipe(accuracy="normalized"),
    "lenient": otr.Recipe(rules="lenient"),
    "prefilled": otr.Recipe(think="prefilled"),
    "none": otr.Recipe(think="none"),
    "accuracy alone": otr.Recipe(format_weight=0.0),
    "lenient, normalized, prefilled": otr.Recipe(rules="lenient", accuracy="normalized", think="prefilled"),
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("recipe", list(RECIPES))
def test_no_free_lunch(recipe: str, task: str) -> None:
    check_rewards(task, recipe=RECIPES[recipe], examples=12 if recipe == "paper" else 5)


def plus(bonus: Callable[[str], float]) -> Callable[[list[str], list[str], str], Any]:
    """Return the paper's totals with a bonus for something about a response."""

    def totals(responses: list[str], references: list[str], task: str) -> Any:
        return otr.score(responses, references, task).total + np.array([bonus(response) for response in responses])

    return totals


def last_of_several(responses: list[str], references: list[str], task: str) -> Any:
    """Score each answer that a response gives, and take the best."""
    best: list[float] = []
    for response, reference in zip(responses, references, strict=True):
        every = re.findall(r"<answer>.*?</answer>", response, re.DOTALL)
        tries = [f"<think>x</think>{answer}" for answer in every] or [response]
        best.append(max(otr.score(tries, [reference] * len(tries), task).total) + 0.1 * len(every))
    return best


def shared_frames_only(predicted: Any, reference: Any, context: Any) -> Scores:
    """Take the mean over the frames that both have, as the release does."""
    scores: list[float] = []
    for row in range(len(reference)):
        ours, right = frames_of(predicted, row), frames_of(reference, row)
        shared = [otr.metrics.box_iou([ours[second]], [right[second]])[0] for second in ours.keys() & right.keys()]
        scores.append(float(np.mean(shared)) if shared else 0.0)
    return Scores(np.array(scores))


def frames_of(tracks: Any, row: int) -> dict[int, Any]:
    part = slice(tracks.starts[row], tracks.starts[row + 1])
    return dict(zip(tracks.frames[part].tolist(), tracks.boxes[part], strict=True))


def far_is_better(responses: list[str], references: list[str], task: str) -> Any:
    return 2.0 - otr.score(responses, references, task).total


# hypothesis draws other examples where other modules are loaded, because it takes constants from their source. Which
# modules are loaded depends on the tests that ran before, so a fault that few examples show needs many of them.
MANY = 2_000

FAULTS: list[Any] = [
    pytest.param("dropping_a_frame", "tracking", {"totals": plus(lambda text: 1 / (1 + text.count("[")))},
                 id="dropping: short answers are liked"),
    pytest.param("adding_a_wrong_frame", "tracking", {"totals": plus(lambda text: 0.01 * text.count("["))},
                 id="frames: long answers are liked"),
    pytest.param("adding_a_key", "spatial_grounding", {"totals": plus(lambda text: 3.0 * ("label" in text))},
                 id="key: a label is liked"),
    pytest.param("adding_a_point", "image_segmentation", {"totals": plus(lambda text: 5.0 * text.count("["))},
                 id="point: more points are liked"),
    pytest.param("repeating_the_answer", "multiple_choice", {"totals": last_of_several},
                 id="repeating: the best of several answers"),
    pytest.param("text_around", "ocr", {"totals": plus(lambda text: 3.0 * ("indeed" in text))},
                 id="text: politeness is liked"),
    pytest.param("text_around", "numerical", {"totals": plus(lambda text: 0.001 * len(text))},
                 id="text: length is liked"),
    pytest.param("moving_closer", "regression", {"totals": far_is_better}, id="closer: the wrong way"),
    pytest.param("moving_closer", "spatio_temporal_grounding", {"totals": far_is_better}, id="closer: all of a track"),
    pytest.param("reference_is_best", "temporal_grounding", {"totals": plus(lambda _: -0.1)}, id="best: out of reach"),
    pytest.param("reference_is_best", "math", {"totals": plus(lambda _: np.nan)}, id="best: NaN"),
    pytest.param("constant_answers", "open_ended", {"totals": plus(lambda text: 2.0 * (">the<" in text))},
                 id="constant: one answer is always liked"),
    *[pytest.param(law, "detection", {"totals": totals}, id=f"{law}: {name}")
      for name, (law, totals) in PUBLIC.items()],
    pytest.param("adding_junk", "point_tracking", {"totals": plus(lambda text: 0.5 * text.count("["))},
                 id="junk: points are liked"),
    pytest.param("silence", "temporal_segments", {"totals": plus(lambda text: 0.1 * ("[]" in text))},
                 id="silence: modesty is liked"),
]  # fmt: skip


def test_every_law_has_a_planted_fault() -> None:
    assert {fault.values[0] for fault in FAULTS} == set(REWARD_LAWS)
    assert all(name == law.name for name, law in REWARD_LAWS.items())


@pytest.mark.parametrize(("law", "task", "fault"), FAULTS)
def test_a_planted_fault_is_caught(law: str, task: str, fault: dict[str, Any]) -> None:
    with pytest.raises(LawViolation) as caught:
        check_rewards(task, [law], examples=MANY, **fault)
    assert caught.value.law == law
    assert str(caught.value).startswith(f"{law}: {REWARD_LAWS[law].statement}\n")


# A faulty reward for each law, in any task to which it applies. Its fault is larger than anything that an answer can
# lose, so that nearly every example of the law shows it.
EVERYWHERE: dict[str, Callable[[list[str], list[str], str], Any]] = {
    "dropping_a_frame": plus(lambda text: -9.0 * text.count("[")),
    "adding_a_wrong_frame": plus(lambda text: 9.0 * text.count("[")),
    "adding_a_key": plus(lambda text: 9.0 * len(text)),
    "adding_a_point": plus(lambda text: 9.0 * text.count("[")),
    "adding_junk": far_is_better,
    "copying_an_object": far_is_better,
    "wrong_label": far_is_better,
    "missing_object": far_is_better,
    "order_of_objects": plus(lambda text: sum(place * ord(mark) for place, mark in enumerate(text))),
    "silence": plus(lambda _: 1e-6),
    "repeating_the_answer": plus(lambda text: 9.0 * len(text)),
    "text_around": plus(lambda text: 9.0 * len(text)),
    "moving_closer": far_is_better,
    "reference_is_best": plus(lambda _: -1e-6),
    "constant_answers": far_is_better,
}


@pytest.mark.parametrize(
    ("law", "task"), [(name, task) for name, law in REWARD_LAWS.items() for task in TASKS if law.applies(task)]
)
def test_a_planted_fault_is_caught_in_every_task(law: str, task: str) -> None:
    with pytest.raises(LawViolation, match=law):
        check_rewards(task, [law], totals=EVERYWHERE[law], examples=MANY)


@pytest.mark.parametrize("task", ["image_segmentation", "video_segmentation"])
def test_lenient_rules_without_the_format_pay_for_a_better_point_put_first(task: str) -> None:
    """The first three of four points count. A fourth costs the format, which is worth nothing here."""
    with pytest.raises(LawViolation, match="adding_a_point"):
        check_rewards(task, ["adding_a_point"], recipe=otr.Recipe(rules="lenient", format_weight=0.0), examples=500)


def test_a_formula_of_the_release_pays_for_leaving_frames_out() -> None:
    """One perfect frame beats an honest track there."""
    table = {**otr.TASKS, "tracking": replace(otr.TASKS["tracking"], accuracy=shared_frames_only, parts=())}
    with pytest.raises(LawViolation) as caught:
        check_rewards("tracking", ["dropping_a_frame"], table=table)
    assert list(caught.value.inputs) == ["reference", "response", "earns more than"]
    assert caught.value.got > caught.value.wanted


@pytest.mark.parametrize(
    ("law", "compared"), [("adding_junk", "earns no less than"), ("order_of_objects", "earns other than")]
)
def test_a_violation_says_how_rewards_compare(law: str, compared: str) -> None:
    with pytest.raises(LawViolation, match=compared):
        check_rewards("pointing", [law], totals=EVERYWHERE[law])


def test_a_violation_of_a_bound_shows_one_response() -> None:
    with pytest.raises(LawViolation) as caught:
        check_rewards("detection", ["silence"], totals=plus(lambda _: 0.25))
    assert list(caught.value.inputs) == ["reference", "response"]
    assert (caught.value.got, caught.value.wanted) == (1.25, 1.0)


def test_the_release_breaks_the_laws() -> None:
    with pytest.raises(LawViolation, match="dropping_a_frame: dropping a frame of the reference never pays"):
        check_rewards("spatio_temporal_grounding", ["dropping_a_frame"], recipe="release")


def test_a_law_that_does_not_apply_to_a_task_is_skipped() -> None:
    check_rewards("ocr", ["adding_a_key", "moving_closer", "adding_a_point"], totals=far_is_better)


def test_no_such_law_or_recipe_or_task() -> None:
    with pytest.raises(otr.ArgumentError, match="laws: there is no law 'justice'; there are dropping_a_frame"):
        check_rewards("ocr", ["justice"])
    with pytest.raises(otr.ArgumentError, match="no recipe 'cake'"):
        check_rewards("ocr", recipe="cake")
    with pytest.raises(otr.UnknownTaskError, match="'chess' is no task"):
        check_rewards("chess")


@pytest.mark.parametrize("name", list(PUBLIC))
def test_what_a_public_reward_pays_for_ours_does_not(name: str) -> None:
    """Neither does it break any law that has nothing to do with its fault: the right answer alone earns all."""
    law, totals = PUBLIC[name]
    check_rewards("detection", ["reference_is_best"], totals=totals, examples=50)
    check_rewards("detection", [law], examples=200)


@pytest.mark.parametrize("task", TASKS)
def test_pairs_are_valid_and_some_are_right(task: str) -> None:
    drawn = some_of(pairs(task), 30)
    responses = [respond(as_text(pair.predicted), "required") for pair in drawn]
    batch = otr.score(responses, [as_text(pair.reference) for pair in drawn], task)
    assert not any(batch.failure)
    assert batch.format.all()
    assert batch.normalized.min() < 0.999 <= batch.normalized.max()


@pytest.mark.parametrize("task", TASKS)
def test_honest_answers_are_mostly_right(task: str) -> None:
    from random import Random

    random = Random(3)
    rows = [sample(task, random) for _ in range(60)]
    responses = [respond(as_text(honest_answer(row, random)), "required") for row in rows]
    batch = otr.score(responses, [as_text(row) for row in rows], task)
    assert 0.55 < batch.normalized.mean() < 1.0


def test_constants_are_for_our_schemas() -> None:
    assert set(CONSTANTS) == set(SCHEMAS) - set(REFERENCE_SCHEMAS)


def test_public_names_exist() -> None:
    assert all(hasattr(testing, name) for name in testing.__all__)
    assert sorted(set(testing.__all__)) == sorted(testing.__all__)
