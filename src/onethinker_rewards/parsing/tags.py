"""Where thinking and answer stand in a response.

The answer is the one ``<answer>…</answer>`` after the last ``</think>``; the thinking before it may quote any
tag of the answer's. The format asks for more: nothing but one thinking block and one answer block.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Literal, NamedTuple

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.parsing.limits import DEFAULT_LIMITS, Limits

__all__ = [
    "CLOSE_ANSWER",
    "END_TOKENS",
    "OPEN_ANSWER",
    "Found",
    "FoundAnswers",
    "Think",
    "bare_reference",
    "find_answer",
    "find_answers",
]

Think = Literal["required", "prefilled", "none"]

END_TOKENS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>", "<eos>")

_REVERSED_END = re.compile(r"\A(?:" + "|".join([r"\s", *(re.escape(token[::-1]) for token in END_TOKENS)]) + ")*+")

_OPEN_THINK, _CLOSE_THINK = "<think>", "</think>"
OPEN_ANSWER, CLOSE_ANSWER = "<answer>", "</answer>"


class Found(NamedTuple):
    """What the tags of one response say.

    Attributes:
        think: The thinking, or None where there is none.
        answer: The answer's text without surrounding white space, or None.
        failure: Why there is no answer.
        format_fault: Why the tags earn no format reward.
        closed: Whether ``</answer>`` was there; if not, ``answer`` is what stands after ``<answer>``, and
            ``failure`` is set nevertheless: it is up to lenient rules to use it.
    """

    think: str | None
    answer: str | None
    failure: FailureCode | None
    format_fault: FailureCode | None
    closed: bool = True


def find_answer(response: str, *, think: Think = "required", limits: Limits = DEFAULT_LIMITS) -> Found:
    """Return thinking, answer and faults of one response, in time linear in its length."""
    if len(response) > limits.response_characters:
        return Found(None, None, FailureCode.RESPONSE_TOO_LONG, FailureCode.RESPONSE_TOO_LONG)
    text = _without_end_tokens(response)
    start = text.rfind(_CLOSE_THINK)
    tail_start = start + len(_CLOSE_THINK) if start >= 0 else 0
    thinking = _thinking(text[:start], think) if start >= 0 else None
    answer, failure, closed = _single_answer(text, tail_start)
    fault = failure or _format_fault(text, start, tail_start, think)
    return Found(thinking, answer, failure, fault, closed)


def _without_end_tokens(text: str) -> str:
    text = text.rstrip()
    if not text.endswith(END_TOKENS):
        return text
    # Read backwards, one pattern takes all tokens at once, however often a model repeats one.
    return _REVERSED_END.sub("", text[::-1], count=1)[::-1]


def _thinking(before_close: str, think: Think) -> str | None:
    opened = before_close.find(_OPEN_THINK)
    if opened >= 0:
        return before_close[opened + len(_OPEN_THINK) :]
    return before_close if think == "prefilled" else None


def _single_answer(text: str, start: int) -> tuple[str | None, FailureCode | None, bool]:
    """Return the only answer after ``start``, or why there is none, and whether it was closed."""
    opened = text.find(OPEN_ANSWER, start)
    if opened < 0:
        return None, FailureCode.MISSING_ANSWER, True
    content_start = opened + len(OPEN_ANSWER)
    closed = text.find(CLOSE_ANSWER, content_start)
    if text.find(OPEN_ANSWER, content_start) >= 0:
        return None, FailureCode.SEVERAL_ANSWERS, closed >= 0
    if text.find(CLOSE_ANSWER, start, opened) >= 0:
        return None, FailureCode.SEVERAL_ANSWERS, True
    if closed < 0:
        return text[content_start:].strip(), FailureCode.UNCLOSED_ANSWER, False
    if text.find(CLOSE_ANSWER, closed + 1) >= 0:
        return None, FailureCode.SEVERAL_ANSWERS, True
    if text.find(_OPEN_THINK, content_start, closed) >= 0:
        return None, FailureCode.TAG_IN_ANSWER, True
    content = text[content_start:closed].strip()
    return (content, None, True) if content else (None, FailureCode.EMPTY_ANSWER, True)


def _format_fault(text: str, think_close: int, tail_start: int, think: Think) -> FailureCode | None:
    """Say why the blocks around a sound answer are not the format, or None where they are."""
    opened = text.find(OPEN_ANSWER, tail_start)
    if think == "none":
        outside = text[:opened]
    elif think_close < 0:
        return FailureCode.MISSING_THINK
    else:
        head = text[:think_close].lstrip() if think == "required" else _OPEN_THINK + text[:think_close]
        if _OPEN_THINK not in head:
            return FailureCode.MISSING_THINK
        if head.count(_OPEN_THINK) > 1 or _CLOSE_THINK in head:
            return FailureCode.SEVERAL_THINKS
        outside = head[: head.find(_OPEN_THINK)] + text[tail_start:opened]
    after = text[text.find(CLOSE_ANSWER, opened) + len(CLOSE_ANSWER) :]
    return FailureCode.TEXT_OUTSIDE_TAGS if outside.strip() or after else None


def bare_reference(text: str) -> str:
    """Take answer tags off a reference that stands between them."""
    text = text.strip()
    if text.startswith(OPEN_ANSWER) and text.endswith(CLOSE_ANSWER):
        return text[len(OPEN_ANSWER) : -len(CLOSE_ANSWER)].strip()
    return text


@dataclass(frozen=True, slots=True)
class FoundAnswers:
    """The answers of many responses.

    Attributes:
        answers: One text a row; empty where there is none.
        failures: Why a row has no answer, by row.
        format_faults: Why a row's tags earn no format reward, by row.
        unclosed: Rows whose text stands after an ``<answer>`` that was never closed (their failure is set too).
    """

    answers: list[str]
    failures: dict[int, FailureCode] = field(default_factory=dict)
    format_faults: dict[int, FailureCode] = field(default_factory=dict)
    unclosed: dict[int, str] = field(default_factory=dict)


# From so many rows on it is worth deciding ends once for all, if at most one in so many is a different one.
_ENOUGH, _EACH = 64, 4

# What stands between thinking and answer in nearly every response.
_JOINTS = ("</think>\n<answer>", "</think><answer>", "</think>\n\n<answer>")


def find_answers(
    responses: Sequence[str], *, think: Think = "required", limits: Limits = DEFAULT_LIMITS, alike: bool = False
) -> FoundAnswers:
    """Return what `find_answer` finds in each response.

    A response that is one thinking block without a ``<`` inside, followed by one answer block likewise, is
    decided by one search for that character and a few short comparisons; all others take the long way.

    Args:
        responses: What the model wrote.
        think: Whether thinking is wanted.
        limits: How much of a response is read at all.
        alike: Whether few answers differ, as option letters do: then what stands after the thinking is decided once.
    """
    found = FoundAnswers([])
    quick = think == "required" and max(map(len, responses), default=0) <= limits.response_characters
    if not quick:
        for text in responses:
            _record(found, find_answer(text, think=think, limits=limits))
    elif alike and len(responses) >= _ENOUGH:
        _find_alike(responses, limits, found)
    else:
        _find_quickly(responses, limits, found)
    return found


def _find_quickly(responses: Sequence[str], limits: Limits, found: FoundAnswers) -> None:
    answers = found.answers
    opening, closing = _OPEN_THINK, CLOSE_ANSWER
    first, second, third = _JOINTS
    # Slices compare faster than `startswith` with a position, and this loop is much of what scoring costs.
    for text in responses:
        close = text.find("<", 7)
        if text[close : close + 17] == first:
            answer = text[close + 17 : -9]
        elif text[close : close + 16] == second:
            answer = text[close + 16 : -9]
        elif text[close : close + 18] == third:
            answer = text[close + 18 : -9]
        else:
            answer = "<"
        if "<" not in answer and text[:7] == opening and text[-9:] == closing and (answer := answer.strip()):
            answers.append(answer)
        else:
            _record(found, find_answer(text, think="required", limits=limits))


def _find_alike(responses: Sequence[str], limits: Limits, found: FoundAnswers) -> None:
    """Decide each different end of a response once: from the first ``<`` after the opening tag.

    What stands before it is thinking, and means nothing here.
    """
    places = map(str.find, responses, repeat("<"), repeat(len(_OPEN_THINK)))
    ends = [text[place:] for text, place in zip(responses, places, strict=True)]
    different = set(ends)
    if len(different) * _EACH > len(ends):
        _find_quickly(responses, limits, found)
        return
    decided = {end: find_answer(_OPEN_THINK + end, limits=limits) for end in different}
    # What stands between two texts with the same beginning in the order of the alphabet begins like them.
    outermost = min(responses), max(responses)
    begin_alike = all(text.startswith(_OPEN_THINK) for text in outermost)
    if begin_alike and all(one.format_fault is None for one in decided.values()):
        answers = {end: one.answer or "" for end, one in decided.items()}
        found.answers.extend(map(answers.__getitem__, ends))
        return
    for text, end in zip(responses, ends, strict=True):
        # Behind another beginning, the same end may mean something else.
        _record(found, decided[end] if text.startswith(_OPEN_THINK) else find_answer(text, limits=limits))


def _record(found: FoundAnswers, one: Found) -> None:
    row = len(found.answers)
    if one.failure is not None:
        found.failures[row] = one.failure
        if one.answer is not None:
            found.unclosed[row] = one.answer
    if one.format_fault is not None:
        found.format_faults[row] = one.format_fault
    found.answers.append(one.answer if one.answer is not None and one.failure is None else "")
