"""What is parsed, and what is refused and why."""

from __future__ import annotations

import pytest

from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.metrics import math_equal
from onethinker_rewards.metrics.math import algebra, reads_math


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "nothing in it", id="empty"),
        pytest.param("$ $", "nothing in it", id="delimiters alone"),
        pytest.param("1+", "ends too early", id="missing operand at the end"),
        pytest.param("/1", "an operand is missing", id="missing operand"),
        pytest.param("(1", "ends too early", id="open bracket"),
        pytest.param("(1}", "not closed", id="wrong closing bracket"),
        pytest.param("[1)", "do not match", id="half-open with one end"),
        pytest.param("1)", "left over", id="closing bracket alone"),
        pytest.param("|1", "ends too early", id="open bar"),
        pytest.param("|1)", "not closed", id="bar and bracket"),
        pytest.param(r"\sqrt[3)2", "not closed", id="root's index"),
        pytest.param(r"\lfloor 1)", "not closed", id="floor"),
        pytest.param(r"5^{\circ", "too early", id="degree at the end"),
        pytest.param(r"5^{\circ)", "not closed", id="degree"),
        pytest.param(r"\{x|x>1)", "not closed", id="set builder"),
        pytest.param("1 2", "side by side", id="two numbers"),
        pytest.param("1 1/x", "side by side", id="mixed with a letter"),
        pytest.param("1 or", "an operand is missing|ends too early", id="dangling or"),
        pytest.param("#", "starts nothing known", id="unknown character"),
        pytest.param(r"\frobnicate", "the command frobnicate", id="unknown command"),
        pytest.param(r"\ln_2 x", "an index of ln", id="index of ln"),
        pytest.param(r"\sum k", "without bounds", id="sum without bounds"),
        pytest.param(r"\int x", "an integral without dx|ends too early", id="integral at the end"),
        pytest.param(r"\int_0^1 x)", "without dx", id="integral"),
        pytest.param(r"x\overline{3}5", "side by side|left over", id="number behind a bar"),
        pytest.param(r"3\overline{3}", "a bar over", id="bar without a decimal point"),
        pytest.param(r"\begin{pmatrix}1&2\\3\end{pmatrix}", "different length", id="ragged matrix"),
        pytest.param(r"\begin{pmatrix}1)", "does not end", id="open matrix"),
        pytest.param(r"\begin{cases}1&x&y\end{cases}", "more than a value", id="cases"),
        pytest.param(r"5\text{\pi}", "commands inside text", id="command after a number"),
        pytest.param(r"\boxed 5", "without braces", id="box without braces"),
        pytest.param(r"\boxed{5", "not closed", id="open box"),
        pytest.param(r"\boxed{1} 2", "more than the box", id="number beside the box"),
        pytest.param(r"\boxed{1}=\boxed{2}", "more than the box", id="two boxes"),
        pytest.param(r"3\text{ cm}^0", "power 0", id="a unit to the power 0"),
        pytest.param(r"\boxed{" * 9 + "1" + "}" * 9, "boxes in boxes", id="nested boxes"),
        pytest.param("x" * 10_001, "longer than", id="too long"),
        pytest.param("1" * 2000, "too many digits", id="too many digits"),
        pytest.param("(" * 40 + "1" + ")" * 40, "too deeply", id="too deep"),
        pytest.param("1/" * 60 + "1", "in a row", id="too many in a row"),
        pytest.param("1" + "!" * 60, "in a row", id="too many factorials"),
    ],
)
def test_unreadable(text: str, why: str) -> None:
    assert not reads_math(text)
    with pytest.raises(BadReferenceError, match=why):
        math_equal(["1"], [text])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("2sinx", r"2\sin x", id="function and letter in one run"),
        pytest.param("2pir", r"2\pi r", id="pi and a letter in one run"),
        pytest.param("(x>1)", "x>1", id="brackets around an inequality"),
        pytest.param("a^b^c", "a^{b^c}", id="powers from the right"),
        pytest.param(r"\frac12x", r"\frac{1}{2}x", id="single digits of a fraction"),
        pytest.param("+ +1", "1", id="signs"),
        pytest.param(r"\text{cos} x", r"\cos x", id="function in text"),
        pytest.param(r"5\text{ m/s}", "5 m/s", id="unit in text"),
        pytest.param(r"5\degree", r"5^\circ", id="degree behind"),
        pytest.param("x''", "x''", id="primes"),
        pytest.param("()", "()", id="empty tuple"),
        pytest.param(r"\alpha_1", r"\alpha_{1}", id="index of a Greek letter"),
    ],
)
def test_parsed_alike(left: str, right: str) -> None:
    assert reads_math(left)
    assert algebra.verdict(left, right) == "equal"
