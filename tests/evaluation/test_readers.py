"""What official evaluators read in an answer: each branch by hand, from their own code's rules."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.evaluation import (
    first_box,
    mathvista_answer,
    mmmu_letter,
    mmmu_open,
    mmmu_open_equal,
    release_answer,
    vsi_bench_word,
)
from onethinker_rewards.evaluation.readers import release_json, release_numbers

OPTIONS = {"A": "a red car", "B": "a blue bus", "C": "a green bike"}

RELEASE = [
    pytest.param("<think>a</think><answer> B </answer>", "B", id="tags"),
    pytest.param("<think><answer>A</answer></think><answer>B</answer>", "A", id="the first, even in the thinking"),
    pytest.param("<answer>two\nlines</answer>", "two\nlines", id="lines"),
    pytest.param(" no tags ", "no tags", id="the whole response"),
    pytest.param("<answer> </answer>", "<answer> </answer>", id="an empty answer is the whole response"),
    pytest.param("<answer>cut off", "<answer>cut off", id="not closed"),
]


@pytest.mark.parametrize(("response", "expected"), RELEASE)
def test_release_answer(response: str, expected: str) -> None:
    assert release_answer(response) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('<answer>{"time": [0, 5]}</answer>', {"time": [0, 5]}),
        ('{"time": NaN}', None),
        ("[1, 2]", {}),
        ("0 to 5", {}),
        ("[" * 200_000, {}),
    ],
    ids=["object", "NaN is JSON to Python", "a list", "text", "nested too deeply"],
)
def test_release_json(response: str, expected: Any) -> None:
    found = release_json(response)
    assert found.keys() == {"time"} if expected is None else found == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([0, 5], [0.0, 5.0]),
        (["0", True], [0.0, 1.0]),
        ([0], None),
        ("05", None),
        ([0, None], None),
        ([0, "x"], None),
        ([0, 10**400], None),
        ([0, "nan"], None),
    ],
    ids=str,
)
def test_release_numbers(value: Any, expected: Any) -> None:
    assert release_numbers(value, 2) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"boxes": [1, 2, 3, 4]}', [1, 2, 3, 4]),
        ("[[1,2,3,4],[5,6,7,8]]", [1, 2, 3, 4]),
        ("[-1.5, 2, 3, 4.25]", [-1.5, 2, 3, 4.25]),
        ("[1, 2, 3]", None),
        ("(1, 2, 3, 4)", None),
        ("[1, 2, 3, 4, 5]", None),
    ],
)
def test_first_box(answer: str, expected: Any) -> None:
    assert first_box(answer) == expected


LETTERS = [
    pytest.param("B", "B", id="alone"),
    pytest.param("The answer is B.", "B", id="between spaces"),
    pytest.param("(A) is wrong, (B) is right. C", "B", id="brackets before spaces"),
    pytest.param("A or B", "B", id="the last"),
    pytest.param("the bus in the picture is a blue bus", "B", id="text, six words"),
    pytest.param("not a red car but the Blue Bus: a Blue Bus", "B", id="the last text, any case"),
    pytest.param("a blue bus", None, id="text of few words"),
    pytest.param("b", None, id="small letters are none"),
    pytest.param("", None, id="empty"),
    pytest.param("<think>A or C?</think><answer>B</answer>", None, id="tags"),
    pytest.param("I see neither of these three things here", None, id="nothing named"),
    pytest.param(",.!?;:'B':;?!.,", "B", id="marks around"),
]


@pytest.mark.parametrize(("answer", "expected"), LETTERS)
def test_mmmu_letter(answer: str, expected: str | None) -> None:
    assert mmmu_letter(answer, OPTIONS) == expected


OPEN = [
    pytest.param("The total is 12.50 dollars.", ["12.50 dollars", 12.5], id="after is"),
    pytest.param("So the answer is 1,234", [1234.0, 234.0], id="thousands"),
    pytest.param("Nothing here", ["nothing here"], id="no word to look for"),
    pytest.param("It is x", [" x", "x "], id="one letter"),
    pytest.param("1.5e3", [1500.0, 1.0, 3.0], id="an exponent, and its parts"),
    pytest.param("It is :", ["it is :"], id="a mark alone"),
    pytest.param("The answer is \nfinal 7", ["is", 7.0], id="nothing after a word"),
]


@pytest.mark.parametrize(("answer", "expected"), OPEN)
def test_mmmu_open(answer: str, expected: list[Any]) -> None:
    assert mmmu_open(answer) == expected


def test_an_equals_sign_counts_in_the_last_line_alone() -> None:
    assert mmmu_open("y = 4") == [4.0]
    assert mmmu_open("y = 4\nno more") == ["y = 4\nno more", 4.0]


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("about 0.333", "0.33", True),
        ("a black cat", "cat", True),
        ("a black cat", ["dog", "cat"], True),
        ("a black cat", "dog", False),
        ("it is 12", "13", False),
        ("it is c", "c", True),
        ("5", "five", False),
    ],
)
def test_mmmu_open_equal(answer: str, reference: Any, expected: bool) -> None:
    assert mmmu_open_equal(answer, reference) is expected


MATHVISTA = [
    pytest.param("(B) 8/11", "text", {"choices": ["3/11", "8/11"]}, "8/11", id="letter in brackets"),
    pytest.param("(b)", "text", {"choices": ["3/11", "8/11"]}, "8/11", id="small letter in brackets"),
    pytest.param(" A ", "text", {"choices": ["3/11", "8/11"]}, "3/11", id="letter alone"),
    pytest.param("8/12", "text", {"choices": ["3/11", "8/11"]}, "8/11", id="nearest"),
    pytest.param("(E)", "text", {"choices": ["E!", "8/11"]}, "E!", id="a letter beyond the options is a text"),
    pytest.param("", "text", {"choices": ["long", "no"]}, "no", id="nothing is nearest to the shortest"),
    pytest.param("3.9", "integer", {}, "3", id="cut"),
    pytest.param("three", "integer", {}, None, id="no number"),
    pytest.param("inf", "integer", {}, None, id="infinite"),
    pytest.param("1.455", "float", {"precision": 2.0}, "1.46", id="rounded"),
    pytest.param("1.455", "float", {}, "1", id="no precision"),
    pytest.param("x", "float", {"precision": 2}, None, id="no float"),
    pytest.param("[1, 2]", "list", {}, "[1, 2]", id="list"),
    pytest.param("cat", "text", {}, "cat", id="text"),
]


@pytest.mark.parametrize(("answer", "kind", "options", "expected"), MATHVISTA)
def test_mathvista_answer(answer: str, kind: str, options: Any, expected: str | None) -> None:
    assert mathvista_answer(answer, kind, **options) == expected


@pytest.mark.parametrize(
    ("answer", "expected"), [("B.", "B"), ("B. left", "B"), ("4 chairs", "4"), ("", ""), ("3.5.", "3.5"), (" B", "")]
)
def test_vsi_bench_word(answer: str, expected: str) -> None:
    assert vsi_bench_word(answer) == expected


@given(answer=st.text(st.sampled_from("AB ().,\n=1e-is")))
def test_readers_read_any_text_and_the_same_each_time(answer: str) -> None:
    for read in (release_answer, release_json, first_box, mmmu_open, vsi_bench_word):
        assert read(answer) == read(answer)
    assert mmmu_letter(answer, OPTIONS) in {*OPTIONS, None}
    assert mathvista_answer(answer, "text", choices=["A", "B"]) in ("A", "B")


# MMMU's three forms of numbers, in which a number may begin within another.
PLAIN_NUMBERS = [
    r"-?\b\d{1,3}(?:,\d{3})+\b",
    r"-?\d+(?:\.\d+)?[eE][+-]?\d+",
    r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])",
]


@given(text=st.text(st.sampled_from("0123,.-eE+ x"), max_size=16))
def test_numbers_are_those_of_plain_patterns(text: str) -> None:
    text = f"x{text}x"
    expected = [float(number.replace(",", "")) for plain in PLAIN_NUMBERS for number in re.findall(plain, text.lower())]
    found = [value for value in mmmu_open(text) if not isinstance(value, str)]
    assert {*found} == {round(number, 2) for number in expected}


HOSTILE = ["<answer>" * 50_000, "<answer>" + " " * 300_000, "1" * 300_000 + ",", "0." + "1" * 300_000, "1,111" * 60_000]


@pytest.mark.parametrize("answer", HOSTILE, ids=["tags", "white space", "digits", "decimals", "thousands"])
def test_long_answers_are_read_in_time(answer: str) -> None:
    """Each in linear time; a quadratic pattern would take minutes."""
    for read in (release_answer, release_json, first_box, mmmu_open, vsi_bench_word):
        read(answer)
    mmmu_letter(answer, OPTIONS)
