from __future__ import annotations

import re
from collections import Counter

import pytest
from scripts.hacks import TRICKS

import onethinker_rewards as otr
from onethinker_rewards.hacks import WRONG, Counterpart, Trick, Verdict, read_tricks
from onethinker_rewards.hacks.tricks import plain, plain_response

ALL = read_tricks()


def test_there_are_many_for_every_task() -> None:
    counts = Counter(trick.task for trick in ALL)
    assert list(counts) == list(otr.TASKS)
    assert min(counts.values()) >= 8
    assert len(ALL) >= 80


def test_there_are_many_for_the_tasks_beyond_the_paper() -> None:
    beyond = Counter(trick.task for trick in ALL if trick.task not in otr.RECIPES["release"].tasks)
    assert len(beyond) == 8
    assert min(beyond.values()) >= 10
    assert sum(beyond.values()) >= 80


def test_names_are_unique_and_speak() -> None:
    assert len({trick.id for trick in ALL}) == len(ALL)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", trick.id) for trick in ALL)


def test_each_says_in_one_sentence_what_it_tries() -> None:
    for trick in ALL:
        assert re.fullmatch(r"[A-Z][^|\n]{10,140}\.", trick.tries), trick.id


def test_no_trick_is_its_own_counterpart() -> None:
    for trick in ALL:
        kinds = (trick.compared_with, "right", "wrong")
        assert trick.response not in {plain_response(trick, kind) for kind in kinds}, trick.id


def test_only_a_plain_counterpart_is_written_out() -> None:
    assert all((trick.compared_with == "plain") == bool(trick.honest) for trick in ALL)


def test_a_right_answer_is_written_out_where_the_reference_is_none() -> None:
    references = {"gui_click", "image_quality"}
    for trick in ALL:
        is_boxes = trick.task == "pointing" and "boxes" in trick.reference
        assert bool(trick.right) == (trick.task in references or is_boxes), trick.id


def test_no_two_tricks_are_the_same() -> None:
    assert len({(trick.task, trick.reference, trick.response) for trick in ALL}) == len(ALL)


def test_the_file_is_for_reading() -> None:
    assert TRICKS.read_text(encoding="utf-8").isascii()
    assert max(len(trick.response) for trick in ALL) < 4_000


def test_verdicts_are_verdicts() -> None:
    for trick in ALL:
        assert trick.paper is not None
        # The released code has no formula for the tasks beyond it.
        assert (trick.release is not None) == (trick.task in otr.RECIPES["release"].tasks)
        results = [trick.paper, trick.release or trick.paper]
        assert {result.verdict for result in results} <= {Verdict.PAYS, Verdict.HARMLESS}


@pytest.mark.parametrize("task", otr.TASKS)
def test_right_is_right_and_wrong_is_wrong(task: str) -> None:
    """The reference said plainly earns all there is; the wrong answer is readable, and next to nothing."""
    answers = {trick.reference: trick.right or trick.reference for trick in ALL if trick.task == task}
    references = sorted(answers)
    right = otr.score([plain(answers[text]) for text in references], references, task)
    wrong = otr.score([plain(WRONG[task])] * len(references), references, task)
    assert set(right.normalized.tolist()) == {1.0}
    assert set(right.format.tolist()) == set(wrong.format.tolist()) == {1.0}
    assert max(wrong.normalized.tolist()) < (0.3 if task == "open_ended" else 1e-6)


@pytest.mark.parametrize(
    ("compared_with", "answer"),
    [
        pytest.param("right", "Exit", id="right"),
        pytest.param("wrong", "No smoking", id="wrong"),
        pytest.param("nothing", "I cannot tell.", id="nothing"),
        pytest.param("plain", "Exi", id="plain"),
    ],
)
def test_counterparts(compared_with: Counterpart, answer: str) -> None:
    trick = Trick("x", "ocr", "Tries.", "Exit", "…", compared_with, "Exi" if compared_with == "plain" else "")
    assert plain_response(trick, trick.compared_with) == f"<think>I look closely.</think><answer>{answer}</answer>"


def test_the_right_answer_of_a_reference_that_is_none() -> None:
    trick = Trick("x", "gui_click", "Tries.", '{"box": [0, 0, 2, 2]}', "…", "right", right='{"point": [1, 1]}')
    assert plain_response(trick, "right") == plain('{"point": [1, 1]}')
