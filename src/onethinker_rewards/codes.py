"""The closed lists of codes: why an answer or its format failed, what was repaired before it was read, what it lost.

A code is a string: it compares equal to its value, and goes into JSON and logs as it is. Each has its meaning and an
example, from which the table in ``docs/codes.md`` is made. Where nothing failed, the code is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Self


class _Code(StrEnum):
    """A string constant with its meaning and an input that gets it."""

    meaning: str
    example: str

    def __new__(cls, value: str, meaning: str, example: str) -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        code.example = example
        return code


@unique
class FailureCode(_Code):
    """Why an answer could not be read (accuracy 0), or why the format is 0."""

    # The tags.
    MISSING_ANSWER = "missing_answer", "no `<answer>` after the thinking", "<think>It is B.</think>B"
    UNCLOSED_ANSWER = "unclosed_answer", "`<answer>` without `</answer>`", "<think>…</think><answer>B"
    SEVERAL_ANSWERS = (
        "several_answers",
        "more than one answer tag after the thinking",
        "<think>…</think><answer>A</answer><answer>B</answer>",
    )
    TAG_IN_ANSWER = "tag_in_answer", "another tag inside the answer", "<think>…</think><answer><think>B</answer>"
    EMPTY_ANSWER = "empty_answer", "nothing between the answer tags", "<think>…</think><answer> </answer>"
    MISSING_THINK = "missing_think", "no `<think>…</think>` before the answer", "<answer>B</answer>"
    SEVERAL_THINKS = (
        "several_thinks",
        "`<think>` or `</think>` more than once",
        "<think>a</think><think>b</think><answer>B</answer>",
    )
    TEXT_OUTSIDE_TAGS = (
        "text_outside_tags",
        "text before, between or after the two blocks",
        "Sure. <think>…</think><answer>B</answer>",
    )
    # The answer and its schema.
    INVALID_JSON = (
        "invalid_json",
        "not JSON, or nested too deeply; NaN, Infinity and numbers beyond double range are not JSON",
        '{"time": [1, NaN]}',
    )
    NOT_AN_OBJECT = "not_an_object", "JSON, but not an object", "[1, 2]"
    MISSING_KEY = "missing_key", "a key of the schema is missing", '{"boxes": {"1": [0, 0, 9, 9]}}'
    UNKNOWN_KEY = "unknown_key", "a key that the schema does not have", '{"time": [1, 2], "note": "x"}'
    WRONG_TYPE = (
        "wrong_type",
        "a value of the wrong type, such as a string or boolean for a number",
        '{"time": ["1", 2]}',
    )
    WRONG_LENGTH = "wrong_length", "a list with too few or too many values", '{"time": [1, 2, 3]}'
    BAD_ORDER = "bad_order", "x1 < x2, y1 < y2 or start ≤ end does not hold", '{"time": [5, 2]}'
    OUT_OF_RANGE = "out_of_range", "a number outside its range, such as a time before 0", '{"time": [-1, 2]}'
    BAD_FRAME_KEY = "bad_frame_key", "a frame key that is not a whole second", '{"boxes": {"01": [0, 0, 9, 9]}}'
    EMPTY_TRACK = "empty_track", "a track without a box", '{"boxes": {}}'
    INVALID_VALUE = "invalid_value", "a value that violates another rule of the task's schema", "(tasks of your own)"
    NOT_A_NUMBER = "not_a_number", "not a plain number: units, `%`, ranges, `_`, misplaced commas", "12 cm"
    NO_OPTION_LETTER = "no_option_letter", "no single option letter", "A or B"
    UNREADABLE_MATH = "unreadable_math", "no single mathematical expression could be read", "$16\\pi$ or maybe $4\\pi$"
    MATH_TIMEOUT = "math_timeout", "the comparison did not end before its deadline", "9^{9^{9^{9}}}"
    # Limits.
    RESPONSE_TOO_LONG = "response_too_long", "a response longer than the limit", "(10 MB of text)"
    ANSWER_TOO_LONG = "answer_too_long", "an answer longer than the limit", "(2 MB of JSON)"
    TOO_MANY_BOXES = "too_many_boxes", "a track with more boxes than the limit", "(20,000 boxes)"
    TOO_MANY_DIGITS = "too_many_digits", "too many digits in a number, or more than nine in a frame key", "1" * 12 + "…"
    # Not the model's fault.
    BAD_REFERENCE = "bad_reference", "the reference is unreadable and was skipped; total is NaN", "(reference `[]`)"
    JUDGE_FAILED = "judge_failed", "the judge gave no score and no reason", "(your own judge returns None)"
    JUDGE_UNREACHABLE = (
        "judge_unreachable",
        "the judge's server could not be reached, or failed, in every attempt",
        "(connection refused)",
    )
    JUDGE_TIMEOUT = "judge_timeout", "the judge did not answer before the row's deadline", "(60 s)"
    JUDGE_REFUSED = "judge_refused", "the judge's server or model refused the request", "(400, or a content filter)"
    JUDGE_CUT_OFF = "judge_cut_off", "the judge's reply reached its token limit before the verdict", "(4,096 tokens)"
    JUDGE_UNREADABLE = "judge_unreadable", "the judge's reply has no readable verdict", "(yes and no)"
    JUDGE_TOO_LONG = "judge_too_long", "the row does not fit the judge's context", "(100,000 tokens)"

    @property
    def is_judge_failure(self) -> bool:
        """Whether a judge gave no score: the total is NaN."""
        return self.startswith("judge_")

    @property
    def costs(self) -> str:
        """What of the reward is 0, or NaN, under the recipe ``paper``."""
        if self is FailureCode.BAD_REFERENCE or self.is_judge_failure:
            return "the total: NaN"
        if self in (FailureCode.MISSING_THINK, FailureCode.SEVERAL_THINKS, FailureCode.TEXT_OUTSIDE_TAGS):
            return "format"
        # These are found when the answer is compared: its form is right.
        return "accuracy" if self in (FailureCode.UNREADABLE_MATH, FailureCode.MATH_TIMEOUT) else "accuracy, format"


@unique
class RepairCode(_Code):
    """What was repaired before an answer was read. No repair but clipping changes a number."""

    CLIPPED = "clipped", "coordinates outside 0…1000 were moved to the border", '{"boxes": [-3, 0, 500, 1004]}'
    CODE_FENCE = "code_fence", "a Markdown code fence was removed", "```json\n{…}\n```"
    SINGLE_QUOTES = "single_quotes", "single quotes became double quotes", "{'time': [1, 2]}"
    TRAILING_COMMA = "trailing_comma", "commas before a closing bracket were dropped", '{"time": [1, 2],}'
    UNWRAPPED_LIST = "unwrapped_list", "a list of one object became the object", '[{"time": [1, 2]}]'
    RENAMED_KEY = "renamed_key", "`bbox_2d` or `bbox` was read as `boxes`", '{"bbox_2d": [0, 0, 9, 9]}'
    DROPPED_LABEL = "dropped_label", "a `label` next to one box was dropped", '{"boxes": [0, 0, 9, 9], "label": "x"}'
    BARE_BOX = "bare_box", "four numbers alone became the box", "[0, 0, 9, 9]"
    UNWRAPPED_BOX = "unwrapped_box", "a list of one box or span became the box or span", '{"boxes": [[0, 0, 9, 9]]}'
    CLOSED_BRACKET = "closed_bracket", "brackets missing at the end were added", '{"boxes": [0, 0, 9, 9]'
    TRUNCATED_TRACK = (
        "truncated_track",
        "a truncated track kept its complete boxes",
        '{"boxes": {"1": [0, 0, 9, 9], "2": [0,',
    )
    UNIT = "unit", "one unit, per cent or currency sign next to a number was dropped", "12 cm"
    CLOSED_ANSWER = "closed_answer", "the missing `</answer>` was added", '<answer>{"time": [1, 2]}'
    EXTRA_POINTS = "extra_points", "only the first three points were kept", "(4 points)"
    REPEATED_POINTS = "repeated_points", "the last point was repeated for the missing ones", "(2 points)"


@unique
class PenaltyCode(_Code):
    """What lowered a total although it has nothing to do with the answer; a recipe has to ask for it."""

    SOFT_OVERLONG = (
        "soft_overlong",
        "the response is longer than `max_length - cache_length` tokens",
        "(4,000 of 4,096 tokens, of which the last 512 cost)",
    )
    REPETITION = "repetition", "n-grams of the response are repeated", "The dog, the dog, the dog, the dog …"
    COSINE_LENGTH = (
        "cosine_length",
        "the length of the response costs more than it earns, as it does for a short wrong answer",
        "(a wrong answer of 30 tokens)",
    )


@dataclass(frozen=True, slots=True)
class FaultDetail:
    """Where a fault is, what was found there, and what was expected.

    Attributes:
        where: A path in the JSON, such as ``boxes.2``, or ``character 12``; empty for the whole answer.
        found: What is there, shortened.
        expected: What should be there.

    >>> FaultDetail("boxes.2", '"8"', "a valid number").message
    'boxes.2: found "8", expected a valid number'
    """

    where: str
    found: str
    expected: str

    @property
    def message(self) -> str:
        """All of it in one line."""
        place = f"{self.where}: " if self.where else ""
        return f"{place}found {self.found or 'nothing'}, expected {self.expected}"


SHOWN = 60


def shortened(text: str, longest: int = SHOWN) -> str:
    r"""Return the beginning of a text on one line.

    >>> shortened("a\nb" * 3, 4)
    'a⏎ba…'
    """
    text = text[: longest + 1].replace("\n", "⏎")
    return text if len(text) <= longest else text[:longest] + "…"
