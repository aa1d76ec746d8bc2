"""What official evaluators read in an answer, by the names of their benchmarks. None of them guesses here.

Where MMMU's own evaluation reads no option it takes one at random; here there is none, and the answer is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from rapidfuzz.distance import Levenshtein

_OPEN, _CLOSE = "<answer>", "</answer>"

_FOUR_NUMBERS = re.compile(r"\[\s*" + r"\s*,\s*".join([r"(-?\d+(?:\.\d+)?)"] * 4) + r"\s*\]")

_SURROUNDINGS = (",", ".", "!", "?", ";", ":", "'")
_FEWEST_WORDS = 5
# After these words a sentence of an open answer says what counts.
_INDICATORS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
# Numbers with thousands, with an exponent, and plain ones. One that fails is not tried again from its second digit on,
# where it would fail too, so that a long run of digits takes no long time.
_BEGIN = r"(?:-|(?<!\d))"
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(_BEGIN + r"\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(f"(?:{_BEGIN}" + r"(?:\d+\.\d+|\d+\b)|-?\.\d+)(?![eE][+-]?\d+)(?![,\d])"),
)
_LETTER_IN_BRACKETS = re.compile(r"\(([a-zA-Z])\)")


def release_answer(response: str) -> str:
    """Return what OneThinker's evaluation compares: the first answer anywhere, or else the whole response.

    Source: ``Evaluation/Eval/eval_bench.py`` of OneThinker, arXiv 2512.03043. It counts the thinking too.

    >>> release_answer("<think>I write <answer>A</answer>.</think><answer>B</answer>"), release_answer("A dog")
    ('A', 'A dog')
    """
    start = response.find(_OPEN)
    end = response.find(_CLOSE, start) if start >= 0 else -1
    answer = response[start + len(_OPEN) : end].strip() if end >= 0 else ""
    return answer or response.strip()


def release_json(response: str) -> dict[str, Any]:
    """Return the JSON object of `release_answer`; an empty one where the answer is none, which scores 0.

    >>> release_json('<answer>{"time": [0, 5]}</answer>'), release_json("from 0 to 5")
    ({'time': [0, 5]}, {})
    """
    try:
        value = json.loads(release_answer(response))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def release_numbers(value: Any, length: int) -> list[float] | None:
    """Return a list of that many values as OneThinker's evaluation reads it, None if it is none.

    Whatever Python's ``float`` takes is a number, such as ``"5"`` and ``true``.

    >>> release_numbers(["0", 5], 2), release_numbers([0, "a"], 2)
    ([0.0, 5.0], None)
    """
    if not isinstance(value, list) or len(value) != length:
        return None
    try:
        numbers = [float(item) for item in value]
    except (TypeError, ValueError, OverflowError):
        return None
    # Differs: of "nan" and "inf" the release may make NaN.
    return numbers if all(map(isfinite, numbers)) else None


def first_box(answer: str) -> list[float] | None:
    """Return the first list of four numbers in a text, None if there is none, as Qwen-VL's evaluation reads a box.

    Source: ``eval_mm/evaluate_grounding.py`` of Qwen-VL, arXiv 2308.12966.

    >>> first_box('{"boxes": [[1, 2, 3, 4.5], [5, 6, 7, 8]]}')
    [1.0, 2.0, 3.0, 4.5]
    """
    found = _FOUR_NUMBERS.search(answer)
    return [float(number) for number in found.groups()] if found else None


def mmmu_letter(answer: str, options: Mapping[str, str]) -> str | None:
    """Return the option that MMMU's evaluation reads.

    It is the last letter in brackets; or else the last one between spaces; or else, in a text of more than five words,
    the option whose text is named last.

    Args:
        answer: The text.
        options: Their texts by letter.

    Returns:
        The letter; None where MMMU takes an option at random, or none is given.

    Source: ``mmmu/utils/eval_utils.py`` of MMMU, arXiv 2311.16502.

    >>> mmmu_letter("It is (A), no, (B).", {"A": "red", "B": "blue"}), mmmu_letter("b", {"A": "red", "B": "blue"})
    ('B', None)
    """
    for mark in _SURROUNDINGS:
        answer = answer.strip(mark)
    answer = f" {answer} "
    for pattern in ("({})", " {} "):
        places = {letter: answer.rfind(pattern.format(letter)) for letter in options}
        if any(place >= 0 for place in places.values()):
            return max(places, key=places.__getitem__)
    lowered = answer.lower()
    if len(answer.split()) > _FEWEST_WORDS:
        places = {letter: lowered.rfind(text.lower()) for letter, text in options.items()}
        if any(place >= 0 for place in places.values()):
            return max(places, key=places.__getitem__)
    return None


def mmmu_open(answer: str) -> list[str | float]:
    """Return the texts and numbers that MMMU's evaluation reads in an open answer, each once.

    Of each sentence it is the shortest text after a word such as "is" or "answer", or else the whole answer; then the
    numbers in these, rounded to two decimals. A text of one letter stands for itself before and after a space.

    Source: ``mmmu/utils/eval_utils.py`` of MMMU, arXiv 2311.16502.

    >>> mmmu_open("The total is 12.50 dollars.")
    ['12.50 dollars', 12.5]
    """
    text = answer.strip().strip(".").lower()
    # MMMU divides at a point before a capital letter, of which a lowered text has none: only lines divide it.
    lines = text.split("\n")
    keys: list[str] = []
    for index, line in enumerate(lines):
        indicators = (*_INDICATORS, "=") if index == len(lines) - 1 else _INDICATORS
        shortest = ""
        for after in [line.split(indicator)[-1].strip() for indicator in indicators if indicator in line]:
            # An empty text gives way to the next one, however long it is, as in MMMU.
            if not shortest or len(after) < len(shortest):
                shortest = after
        if shortest and shortest not in _SURROUNDINGS:
            keys.append(shortest)
    keys = keys or [text]
    numbers = [number for key in keys for pattern in _NUMBERS for number in pattern.findall(key)]
    return list(dict.fromkeys(value for part in [*keys, *numbers] for value in _mmmu_values(part)))


def _mmmu_values(text: str) -> list[str | float]:
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        lowered = text.lower()
        return [f" {lowered}", f"{lowered} "] if len(lowered) == 1 else [lowered]


def mmmu_open_equal(answer: str, reference: str | Sequence[str]) -> bool:
    """Return whether MMMU's evaluation counts an open answer as right: an equal number, or a text that holds another.

    Args:
        answer: The text.
        reference: What is right, or several texts of which any is.

    Source: ``mmmu/utils/eval_utils.py`` of MMMU, arXiv 2311.16502.

    >>> mmmu_open_equal("So the answer is 1,234", "1234"), mmmu_open_equal("It is a black cat", "cat")
    (True, True)
    """
    references = [reference] if isinstance(reference, str) else reference
    wanted = [value for text in references for value in _mmmu_values(text)]
    texts = [value for value in wanted if isinstance(value, str)]
    return any(
        any(text in value for text in texts) if isinstance(value, str) else value in wanted
        for value in mmmu_open(answer)
    )


def mathvista_answer(
    answer: str, answer_type: str, *, choices: Sequence[str] | None = None, precision: float | None = None
) -> str | None:
    """Return an answer in the form in which MathVista compares it with the reference.

    With choices it is the choice of the letter in brackets or of the letter alone, or else the one nearest by edit
    distance. A text without choices is as it is; an integer is cut to whole numbers, a float rounded.

    Args:
        answer: What was extracted from the response.
        answer_type: ``text``, ``integer``, ``float`` or ``list``.
        choices: The texts to choose from.
        precision: How many decimals a float is rounded to.

    Returns:
        The text; None where it is no number although one is asked for. With choices it is always one of them: an empty
        answer is nearest to the shortest choice, so count empty answers as wrong before.

    Source: ``evaluation/calculate_score.py`` of MathVista, arXiv 2310.02255.

    >>> mathvista_answer("(B) 8/11", "text", choices=["3/11", "8/11"]), mathvista_answer("3.9", "integer")
    ('8/11', '3')
    """
    if choices is not None:
        answer = answer.strip()
        in_brackets = _LETTER_IN_BRACKETS.findall(answer)
        letter = in_brackets[0].upper() if in_brackets else answer
        by_letter = {chr(ord("A") + index): choice for index, choice in enumerate(choices)}
        return by_letter.get(letter, min(choices, key=lambda choice: Levenshtein.distance(letter, choice)))
    if answer_type not in ("integer", "float"):
        return answer
    try:
        number = float(answer)
        # A precision of 2.0, as in the data, is 2; without one the float becomes a whole number.
        decimals = None if precision is None else int(precision)
        return str(int(number)) if answer_type == "integer" else str(round(number, decimals))
    except (ValueError, OverflowError):
        return None


def vsi_bench_word(answer: str) -> str:
    """Return the first word of an answer without final points, which VSI-Bench compares, letters in any case.

    Source: ``lmms_eval/tasks/vsibench/utils.py`` of Thinking in Space, arXiv 2412.14171.

    >>> vsi_bench_word("B. left"), vsi_bench_word("(B)")
    ('B', '(B)')
    """
    return answer.partition(" ")[0].rstrip(".").strip()
