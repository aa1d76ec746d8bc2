"""Answers in plain text: option letters, options' texts, numbers, free text; one alone and many at a time."""

from __future__ import annotations

import math
import re
import string
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from onethinker_rewards import testing
from onethinker_rewards.answers import Limits, Number, OptionLetter, Text, exact_number, option_letter, read_answer
from onethinker_rewards.answers.text import named_option, undress
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.testing import valid
from tests.answers import oracles
from tests.answers.reading import read

# Option letters.

LETTERS = {
    # One letter alone.
    "B": "B", "b": "B", " B ": "B", "\n\tb\u2003": "B", "Z": "Z",
    # Emphasis.
    "*B*": "B", "**B**": "B", "***B***": "B", "_B_": "B", "__B__": "B", "***b***": "B", "** B **": "B",
    # Brackets and commands.
    "(B)": "B", "[B]": "B", "{B}": "B", "( b )": "B", "((B))": "B", "[(B)]": "B", "$B$": "B", "\\boxed{B}": "B",
    "\\boxed{ b }": "B", "$\\boxed{B}$": "B", "\\boxed{\\text{B}}": "B", "\\text{B}": "B", "\\mathrm{B}": "B",
    "\\mathbf{B}": "B", "\\textbf{B}": "B", "**(B)**": "B", "(**B**)": "B", "\\boxed{(B)}": "B",
    # A letter and its mark.
    "B.": "B", "B)": "B", "B:": "B", "(B).": "B", "b.": "B", "b)": "B", "B ": "B", "B .": "B", "B,": "B",
    "B;": "B", "b:": None, "B -": None,
    # A letter, its mark and text.
    "B. a dog": "B", "B.a dog": "B", "B) a dog": "B", "B: a dog": "B", "B.\na dog": "B", "**B.** a dog": "B",
    "**B. a dog**": "B", "**B**. a dog": "B", "(B. a dog)": "B", "\\boxed{B. a dog}": "B", "B. Apple": "B",
    "B. NASA.": "B",
    "B. it is 3.5 m (wide)": "B", "B. see (b) and c.": "B", "B. It is B.": "B", "B) so B) it is": "B",
    "B. an X": "B", "B. A dog": "B", "B. B": "B", "B. or X": None, "b. a dog": "B", "B - a dog": "B", "B a dog": None,
    "B dog.": None,
    # Leading phrases.
    "Answer: B": "B", "answer:B": "B", "ANSWER : b": "B", "Answer B": "B", "Option B": "B", "option (B)": "B",
    "Choice: B": "B", "The answer is B": "B", "The answer is: B": "B", "the answer is b": "B", "The answer is B.": "B",
    "The correct answer is B": "B", "The correct answer is: **B**": "B", "The final answer is (B)": "B",
    "Final answer: B": "B", "Correct option: B": "B", "The correct option is B. a dog": "B",
    "The correct choice is B": "B",
    "**Answer:** B": "B", "**Answer: B**": "B", "Answer: \\boxed{B}": "B", "The answer is option B": "B",
    "Answer: Option B": "B", "Answer: the correct choice is (B)": "B", "(The answer is B)": "B",
    "\\boxed{Answer: B}": "B",
    "Answer:\n\nB": "B", "The  answer  is  B": "B", "Answers: B": "B", "My answer is B": None, "Answer = B": None,
    "The answer is": None, "answer": None, "Answer:": None, "The answer is not B": None, "Answer is B": "B",
    "The answer is b.": "B", "Optional B": None, "the B": None,
    # Hedges, lists and second letters.
    "A or B": None, "A, B, C, D": None, "A and B": None, "AB": None, "A/B": None, "A B": None, "A\nB": None,
    "A. B. C.": None,
    "A. a dog B. a cat": None, "A) a dog\nB) a cat": None, "A: yes B: no": None, "A.dog B.cat": None, "A)x B)y": None,
    "A. B": None, "A: B": None, "A.B": None, "A. a dog (B)": None, "A. a dog, or B.": None, "(A) or (B)": None,
    "(A)(B)": None, "\\boxed{A} or \\boxed{B}": None, "**A** or **B**": None, "$A$ or $B$": None,
    "Answer: A or B": None,
    "A. J. Smith": None, "A. J.Smith": None, "[A, B]": None, "Answer: A. Answer: B.": None,
    # Words and nothing.
    "Apple": None, "a dog": None, "I think B": None, "": None, " ": None, "dog": None, "()": None, "**": None,
    "$$": None,
    "\\boxed{}": None, "None": None, "I": "I", "a": "A", "7": None, "-": None, ".": None, "B!": "B", "\"B\"": "B",
    "`B`": "B",
    # Unbalanced.
    "(B": None, "**B": None, "*B": None, "\\boxed{B": None, "[B)": None, "$B": None, "{B}}": None, "((B)": None,
    # Other scripts.
    "\u0410": None, "\uff22": "B", "\u0392": None, "\u212a": None, "\u017f": None, "\u00c4": None, "\u0410.": None,
    # Damage.
    "B\x00": None, "\ud800": None, "B\ud800": None, "B. \ud800": "B", "\ufeffB": None, "\u200bB": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), [pytest.param(*case, id=ascii(case[0])) for case in LETTERS.items()])
def test_spellings(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter


@pytest.mark.parametrize("letter", "AEJZ")
def test_every_letter_alike(letter: str) -> None:
    """What reads B reads any capital in its place."""
    texts = [text for text, read in LETTERS.items() if read == "B" and "B" in text]
    assert len(texts) > 60
    for text in texts:
        assert option_letter(text.replace("B", letter)) == letter


@given(text=st.text(string.ascii_letters + " .:)(*$\\{}[]_", max_size=12))
def test_long_text_is_read_as_short_text(text: str) -> None:
    """Short texts are remembered, long ones read each time: both by the same rule."""
    padding = " " * 100
    assert option_letter(padding + text + padding) == option_letter(text)


@given(text=st.text(max_size=20))
def test_any_text_has_a_letter_of_its_own_or_none(text: str) -> None:
    letter = option_letter(text)
    assert letter is None or letter in string.ascii_uppercase
    if letter is not None:
        assert letter.casefold() in text.casefold()


@pytest.mark.parametrize(("layers", "letter"), [(1, "B"), (7, "B"), (8, "B"), (9, None), (1000, None)])
@pytest.mark.parametrize(("left", "right"), ["()", "[]", "{}"])
def test_layers(left: str, right: str, layers: int, letter: str | None) -> None:
    """Eight layers are taken off, which is more than anybody writes."""
    assert option_letter(left * layers + "B" + right * layers) == letter


def test_leading_phrases_are_bounded_too() -> None:
    assert option_letter("answer: " * 8 + "B") == "B"
    assert option_letter("answer: " * 9 + "B") is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B. " + "a dog " * 100_000, "B"),
        ("B. " + "a dog " * 100_000 + "C. a cat", None),
        ("B. " + "B) " * 100_000, "B"),
        ("the " + " " * 500_000 + "answer" + " " * 500_000 + "b", "B"),
        ("**" * 250_000, None),
        ("(" + "()" * 250_000 + ")", None),
        ("(" * 100_000 + "B" + ")" * 100_000, None),
    ],
    ids=["text", "a second letter at the end", "the same letter", "spaces", "stars", "brackets", "deep brackets"],
)
def test_long_texts(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter


@given(text=st.text("()x\ud800", max_size=12), pad=st.sampled_from(["", "x" * 600]))
def test_long_texts_close_where_short_ones_do(text: str, pad: str) -> None:
    """Brackets go where they enclose the whole text, however long it is."""
    whole = f"(A. {text}{pad})"
    assert option_letter(whole) == ("A" if oracles.is_enclosed(whole) else None)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("(A. " + "x" * 600 + ")", "A", id="enclosed"),
        pytest.param("(A. " + "x(x)" * 200 + ")", "A", id="enclosed, with brackets inside"),
        pytest.param("(A) " + "x" * 600 + " (B)", None, id="not enclosed"),
        pytest.param("((A. " + "x" * 600 + ")", None, id="not closed"),
    ],
)
def test_long_texts_in_brackets(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter


# Plain numbers.


def plain_number(text: str, **how: Any) -> float | FailureCode:
    """Return the number that a text is, or why it is not one."""
    number = exact_number(text, **how)
    return number if isinstance(number, FailureCode) else number.value


NO = FailureCode.NOT_A_NUMBER
LONG = FailureCode.TOO_MANY_DIGITS

NUMBERS = {
    # Signs, points, exponents.
    "5": 5.0, "-5": -5.0, "+3": 3.0, "0": 0.0, "007": 7.0, "-0": -0.0, "3.14": 3.14, "-.5": -0.5, ".5": 0.5, "5.": 5.0,
    "+.5": 0.5, "1e3": 1000.0, "1E3": 1000.0, "1e+3": 1000.0, "1.5e-3": 0.0015, "5.e1": 50.0, ".5e1": 5.0,
    "1e308": 1e308, "1e-400": 0.0, "-1e-400": -0.0, "9007199254740993": 9007199254740992.0,
    # Commas between thousands.
    "1,234": 1234.0, "12,345": 12345.0, "123,456": 123456.0, "1,234,567": 1234567.0, "-1,234.5": -1234.5,
    "+1,234": 1234.0,
    "1,234.": 1234.0, "1,234e2": 123400.0, "1,234,": 1234.0, "1 234": 1234.0,
    "1,5": NO, "12,34": NO, "0,123": NO,
    "012,345": NO, "1,2345": NO, "1234,567": NO, "1,,234": NO, ",123": NO, "1,234,5": NO,
    "1.5,000": NO, "1,234.5,678": NO, ",": NO, "1,23e4": NO, "1  234": NO, "1 234,567": NO,
    "1.234,5": NO, "1e1,000": NO,
    # Not numbers.
    "": NO, "abc": NO, "12 cm": NO, "50%": NO, "$5": NO, "1_000": NO, "1__0": NO, "NaN": NO, "nan": NO, "inf": NO,
    "-inf": NO, "Infinity": NO, "1e999": NO, "-1e999": NO, "1.8e308": NO, "0x10": NO, "1e": NO, "e5": NO, "1e5.5": NO,
    ".": NO,
    "-": NO, "+": NO, "--1": NO, "+-1": NO, "- 1": NO, "1-2": NO, "1.2.3": NO, "1+1": NO, "5\x00": NO,
    "\ud800": NO, "\ufeff5": NO, "5j": NO, "1e5L": NO, "None": NO,
    "True": NO,
    # Digits of other scripts, which Python's float takes.
    "\u0663": NO, "\u00b2": NO, "1\u0663": NO, "\u0663.5": NO, "1,\u0662\u0663\u0664": NO,
    # In the dress of letters, and in other signs.
    " 5": 5.0, "5 ": 5.0, "5\n": 5.0, "(5)": 5.0, "5!": 5.0, "3/4": 0.75, "\uff15": 5.0, "\u2212" + "5": -5.0,
    # Lengths.
    "1" * 400: NO, "0" * 399 + "7": 7.0, "0." + "1" * 398: 1 / 9, "1" * 401: LONG, "0" * 401: LONG,
    "-" + "1" * 400: LONG,
    "0." + "1" * 399: LONG, "1" + ",234" * 100: LONG, "x" * 401: NO, "12 cm" * 100: NO, "1_" * 300: NO,
    "9" * 10**6: LONG,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(*case, id=ascii(case[0])[:30]) for case in NUMBERS.items()]
)
def test_numbers(text: str, expected: float | FailureCode) -> None:
    number = plain_number(text)
    if isinstance(expected, FailureCode):
        assert number is expected
    else:
        assert isinstance(number, float)
        assert number == pytest.approx(expected, rel=1e-15)
        assert math.copysign(1.0, number) == math.copysign(1.0, expected)


GRAMMAR = re.compile(
    r"[+-]?(?:(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII
)
# Other forms of numbers; they have cases of their own.
OTHER_FORMS = re.compile(r".*(?:[0-9] [0-9]|/|\*|\\|\{,\}).*")


@given(text=st.one_of(st.text("0123456789,.-+eE_", max_size=12), valid.number_texts(),
                      testing.damaged(valid.number_texts())))  # fmt: skip
def test_number_oracle(text: str) -> None:
    number, bare = plain_number(text), undress(text)
    if GRAMMAR.fullmatch(bare) and math.isfinite(float(bare.replace(",", ""))):
        assert number == float(bare.replace(",", ""))
    elif not OTHER_FORMS.fullmatch(bare):
        assert number is NO


@given(text=st.text("B7()*_\"'`$.,! \uff08\uff09", max_size=12))
def test_undressing_again_changes_nothing(text: str) -> None:
    """But for layers beyond the eight that are taken off."""
    bare = undress(text)
    assert undress(bare) == bare
    assert not bare or bare in text.translate({0xFF08: "(", 0xFF09: ")"})


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_every_double_comes_back(value: float) -> None:
    assert plain_number(repr(value)) == value


@given(value=st.integers(-(10**15), 10**15))
def test_thousands(value: int) -> None:
    assert plain_number(f"{value:,}") == value
    assert exact_number(f"{value:,}") == (float(value), str(value))


@pytest.mark.parametrize("text", ["12345", "-1234", "1,234", "1e100"])
def test_limit_is_the_last_allowed(text: str) -> None:
    assert isinstance(plain_number(text, limits=Limits(number_characters=len(text))), float)
    assert plain_number(text, limits=Limits(number_characters=len(text) - 1)) is LONG


# Many at a time: letters with the options' texts, references of any text, numbers as written.

ANIMALS = ["a dog", "A cat", "Straße", "a dog and a cat"]


def letter(text: str, options: list[str] | None, **how: Any) -> str:
    """Return the letter that ``text`` is read as: "" for none, else the failure where there is one."""
    result = read(OptionLetter, [text], options=[options], **how)
    if result.failure[0] is not None:
        return result.failure[0]
    code = result.columns.letters.item()
    return chr(code) if code else ""


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param("a dog", ANIMALS, "A", id="an option's text"),
        pytest.param("A DOG", ANIMALS, "A", id="in any case"),
        pytest.param("STRASSE", ANIMALS, "C", id="casefolded, not lower case"),
        pytest.param("  a dog\n", ANIMALS, "A", id="with white space around"),
        pytest.param("a dog", [" a dog ", "x"], "A", id="white space around the option"),
        pytest.param("dog", ANIMALS, "no_option_letter", id="a part of an option"),
        pytest.param("a dog and a cat", ANIMALS, "D", id="the whole text decides"),
        pytest.param("a dog", ["a dog", "A Dog"], "no_option_letter", id="two options with the text"),
        pytest.param("a dog", ["B. a dog", "A. a cat"], "B", id="a labeled option keeps its label"),
        pytest.param("B. a dog", ["B. a dog", "A. a cat"], "B", id="with its label"),
        pytest.param("a cat", ["(A) a dog", "(B) a cat"], "B", id="label in brackets"),
        pytest.param("a cat", ["A) a dog", "B: a cat"], "B", id="other labels"),
        pytest.param("U.S. Navy", ["Royal Navy", "U.S. Navy"], "B", id="a text that looks labeled"),
        pytest.param("S. Navy", ["A. Navy", "S. Navy"], "B", id="texts that look labeled, not by the first letters"),
        pytest.param("dog", ["A. dog", "a cat"], "no_option_letter", id="one label is none"),
        pytest.param("dog", ["A. dog", "A. cat"], "no_option_letter", id="the same label twice is none"),
        pytest.param("A", ["B", "A"], "A", id="a letter is a letter, not an option's text"),
        pytest.param("E", ["E", "x"], "A", id="a letter beyond the options may be a text"),
        pytest.param("C", ["C", "x"], "A", id="the first letter beyond the options too"),
        pytest.param("E", ["x", "y"], "no_option_letter", id="a letter beyond the options"),
        pytest.param("e", ["x", "y"], "no_option_letter", id="the same in lower case"),
        pytest.param("C. x", ["x", "y"], "no_option_letter", id="with text"),
        pytest.param("B", ["x", "y"], "B", id="the last option's letter"),
        pytest.param("(B)", ["x", "y"], "B", id="a letter in brackets"),
        pytest.param("", ["", "x"], "empty_answer", id="nothing is no option"),
        pytest.param(" ", ["A. ", "x"], "empty_answer", id="white space is no option"),
        pytest.param("a dog", None, "no_option_letter", id="no options"),
        pytest.param("a dog", [], "no_option_letter", id="an empty list of options"),
        pytest.param("x" * 21, ["x" * 21, "y"], "answer_too_long", id="too long"),
        pytest.param("x" * 20, ["x" * 20, "y"], "A", id="just not too long"),
    ],
)
def test_options(text: str, options: list[str] | None, expected: str) -> None:
    assert letter(text, options, limits=Limits(answer_characters=20)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a dog", "", id="any text"),
        pytest.param("(B)", "B", id="a letter is still one"),
        pytest.param("b", "B", id="a bare letter"),
        pytest.param("", "empty_answer", id="nothing"),
        pytest.param(" \n", "empty_answer", id="white space"),
        pytest.param("x" * 21, "answer_too_long", id="too long"),
    ],
)
def test_any_text_for_references_that_are_no_letter(text: str, expected: str) -> None:
    """Where the reference is no letter, any text is an answer."""
    assert letter(text, None, any_text=np.array([True]), limits=Limits(answer_characters=20)) == expected


ROWS: dict[str, Any] = {
    "options": [["x", "y"], None, ["y", "x"], None],
    "any_text": np.array([False, True, False, False]),
}


def test_options_and_any_text_go_by_row() -> None:
    letters = read(OptionLetter, ["Y", "Y y", "Y", "Y y"], **ROWS)
    assert letters.columns.letters.tolist()[:3] == [ord("B"), 0, ord("A")]
    assert letters.columns.texts.tolist()[:3] == ["Y", "Y y", "Y"]
    assert letters.failures == {3: FailureCode.NO_OPTION_LETTER}


def test_options_and_any_text_are_those_of_the_rows_that_are_read() -> None:
    """They have an entry for each row that is read, in its order, not for each answer there is."""
    letters = read(OptionLetter, ["Y y", "none", "Y", "Y y", "Y"], [2, 3, 4, 0], **ROWS)
    assert letters.columns.letters.tolist()[:3] == [ord("B"), 0, ord("A")]
    assert letters.failures == {0: FailureCode.NO_OPTION_LETTER}


def test_lenient_rules_take_the_fence_off_a_letter() -> None:
    letters = read(OptionLetter, ["```\n(b)\n```", "A or B"], rules="lenient")
    assert letters.columns.letters[0] == ord("B")
    assert letters.failure == [None, "no_option_letter"]
    assert letters.repairs == [("code_fence",), ()]
    assert letters.format_fault == ["no_option_letter", "no_option_letter"]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param("a cat", ["a dog", "a cat"], "B", id="a text"),
        pytest.param("B. a cat", ["A. a dog", "B. a cat"], "B", id="with its label"),
        pytest.param("a cat", [], None, id="no options"),
        pytest.param("cat", ["a dog", "a cat"], None, id="a part"),
        pytest.param("", ["", "x"], "A", id="an option that is nothing"),
    ],
)
def test_named_option(text: str, options: list[str], expected: str | None) -> None:
    assert named_option(text, options) == expected


def test_texts_of_letters_stay_as_written() -> None:
    columns = read(OptionLetter, [" B ", "Straße"], any_text=np.array([True, True])).columns
    assert columns.texts.tolist() == [" B ", "Straße"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1,234.50", "1234.50"),
        (" 7 ", "7"),
        ("```\n1,000\n```", "1000"),
        ("-0.10", "-0.10"),
        ("1e2", "1e2"),
    ],
)
def test_numbers_keep_their_digits(text: str, written: str) -> None:
    """Rounding to a reference's decimals needs the digits as they were written."""
    columns = read(Number, [text], rules="lenient").columns
    assert columns.texts.tolist() == [written]
    assert columns.values.tolist() == [float(written)]


def test_free_text_is_stripped_and_nothing_else() -> None:
    columns = read(Text, ["\u2003a / b\n", "a\ud800", "\x00"]).columns
    assert columns.texts.tolist() == ["a / b", "a\ud800", "\x00"]


@pytest.mark.parametrize(("schema", "kinds"), [(OptionLetter, "iO"), (Number, "fO"), (Text, "O")])
def test_nothing_to_read(schema: type[BaseModel], kinds: str) -> None:
    columns = read(schema, []).columns
    assert len(columns) == 0
    assert "".join(getattr(columns, field.name).dtype.kind for field in fields(columns)) == kinds


# As JSON writes numbers, which is read at once, and as only Python does.
@pytest.mark.parametrize("plain", [["0.5", "-3", "2e3", "7", "1E+2", "0.1"], [".5", "-3", "2e3", "007", "+1.", "0.1"]])
@pytest.mark.parametrize("odd", ["", "x", "1_0", "1e999", "nan", "1" * 2000, "\u0661", "1,2", "[1, 2]", "1]", "true"])
def test_one_odd_number_changes_no_other(odd: str, plain: list[str]) -> None:
    together = read(Number, [*plain[:3], odd, *plain[3:]])
    assert together.readable == [0, 1, 2, 4, 5, 6]
    assert together.columns.values.tolist() == [*map(float, plain[:3]), 0.0, *map(float, plain[3:])]
    assert together.columns.texts.tolist() == [*plain[:3], "0", *plain[3:]]
    assert together.failure[3] == read_answer(odd, Number).failure


written_numbers = st.one_of(
    st.text("012.-+eE", max_size=7),
    st.text("01.,-e \n[]", max_size=5),
    st.integers(-(10**9), 10**9).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@given(texts=st.lists(written_numbers, max_size=6), longest=st.integers(0, 9) | st.just(400))
def test_numbers_together_are_those_alone(texts: list[str], longest: int) -> None:
    """None borrows from the text next to it, whatever is in both, and the limit holds for each."""
    limits = Limits(number_characters=longest)
    together = read(Number, texts, limits=limits)
    alone = [read_answer(text, Number, limits=limits) for text in texts]
    assert together.failure == [answer.failure for answer in alone]
    expected = [0.0 if answer.failure else float(str(answer.answer)) for answer in alone]
    assert together.columns.values.tolist() == expected


@pytest.mark.parametrize("longest", [0, 1, 2, 3, 8, 9])
def test_longest_number_in_every_row(longest: int) -> None:
    """Between numbers as short as can be, one of the limit is read and one beyond it is not."""
    limits = Limits(number_characters=longest)
    for before in range(2 * longest + 3):
        texts = ["1"] * before + ["1" * longest, "1" * (longest + 1)] + ["1"] * before
        fails = {before + 1} if longest else set(range(len(texts)))
        assert set(read(Number, texts, limits=limits).failures) == fails


def test_doubles_that_lie_between_two() -> None:
    """Decimals that are nearly halfway from one double to the next are rounded like Python rounds them."""
    texts = ["9007199254740993", "9007199254740992.99999999999999999999999", "5e-324", "2.4703282292062328e-324"]
    texts += ["1.7976931348623157e308", "0.1000000000000000055511151231257827021181583404541015625"]
    assert read(Number, texts).columns.values.tolist() == list(map(float, texts))
