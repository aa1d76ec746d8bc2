"""Each place where scoring differs from the released code or the paper on purpose.

One test a difference; the first line of its docstring stands in docs/internals/differs.md.
"""

from __future__ import annotations

import math
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.rewards.cases import REFERENCES, wrap


def accuracy(response: str, reference: str, task: str, recipe: str = "paper", **options: Any) -> float:
    return float(otr.score([response], [reference], task, recipe=recipe, **options).accuracy[0])


def total(response: str, reference: str, task: str, recipe: str = "paper") -> float:
    return float(otr.score([response], [reference], task, recipe=recipe).total[0])


@pytest.mark.parametrize("text", ["a / b", "x < y and y > z"])
def test_differs_text_is_compared_as_written(text: str) -> None:
    """Text keeps its white space around `<`, `>` and `/`; the release takes it out of the response."""
    assert accuracy(wrap(text), text, "ocr") == 1.0
    assert accuracy(wrap(text), text, "ocr", "release") < 0.2


def test_differs_thinking_may_quote_an_answer() -> None:
    """An answer inside the thinking is no answer; the release takes the first one anywhere."""
    response = "<think><answer>A</answer></think><answer>B</answer>"
    assert accuracy(response, "A", "multiple_choice", "release") == 1.0
    assert accuracy(response, "A", "multiple_choice") == 0.0
    assert accuracy(response, "B", "multiple_choice") == 1.0


def test_differs_two_answers_are_none() -> None:
    """Two answers are a failure; the release takes the first, and pays for the format."""
    response = "<think>…</think><answer>A</answer><answer>B</answer>"
    assert total(response, "A", "multiple_choice", "release") == 1.5
    batch = otr.score([response], ["A"], "multiple_choice")
    assert (batch.total[0], batch.failure[0]) == (0.0, "several_answers")


def test_differs_a_bare_answer_is_none() -> None:
    """A response without answer tags has no answer; the release takes the whole response for one."""
    assert accuracy("A", "A", "multiple_choice", "release") == 1.0
    batch = otr.score(["A"], ["A"], "multiple_choice")
    assert (batch.accuracy[0], batch.failure[0]) == (0.0, "missing_answer")


def test_differs_a_missing_frame_counts_zero() -> None:
    """Spatio-temporal boxes are averaged over the reference's frames; the release averages over those both name."""
    frames = {str(second): [100, 100, 300, 400] for second in range(1, 12)}
    reference = f'{{"time": [1, 11], "boxes": {frames}}}'.replace("'", '"')
    one = wrap('{"time": [1, 11], "boxes": {"1": [100, 100, 300, 400]}}')
    honest_frames = {second: [100, 100, 300, 250] for second in frames}
    honest = wrap(f'{{"time": [1, 11], "boxes": {honest_frames}}}'.replace("'", '"'))
    task = "spatio_temporal_grounding"
    assert accuracy(one, reference, task, "release") > accuracy(honest, reference, task, "release")
    assert accuracy(one, reference, task) == pytest.approx(1 + 1 / 11)
    assert accuracy(honest, reference, task) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("time", "code"),
    [("NaN", "invalid_json"), ("1e999", "invalid_json"), ("true", "wrong_type"), ('"4"', "wrong_type")],
)
def test_differs_numbers_are_finite_numbers(time: str, code: str) -> None:
    """NaN, booleans and strings are no numbers; the release takes booleans and strings, and NaN poisons its reward."""
    reference = REFERENCES["video_segmentation"]
    batch = otr.score([wrap(reference.replace("4.0", time))], [reference], "video_segmentation")
    assert (batch.total[0], batch.failure[0]) == (0.0, code)


def test_differs_booleans_in_boxes() -> None:
    """A box of booleans is no box; the release reads them as 0 and 1 and pays for the structure."""
    response, reference = wrap('{"boxes": [true, true, 300, 400]}'), '{"boxes": [1, 1, 300, 400]}'
    assert total(response, reference, "spatial_grounding", "release") == 1.5
    assert total(response, reference, "spatial_grounding") == 0.0


@pytest.mark.parametrize("box", ["[300, 400, 100, 100]", "[0, 0, 0, 500]"])
def test_differs_a_box_has_an_area(box: str) -> None:
    """An inverted or empty box earns no format; the release pays the structure reward for it."""
    response = wrap(f'{{"boxes": {box}}}')
    reference = REFERENCES["spatial_grounding"]
    assert otr.score([response], [reference], "spatial_grounding", recipe="release").structure[0] == 0.5
    batch = otr.score([response], [reference], "spatial_grounding")
    assert (batch.total[0], batch.failure[0], batch.format_fault[0]) == (0.0, "bad_order", "bad_order")


def test_differs_coordinates_are_clipped() -> None:
    """Coordinates outside 0…1000 are clipped before they are compared; the release compares them as they are."""
    response, reference = wrap('{"boxes": [0, 0, 1500, 1000]}'), '{"boxes": [0, 0, 1000, 1000]}'
    batch = otr.score([response], [reference], "spatial_grounding")
    assert (batch.accuracy[0], batch.format[0], batch.repairs[0]) == (1.0, 1.0, ("clipped",))
    assert accuracy(response, reference, "spatial_grounding", "release") == pytest.approx(2 / 3)


def test_differs_an_unknown_task_is_an_error() -> None:
    """An unknown task is an error that names its rows; the release pays the structure reward for it."""
    with pytest.raises(otr.UnknownTaskError) as caught:
        otr.score([wrap("x")] * 3, ["x"] * 3, ["ocr", "juggling", "juggling"])
    assert caught.value.rows == (1, 2)


def test_differs_time_is_numbers() -> None:
    """A time span of texts fails; the release pays half of the structure reward for it."""
    reference = REFERENCES["spatio_temporal_grounding"]
    response = wrap(reference.replace("[1.0, 4.0]", '["a", "b"]'))
    assert otr.score([response], [reference], "spatio-temporal grounding", recipe="release").structure[0] == 0.5
    assert otr.score([response], [reference], "spatio-temporal grounding").failure[0] == "wrong_type"


@pytest.mark.parametrize(
    ("answer", "reference", "release", "ours"),
    [
        pytest.param("0", "0.004", 1.0, 0.0, id="reference's own decimals"),
        pytest.param("1,5", "15", 1.0, 0.0, id="comma between thousands only"),
        pytest.param("1_000", "1000", 1.0, 0.0, id="no underscore"),
        pytest.param("1,000", "1000", 1.0, 1.0, id="thousands"),
        pytest.param("0.005", "0.005", 1.0, 1.0, id="same text"),
    ],
)
def test_differs_numerical_rounds_to_the_references_decimals(
    answer: str, reference: str, release: float, ours: float
) -> None:
    """Numbers are rounded to the reference's own decimals, at least two, exactly; the release rounds floats to two."""
    assert accuracy(wrap(answer), reference, "numerical", "release") == release
    assert accuracy(wrap(answer), reference, "numerical") == ours


@pytest.mark.parametrize("answer", ["A.", "A. dog", "**A**", "\\boxed{A}", "(A)", "a"])
def test_differs_option_letters_are_read(answer: str) -> None:
    """An option letter counts in any common dress; the release knows outer brackets and case only."""
    assert accuracy(wrap(answer), "A", "multiple_choice") == 1.0
    assert accuracy(wrap(answer), "A", "multiple_choice", "release") == float(answer in {"(A)", "a"})


@pytest.mark.parametrize("answer", ["Apple", "A or B", "A, B, C, D", "a dog", "I think A"])
def test_differs_hedges_name_no_letter(answer: str) -> None:
    """A hedge or a word is no option letter; the release's evaluation takes the first letter it finds."""
    batch = otr.score([wrap(answer)], ["A"], "multiple_choice")
    assert (batch.accuracy[0], batch.failure[0]) == (0.0, "no_option_letter")


@pytest.mark.parametrize(
    ("answer", "reference"),
    [("**7**", "7"), ("\\boxed{7}", "7"), ("7!", "7"), ("\u22127", "-7"), ("\u00bd", "0.5"), ("1/2", "0.5")],
)
@pytest.mark.parametrize("task", ["numerical", "regression"])
def test_differs_numbers_are_undressed(answer: str, reference: str, task: str) -> None:
    """A number counts in common dress and in common forms; the release takes what Python's `float` takes."""
    assert accuracy(wrap(answer), reference, task, "release") == 0.0
    assert accuracy(wrap(answer), reference, task) == 1.0


@pytest.mark.parametrize(
    ("answer", "reference"), [("Yes.", "yes"), ("**Yes**", "Yes"), ("C, A", "A, C"), ("D", "(D) Alina")]
)
def test_differs_words_and_sets_of_letters_are_read(answer: str, reference: str) -> None:
    """Words are compared undressed, several letters as a set; the release knows outer brackets and case only."""
    assert accuracy(wrap(answer), reference, "multiple_choice", "release") == 0.0
    assert accuracy(wrap(answer), reference, "multiple_choice") == 1.0


def test_differs_words_of_a_transcript_go_by_script() -> None:
    """Each character of a script without spaces is a word of a transcript; the release has one word there."""
    assert accuracy(wrap("你好世"), "你好世界", "ocr", "release") == 0.0
    assert accuracy(wrap("你好世"), "你好世界", "ocr") == 0.75


def test_differs_unicode_forms_are_the_same_text() -> None:
    """Transcripts and captions are compared in Unicode's form NFKC; the release compares them as they are written."""
    assert accuracy(wrap("cafe\u0301 noir"), "caf\u00e9 noir", "ocr", "release") == 0.5
    assert accuracy(wrap("cafe\u0301 noir"), "caf\u00e9 noir", "ocr") == 1.0
    assert accuracy(wrap("a cafe\u0301"), "a caf\u00e9", "open_ended") == 1.0


@pytest.mark.parametrize("answer", ["2\\pi", "$2\\pi$"])
def test_differs_math_needs_no_dollar_signs(answer: str) -> None:
    """Formulas are read with or without dollar signs; the release reads nothing outside them."""
    assert accuracy(wrap(answer), "$2\\pi$", "math") == 1.0
    assert accuracy(wrap(answer), "$2\\pi$", "math", "release") == float(answer.startswith("$"))


def test_differs_mra_in_double_precision() -> None:
    """MRA is computed in double precision with strict thresholds; the release computes in float32 with 1e-8 added."""
    assert accuracy(wrap("0"), "0", "regression") == 1.0
    assert accuracy(wrap("0.001"), "0", "regression") == 0.0
    # At exactly 10 % the comparison is strict; in float32 0.1 is less than the threshold of 0.10000002.
    assert accuracy(wrap("110"), "100", "regression") == pytest.approx(0.8)
    assert accuracy(wrap("110"), "100", "regression", "release") == pytest.approx(0.9)


def test_differs_total_is_accuracy_plus_format() -> None:
    """The total is accuracy + format as in the paper; the release weighs them 0.9 and 0.1 and adds up to 0.5."""
    reference = REFERENCES["temporal_grounding"]
    assert total(wrap(reference), reference, "temporal_grounding") == 2.0
    assert total(wrap(reference), reference, "temporal_grounding", "release") == 1.5


def test_differs_segmentation_terms_are_added() -> None:
    """Segmentation adds its terms as in the paper; the release weighs them."""
    reference = REFERENCES["image_segmentation"]
    assert accuracy(wrap(reference), reference, "image_segmentation") == 3.0
    assert accuracy(wrap(reference), reference, "image_segmentation", "release") == 1.0


def test_differs_keyframe_time_is_gaussian() -> None:
    """The keyframe's time is scored by a Gaussian with sigma = 1 s; the release takes exp(-|dt|/2)."""
    reference = REFERENCES["video_segmentation"]
    later = wrap(reference.replace("4.0", "6.0"))
    ours = otr.score([later], [reference], "video_segmentation").parts["time_proximity"][0]
    theirs = otr.score([later], [reference], "video_segmentation", recipe="release").parts["time_proximity"][0]
    assert ours == pytest.approx(math.exp(-2.0))
    assert theirs == pytest.approx(math.exp(-1.0))


def test_differs_a_failed_judge_gives_no_number() -> None:
    """A judge that fails gives NaN and a failure code; the release takes ROUGE without a word."""

    def judge(questions: Any, answers: Any, references: Any) -> list[float]:
        raise ConnectionRefusedError("nobody there")

    with otr.Scorer(judge=judge) as scorer:
        batch = scorer.score([wrap("a dog")], ["a dog"], "open_ended")
    assert math.isnan(batch.total[0])
    assert batch.failure == ["judge_unreachable"]


def test_differs_saying_it_again_counts_once() -> None:
    """A text that says one sequence of words several times counts as saying it once; under the release it can pay."""
    once, twice = wrap("b a"), wrap("b a, b a")
    assert accuracy(twice, "a b c", "open_ended", "release") > accuracy(once, "a b c", "open_ended", "release")
    assert accuracy(twice, "a b c", "open_ended") == accuracy(once, "a b c", "open_ended")
    assert accuracy(wrap("ha"), "ha ha ha", "open_ended") == 1.0


def test_differs_one_word_has_no_pairs() -> None:
    """Beside a reference of one word ROUGE-2 is left out of the mean; the release counts it as 0, and 2/3 is all."""
    assert accuracy(wrap("yes"), "Yes.", "open_ended", "release") == pytest.approx(2 / 3)
    assert accuracy(wrap("yes"), "Yes.", "open_ended") == 1.0
    assert accuracy(wrap("no"), "Yes.", "open_ended") == 0.0


@pytest.mark.parametrize(("text", "half"), [("猫が寝る", "猫が"), ("Дождь идёт", "Дождь"), ("…", "?!")])
def test_differs_words_of_any_script(text: str, half: str) -> None:
    """Captions are compared by words of any script; the release sees only `a-z0-9`, and scores 0 without them."""
    assert accuracy(wrap(text), text, "open_ended", "release") == 0.0
    assert accuracy(wrap(text), text, "open_ended") == 1.0
    assert accuracy(wrap(half), text, "open_ended") < 0.7
    assert accuracy(wrap("2"), "\u732b\u304c2\u5339\u5bdd\u308b", "open_ended") < 0.7


@pytest.mark.parametrize("recipe", ["paper", "release"])
def test_differs_an_unreadable_reference_is_an_error(recipe: str) -> None:
    """An unreadable reference is an error that names its rows, in every recipe; the release scores it 0."""
    with pytest.raises(otr.BadReferenceError) as caught:
        otr.score([wrap("1"), wrap("2"), wrap("3")], ["1", "about 2", "twelve"], "numerical", recipe=recipe)
    assert caught.value.rows == (1, 2)


def test_differs_format_asks_for_the_schema() -> None:
    """The format reward asks for an answer in its task's schema; the release looks at the tags alone."""
    response = wrap("around noon")
    reference = REFERENCES["temporal_grounding"]
    assert otr.score([response], [reference], "temporal_grounding", recipe="release").format[0] == 1.0
    batch = otr.score([response], [reference], "temporal_grounding")
    assert (batch.format[0], batch.format_fault[0]) == (0.0, "invalid_json")


def test_differs_format_allows_end_tokens() -> None:
    """End tokens behind the answer cost nothing; the release gives such a response no format reward."""
    response = wrap("B") + "<|im_end|>"
    assert otr.score([response], ["B"], "multiple_choice").format[0] == 1.0
    assert otr.score([response], ["B"], "multiple_choice", recipe="release").format[0] == 0.0
