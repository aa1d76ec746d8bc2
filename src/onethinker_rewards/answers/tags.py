"""Where thinking and answer are in one response.

The answer is the one ``<answer>…</answer>`` after the last ``</think>``; the thinking before it may quote the
answer's tags. The format asks for more: nothing but one thinking block and one answer block. An ``<answer>`` that is
never closed is the failure ``unclosed_answer``; lenient rules may still use its text, if a repair can close it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits
from onethinker_rewards.codes import SHOWN, FailureCode, FaultDetail, shortened

Think = Literal["required", "prefilled", "none"]

END_TOKENS = (
    "<|im_end|>", "<|endoftext|>",  # Qwen, InternLM 2 and 3, InternVL
    "</s>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|eot|>", "<|eom|>",  # Llama 2 to 4, Mistral
    "<end_of_turn>", "<eos>", "<pad>",  # Gemma
    "<｜end▁of▁sentence｜>", "<|EOT|>",  # noqa: RUF001 - DeepSeek
    "<|end|>", "<|return|>",  # Phi, gpt-oss
    "<eoa>",  # InternLM
)  # fmt: skip
"""What models write at the end of a turn, or fill it up with."""

_OPEN_THINK, _CLOSE_THINK = "<think>", "</think>"
OPEN_ANSWER, CLOSE_ANSWER = "<answer>", "</answer>"


class FoundAnswer(NamedTuple):
    """What the tags of one response say.

    Attributes:
        think: The thinking, or None.
        answer: The answer's text without surrounding white space, or None.
        failure: Why there is no answer.
        format_fault: Why the tags earn no format reward.
        closed: Whether ``</answer>`` was there. If not, ``answer`` is the text after ``<answer>``, and ``failure`` is
            set too: lenient rules may use that text.
    """

    think: str | None
    answer: str | None
    failure: FailureCode | None
    format_fault: FailureCode | None
    closed: bool = True


def find_answer(
    response: str,
    *,
    think: Think = "required",
    limits: Limits = DEFAULT_LIMITS,
    end_tokens: tuple[str, ...] = END_TOKENS,
) -> FoundAnswer:
    """Return thinking, answer and faults of one response, in time linear in its length."""
    if len(response) > limits.response_characters:
        return FoundAnswer(None, None, FailureCode.RESPONSE_TOO_LONG, FailureCode.RESPONSE_TOO_LONG)
    text = _without_end_tokens(response, end_tokens)
    think_close = text.rfind(_CLOSE_THINK)
    tail_start = think_close + len(_CLOSE_THINK) if think_close >= 0 else 0
    thinking = _thinking(text[:think_close], think) if think_close >= 0 else None
    answer, failure, closed = _only_answer(text, tail_start)
    fault = failure or _format_fault(text, think_close, tail_start, think)
    return FoundAnswer(thinking, answer, failure, fault, closed)


def _without_end_tokens(text: str, end_tokens: tuple[str, ...]) -> str:
    text = text.rstrip()
    if not text.endswith(end_tokens):
        return text
    # Read backwards, one pattern takes all tokens at once, however often a model repeats one.
    return _reversed_end(end_tokens).sub("", text[::-1], count=1)[::-1]


@lru_cache(maxsize=64)
def _reversed_end(end_tokens: tuple[str, ...]) -> re.Pattern[str]:
    # The longest first: the alternatives are possessive, and a token may end in another.
    backwards = (re.escape(token[::-1]) for token in sorted(end_tokens, key=len, reverse=True))
    return re.compile(r"\A(?:" + "|".join([r"\s", *backwards]) + ")*+")


def _thinking(before_close: str, think: Think) -> str | None:
    opened = before_close.find(_OPEN_THINK)
    if opened >= 0:
        return before_close[opened + len(_OPEN_THINK) :]
    return before_close if think == "prefilled" else None


def _only_answer(text: str, start: int) -> tuple[str | None, FailureCode | None, bool]:
    """Return the only answer after ``start`` or the reason why it is missing, and whether it was closed."""
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
    """Return why the blocks around a readable answer are not the format, or None where they are."""
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


def fault_detail(response: str, code: FailureCode, think: Think, limits: Limits) -> FaultDetail:
    """Return where the tags of a response are at fault, what is there, and what was expected.

    Args:
        response: All that the model wrote.
        code: What `find_answer` gave as its failure or format fault.
        think: As there.
        limits: As there.
    """
    if code is FailureCode.RESPONSE_TOO_LONG:
        return FaultDetail("", f"{len(response)} characters", f"at most {limits.response_characters} characters")
    think_close = response.rfind(_CLOSE_THINK)
    start = think_close + len(_CLOSE_THINK) if think_close >= 0 else 0
    opened = response.find(OPEN_ANSWER, start)
    content = opened + len(OPEN_ANSWER)
    match code:
        case FailureCode.MISSING_ANSWER:
            where, expected = start, "<answer>…</answer> after the thinking"
        case FailureCode.UNCLOSED_ANSWER:
            where, expected = max(content, len(response) - SHOWN), "</answer> at the end"
        case FailureCode.SEVERAL_ANSWERS:
            where, expected = _second_answer(response, start, opened), "one <answer>…</answer>"
        case FailureCode.TAG_IN_ANSWER:
            where, expected = response.find(_OPEN_THINK, content), "no tag inside the answer"
        case FailureCode.EMPTY_ANSWER:
            where, expected = content, "an answer"
        case FailureCode.SEVERAL_THINKS:
            where, expected = _second_think(response, think), "one <think>…</think>"
        case FailureCode.TEXT_OUTSIDE_TAGS:
            where, expected = _outside(response, start, opened), "nothing outside the two blocks"
        case _:
            where, expected = 0, "<think>…</think> before the answer"
    return FaultDetail(f"character {where}", shortened(response[where : where + SHOWN + 1]), expected)


def _second_answer(response: str, start: int, opened: int) -> int:
    """Return where a second answer begins, or an end of one that is too many."""
    before = response.find(CLOSE_ANSWER, start, opened)
    again = response.find(OPEN_ANSWER, opened + 1)
    closed = response.find(CLOSE_ANSWER, opened)
    return next(place for place in (before, again, response.find(CLOSE_ANSWER, closed + 1)) if place >= 0)


def _second_think(response: str, think: Think) -> int:
    """Return where a second tag of thinking begins."""
    first = -1 if think == "prefilled" else response.find(_OPEN_THINK)
    again = response.find(_OPEN_THINK, first + 1)
    return again if again >= 0 else response.find(_CLOSE_THINK)


def _outside(response: str, start: int, opened: int) -> int:
    """Return where text before, between or behind the two blocks begins."""
    before = len(response) - len(response.lstrip())
    if not response.startswith((_OPEN_THINK, OPEN_ANSWER), before) and response.find(_OPEN_THINK) > before:
        return before
    between = start + len(response[start:opened]) - len(response[start:opened].lstrip())
    if between < opened:
        return between
    behind = response.find(CLOSE_ANSWER, opened) + len(CLOSE_ANSWER)
    return behind + len(response[behind:]) - len(response[behind:].lstrip())


def bare_reference(text: str) -> str:
    """Return a reference without the answer tags that it may have around it."""
    text = text.strip()
    if text.startswith(OPEN_ANSWER) and text.endswith(CLOSE_ANSWER):
        return text[len(OPEN_ANSWER) : -len(CLOSE_ANSWER)].strip()
    return text
