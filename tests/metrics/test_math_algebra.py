"""The algebra of the worker processes, in this process."""

from __future__ import annotations

import pytest
import sympy

from onethinker_rewards.metrics.math import algebra, reads_math
from onethinker_rewards.metrics.math.sampling import with_positive_letters
from tests.metrics.test_math_compare import MISSES, listed


def test_verdicts_in_this_process_are_those_of_the_workers() -> None:
    for row in listed():
        pair = row["predicted"], row["reference"]
        if reads_math(pair[0]) and pair not in MISSES:
            assert algebra.verdict(*pair) == row["verdict"], pair


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
        pytest.param(
            r"\sum_{n=1}^{\infty^\circ y} \frac{1}{n^2}",
            r"\frac{\pi^2}{6}",
            "different",
            id="a sum that does not converge",
        ),
        pytest.param(r"2^{\frac{1}{2}}", r"\sqrt{2}", "equal", id="root as a power"),
        pytest.param(r"\log x", r"\log_{10} x", "equal", id="common logarithm"),
        pytest.param(
            ",".join(map(str, range(99))), ",".join(map(str, range(99))) + "+0", "equal", id="long lists in order"
        ),
    ],
)
def test_algebra(predicted: str, reference: str, expected: str) -> None:
    assert algebra.verdict(predicted, reference) == expected


def test_letters_under_a_logarithm_or_a_root_are_positive() -> None:
    a, b = sympy.symbols("a b", real=True)
    left, right = with_positive_letters(sympy.log(a) + sympy.log(b), sympy.log(a * b))
    assert all(symbol.is_positive for symbol in left.free_symbols | right.free_symbols)
    assert with_positive_letters(a + b, b + a) == (a + b, b + a)
