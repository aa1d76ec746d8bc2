"""What is read, what is refused and why, and the algebra behind it, all in this process."""

from __future__ import annotations

import csv
from fractions import Fraction

import pytest

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import release_math_equal
from onethinker_rewards.metrics.mathematics import compare, release_pair, symbolic
from onethinker_rewards.metrics.mathematics.node import Unreadable
from onethinker_rewards.metrics.mathematics.rational import rational
from onethinker_rewards.metrics.mathematics.reading import read
from tests.metrics.test_mathematics import MISSES, PAIRS


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
        pytest.param(r"5^{\circ", "not closed", id="degree at the end"),
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
        pytest.param(r"\begin{cases}1\end{cases}", "an operand is missing", id="cases"),
        pytest.param(r"5\text{\pi}", "commands inside text", id="command after a number"),
        pytest.param(r"\boxed 5", "without braces", id="box without braces"),
        pytest.param(r"\boxed{5", "not closed", id="open box"),
        pytest.param(r"\boxed{1} 2", "more than the box", id="number beside the box"),
        pytest.param(r"\boxed{1}\boxed{2}", "more than the box", id="two boxes"),
        pytest.param("x" * 10_001, "longer than", id="too long"),
        pytest.param("1" * 2000, "too many digits", id="too many digits"),
        pytest.param("(" * 40 + "1" + ")" * 40, "too deeply", id="too deep"),
        pytest.param("1/" * 60 + "1", "in a row", id="too many in a row"),
        pytest.param("1" + "!" * 60, "in a row", id="too many factorials"),
    ],
)
def test_unreadable(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(text)


@pytest.mark.parametrize(
    ("one", "other"),
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
def test_read_alike(one: str, other: str) -> None:
    assert symbolic.verdict(one, other) == "equal"


def test_verdicts_in_this_process_are_those_of_the_workers() -> None:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    for row in rows:
        pair = row["predicted"], row["reference"]
        if not isinstance(compare._tree(pair[0]), str) and pair not in MISSES:
            assert symbolic.verdict(*pair) == row["verdict"], pair


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param(r"9^{9^{99}}", "1", "timeout", id="too large a power"),
        pytest.param(r"(10^6)!", "1", "timeout", id="too large a factorial"),
        pytest.param(r"10^{40}+\pi", "10^{40}", "different", id="far beyond thirty digits"),
        pytest.param(r"\frac{1}{0}+x", "1", "different", id="division by zero"),
        pytest.param(r"\frac{x}{0}", r"\frac{2x}{0}", "different", id="both divided by zero"),
        pytest.param(r"e^{e^{e^{e}}}", "1", "different", id="large but finite"),
        pytest.param(r"\infty - x", r"\infty", "equal", id="infinity"),
        pytest.param(r"\infty + 1", "5", "different", id="infinite against finite"),
        pytest.param(r"\infty x", r"\infty y", "different", id="infinities of different signs"),
        pytest.param(r"\vec{a}+\vec{b}", r"\vec{b}+\vec{a}", "equal", id="vectors commute"),
        pytest.param(r"\vec{a}+b", r"\vec{b}+a", "different", id="functions without a value"),
        pytest.param(r"\ln x + \vec{a}", r"\ln x", "different", id="a value on one side only"),
        pytest.param(
            r"2\begin{pmatrix}\sqrt2\end{pmatrix}", r"\begin{pmatrix}\sqrt8\end{pmatrix}", "equal", id="matrices"
        ),
        pytest.param(
            r"2\begin{pmatrix}1&2\end{pmatrix}", r"2\begin{pmatrix}1\\2\end{pmatrix}", "different", id="shapes"
        ),
        pytest.param(r"2\begin{pmatrix}1\end{pmatrix}", r"2x", "different", id="matrix against expression"),
        pytest.param("x - x = 0", "0 = y - y", "equal", id="both say nothing"),
        pytest.param("x - x = 0", "x = 2 y", "different", id="one says nothing"),
        pytest.param(r"\sin^2 x + \cos^2 x = y", "y = 1", "equal", id="equations alike after simplifying"),
        pytest.param("x<y<z", "z>y>x", "equal", id="chain in more than one variable"),
        pytest.param("x+y<z", "(1,2)", "different", id="no set of one variable"),
        pytest.param("(1,2,3)", r"(1,2)\cup(2,3)", "different", id="no interval"),
        pytest.param("x = y = 3", "a = b = 4", "different", id="chains of different names"),
        pytest.param("2a = 2b = 6", "a + 1 = b + 1 = 4", "different", id="chains without a name"),
        pytest.param(r"y \in (1,2)", r"x \in (1,2)", "different", id="members of different names"),
        pytest.param(r"(0,1)\cup(2,3)", r"(2,3)\cup(0,1)", "equal", id="unions in another order"),
        pytest.param("a<b, c<d", "d>c, b>a", "different", id="lists of inequalities in many variables"),
        pytest.param("1000!", "10^{2567}", "different", id="large numbers"),
        pytest.param(r"\{1\}\cup(2,3)", r"(2,3)\cup\{1\}", "equal", id="point and interval"),
        pytest.param(r"\mathbb{N}", r"\mathbb{Z}", "different", id="number sets"),
        pytest.param(r"x\ne 1 \text{ and } x \ne 2", r"\mathbb{R}\setminus\{1,2\}", "equal", id="excluded points"),
        pytest.param(r"(x,y)+1", r"z", "different", id="a tuple in an expression"),
        pytest.param(
            r"2\begin{pmatrix}1\end{pmatrix}", r"\begin{pmatrix}2\end{pmatrix}+x", "different", id="matrix plus number"
        ),
        pytest.param(
            r"2\begin{pmatrix}\sin^2 x+\cos^2 x\end{pmatrix}",
            r"\begin{pmatrix}2\end{pmatrix}",
            "equal",
            id="elements that agree",
        ),
        pytest.param("1011_1", "x", "different", id="no such base"),
        pytest.param(r"2^{\frac{1}{2}}", r"\sqrt{2}", "equal", id="root as a power"),
        pytest.param(r"\log x", r"\log_{10} x", "equal", id="common logarithm"),
        pytest.param(
            ",".join(map(str, range(99))), ",".join(map(str, range(99))) + "+0", "equal", id="long lists in order"
        ),
    ],
)
def test_algebra(predicted: str, reference: str, expected: str) -> None:
    assert symbolic.verdict(predicted, reference) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("0^{0}", None, id="zero to the power zero"),
        pytest.param("0^{-1}", None, id="zero to a negative power"),
        pytest.param("2^{-2}", Fraction(1, 4), id="negative power"),
        pytest.param("2^{1/2}", None, id="root"),
        pytest.param("2^{2000}", None, id="large exponent"),
        pytest.param(r"(10^{1000})^{1000}", None, id="large power"),
        pytest.param("1/0", None, id="division by zero"),
        pytest.param("+".join(["10^{999}"] * 20), None, id="too many digits in all"),
        pytest.param("1e9999", None, id="large exponent of a decimal"),
        pytest.param("-(1/2)", Fraction(-1, 2), id="negative"),
    ],
)
def test_rational(text: str, value: Fraction | None) -> None:
    assert rational(read(text)) == value


def test_the_releases_comparison_of_a_pair() -> None:
    assert release_pair.verified(r"$\frac12$", "$0.5$") is True
    assert release_pair.verified("", "$0.5$") is False


def test_release_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows"):
        release_math_equal(["1"], [])
