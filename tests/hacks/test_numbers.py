"""What the file says that tricks earn is what they earn, and what pays under `paper` is a short list."""

from __future__ import annotations

import pytest
from scripts.hacks import RECIPES, TRICKS, scored_by, trick_lines

import onethinker_rewards as otr
from onethinker_rewards.hacks import Verdict, play, read_tricks

# docs/hacks.md says what to do about each.
PAYING_UNDER_PAPER = {
    "function-words",
    "negated-sentence",
    "denied-sentence",
    "hedged-caption",
    "keyword-list",
    "words-in-disorder",
    "swapped-roles",
    "two-captions",
    "question-repeated",
    "other-number",
    "yes-no",
    "begins-again",
    "frames-outside-its-span",
}

# One of each kind that the released code is known to pay.
PAYING_UNDER_RELEASE = {
    "answer-in-thinking",
    "wrong-after-right",
    "only-in-thinking",
    "glued-tags",
    "one-perfect-frame",
    "boolean-time",
    "box-as-text",
    "swapped-corners",
    "words-for-span",
    "zero-for-small",
    "decimal-comma",
    "underscores",
    "tiny-for-zero",
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_numbers_have_not_drifted(recipe: str) -> None:
    now = scored_by(recipe, read_tricks())
    drifted = [trick.id for trick in read_tricks() if now.get(trick.id) != getattr(trick, recipe)]
    assert not drifted, "run `make generate`"


def test_the_file_is_as_it_would_be_written() -> None:
    some = [trick for trick in read_tricks() if trick.task in {"numerical", "tracking", "image_quality"}]
    lines = TRICKS.read_text(encoding="utf-8").splitlines(keepends=True)
    assert set(trick_lines(some).splitlines(keepends=True)) <= set(lines)


def paying(recipe: str) -> set[str]:
    results = {trick.id: getattr(trick, recipe) for trick in read_tricks()}
    return {key for key, result in results.items() if result is not None and result.verdict == Verdict.PAYS}


def test_what_pays_under_paper_is_known() -> None:
    assert paying("paper") == PAYING_UNDER_PAPER


def test_a_judge_that_reads_ends_what_pays_in_open_ended() -> None:
    def judge(questions: object, answers: list[str], references: list[str]) -> list[float]:
        return [float(answer == reference) for answer, reference in zip(answers, references, strict=True)]

    with otr.Scorer(judge=judge) as scorer:
        played = play(
            lambda responses, references, tasks: scorer.score(
                responses, references, tasks, questions=[""] * len(tasks)
            ).total.tolist(),
            [trick for trick in read_tricks() if trick.task == "open_ended"],
        )
    assert {result.verdict for result in played} == {Verdict.HARMLESS}


def test_what_the_release_is_known_to_pay() -> None:
    assert paying("release") >= PAYING_UNDER_RELEASE
