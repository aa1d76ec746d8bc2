"""How models write letters, numbers, transcripts and captions: what counts as right, and what does not.

``text_cases.jsonl`` has inputs by kind with the value that is right; below are more of each kind, right and wrong.
"""

# ruff: noqa: E501, RUF001

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import wrap

CASES = [json.loads(line) for line in Path(__file__).with_name("text_cases.jsonl").read_text().splitlines()]
# The values of captions are rough: what matters is which are low and which are high.
TOLERANCE = {"open_ended": 0.12}

FOUR = ["a red car", "a blue truck", "a dog", "a cat"]
NUMBERS = ["10", "12", "14", "16"]


def accuracy(answer: str, reference: str, task: str, options: list[str] | None = None, **how: Any) -> float:
    return float(otr.score([wrap(answer)], [reference], task, options=[options], **how).accuracy[0])


@pytest.mark.parametrize("case", CASES, ids=[f"{row}: {case['kind'][:2]}" for row, case in enumerate(CASES)])
def test_cases(case: dict[str, Any]) -> None:
    given = accuracy(case["answer"], case["reference"], case["task"], case.get("options"))
    assert given == pytest.approx(case["expected"], abs=TOLERANCE.get(otr.task_name(case["task"]), 1e-9))


# Of each kind: the reference, what is right beside it, and what is not.
LETTERS: dict[str, tuple[str, list[str], list[str]]] = {
    "label and text": (
        "D",
        ["(D) a dog", "[D]: a dog", "D) a dog", "(d) a dog", "D – a dog", "D, a dog", "D:a dog", "D\n\na dog", "(D)a dog",
         "**(D)** a dog", "D. It is not B.", "D. a dog, unlike option B", "(D), a dog", "The correct option is D: a dog"],
        ["D, or B", "D: maybe B", "D - no, B", "(D) or (B)", "(D) and (B)", "(D) not (B)", "D. and B", "D, not sure",
         "D: a dog, B: a cat", "D. B", "(D)(B)", "D\nB", "D. a dog B. a cat", "d, a dog", "d: a dog", "D a dog",
         "D. Maybe B", "D. a dog, or B", "D) a dog or B) a cat", "D or not"],
    ),
    "labels in front": (
        "B",
        ["The answer is: B", "the final answer is (B)", "Option: B", "choice B", "Correct answer: B", "Antwort: B",
         "Réponse: b", "**Answer:** B", "__Answer__: B", "*Final answer:* **B**", "Answer：Ｂ", "The answer is option B.",
         "答案是B", "正确答案是：B", "选项B", "选B。", "答：B", "選 B"],
        ["Not: B", "Maybe: B", "Wrong: B", "Except: B", "Neither: B", "不选B", "不是: B", "The answer is not B",
         "The answer is either B", "My answer would be B", "B is wrong", "Is it B?", "AB: B", "选B或A", "B?"],
    ),
    "quotes, code marks, brackets, closing marks": (
        "C",
        ['"C"', "'C'", "“C”", "‘c’", "«C»", "「C」", "`C`", "``C``", "【C】", "（Ｃ）", "\\(C\\)", "\\[C\\]", "$$C$$",
         "\\boxed{\\text{(C).}}", "{C}", "C;", "C!", "C。", "c.", "(C.)", '"(C)".', "**`C`**", "Ｃ．"],
        ['"C" or "A"', "`C` or `A`", "C?", "\\boxed{C} or \\boxed{A}", "'C", "C\"", "(C", "**C", "\\boxed{C", "C/A",
         "$C$ or $A$", "'C' 'A'", "```\nC\n```", "not C", "no C", "C\u200b", "С"],
    ),
    "several letters": (
        "A, C",
        ["A, C", "C,A", "AC", "CA", "A and C", "(A), (C)", "A; C", "A、C", "A/C", "A C", "[A, C]", "**A, C**.",
         "The answer is A, C", "a, c", "\\boxed{A,C}", "A.\nC.", "A & C", "A和C"],
        ["A", "C", "A, B, C", "ABC", "A or C", "A, not C", "A, B", "B, D", "", "A, C, D", "none", "A and maybe C", "AA",
         "not A, C"],
    ),
    "several letters written together": ("BD", ["DB", "B, D", "b, d", "(B), (D)", "BD."],
                                         ["B", "D", "BCD", "B or D", "BAD"]),
    "words": (
        "yes",
        ["Yes.", "**YES**", "\\boxed{Yes}", "\"yes\"", "Answer: yes", "The answer is yes!", "`yes`", "(yes)", "Ｙｅｓ",
         "\\text{yes}.", "$\\text{Yes}$"],
        ["no", "not yes", "yes or no", "yes, no", "yesterday", "Not: yes", "yes?", "maybe", "y"],
    ),
    "numbers of options": ("2", ["2.", "(2)", "Option 2", "Choice: 2", "**2**", "\\boxed{2}"],
                           ["12", "2 or 3", "Option 3", "not 2", "2.5"]),
    "reference with its text": ("(D) Alina", ["D", "d.", "(D)", "D. Alina", "(D) Alina", "The answer is D"],
                                ["A", "Alina", "(A) Alina", "D or A", "not D"]),
    "reference with a dot": ("D. Alina", ["D", "(d)", "D - Alina", "**D**", "[D] Alina"],
                             ["A", "A. Alina", "Alina", "A, D", "D. B"]),
    "reference in brackets": ("[B]", ["B", "(B)", "b)", "B.", "B: text"], ["A", "[A]", "A, B", "B or A", "x"]),
    "a sentence that names one letter": (
        "A",
        ["The answer is A. B looks similar at first.", "A. The other options are wrong.", "The correct option is (A).",
         "A. It shows what B and C do not.", "The answer is (A) because it barks"],
        ["A dog", "A bird and B", "I think A", "It could be A", "A or B. Hard to say.", "A is wrong", "Apple",
         "i.e. A", "A. Or B", "A B C D"],
    ),
}  # fmt: skip
OPTIONS: dict[str, tuple[str, list[str], list[str], list[str]]] = {
    "an option's text": (
        "B", FOUR,
        ["a blue truck", "A BLUE TRUCK.", "**a blue truck**", "\\boxed{a blue truck}", "The answer is a blue truck",
         "\"a blue truck\"", "B: A blue truck", "(B) a blue truck", "Answer: a blue truck!"],
        ["a blue car", "truck", "a red car", "not a blue truck", "a blue truck or a dog", "E", "(E)", "Z. a blue truck"],
    ),
    "an option's number": (
        "B", NUMBERS, ["12", "$12$", "12.", "\\boxed{12}", "**12**", "Answer: 12", "B) 12"],
        ["10", "1", "12 or 14", "$14$", "112", "E"],
    ),
    "labeled options": (
        "B", ["A. yes", "B. no", "C. not given", "D. and so on"],
        ["no", "No.", "B. no", "(B) no", "b) no", "The answer is no"], ["yes", "not given", "C. not given", "or", "E. no"],
    ),
    "an option's text that begins as a hedge": (
        "C", ["A. yes", "B. no", "C. not given", "D. and so on"], ["C. not given", "not given", "Not given.", "c", "C"],
        ["D. and so on", "not", "B. no", "not given or no", "given"],
    ),
    "options that are letters": ("A", ["B", "A"], ["A", "(A)", "a.", "**A**", "\"A\""], ["B", "(B)", "C", "b", "A or B"]),
}  # fmt: skip


def _pairs(kinds: dict[str, Any], row: int) -> list[Any]:
    return [
        pytest.param(answer, rest[0], *rest[1:-2], id=f"{kind}: {answer!a}")
        for kind, rest in kinds.items()
        for answer in rest[row]
    ]


@pytest.mark.parametrize(("answer", "reference"), _pairs(LETTERS, -2))
def test_letters_that_are_right(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "multiple_choice") == 1.0


@pytest.mark.parametrize(("answer", "reference"), _pairs(LETTERS, -1))
def test_letters_that_are_not(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "multiple_choice") == 0.0


@pytest.mark.parametrize(("answer", "reference", "options"), _pairs(OPTIONS, -2))
def test_options_that_are_right(answer: str, reference: str, options: list[str]) -> None:
    assert accuracy(answer, reference, "multiple_choice", options) == 1.0


@pytest.mark.parametrize(("answer", "reference", "options"), _pairs(OPTIONS, -1))
def test_options_that_are_not(answer: str, reference: str, options: list[str]) -> None:
    assert accuracy(answer, reference, "multiple_choice", options) == 0.0


def test_a_letter_beyond_the_options_is_none() -> None:
    batch = otr.score([wrap(text) for text in ("E", "d")], ["B", "B"], "multiple_choice", options=[FOUR, FOUR])
    assert batch.failure == ["no_option_letter", None]
    assert batch.format.tolist() == [0.0, 1.0]


NUMERICAL: dict[str, tuple[str, list[str], list[str]]] = {
    "marks": (
        "7",
        ["\\boxed{7}", "**7**", "$7$", "\"7\"", "`7`", "(7)", "[7]", "Answer: 7", "The answer is 7.", "**Answer:** 7",
         "\\text{7}", "\\(7\\)", "\\[7\\]", "答案：7", "$\\boxed{7}$", "Total: 7", "_7_", "'7'!"],
        ["\\boxed{7} or \\boxed{8}", "not 7", "7?", "Not: 7", "Maybe: 7", "7 or 8", "7, 8", "**7** or **8**", "7 7", "x = 7",
         "about 7", "(7", "```\n7\n```", "Wrong: 7", "8"],
    ),
    "closing marks": ("42", ["42,", "42;", "42!", "(42).", "42。", "42.", "42.,"],
                      ["42?", "42:", "42-", "42/", ",42", "!42", "-42."]),
    "signs and digits": (
        "-5", ["−5", "－5", "-５", "(−5)", "－５．０", "-5.0"], ["5", "+5", "– -5", "--5", "- 5", "~5", "٥", "-⁵"],
    ),
    "vulgar fractions": ("2.5", ["2½", "2 ½", "５/２", "10/4", "2.5", "\\frac{5}{2}", "\\dfrac{10}{4}"],
                         ["½", "21/2", "2/5", "½2", "2½½", "\\frac{2}{5}", "5/0"]),
    "fractions": ("1/2", ["0.5", "½", "1/2", "2/4", "\\frac{1}{2}", "0.50", "\\frac12", "1 / 2"],
                  ["1/3", "2/1", "-1/2", "0.51", "1/", "/2", "1//2", "1/2/1"]),
    "a fraction that does not end": ("1/3", ["0.33", "1/3", "0.333", "\\frac{2}{6}", "0.3333333333"],
                                     ["0.3", "0.34", "1/4", "-0.33", "3"]),
    "powers of ten": (
        "1500",
        ["1.5 x 10^3", "1.5 × 10^3", "1.5\\times10^{3}", "1.5*10^3", "1.5 \\cdot 10^{3}", "1.5e3", "1.5E+3", "1.5×10³"],
        ["1.5 x 10", "1.5 x 10^4", "1.5 10^3", "1.5 × 10^{-3}", "1.5^3", "15 x 100", "1.5 x 10^3 or 2", "1.5e", "10^3"],
    ),
    "thousands": (
        "12345", ["12,345", "12 345", "12{,}345", "12\u202f345", "12\u00a0345", "12，345", "12,\\!345", "12\\,345"],
        ["12.345", "12,34,5", "1,2345", "12 34 5", "345", "12, 345", "012,345", "12'345", "12 345,0"],
    ),
    "printed references": (
        "66.66666666666667", ["66.67", "66.666667", "66.66666666666667", "66.6700", "200/3"],
        ["66.66", "66.7", "67", "66.68", "66"],
    ),
    "printed references that are small": (
        "0.0012345678", ["0.0012345678", "0.00123457", "1.23457e-3", "0.001234568", "0.00123456789"],
        ["0", "0.00", "0.001", "0.0012345", "0.00123467"],
    ),
    "references of six decimals": ("0.333333", ["0.333333", "0.3333331", "0.33333326", "1/3", "3.33333e-1"],
                                   ["0.33", "0.3333", "0.333334", "0.33333", "0.3"]),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "reference"), _pairs(NUMERICAL, -2))
def test_numbers_that_are_right(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "numerical") == 1.0


@pytest.mark.parametrize(("answer", "reference"), _pairs(NUMERICAL, -1))
def test_numbers_that_are_not(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "numerical") == 0.0


@pytest.mark.parametrize("reference", ["**7**", "\\boxed{7}", "$7$", "7.", "(7)", "Answer: 7", "７", "14/2"])
@pytest.mark.parametrize("task", ["numerical", "regression"])
def test_references_of_numbers_are_undressed_too(reference: str, task: str) -> None:
    assert accuracy("7", reference, task) == 1.0
    assert accuracy("\\boxed{7}", reference, task) == 1.0


UNITS = ["50%", "12 cm", "$5", "3-5", "27 min", "5 km/h", "33.5 percent", "3 cats", "€7", "9 m²", "20 °C", "5\\%"]


@pytest.mark.parametrize("text", UNITS)
def test_units_are_no_numbers_by_strict_rules(text: str) -> None:
    batch = otr.score([wrap(text)], ["5"], "numerical")
    assert (batch.failure[0], batch.format[0]) == ("not_a_number", 0.0)


@pytest.mark.parametrize(
    ("text", "reference"),
    [("50%", "50"), ("12 cm", "12"), ("$5", "5"), ("27 min", "27"), ("5 km/h", "5"), ("33.5 percent", "33.5"),
     ("3 cats", "3"), ("€7", "7"), ("9 m²", "9"), ("20 °C", "20"), ("5\\%", "5"), ("**12 cm**.", "12"), ("−5 °C", "-5"),
     ("1,234 kg", "1234"), ("12\\text{ cm}", "12"), ("12\\,\\text{cm}", "12"), ("½ cup", "0.5"), ("\\$8", "8")],
)  # fmt: skip
def test_lenient_rules_take_one_number_with_one_unit(text: str, reference: str) -> None:
    batch = otr.score([wrap(text)], [reference], "numerical", recipe=otr.Recipe(rules="lenient"))
    assert (batch.accuracy[0], batch.repairs[0], batch.format[0]) == (1.0, ("unit",), 0.0)


@pytest.mark.parametrize(
    "text",
    ["3-5 cm", "5 million", "5k", "5 or", "5 cm 6 mm", "5 to 6 cm", "5 wrong", "5x", "about 5 cm", "cm", "%", "5 cm or 6",
     "5万", "5M", "1_000 cm", "1,5 cm", "$5 or $6", "5 not", "1e", "5 cm?"],
)  # fmt: skip
def test_lenient_rules_take_no_other_number(text: str) -> None:
    batch = otr.score([wrap(text)], ["5"], "numerical", recipe=otr.Recipe(rules="lenient"))
    assert batch.failure[0] == "not_a_number"


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("你好世界", "你好世界", 1), ("你好", "你好世界", 0.5), ("你 好 世 界", "你好世界", 1), ("你坏世界", "你好世界", 0.75),
        ("สวัสด", "สวัสดี", 5 / 6), ("ການ", "ການ", 1), ("မြန်", "မြန်", 1), ("ភាសា", "ភាសា", 1), ("カタカナ", "かたかな", 0),
        ("LED灯", "LED灯", 1), ("LCD灯", "LED灯", 0.5), ("好LED灯", "LED灯", 0.5), ("第3页", "第4页", 2 / 3),
        ("안녕 세계", "안녕 세상", 0.5), ("Привет", "Привет!", 0), ("你好，世界", "你好世界", 0.75),
        ("", "你好", 0), ("世界你好吗不", "你", 0),
    ],
)  # fmt: skip
def test_ocr_in_scripts_without_spaces(answer: str, reference: str, expected: float) -> None:
    assert accuracy(answer, reference, "ocr") == pytest.approx(expected)


# Composed and decomposed, ligatures, full width, half width, circled digits, superscripts.
FORMS = [
    ("cafe\u0301", "café"),
    ("ﬁne", "fine"),
    ("ＡＢＣ", "ABC"),
    ("ｶﾞ", "ガ"),
    ("①", "1"),
    ("m²", "m2"),
    ("…", "..."),
]


@pytest.mark.parametrize("task", ["ocr", "open_ended"])
@pytest.mark.parametrize(("written", "same"), FORMS)
def test_unicode_forms_are_the_same_text(written: str, same: str, task: str) -> None:
    assert accuracy(f"a {written} b", f"a {same} b", task) == 1.0
    assert accuracy(f"a {same} b", f"a {written} b", task) == 1.0


@pytest.mark.parametrize(("written", "same"), FORMS)
def test_unicode_forms_can_count(written: str, same: str) -> None:
    as_written = otr.Recipe(constants={"nfkc": 0})
    assert accuracy(f"a {written} b", f"a {written} b", "ocr", recipe=as_written) == 1.0
    assert accuracy(f"a {written} b", f"a {same} b", "ocr", recipe=as_written) < 1.0
    assert accuracy("ＡＢＣ dogs bark", "ABC dogs bark", "open_ended", recipe=as_written) < 1.0


@pytest.mark.parametrize(
    ("written", "other"),
    [("cafe", "café"), ("Abc", "ABC"), ("a.", "a"), ("I", "l"), ("0", "O"), ("ß", "ss"), ("а", "a")],
)
def test_other_texts_are_not_the_same_transcript(written: str, other: str) -> None:
    assert accuracy(written, other, "ocr") == 0.0


@pytest.mark.parametrize("text", ["**B**", "\\boxed{B}", "(B)", "$B$", "B.", '"B"', "Answer: B"])
def test_transcripts_and_captions_keep_their_marks(text: str) -> None:
    assert accuracy("B", text, "ocr") < 1.0
    assert accuracy(text, text, "ocr") == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("2", "照片中有2条狗在跑"), ("2只猫在睡觉", "照片中有2条狗在跑"), ("LED", "红色的 LED 灯亮着"), ("iPhone", "На столе лежит iPhone"),
     ("3 кошки", "На фото 3 собаки бегут по траве"), ("a", "日本語の文章と a"), ("На фото 2 птицы летят", "В доме 2 собаки спят"),
     ("dog", "Ein Hund läuft über die Straße")],
)  # fmt: skip
def test_one_word_of_latin_decides_no_caption(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "open_ended") < 0.5
    assert accuracy(reference, reference, "open_ended") == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("照片中有3条狗在跑", "照片中有2条狗在跑"), ("На фото 2 собаки бегут по снегу", "На фото 2 собаки бегут по траве"),
     ("Der Hund läuft über die Strasse", "Der Hund läuft über die Straße"), ("红色的 LCD 灯亮着", "红色的 LED 灯亮着"),
     ("Un café à Paris", "un cafe\u0301 à Paris"), ("DOGS are running", "A dog is running")],
)  # fmt: skip
def test_captions_that_share_their_words(answer: str, reference: str) -> None:
    assert accuracy(answer, reference, "open_ended") > 0.3


END_TOKENS = [
    "<|im_end|>", "<|endoftext|>", "</s>", "<|eot_id|>", "<|end_of_text|>", "<|eot|>", "<|eom|>", "<end_of_turn>", "<eos>",
    "<pad>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|end|>", "<|return|>", "<eoa>",
]  # fmt: skip


@pytest.mark.parametrize("token", END_TOKENS)
def test_end_tokens_cost_nothing(token: str) -> None:
    for end in (token, f"\n{token}", f"{token}\n", token * 3, f"{token}<|im_end|>"):
        assert otr.score([wrap("B") + end], ["B"], "multiple_choice").total[0] == 2.0
        assert otr.parse(wrap("B") + end, "multiple_choice").format_fault is None


@pytest.mark.parametrize(
    "end", ["<|im_start|>", "<bos>", "<|end", "end|>", "<|im_end|> Bye", "<|user|>", "<|im_end|>."]
)
def test_other_text_at_the_end_costs_the_format(end: str) -> None:
    batch = otr.score([wrap("B") + end], ["B"], "multiple_choice")
    assert (batch.accuracy[0], batch.format[0]) == (1.0, 0.0)


def test_end_tokens_in_the_answer_are_text() -> None:
    assert accuracy("B<|im_end|>", "B", "multiple_choice") == 0.0
