"""Error rates and ROUGE: golden cases, textbook oracles, hostile texts, jiwer and rouge-score."""

from __future__ import annotations

import itertools
import re
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics import character_error_rate, edit_similarity, rouge, rouge_reward, word_error_rate
from tests import oracles_text as oracle


def columns(rows: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [row[0] for row in rows], [row[1] for row in rows]


few_words = st.lists(st.sampled_from(["a", "b", "ab", "Ab", "é", "e\u0301"]), max_size=8)
spaces = st.sampled_from([" ", "  ", "\n", "\t", "\u3000", "\xa0"])
read_texts = st.builds(lambda words, space: space.join(words), few_words, spaces) | st.text(max_size=12)
read_pairs = st.lists(st.tuples(read_texts, read_texts), max_size=8)


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 0.0, id="equal"),
        pytest.param("the dog sat", "the cat sat", 1 / 3, id="substitution"),
        pytest.param("the sat", "the cat sat", 1 / 3, id="deletion"),
        pytest.param("the big cat sat", "the cat sat", 1 / 3, id="insertion"),
        pytest.param("a b c d", "x", 4.0, id="above one"),
        pytest.param("", "a b", 1.0, id="empty prediction"),
        pytest.param("a b", "", 2.0, id="empty reference counts the words"),
        pytest.param(" \n", "\t", 0.0, id="both empty"),
        pytest.param("a\u3000b\nc", "a b c", 0.0, id="any white space"),
        pytest.param("a\u200bb", "a b", 1.0, id="zero-width space joins"),
        pytest.param("The cat.", "the cat", 1.0, id="case and punctuation count"),
        pytest.param("caf\u00e9", "cafe\u0301", 1.0, id="composed and decomposed differ"),
        pytest.param("a / b", "a/b", 3.0, id="nothing is collapsed"),
        pytest.param("\ud800 b", "\ud800 c", 0.5, id="lone surrogate"),
    ],
)
def test_word_error_rate(predicted: str, reference: str, expected: float) -> None:
    assert word_error_rate([predicted], [reference]).tolist() == [expected]


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("sitting", "kitten", 0.5, id="textbook"),
        pytest.param("a  b", "a b", 0.0, id="runs of spaces"),
        pytest.param("ab", "a b", 1 / 3, id="a space is a character"),
        pytest.param("abc", "", 3.0, id="empty reference counts the characters"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param("\U0001f600", "\U0001f601", 1.0, id="one code point"),
    ],
)
def test_character_error_rate(predicted: str, reference: str, expected: float) -> None:
    assert character_error_rate([predicted], [reference]).tolist() == [expected]


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("kitten", "sitting", 4 / 7, id="textbook"),
        pytest.param("", "", 1.0, id="both empty"),
        pytest.param("", "abc", 0.0, id="empty prediction"),
        pytest.param("abc", "", 0.0, id="empty reference"),
        pytest.param("abc", "xyz", 0.0, id="nothing in common"),
        pytest.param("ab", "ba", 0.0, id="a transposition is two edits"),
        pytest.param("a b", "a  b", 0.75, id="white space counts"),
        pytest.param("A", "a", 0.0, id="case counts"),
        pytest.param("caf\u00e9", "cafe\u0301", 0.6, id="composed and decomposed differ"),
        pytest.param("\ud800b", "\ud800c", 0.5, id="lone surrogate"),
        pytest.param("\U0001f600", "\U0001f601", 0.0, id="one code point"),
    ],
)
def test_edit_similarity(predicted: str, reference: str, expected: float) -> None:
    assert edit_similarity([predicted], [reference]).tolist() == [pytest.approx(expected)]


@given(st.lists(st.tuples(st.text("ab\u00e9 ", max_size=8), st.text("ab\u00e9 ", max_size=8)), max_size=5))
@settings(max_examples=50)
def test_edit_similarity_agrees_with_the_table(rows: list[tuple[str, str]]) -> None:
    expected = [1 - oracle.edit_distance(*row) / max(*map(len, row), 1) for row in rows]
    scores = edit_similarity(*columns(rows))
    assert scores.shape == (len(rows),)
    assert scores.tolist() == pytest.approx(expected)
    assert scores.tolist() == edit_similarity(*columns(rows)[::-1]).tolist()


@pytest.mark.parametrize(("predicted", "reference"), [(["a"], []), ("a", ["a"]), (["a"], [1]), ([None], ["a"])])
def test_edit_similarity_takes_two_lists_of_texts(predicted: object, reference: object) -> None:
    with pytest.raises(ArgumentError):
        edit_similarity(predicted, reference)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [
        pytest.param((), 1.0, id="none"),
        pytest.param(("case",), 0.5, id="case"),
        pytest.param(("punctuation",), 0.5, id="punctuation"),
        pytest.param(("case", "punctuation"), 0.0, id="both"),
    ],
)
def test_error_rates_normalization(normalize: tuple[str, ...], expected: float) -> None:
    assert word_error_rate(["The cat!"], ["the cat"], normalize=normalize).tolist() == [expected]


def test_error_rates_normalization_of_width_comes_first() -> None:
    assert word_error_rate(["\uff21\uff22\uff01"], ["ab"], normalize=["punctuation", "case", "width"]).tolist() == [0.0]
    # TELEPHONE SIGN becomes capitals, PARENTHESIZED IDEOGRAPH STOCK brackets.
    assert word_error_rate(["\u2121 \u3231"], ["tel \u682a"], normalize=["punctuation", "case", "width"]).tolist() == [
        0.0
    ]
    assert character_error_rate(["\uff21\uff22"], ["AB"], normalize=["width"]).tolist() == [0.0]


@given(read_pairs)
def test_error_rates_equal_the_textbook(rows: list[tuple[str, str]]) -> None:
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    words = [oracle.word_error_rate(*row) for row in rows]
    characters = [oracle.character_error_rate(*row) for row in rows]
    assert word_error_rate(predicted, reference).tolist() == words
    assert character_error_rate(predicted, reference).tolist() == characters


@pytest.mark.peer
@given(read_pairs)
def test_error_rates_equal_jiwer(rows: list[tuple[str, str]]) -> None:
    import jiwer

    joined = [(" ".join(predicted.split()), " ".join(reference.split())) for predicted, reference in rows]
    words = [
        jiwer.wer(reference, predicted) if reference else len(predicted.split()) for predicted, reference in joined
    ]
    characters = [jiwer.cer(reference, predicted) if reference else len(predicted) for predicted, reference in joined]
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    np.testing.assert_allclose(word_error_rate(predicted, reference), words, rtol=0, atol=1e-15)
    np.testing.assert_allclose(character_error_rate(predicted, reference), characters, rtol=0, atol=1e-15)


@pytest.mark.peer
def test_error_rates_of_empty_texts_as_jiwer_has_them() -> None:
    import jiwer

    assert word_error_rate(["a b", ""], ["", ""]).tolist() == [jiwer.wer("", "a b"), jiwer.wer("", "")]


@pytest.mark.peer
@given(st.text(max_size=30) | st.text(".,;!?¿—“”«»()[]_-&@#%*/\\'aBÇßİ \u3001", max_size=30))
def test_error_rates_normalize_as_jiwer_does(text: str) -> None:
    import jiwer

    steps = (("case", jiwer.ToLowerCase()), ("punctuation", jiwer.RemovePunctuation()))
    for name, step in steps:
        expected = " ".join(step.process_string(text).split())
        changed = character_error_rate([text], [expected], normalize=[name])[0]
        assert changed == 0.0


@given(read_pairs)
def test_error_rates_of_a_batch_equal_those_of_its_rows(rows: list[tuple[str, str]]) -> None:
    predicted, reference = [row[0] for row in rows], [row[1] for row in rows]
    alone = [word_error_rate([p], [r])[0] for p, r in rows]
    assert word_error_rate(predicted, reference).tolist() == alone


def test_error_rates_of_no_rows() -> None:
    assert word_error_rate([], []).shape == (0,)
    assert word_error_rate([], []).dtype == np.float64


def test_error_rates_name_arguments_that_do_not_fit() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        word_error_rate(["a"], [])
    with pytest.raises(ArgumentError, match="normalize"):
        word_error_rate(["a"], ["a"], normalize="case")
    with pytest.raises(ArgumentError, match="normalize"):
        character_error_rate(["a"], ["a"], normalize=["lower"])


rouge_words = st.sampled_from(
    ["a", "the", "dogs", "dog", "running", "runs", "ran", "x1", "Żółw", "İ", "flies", "skies", "1990s"]
)
rouge_sentences = (
    st.lists(rouge_words, max_size=9).map(" ".join) | st.text(max_size=20) | st.text("ab \x01\n?", max_size=12)
)
rouge_pairs = st.lists(st.tuples(rouge_sentences, rouge_sentences), max_size=6)


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 1.0, id="equal"),
        pytest.param("dogs running", "Dog, RUN!", 1.0, id="stems, case and punctuation"),
        pytest.param("sat cat", "cat sat", (1 + 0 + 1 / 2) / 3, id="reversed"),
        pytest.param(
            "a a a b", "a b b b", (2 / 4 + 1 / 3 + 2 / 4) / 3, id="repeated words count as often as both have them"
        ),
        pytest.param("a", "a", 2 / 3, id="one word has no pair"),
        pytest.param("a", "b", 0.0, id="nothing shared"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param("", "a", 0.0, id="empty prediction"),
        pytest.param("日本語", "日本語", 0.0, id="no word of a-z0-9"),
        pytest.param("\u212aelvin", "kelvin", 2 / 3, id="lowered before letters are chosen"),
        pytest.param("a\x01b", "a b", 1.0, id="a control character separates words"),
        pytest.param("\ud800 a b", "a b", 1.0, id="lone surrogate"),
        pytest.param("a b c d", "a b c e", (3 / 4 + 2 / 3 + 3 / 4) / 3, id="the last word differs"),
        pytest.param("ab" * 40 + "ing", "ab" * 40 + "ed", 2 / 3, id="stems of very long words"),
    ],
)
def test_rouge(predicted: str, reference: str, expected: float) -> None:
    assert rouge([predicted], [reference])[0] == pytest.approx(expected, abs=1e-12)


@given(rouge_pairs)
@example([("a\x01b", "c"), ("d", "\x01")])
def test_rouge_equals_the_textbook(rows: list[tuple[str, str]]) -> None:
    expected = [oracle.rouge(*row) for row in rows]
    np.testing.assert_allclose(rouge(*columns(rows)), expected, rtol=0, atol=1e-12)


@pytest.mark.peer
@given(rouge_pairs)
def test_rouge_equals_rouge_score(rows: list[tuple[str, str]]) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    scores = [scorer.score(reference, predicted) for predicted, reference in rows]
    expected = [sum(part.fmeasure for part in score.values()) / 3 for score in scores]
    np.testing.assert_allclose(rouge(*columns(rows)), expected, rtol=0, atol=1e-9)


@given(rouge_pairs)
def test_rouge_of_a_batch_equals_its_rows(rows: list[tuple[str, str]]) -> None:
    assert rouge(*columns(rows)).tolist() == [rouge([p], [r])[0] for p, r in rows]


@given(rouge_pairs)
def test_rouge_is_symmetric(rows: list[tuple[str, str]]) -> None:
    predicted, reference = columns(rows)
    assert rouge(predicted, reference).tolist() == rouge(reference, predicted).tolist()


heads = st.builds(
    lambda first, run, length: first + run * length,
    st.text("aby", max_size=6),
    st.sampled_from("aby0"),
    st.integers(30, 90),
)
TAILS = ("", "ing", "ies", "yed", "ational", "fulli", "logi", "iviti", "ement", "sses", "eed", "ll", "yyy")


@given(heads | st.text("aby", min_size=60, max_size=80) | st.text("0abcdey", min_size=60, max_size=80))
def test_rouge_of_very_long_words_has_porters_stem(head: str) -> None:
    rows = [(head + tail, head + other) for tail in TAILS for other in TAILS]
    expected = [oracle.rouge(*row) for row in rows]
    np.testing.assert_allclose(rouge(*columns(rows)), expected, rtol=0, atol=1e-12)


def test_rouge_of_long_texts_and_words() -> None:
    long = " ".join(f"w{index}" for index in range(100_000))
    assert rouge([long, "y" * 5_000_000], [long, "y"]).tolist() == [1.0, 0.0]


@given(rouge_pairs)
@example([("a\x01b", "b a"), ("\u0130 a", "i a"), ("\u212ay", "key ky"), ("", "")])
def test_rouge_of_long_texts_counts_what_short_ones_share(rows: list[tuple[str, str]]) -> None:
    """Words that no reference has add to the length of a text, and to nothing else."""
    filler = 2_000
    long = [" ".join([predicted, *("z9z" + str(index) for index in range(filler))]) for predicted, _ in rows]
    expected: list[float] = []
    for predicted, reference in rows:
        left, right = oracle.stems(predicted), oracle.stems(reference)
        pairs = [Counter(itertools.pairwise(words)) for words in (left, right)]
        total = len(left) + len(right) + filler
        shared = (Counter(left) & Counter(right)).total() + oracle.longest_common_subsequence(left, right)
        shared_pairs = (pairs[0] & pairs[1]).total()
        expected.append((2 * shared / total + 2 * shared_pairs / max(1, total - 2)) / 3)
    assert all(len(text) > 10_000 for text in long)
    np.testing.assert_allclose(rouge(long, columns(rows)[1]), expected, rtol=0, atol=1e-12)


ENDINGS = (
    "s es ed ing eed ied ies sses y i e al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti "
    "ous ive ize icate ative alize iciti ical ful ness ational tional enci anci ency ancy izer bli bly alli ally entli "
    "ently eli ely ousli ously ization ation ator alism iveness fulness ousness aliti ality iviti ivity biliti bility "
    "fulli fully logi logy l ll tt bb at bl iz"
).split()
built = st.builds(
    lambda base, endings: base + "".join(endings),
    st.text("aeioubdlrstvyz1", max_size=5) | st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12),
    st.lists(st.sampled_from(ENDINGS), max_size=5),
)
irregular = st.sampled_from("sky skies dying lying tying news innings outing cannings howe proceed exceed".split())


@given(built | irregular, built | irregular)
@settings(max_examples=300)
def test_rouge_of_two_built_words_is_the_textbook(word: str, other: str) -> None:
    assert rouge([word], [other])[0] == pytest.approx(oracle.rouge(word, other), abs=1e-12)


@given(built | irregular, st.sampled_from(ENDINGS), st.sampled_from(ENDINGS))
@settings(max_examples=300)
def test_rouge_of_two_endings_is_the_textbook(word: str, ending: str, other: str) -> None:
    assert rouge([word + ending], [word + other])[0] == pytest.approx(
        oracle.rouge(word + ending, word + other), abs=1e-12
    )


@pytest.mark.parametrize(
    ("word", "other", "expected"),
    [
        pytest.param("red", "red", 1.0, id="three letters"),
        pytest.param("was", "wa", 1 / 3, id="three letters have no ending"),
        pytest.param("tabxed", "tabx", 1.0, id="one ending"),
        pytest.param("relational", "relate", 1.0, id="two endings"),
        pytest.param("hopping", "hop", 1.0, id="one of two letters"),
        pytest.param("tabxxx", "tabxx", 1 / 3, id="two letters without an ending"),
        pytest.param("aeiou1", "aeiou", 1 / 3, id="a digit is no ending"),
    ],
)
def test_rouge_of_words_with_endings(word: str, other: str, expected: float) -> None:
    assert rouge([f"x {word}"], [f"x {other}"])[0] == pytest.approx(expected, abs=1e-12)
    assert oracle.rouge(f"x {word}", f"x {other}") == pytest.approx(expected, abs=1e-12)


@given(st.lists(built | irregular, max_size=8), st.lists(built | irregular, max_size=8))
def test_rouge_of_built_sentences_is_the_textbook(words: list[str], ref_words: list[str]) -> None:
    predicted, reference = " ".join(words), " ".join(ref_words)
    assert rouge([predicted], [reference])[0] == pytest.approx(oracle.rouge(predicted, reference), abs=1e-12)


def test_rouge_only_two_letters_outside_of_ascii_are_lowered_into_it() -> None:
    kept = set("abcdefghijklmnopqrstuvwxyz0123456789")
    odd = [chr(code) for code in range(128, sys.maxunicode + 1) if kept & set(chr(code).lower())]
    assert odd == ["\u0130", "\u212a"]
    assert rouge([f"{letter} a" for letter in odd], ["i a", "k a"]).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "text",
    [
        "the red " * 125_000,
        "a " * 500_000,
        "\u0130" * 1_000_000,
        "9" * 1_000_000,
        "aeb" * 333_333,
        "\ud800" * 1_000_000,
    ],
    ids=["two words", "one word", "I with a dot", "one number", "one long word", "surrogates"],
)
def test_rouge_of_a_megabyte_and_a_sentence(text: str) -> None:
    assert 0.0 <= rouge([text], ["The red chairs stand on a table, I see."])[0] < 0.01


def test_rouge_of_many_words_made_to_look_like_the_reference() -> None:
    letters = "abcdefghijkmnopqrtuvwxz0123456"
    words = [f"tab{first}{second}{third}ed" for first in letters for second in letters for third in letters]
    assert rouge([" ".join(words)], ["the table stands"])[0] == 0.0


def test_rouge_of_more_words_than_stems_are_kept() -> None:
    """Stems of the first words are forgotten, and found again."""
    words = " ".join(str(number) for number in range(1000, 102_000))
    assert rouge([words, "1000 walking"], [words, "1000 walked"]).tolist() == [1.0, 1.0]


def test_rouge_of_no_rows() -> None:
    assert rouge([], []).shape == (0,)


def test_rouge_names_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        rouge(["a"], [])


plain_texts = st.lists(st.sampled_from(["a", "the", "dogs", "dog", "running", "x1", "Żółw"]), max_size=8).map(" ".join)
foreign_texts = st.text("猫犬がカไทย кот\u0915\u093fé…!\u200b ", max_size=10)
known_texts = plain_texts | foreign_texts | st.text("ab \x01\n?", max_size=10)
reward_texts = known_texts | st.text(max_size=12)
reward_pairs = st.lists(st.tuples(reward_texts, reward_texts), max_size=6)


@pytest.mark.parametrize(
    ("predicted", "reference", "expected"),
    [
        pytest.param("the cat sat", "the cat sat", 1.0, id="equal"),
        pytest.param("dogs running", "Dog, RUN!", 1.0, id="stems, case and punctuation"),
        pytest.param("sat cat", "cat sat", (1 + 0 + 1 / 2) / 3, id="reversed"),
        pytest.param("yes", "Yes.", 1.0, id="one word"),
        pytest.param("yes it is", "yes", (1 / 2 + 1 / 2) / 2, id="one word of three"),
        pytest.param("no", "yes", 0.0, id="another word"),
        pytest.param("yes", "yes it is", (1 / 2 + 0 + 1 / 2) / 3, id="one word against three"),
        pytest.param("a b. a b\na b", "a b", 1.0, id="said three times"),
        pytest.param("a b", "A b, a b!", 1.0, id="a reference said twice"),
        pytest.param("b a b a", "a b c", (4 / 5 + 0 + 2 / 5) / 3, id="wrong order said twice"),
        pytest.param("a a b a a b a", "a b", (4 / 9 + 2 / 7 + 4 / 9) / 3, id="said two times and a third"),
        pytest.param("dog dogs", "dog", (2 / 3 + 2 / 3) / 2, id="other words of one stem are no repetition"),
        pytest.param("ha " * 30, "ha", 1.0, id="thirty times"),
        pytest.param("猫が いる。", "猫がいる", 1.0, id="a script without spaces"),
        pytest.param("猫が", "猫がいる", (2 / 3 + 2 / 4 + 2 / 3) / 3, id="half of its characters"),
        pytest.param("ДОЖДЬ идёт", "Дождь идёт!", 1.0, id="another alphabet"),
        pytest.param("дождь", "Дождь идёт!", (2 / 3 + 0 + 2 / 3) / 3, id="half of its words"),
        pytest.param("\u0915\u093f", "\u0915\u093f", 1.0, id="a letter with its mark is one word"),
        pytest.param("cat", "猫", 0.0, id="words of one script against another"),
        pytest.param("猫", "cat", 0.0, id="the other way round"),
        pytest.param("…", "…", 1.0, id="no word at all"),
        pytest.param("!", "…", 0.0, id="other signs"),
        pytest.param("", "", 0.0, id="both empty"),
        pytest.param(" ", " ", 0.0, id="both blank"),
    ],
)
def test_rouge_reward(predicted: str, reference: str, expected: float) -> None:
    assert rouge_reward([predicted], [reference])[0] == pytest.approx(expected, abs=1e-12)
    assert oracle.rouge_reward(predicted, reference) == pytest.approx(expected, abs=1e-12)


@given(st.lists(st.tuples(known_texts, known_texts), max_size=6))
@example([("a\x01b", "c"), ("d", "\x01")])
def test_rouge_reward_equals_the_textbook(rows: list[tuple[str, str]]) -> None:
    expected = [oracle.rouge_reward(*row) for row in rows]
    np.testing.assert_allclose(rouge_reward(*columns(rows)), expected, rtol=0, atol=1e-12)


@given(reward_pairs)
def test_rouge_reward_of_a_batch_equals_its_rows(rows: list[tuple[str, str]]) -> None:
    assert rouge_reward(*columns(rows)).tolist() == [rouge_reward([p], [r])[0] for p, r in rows]


@given(reward_texts)
def test_rouge_reward_of_a_reference_against_itself_is_1(text: str) -> None:
    assert rouge_reward([text], [text])[0] == float(bool(text.strip()))


@given(reward_texts, plain_texts.filter(bool) | st.text("猫犬がт кот", min_size=1, max_size=8), st.integers(2, 7))
@pytest.mark.parametrize("between", [" ", "\n", ". "])
def test_rouge_reward_when_saying_it_again_changes_nothing(between: str, text: str, reference: str, times: int) -> None:
    if oracle.words_of_any_script(text) == text.casefold().split() and not text.isalnum():
        between = " "
    again = between.join([text] * times)
    assert rouge_reward([again], [reference]).tolist() == rouge_reward([text], [reference]).tolist()


@given(plain_texts, plain_texts)
def test_rouge_reward_is_rouge_where_nothing_is_repeated(predicted: str, reference: str) -> None:
    words = [re.findall("[a-z0-9]+", text.lower()) for text in (predicted, reference)]
    if all(oracle.root(side) == side for side in words) and len(words[1]) > 1:
        assert rouge_reward([predicted], [reference]).tolist() == pytest.approx(
            rouge([predicted], [reference]), abs=1e-12
        )


@pytest.mark.parametrize(
    ("text", "once"),
    [("", ""), ("a", "a"), ("A a", "a"), ("a b a b a b a b", "a b"), ("a b a", "a b a"), ("ab ab", "ab"),
     ("aa a", "aa a"), ("a b c d e f " * 30, "a b c d e f"), ("a " * 997, "a")],
)  # fmt: skip
def test_rouge_reward_counts_a_text_as_what_it_repeats(text: str, once: str) -> None:
    reference = f"z {once}"
    assert rouge_reward([text], [reference])[0] == pytest.approx(oracle.rouge(once, reference), abs=1e-12)


def test_rouge_reward_names_lengths_that_differ() -> None:
    with pytest.raises(ArgumentError, match="predicted has 1 rows, reference has 0"):
        rouge_reward(["a"], [])


def test_rouge_reward_of_no_rows() -> None:
    assert rouge_reward([], []).shape == (0,)
