r"""Answers that the generated tables score: what is written, what was asked for, and what the row shows."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CASES", "LETTERS", "Case"]


class Case(NamedTuple):
    """One row of a task's table."""

    answer: str
    reference: str
    shows: str


# Ways of writing that mean, or seem to mean, option A.
LETTERS = (
    "A",
    "a",
    "(A)",
    "[A]",
    "A.",
    "A)",
    "A:",
    "A. a dog",
    "A) a dog",
    "A: a dog",
    "**A**",
    "*A*",
    "**A.** a dog",
    r"\boxed{A}",
    r"\text{A}",
    "$A$",
    r"$\boxed{\text{A}}$",
    "Option A",
    "Answer: A",
    "The answer is A",
    "The correct answer is: A.",
    "Final answer: (A)",
    "The choice is **A**",
    "(A) a dog",
    "a. a dog",
    "A dog",
    "a dog",
    "Apple",
    "AB",
    "A or B",
    "A and B",
    "A, B, C, D",
    "A. a dog B. a cat",
    "A. B",
    "I think A",
    "The answer is A because it barks",
    "`A`",
    '"A"',
    "1",
    "None of these",
)

_SPAN = '{"time": [10, 20]}'
_BOX = '{"boxes": [100, 100, 300, 300]}'
_TRACK = '{"boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500]}}'
_TIMED = '{"time": [1, 3], "boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500]}}'
_POINTS = '"positive_points": [[50, 50], [60, 60], [70, 70]], "negative_points": [[5, 5], [95, 5], [5, 95]]'
_PROMPT = '{"boxes": [0, 0, 100, 100], ' + _POINTS + "}"
_TIMED_PROMPT = '{"time": 4, "boxes": [0, 0, 100, 100], ' + _POINTS + "}"

CASES: dict[str, tuple[Case, ...]] = {
    "multiple_choice": (
        Case("B", "B", "the letter alone"),
        Case("b", "B", "any case"),
        Case("B. a cat", "B", "the letter and its text"),
        Case(r"\boxed{B}", "B", "wrapped"),
        Case("C", "B", "another letter"),
        Case("A or B", "B", "two letters"),
        Case("Yes", "yes", "a reference without a letter is compared as casefolded text"),
        Case("Yes, it is", "yes", "no more than that"),
    ),
    "numerical": (
        Case("3.14", "3.14", "equal"),
        Case("3.141", "3.14", "equal at the reference's two decimals"),
        Case("3.15", "3.14", "not equal at two decimals"),
        Case("2.5", "2.50001", "five decimals are asked for"),
        Case("0", "0.004", "three decimals are asked for"),
        Case("0.004", "0", "a reference without decimals is compared at two"),
        Case("2.675", "2.68", "rounded as written, not as stored in binary"),
        Case("1,234", "1234", "commas between thousands"),
        Case("1,5", "15", "a comma elsewhere"),
        Case("1_000", "1000", "Python's notation"),
        Case("12 cm", "12", "a unit"),
        Case("50%", "50", "a per cent sign"),
        Case("\u22125", "-5", "a typographic minus"),
    ),
    "regression": (
        Case("100", "100", "equal"),
        Case("104", "100", "4 % off: below all ten tolerances"),
        Case("110", "100", "10 % off: strictly below eight of ten, in double precision"),
        Case("112", "100", "12 % off: below eight of ten"),
        Case("149", "100", "49 % off: below one"),
        Case("150", "100", "50 % off: strictly below none"),
        Case("-100", "100", "the wrong sign"),
        Case("0", "0", "a reference of 0 asks for 0"),
        Case("0.001", "0", "no relative error exists here"),
        Case("about 100", "100", "words"),
    ),
    "math": (
        Case(r"$2\pi$", r"$2\pi$", "equal as written"),
        Case(r"2\pi", r"$2\pi$", "without dollar signs"),
        Case(r"$\frac{1}{2}$", "0.5", "a fraction and a decimal"),
        Case(r"$x + y$", "$y + x$", "equal after rearranging"),
        Case("(1, 2)", "(1,2)", "a tuple"),
        Case(r"$\sqrt{8}$", r"$2\sqrt{2}$", "the same root"),
        Case("[1, 2)", "[1,2)", "an interval"),
        Case("80 apples", "80", "words beside the one number"),
        Case("0.333", r"$\frac{1}{3}$", "near is not equal"),
        Case(r"$16\pi$ or maybe $4\pi$", r"$16\pi$", "two expressions"),
        Case("?!", "80", "no expression"),
    ),
    "ocr": (
        Case("Platform 9", "Platform 9", "equal"),
        Case("Platform  9", "Platform 9", "white space only parts words"),
        Case("platform 9", "Platform 9", "case counts"),
        Case("Platform 9.", "Platform 9", "punctuation counts"),
        Case("Platform", "Platform 9", "one of two words left out"),
        Case("to Platform 9", "Platform 9", "one word too many"),
        Case("the train to the coast", "Platform 9", "more errors than words"),
        Case("a / b", "a / b", "nothing is normalized"),
        Case("x < y and y > z", "x < y and y > z", "nothing is normalized"),
    ),
    "open_ended": (
        Case("A cat sleeps on the sofa.", "A cat sleeps on the sofa.", "equal"),
        Case("a cat sleeps on the sofa", "A cat sleeps on the sofa.", "case and punctuation do not count"),
        Case("The cat is sleeping on a sofa.", "A cat sleeps on the sofa.", "stems count, words around them too"),
        Case("On the sofa sleeps a cat.", "A cat sleeps on the sofa.", "the same words in another order"),
        Case("A dog barks.", "A cat sleeps on the sofa.", "one word shared"),
        Case("Nothing.", "A cat sleeps on the sofa.", "no word shared"),
        Case("A cat! A cat! A cat!", "A cat sleeps on the sofa.", "said three times"),
        Case("A cat!", "A cat sleeps on the sofa.", "said once"),
        Case("yes", "Yes.", "one word"),
        Case("一只猫", "一只猫。", "another script"),
    ),
    "temporal_grounding": (
        Case(_SPAN, _SPAN, "equal"),
        Case('{"time": [10, 15]}', _SPAN, "half of it"),
        Case('{"time": [15, 25]}', _SPAN, "5 s shared, 15 s covered"),
        Case('{"time": [30, 40]}', _SPAN, "apart"),
        Case('{"time": [5, 5]}', '{"time": [5, 5]}', "the same moment twice"),
        Case('{"time": [20, 10]}', _SPAN, "end before start"),
        Case('{"time": [-1, 20]}', _SPAN, "before the video"),
        Case('{"time": ["10", "20"]}', _SPAN, "strings"),
        Case('{"time": [10, NaN]}', _SPAN, "NaN is no JSON"),
        Case('{"time": [10, 20], "note": "x"}', _SPAN, "one key too many"),
    ),
    "spatial_grounding": (
        Case(_BOX, _BOX, "equal"),
        Case('{"boxes": [100, 100, 300, 200]}', _BOX, "half of it"),
        Case('{"boxes": [200, 200, 400, 400]}', _BOX, "a quarter shared"),
        Case('{"boxes": [500, 500, 600, 600]}', _BOX, "apart"),
        Case('{"boxes": [-20, 0, 500, 1040]}', '{"boxes": [0, 0, 500, 1000]}', "clipped first"),
        Case('{"boxes": [300, 300, 100, 100]}', _BOX, "corners swapped"),
        Case('{"boxes": [100, 100, 100, 300]}', _BOX, "no width"),
        Case('{"boxes": [1100, 0, 1200, 100]}', _BOX, "nothing left after clipping"),
        Case('{"boxes": [[100, 100, 300, 300]]}', _BOX, "a list of boxes"),
        Case('{"bbox_2d": [100, 100, 300, 300]}', _BOX, "another key"),
    ),
    "spatio_temporal_grounding": (
        Case(_TIMED, _TIMED, "equal"),
        Case('{"time": [1, 3], "boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "one of two frames left out"),
        Case(
            '{"time": [1, 3], "boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500], "9": [0, 0, 9, 9]}}',
            _TIMED,
            "a frame that the reference does not name",
        ),
        Case('{"time": [2, 4], "boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 250]}}', _TIMED, "tIoU ⅓, sIoU ¾"),
        Case('{"time": [5, 6], "boxes": {"5": [0, 0, 500, 500]}}', _TIMED, "no frame in common"),
        Case('{"time": ["a", "b"], "boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "words for times"),
        Case('{"boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "no time"),
        Case('{"time": [1, 3], "boxes": {}}', _TIMED, "no box"),
    ),
    "tracking": (
        Case(_TRACK, _TRACK, "equal"),
        Case('{"boxes": {"1": [0, 0, 500, 500]}}', _TRACK, "one of two frames left out"),
        Case(
            '{"boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500], "3": [0, 0, 9, 9]}}',
            _TRACK,
            "a frame that the reference does not name",
        ),
        Case('{"boxes": {"1": [0, 0, 500, 250], "2": [0, 0, 250, 500]}}', _TRACK, "half of each box"),
        Case('{"boxes": {"01": [0, 0, 500, 500]}}', _TRACK, "a key with a leading zero"),
        Case('{"boxes": {"1": [500, 500, 0, 0], "2": [0, 0, 500, 500]}}', _TRACK, "one box with its corners swapped"),
        Case('{"boxes": {"1": [0, 0, 500, 500], "2": [0, 0,', _TRACK, "cut off at the token limit"),
    ),
    "image_segmentation": (
        Case(_PROMPT, _PROMPT, "equal"),
        Case(_PROMPT.replace("[[50, 50], [60, 60]", "[[60, 60], [50, 50]"), _PROMPT, "points in another order"),
        Case(_PROMPT.replace("[50, 50]", "[200, 50]"), _PROMPT, "one point 150 off: a mean distance of 50"),
        Case(_PROMPT.replace("[0, 0, 100, 100]", "[500, 500, 600, 600]"), _PROMPT, "the box apart"),
        Case(_PROMPT.replace(", [70, 70]", ""), _PROMPT, "two points for three"),
        Case(_PROMPT.replace("100, 100]", "100, true]"), _PROMPT, "a boolean"),
        Case(_BOX, _PROMPT, "no points"),
    ),
    "video_segmentation": (
        Case(_TIMED_PROMPT, _TIMED_PROMPT, "equal"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": 5'), _TIMED_PROMPT, "1 s off"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": 9'), _TIMED_PROMPT, "5 s off"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": true'), _TIMED_PROMPT, "a boolean"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": NaN'), _TIMED_PROMPT, "NaN is no JSON"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": -1'), _TIMED_PROMPT, "before the video"),
        Case(_PROMPT, _TIMED_PROMPT, "no time"),
    ),
}
