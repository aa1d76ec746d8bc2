r"""The option letter, spelling by spelling, by the rule of the design.

Stripped are white space, Markdown emphasis, ``\boxed{}``, ``\text{}``, enclosing brackets and leading phrases; what
is left is one letter alone, or one upper-case letter followed by ``.``, ``)`` or ``:`` and no second one like it.
"""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.parsing import letters, option_letter

NAMED = {
    # One letter alone.
    "B": "B", "b": "B", " B ": "B", "\n\tb\u2003": "B", "Z": "Z",
    # Emphasis.
    "*B*": "B", "**B**": "B", "***B***": "B", "_B_": "B", "__B__": "B", "***b***": "B", "** B **": "B",
    # Brackets and commands.
    "(B)": "B", "[B]": "B", "{B}": "B", "( b )": "B", "((B))": "B", "[(B)]": "B", "$B$": "B", "\\boxed{B}": "B",
    "\\boxed{ b }": "B", "$\\boxed{B}$": "B", "\\boxed{\\text{B}}": "B", "\\text{B}": "B", "\\mathrm{B}": "B",
    "\\mathbf{B}": "B", "\\textbf{B}": "B", "**(B)**": "B", "(**B**)": "B", "\\boxed{(B)}": "B",
    # A letter and its mark.
    "B.": "B", "B)": "B", "B:": "B", "(B).": None, "b.": None, "b)": None, "B ": "B", "B .": None, "B,": None,
    "B;": None,
    # A letter, its mark and text.
    "B. a dog": "B", "B.a dog": "B", "B) a dog": "B", "B: a dog": "B", "B.\na dog": "B", "**B.** a dog": "B",
    "**B. a dog**": "B", "**B**. a dog": "B", "(B. a dog)": "B", "\\boxed{B. a dog}": "B", "B. Apple": "B",
    "B. NASA.": "B",
    "B. it is 3.5 m (wide)": "B", "B. see (b) and c.": "B", "B. It is B.": "B", "B) so B) it is": "B",
    "B. an X": "B", "B. A dog": "B", "B. B": "B", "B. or X": "B", "b. a dog": None, "B - a dog": None, "B a dog": None,
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
    "Answer:\n\nB": "B", "The  answer  is  B": "B", "Answers: B": None, "My answer is B": None, "Answer = B": None,
    "The answer is": None, "answer": None, "Answer:": None, "The answer is not B": None, "Answer is B": "B",
    "The answer is b.": None, "Optional B": None, "the B": None,
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
    "\\boxed{}": None, "None": None, "I": "I", "a": "A", "7": None, "-": None, ".": None, "B!": None, "\"B\"": None,
    "`B`": None,
    # Unbalanced.
    "(B": None, "**B": None, "*B": None, "\\boxed{B": None, "[B)": None, "$B": None, "{B}}": None, "((B)": None,
    # Other scripts.
    "\u0410": None, "\uff22": None, "\u0392": None, "\u212a": None, "\u017f": None, "\u00c4": None, "\u0410.": None,
    # Damage.
    "B\x00": None, "\ud800": None, "B\ud800": None, "B. \ud800": "B", "\ufeffB": None, "\u200bB": None,
}  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), [pytest.param(*case, id=ascii(case[0])) for case in NAMED.items()])
def test_spellings(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter


@pytest.mark.parametrize("letter", "AEJZ")
def test_every_letter_alike(letter: str) -> None:
    """What reads B reads any capital in its place."""
    texts = [text for text, read in NAMED.items() if read == "B" and "B" in text]
    assert len(texts) > 60
    for text in texts:
        assert option_letter(text.replace("B", letter)) == letter


@given(text=st.text(string.ascii_letters + " .:)(*$\\{}[]_", max_size=12))
def test_long_text_is_read_as_short_text(text: str) -> None:
    """Short texts are remembered, long ones read each time: both by the same rule."""
    padding = " " * 100
    assert option_letter(padding + text + padding) == option_letter(text)


@given(text=st.text(max_size=20))
def test_any_text(text: str) -> None:
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
        ("B. " + "a dog " * 100_000 + "C.", None),
        ("B. " + "B) " * 100_000, "B"),
        ("the " + " " * 500_000 + "answer" + " " * 500_000 + "b", "B"),
        ("**" * 250_000, None),
        ("(" + "()" * 250_000 + ")", None),
        ("(" * 100_000 + "B" + ")" * 100_000, None),
    ],
    ids=["text", "a second letter at the end", "the same letter", "spaces", "stars", "brackets", "deep brackets"],
)
def test_long(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter


@given(text=st.text("()x\ud800", max_size=12), pad=st.sampled_from(["", "x" * 600]))
def test_long_texts_close_where_short_ones_do(text: str, pad: str) -> None:
    """Beyond some length arrays take the place of a loop."""
    whole = f"({text}{pad})"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letters, "_LONG", 10_000)
        looped = letters._closes_at_end(whole, 0, "(", ")")
        patch.setattr(letters, "_LONG", 0)
        assert letters._closes_at_end(whole, 0, "(", ")") == looped


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        pytest.param("(A. " + "x" * 600 + ")", "A", id="enclosed"),
        pytest.param("(A. " + "x(x)" * 200 + ")", "A", id="enclosed, with brackets inside"),
        pytest.param("(A) " + "x" * 600 + " (b)", None, id="not enclosed"),
        pytest.param("((A. " + "x" * 600 + ")", None, id="not closed"),
    ],
)
def test_long_texts_in_brackets(text: str, letter: str | None) -> None:
    assert option_letter(text) == letter
