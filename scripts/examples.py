r"""Answers that the generated tables score: the answer, its reference, and what the row shows."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["CASES", "LETTERS", "Case"]


class Case(NamedTuple):
    """One row of a task's table."""

    answer: str
    reference: str
    shows: str
    size: tuple[int, int] | None = None


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
    "The answer is A. B is a cat.",
    "`A`",
    '"A"',
    "A - a dog",
    "A, a dog",
    "A!",
    "\u7b54\u6848\uff1aA",
    "Antwort: A",
    "A, or B",
    "not A",
    "A. No, it is B",
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

_CAT, _DOG = '{"box": [100, 100, 300, 300], "label": "cat"}', '{"box": [500, 500, 700, 600], "label": "dog"}'
_JUNK = ('{"box": [0, 0, 50, 50], "label": "cat"}', '{"box": [800, 0, 900, 50], "label": "bus"}')
_OBJECTS = '{"objects": [' + _CAT + ", " + _DOG + "]}"
_TWO_POINTS = '{"points": [[150, 150], [600, 700]]}'
_IN_BOX = '{"boxes": [[100, 100, 300, 300]]}'
_BUTTON = '{"box": [100, 100, 300, 140]}'
_CORNERS = '{"corners": [[300, 200], [500, 300], [400, 500], [200, 400]]}'
_SEGMENTS = '{"times": [[5, 10], [20, 24]]}'
_POINT_TRACK = '{"points": {"1": [400, 200], "2": [410, 200], "3": null}}'
_RATING = '{"score": 3.4, "scale": [1, 5]}'
_ORDER = '{"order": ["A", "B", "C", "D"]}'

CASES: dict[str, tuple[Case, ...]] = {
    "multiple_choice": (
        Case("B", "B", "the letter alone"),
        Case("b", "B", "any case"),
        Case("B. a cat", "B", "the letter and its text"),
        Case(r"\boxed{B}", "B", "wrapped"),
        Case("C", "B", "another letter"),
        Case("A or B", "B", "two letters"),
        Case("**Yes.**", "yes", "any other reference is compared without case and formatting"),
        Case("C, A", "A, C", "a reference of several letters is a set"),
        Case("D", "(D) Alina", "a letter with its text counts as the letter"),
        Case("Yes, it is", "yes", "text after the word does not match"),
    ),
    "numerical": (
        Case("3.14", "3.14", "equal"),
        Case("3.141", "3.14", "equal at the reference's two decimals"),
        Case("3.15", "3.14", "not equal at two decimals"),
        Case("2.5", "2.50001", "the reference has five decimals"),
        Case("0", "0.004", "the reference has three decimals"),
        Case("0.004", "0", "a reference without decimals is compared at two decimals"),
        Case("2.675", "2.68", "rounded as written, not as stored in binary"),
        Case("1,234", "1234", "commas between thousands"),
        Case("1,5", "15", "a comma that does not separate thousands"),
        Case("1_000", "1000", "Python's notation"),
        Case("12 cm", "12", "a unit"),
        Case("50%", "50", "a per cent sign"),
        Case("\u22125", "-5", "a typographic minus"),
        Case("**7**", "7", "formatting that does not change the value"),
        Case("1/2", "0.5", "a fraction"),
        Case("66.67", "66.66666666666667", "a reference with more than six decimals"),
    ),
    "regression": (
        Case("100", "100", "equal"),
        Case("104", "100", "4 % off: below all ten tolerances"),
        Case("110", "100", "10 % off: strictly below eight of ten, in double precision"),
        Case("112", "100", "12 % off: below eight of ten"),
        Case("149", "100", "49 % off: below one"),
        Case("150", "100", "50 % off: strictly below none"),
        Case("-100", "100", "the wrong sign"),
        Case("0", "0", "a reference of 0 requires 0"),
        Case("0.001", "0", "the relative error is undefined"),
        Case("about 100", "100", "words instead of a number"),
    ),
    "math": (
        Case(r"$2\pi$", r"$2\pi$", "equal as written"),
        Case(r"2\pi", r"$2\pi$", "without dollar signs"),
        Case(r"$\frac{1}{2}$", "0.5", "a fraction and a decimal"),
        Case(r"$x + y$", "$y + x$", "equal after rearranging"),
        Case("(1, 2)", "(1,2)", "a tuple"),
        Case(r"$\sqrt{8}$", r"$2\sqrt{2}$", "the same root"),
        Case("[1, 2)", "[1,2)", "an interval"),
        Case("80 apples", "80", "a number with words"),
        Case("0.333", r"$\frac{1}{3}$", "close is not equal"),
        Case(r"$16\pi$ or maybe $4\pi$", r"$16\pi$", "two expressions"),
        Case("?!", "80", "no expression"),
    ),
    "ocr": (
        Case("Platform 9", "Platform 9", "equal"),
        Case("Platform  9", "Platform 9", "the amount of white space does not count"),
        Case("platform 9", "Platform 9", "case counts"),
        Case("Platform 9.", "Platform 9", "punctuation counts"),
        Case("Platform", "Platform 9", "one of two words missing"),
        Case("to Platform 9", "Platform 9", "one word too many"),
        Case("the train to the coast", "Platform 9", "more errors than words"),
        Case("a / b", "a / b", "white space is kept"),
        Case("x < y and y > z", "x < y and y > z", "white space is kept"),
        Case("\u4f60\u597d\u4e16", "\u4f60\u597d\u4e16\u754c", "characters of scripts without spaces are words"),
        Case("cafe\u0301", "caf\u00e9", "the same text in another Unicode form"),
    ),
    "open_ended": (
        Case("A cat sleeps on the sofa.", "A cat sleeps on the sofa.", "equal"),
        Case("a cat sleeps on the sofa", "A cat sleeps on the sofa.", "case and punctuation do not count"),
        Case("The cat is sleeping on a sofa.", "A cat sleeps on the sofa.", "words are compared by their stems"),
        Case("On the sofa sleeps a cat.", "A cat sleeps on the sofa.", "the same words in another order"),
        Case("A dog barks.", "A cat sleeps on the sofa.", "one word in common"),
        Case("Nothing.", "A cat sleeps on the sofa.", "no word in common"),
        Case("A cat! A cat! A cat!", "A cat sleeps on the sofa.", "repeated three times"),
        Case("A cat!", "A cat sleeps on the sofa.", "the same, once"),
        Case("yes", "Yes.", "one word"),
        Case("一只猫", "一只猫。", "a script without spaces"),
        Case("2", "两个人带着2条狗", "a digit does not change the script of a text"),
    ),
    "temporal_grounding": (
        Case(_SPAN, _SPAN, "equal"),
        Case('{"time": [10, 15]}', _SPAN, "half of the reference"),
        Case('{"time": [15, 25]}', _SPAN, "5 s shared, 15 s covered"),
        Case('{"time": [30, 40]}', _SPAN, "no overlap"),
        Case('{"time": [5, 5]}', '{"time": [5, 5]}', "equal, of length 0"),
        Case('{"time": [20, 10]}', _SPAN, "end before start"),
        Case('{"time": [-1, 20]}', _SPAN, "before the video"),
        Case('{"time": ["10", "20"]}', _SPAN, "strings"),
        Case('{"time": [10, NaN]}', _SPAN, "NaN is not JSON"),
        Case('{"time": [10, 20], "note": "x"}', _SPAN, "an unknown key"),
    ),
    "spatial_grounding": (
        Case(_BOX, _BOX, "equal"),
        Case('{"boxes": [100, 100, 300, 200]}', _BOX, "half of the reference"),
        Case('{"boxes": [200, 200, 400, 400]}', _BOX, "a quarter shared"),
        Case('{"boxes": [500, 500, 600, 600]}', _BOX, "no overlap"),
        Case('{"boxes": [-20, 0, 500, 1040]}', '{"boxes": [0, 0, 500, 1000]}', "clipped first"),
        Case('{"boxes": [300, 300, 100, 100]}', _BOX, "corners swapped"),
        Case('{"boxes": [100, 100, 100, 300]}', _BOX, "no width"),
        Case('{"boxes": [1100, 0, 1200, 100]}', _BOX, "nothing left after clipping"),
        Case('{"boxes": [[100, 100, 300, 300]]}', _BOX, "a list of boxes"),
        Case('{"bbox_2d": [100, 100, 300, 300]}', _BOX, "another key"),
    ),
    "spatio_temporal_grounding": (
        Case(_TIMED, _TIMED, "equal"),
        Case('{"time": [1, 3], "boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "one of two frames missing"),
        Case(
            '{"time": [1, 3], "boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500], "9": [0, 0, 9, 9]}}',
            _TIMED,
            "a frame that is not in the reference",
        ),
        Case('{"time": [2, 4], "boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 250]}}', _TIMED, "tIoU ⅓, sIoU ¾"),
        Case('{"time": [5, 6], "boxes": {"5": [0, 0, 500, 500]}}', _TIMED, "no frame in common"),
        Case('{"time": ["a", "b"], "boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "words instead of times"),
        Case('{"boxes": {"1": [0, 0, 500, 500]}}', _TIMED, "no time"),
        Case('{"time": [1, 3], "boxes": {}}', _TIMED, "no box"),
    ),
    "tracking": (
        Case(_TRACK, _TRACK, "equal"),
        Case('{"boxes": {"1": [0, 0, 500, 500]}}', _TRACK, "one of two frames missing"),
        Case(
            '{"boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500], "3": [0, 0, 9, 9]}}',
            _TRACK,
            "a frame that is not in the reference",
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
        Case(_PROMPT.replace("[0, 0, 100, 100]", "[500, 500, 600, 600]"), _PROMPT, "boxes that do not overlap"),
        Case(_PROMPT.replace(", [70, 70]", ""), _PROMPT, "two points instead of three"),
        Case(_PROMPT.replace("100, 100]", "100, true]"), _PROMPT, "a boolean"),
        Case(_BOX, _PROMPT, "no points"),
    ),
    "video_segmentation": (
        Case(_TIMED_PROMPT, _TIMED_PROMPT, "equal"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": 5'), _TIMED_PROMPT, "1 s off"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": 9'), _TIMED_PROMPT, "5 s off"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": true'), _TIMED_PROMPT, "a boolean"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": NaN'), _TIMED_PROMPT, "NaN is not JSON"),
        Case(_TIMED_PROMPT.replace('"time": 4', '"time": -1'), _TIMED_PROMPT, "before the video"),
        Case(_PROMPT, _TIMED_PROMPT, "no time"),
    ),
    "detection": (
        Case(_OBJECTS, _OBJECTS, "equal"),
        Case('{"objects": [' + _DOG + ", " + _CAT + "]}", _OBJECTS, "in another order"),
        Case('{"objects": [' + _CAT + "]}", _OBJECTS, "one of two missing"),
        Case('{"objects": [' + ", ".join((_CAT, _DOG, _CAT)) + "]}", _OBJECTS, "one of them listed twice"),
        Case('{"objects": [' + ", ".join((_CAT, _DOG, *_JUNK)) + "]}", _OBJECTS, "two false positives"),
        Case(_OBJECTS.replace('"dog"', '"cow"'), _OBJECTS, "a wrong label"),
        Case(_OBJECTS.replace('"dog"', '" Dog"'), _OBJECTS, "labels are stripped and casefolded"),
        Case(_OBJECTS.replace('300], "label": "cat"', '200], "label": "cat"'), _OBJECTS, "half of the cat"),
        Case('{"objects": []}', _OBJECTS, "an empty list"),
        Case('{"objects": []}', '{"objects": []}', "nothing to find, an empty list"),
        Case(_OBJECTS, '{"objects": []}', "nothing to find"),
        Case(
            _OBJECTS,
            _OBJECTS.replace(', "label": "cat"', "").replace(', "label": "dog"', ""),
            "a reference without labels",
        ),
        Case('{"objects": [{"box": [100, 100, 300, 300]}]}', _OBJECTS, "labels missing from the answer"),
        Case(_OBJECTS.replace("[500, 500,", "[-9, 500,"), _OBJECTS, "clipped first"),
        Case(_OBJECTS.replace("[500, 500,", "[900, 500,"), _OBJECTS, "one box with its corners swapped"),
        Case('{"objects": [[100, 100, 300, 300]]}', _OBJECTS, "boxes without keys"),
    ),
    "pointing": (
        Case(_TWO_POINTS, _TWO_POINTS, "equal"),
        Case('{"points": [[600, 700], [150, 150]]}', _TWO_POINTS, "in another order"),
        Case('{"points": [[150, 200], [600, 700]]}', _TWO_POINTS, "one point 50 off"),
        Case('{"points": [[150, 150]]}', _TWO_POINTS, "one of two missing"),
        Case('{"points": [[150, 150], [600, 700], [0, 0]]}', _TWO_POINTS, "a false positive"),
        Case(
            '{"points": [[150, 150], [150, 150], [150, 150], [150, 150]]}', _TWO_POINTS, "one of them listed four times"
        ),
        Case('{"points": []}', _TWO_POINTS, "an empty list"),
        Case('{"points": []}', '{"points": []}', "nothing to find, an empty list"),
        Case(
            '{"points": [[300, 300], [301, 200]]}', '{"boxes": [[100, 100, 300, 300]]}', "against a box: on its corner"
        ),
        Case('{"points": [[150, 150], [200, 200]]}', '{"boxes": [[100, 100, 300, 300]]}', "two points in one box"),
        Case('{"points": [[1001, 150]]}', _TWO_POINTS, "points are not clipped"),
        Case('{"points": [150, 150]}', _TWO_POINTS, "a point that is not in a list"),
    ),
    "gui_click": (
        Case('{"point": [200, 120]}', _BUTTON, "inside"),
        Case('{"point": [300, 140]}', _BUTTON, "on the corner"),
        Case('{"point": [300, 140.5]}', _BUTTON, "half a thousandth below"),
        Case('{"point": [200, 190]}', _BUTTON, "50 below"),
        Case('{"point": [-1, 120]}', _BUTTON, "points are not clipped"),
        Case('{"point": [[200, 120]]}', _BUTTON, "a list of points"),
        Case('{"box": [100, 100, 300, 140]}', _BUTTON, "a box"),
    ),
    "rotated_box": (
        Case(_CORNERS, _CORNERS, "equal"),
        Case('{"corners": [[400, 500], [500, 300], [300, 200], [200, 400]]}', _CORNERS, "in the opposite direction"),
        Case('{"corners": [[200, 200], [500, 200], [500, 500], [200, 500]]}', _CORNERS, "the upright box around it"),
        Case('{"corners": [[300, 200], [400, 250], [300, 450], [200, 400]]}', _CORNERS, "half of the reference"),
        Case(
            '{"corners": [[300, 200], [400, 500], [500, 300], [200, 400]]}',
            _CORNERS,
            "a quadrilateral that crosses itself",
        ),
        Case('{"corners": [[300, 200], [500, 300], [400, 500]]}', _CORNERS, "three corners"),
        Case('{"corners": [[-20, 0], [500, 0], [500, 500], [0, 500]]}', _CORNERS, "clipped first"),
        Case(
            '{"box": [320, 240, 200, 100, 30]}',
            '{"box": [320, 240, 200, 100, 210]}',
            "rotated by 180 degrees",
            (640, 480),
        ),
        Case(
            '{"box": [320, 240, 100, 200, 120]}',
            '{"box": [320, 240, 200, 100, 30]}',
            "width and height swapped",
            (640, 480),
        ),
        Case('{"box": [320, 240, 200, 100, 30]}', _CORNERS, "five numbers without an image size"),
    ),
    "temporal_segments": (
        Case(_SEGMENTS, _SEGMENTS, "equal"),
        Case('{"times": [[20, 24], [5, 10]]}', _SEGMENTS, "in another order"),
        Case('{"times": [[5, 10]]}', _SEGMENTS, "one of two missing"),
        Case('{"times": [[5, 10], [20, 24], [40, 50]]}', _SEGMENTS, "a false positive"),
        Case('{"times": [[5, 10], [5, 10], [20, 24]]}', _SEGMENTS, "one of them listed twice"),
        Case('{"times": [[5, 24]]}', _SEGMENTS, "one span over both"),
        Case('{"times": [[5, 7.5], [7.5, 10], [20, 24]]}', _SEGMENTS, "one of them split in two"),
        Case('{"times": []}', _SEGMENTS, "an empty list"),
        Case('{"times": []}', '{"times": []}', "nothing to find, an empty list"),
        Case('{"times": [[10, 5]]}', _SEGMENTS, "end before start"),
        Case('{"times": [5, 10]}', _SEGMENTS, "a span that is not in a list"),
    ),
    "point_tracking": (
        Case(_POINT_TRACK, _POINT_TRACK, "equal"),
        Case('{"points": {"1": [400, 200], "2": [410, 200]}}', _POINT_TRACK, "a missing frame counts as null"),
        Case('{"points": {"1": [400, 200], "2": null, "3": null}}', _POINT_TRACK, "one of two visible points missed"),
        Case(
            '{"points": {"1": [400, 200], "2": [410, 200], "3": [420, 200]}}',
            _POINT_TRACK,
            "a point that is hidden in the reference",
        ),
        Case('{"points": {"1": [405, 200], "2": [410, 200], "3": null}}', _POINT_TRACK, "5 off: beyond one threshold"),
        Case('{"points": {"1": null}}', _POINT_TRACK, "null in every frame"),
        Case('{"points": {"1": null}}', '{"points": {"1": null}}', "never visible, null in every frame"),
        Case('{"points": {"9": [1, 1]}}', '{"points": {"1": null}}', "a frame that is not in the reference"),
        Case('{"points": {"1": [1001, 200]}}', _POINT_TRACK, "points are not clipped"),
        Case('{"points": {"01": [400, 200]}}', _POINT_TRACK, "a key with a leading zero"),
        Case('{"points": {}}', _POINT_TRACK, "no frame"),
    ),
    "image_quality": (
        Case("3.4", _RATING, "equal"),
        Case("3.5", _RATING, "off by a fifth of the width"),
        Case("3.9", _RATING, "off by an eighth of the scale"),
        Case("3", _RATING, "off by four fifths of the width"),
        Case("5.1", '{"score": 5, "scale": [1, 5]}', "outside the scale"),
        Case("3.4/5", _RATING, "a fraction of decimals"),
        Case("62", '{"score": 60, "scale": [0, 100]}', "another scale"),
        Case("good", _RATING, "words instead of a number"),
    ),
    "ordering": (
        Case(_ORDER, _ORDER, "equal"),
        Case('{"order": ["A", "B", "D", "C"]}', _ORDER, "two neighbors swapped"),
        Case('{"order": ["D", "C", "B", "A"]}', _ORDER, "reversed"),
        Case('{"order": ["A", "B", "C"]}', _ORDER, "an item is missing"),
        Case('{"order": ["A", "A", "B", "C", "D"]}', _ORDER, "an item is repeated"),
        Case('{"order": ["a", "b", "c", "d"]}', _ORDER, "other items"),
        Case('{"order": ["A"]}', '{"order": ["A"]}', "one item"),
        Case('{"order": []}', _ORDER, "no item"),
        Case("A, B, C, D", _ORDER, "not a JSON object"),
    ),
}
