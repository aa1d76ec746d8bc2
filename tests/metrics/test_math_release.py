"""The release's comparison; what math-verify extracts from a text it extracts from the part that it is given."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import release_math_equal
from onethinker_rewards.metrics.math import release, release_worker
from onethinker_rewards.metrics.math.release import extractable_part

PIECES = [
    "answer", "final answer is", "$", "$$", "\\(", "\\)", "\\[", "\\]", "[", "]", " ", "\n", "=", "1", "23", "1,234",
    "4.5", ".5", "-", "(", ")", "*", "**", "/", "%", "percent", " percentage", "pct", "\\frac{1}{2}", "\\frac", "{",
    "}", "\\boxed{", "x", "a", "e", ". I hope", ":", "€", "+", "^", "\\", "_", "÷", "٣", "²", "is", "and", ".", "<",
    "A b c d e f g h i j k l m n o p q r s t u v w x y z",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=400)
def test_the_rest_of_a_text_does_not_matter(text: str) -> None:
    from math_verify import parse

    logging.disable(logging.CRITICAL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(release, "_SHORT", 0)
        part = extractable_part(text)
    assert text.startswith(part)
    if part != text:
        found = parse(part, parsing_timeout=None) if part else []  # type: ignore[arg-type]
        assert str(found) == str(parse(text, parsing_timeout=None))  # type: ignore[arg-type]
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("two apples", "", id="words"),
        pytest.param("x2", "", id="a digit inside of a word"),
        pytest.param("2x", "2x", id="a number"),
        pytest.param("= -(.5", "= -(.5", id="signs before a number"),
        pytest.param("$x$", "$x$", id="a formula"),
        pytest.param("$x", "", id="a formula without an end"),
        pytest.param("$$$$", "", id="nothing between dollars"),
        pytest.param(" [x] ", " [x] ", id="brackets with white space"),
        pytest.param("([x])", "", id="brackets without"),
        pytest.param("\\boxed{" * 1000, "", id="boxes that are never closed"),
        pytest.param("9" * 4301, "", id="more digits than Python reads"),
        pytest.param("9" * 4300, "9" * 4300, id="as many digits as Python reads"),
        pytest.param("a = 1e" + "1e" * 1000, "a = 1e1e1e1e1e1e1e1e1e1e1", id="behind the last number"),
        pytest.param("1e" * 1000, "1e1e1e1e1e1e1e1e1e1e1", id="one number at the beginning"),
        pytest.param("7" + "." * 2000, "7" + "." * 2000, id="a number that does not end"),
    ],
)
def test_extractable_part(text: str, part: str) -> None:
    assert extractable_part(text) == part


@pytest.mark.parametrize(
    "piece", ["<answer>", " / ", "9", "1e", "\\", "$", "[", "x ", "\\boxed{", '{"boxes":', "\u0301"]
)
def test_a_megabyte_without_mathematics(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert len(extractable_part(text)) < 50
    assert release_math_equal([text, "5"], ["5", "5"]).tolist() == [False, True]


def test_no_worker_is_asked_where_nothing_can_be_extracted() -> None:
    class NoPool:
        """A pool that must not be asked."""

    assert release_math_equal(["words", "5"], ["5", "words"], pool=NoPool()).tolist() == [False, False]  # type: ignore[arg-type]


def test_the_releases_comparison_of_a_pair() -> None:
    assert release_worker.verified(r"$\frac12$", "$0.5$") is True
    assert release_worker.verified("", "$0.5$") is False


def test_release_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows"):
        release_math_equal(["1"], [])
