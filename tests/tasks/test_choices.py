"""Multiple choice: options' texts, references without a letter."""

from __future__ import annotations

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import wrap


def scored(answer: str, reference: str, options: list[str] | None = None) -> tuple[float, str | None, float]:
    batch = otr.score([wrap(answer)], [reference], "multiple_choice", options=None if options is None else [options])
    return float(batch.accuracy[0]), batch.failure[0], float(batch.format[0])


@pytest.mark.parametrize(
    ("answer", "reference", "options", "expected"),
    [
        pytest.param("dog", "A", ["dog", "cat"], (1.0, None, 1.0), id="an option's text is its letter"),
        pytest.param("DOG ", "A", ["dog", "cat"], (1.0, None, 1.0), id="casefolded"),
        pytest.param("cat", "A", ["dog", "cat"], (0.0, None, 1.0), id="the other option's text"),
        pytest.param("dog", "A", ["dog", "Dog"], (0.0, "no_option_letter", 0.0), id="two options with that text"),
        pytest.param("cow", "A", ["dog", "cat"], (0.0, "no_option_letter", 0.0), id="no option's text"),
        pytest.param("dog", "A", None, (0.0, "no_option_letter", 0.0), id="no options given"),
        pytest.param("cat", "B", ["A. dog", "B. cat"], (1.0, None, 1.0), id="labeled options"),
        pytest.param("B. cat", "B", ["A. dog", "B. cat"], (1.0, None, 1.0), id="label and text"),
        pytest.param("B", "cat", ["dog", "cat"], (1.0, None, 1.0), id="the reference is an option's text"),
        pytest.param("y", "B", ["x", "y"], (1.0, None, 1.0), id="a letter past the options may be a text"),
        pytest.param("Z", "B", ["x", "y"], (0.0, "no_option_letter", 0.0), id="a letter past the options"),
        pytest.param("a dog", "A dog", None, (1.0, None, 1.0), id="a reference without a letter, casefolded"),
        pytest.param(" STRASSE\n", "Straße", None, (1.0, None, 1.0), id="casefolded, not lower case"),
        pytest.param("a cat", "a dog", None, (0.0, None, 1.0), id="another text than the reference"),
        pytest.param("B", "a dog", None, (0.0, None, 1.0), id="a letter for a text"),
    ],
)
def test_options(answer: str, reference: str, options: list[str] | None, expected: tuple) -> None:
    assert scored(answer, reference, options) == expected


def test_options_belong_to_their_row() -> None:
    """The same reference text under other options is another letter."""
    batch = otr.score(
        [wrap("A"), wrap("A"), wrap("no tag"), wrap("dog")],
        ["dog", "dog", "dog", "dog"],
        "multiple_choice",
        options=[["dog", "cat"], ["cat", "dog"], ["dog"], None],
    )
    assert batch.accuracy.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_references_with_and_without_letters_in_one_batch() -> None:
    batch = otr.score([wrap("a dog"), wrap("a dog"), "", wrap("B")], ["B", "a dog", "a dog", "b"], "multiple_choice")
    assert batch.accuracy.tolist() == [0.0, 1.0, 0.0, 1.0]
    assert batch.failure == ["no_option_letter", None, "missing_answer", None]
