r"""How models write times: ``01:05 - 01:12.5`` and ``12.5 to 17.8``, in words or in JSON.

Sources: QwenLM/Qwen3-VL, ``cookbooks/video_understanding.ipynb`` (mm:ss); Time-R1 and VideoChat-R1 (seconds in words).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from onethinker_rewards.answers.syntaxes import DialectFault, Item, Syntax, character, in_digits, shown_value
from onethinker_rewards.codes import FailureCode

_CLOCK = r"(?:[0-9]+:)?[0-9]{1,3}:[0-5][0-9](?:\.[0-9]+)?"
_SECONDS = r"[0-9]+(?:\.[0-9]+)?"
_TIME_KEYS = (("time",), ("start_time", "end_time"), ("start", "end"))


def _moment_reader(time: str, seconds: Callable[[str], float]) -> Callable[[Any, str], float]:
    """Return a reader of one time."""
    one = re.compile(time)

    def moment(value: Any, where: str) -> float:
        if not isinstance(value, str) or one.fullmatch(value.strip()) is None:
            raise DialectFault(FailureCode.WRONG_TYPE, where, shown_value(value), "a time as the dialect writes it")
        return seconds(value.strip())

    return moment


def _times_reader(time: str, seconds: Callable[[str], float]) -> Callable[[str], list[Item]]:
    """Return a reader of pairs of times: in words, or in JSON as lists, under ``time``, or as start and end."""
    moment = _moment_reader(time, seconds)
    # White space is single by then, so that no run of it is looked at again and again.
    pair = re.compile(rf"(?:from )?({time}) ?(?:[-~,\u2013\u2014]|to) ?({time})\.?", re.IGNORECASE)

    def read(text: str) -> list[Item]:
        if text[:1] in "[{":
            spans = _json_spans(text)
            return [Item([moment(value, f"{row}.{side}") for side, value in enumerate(span)]) for row, span in spans]
        items: list[Item] = []
        for piece in re.split("[;\n]| and ", "\n".join(" ".join(line.split()) for line in text.splitlines())):
            found = pair.fullmatch(piece.strip())
            if found is None:
                raise DialectFault(FailureCode.INVALID_VALUE, "", shown_value(piece), "two times, start to end")
            items.append(Item([seconds(found[1]), seconds(found[2])]))
        return items

    return read


# One or two numbers of each time are in groups. The quantifiers are possessive, which halves the time.
_USUAL_CLOCK = r"([0-9]{1,3}+):([0-5][0-9](?:\.[0-9]++)?+)"
_USUAL_CLOCKS = re.compile(f"{_USUAL_CLOCK} - {_USUAL_CLOCK}")
_USUAL_SECONDS = r"([0-9]++(?:\.[0-9]++)?+)s?"
_USUAL_SPANS = re.compile(f"{_USUAL_SECONDS} (?:to|-) {_USUAL_SECONDS}(?: seconds)?")


def _read_usual_clocks(text: str) -> list[Item]:
    """Read ``mm:ss - mm:ss``, below one hour, and several with semicolons between them."""
    spans = [_groups(_USUAL_CLOCKS, piece) for piece in text.split("; ")]
    return [
        Item((float(minutes) * 60 + float(seconds), float(last_minutes) * 60 + float(last_seconds)))
        for minutes, seconds, last_minutes, last_seconds in spans
    ]


def _read_usual_seconds(text: str) -> list[Item]:
    """Read ``12.5 to 17.8``, and several with semicolons between them."""
    spans = [_groups(_USUAL_SPANS, piece) for piece in text.split("; ")]
    return [Item((float(start), float(end))) for start, end in spans]


def _groups(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError
    return found.groups()


def _json_spans(text: str) -> list[tuple[str, list[Any]]]:
    """Return place, start and end of each span of a JSON answer."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        found = text[error.pos : error.pos + 20]
        raise DialectFault(FailureCode.INVALID_JSON, character(error.pos), found, "JSON, or two times") from None
    if isinstance(value, dict) and value.keys() == {"times"}:
        value = value["times"]
    is_one = not isinstance(value, list) or (value and isinstance(value[0], str))
    return [(str(row), _start_and_end(span, str(row))) for row, span in enumerate([value] if is_one else value)]


def _start_and_end(span: Any, where: str) -> list[Any]:
    if isinstance(span, dict):
        keys = next((keys for keys in _TIME_KEYS if span.keys() == set(keys)), None)
        if keys is None:
            raise DialectFault(
                FailureCode.MISSING_KEY, where, shown_value(span), "time, start and end, or start_time and end_time"
            )
        span = span["time"] if keys == ("time",) else [span[key] for key in keys]
    if not (isinstance(span, list) and len(span) == 2):
        raise DialectFault(FailureCode.WRONG_LENGTH, where, shown_value(span), "a start and an end")
    return span


def _clock_seconds(text: str) -> float:
    total = 0.0
    for part in text.split(":"):
        total = total * 60 + float(part)
    return total


def _plain_seconds(text: str) -> float:
    found = re.match(_SECONDS, text)
    return math.nan if found is None else float(found[0])


def _write_clock(items: Sequence[Item]) -> str:
    return "; ".join(" - ".join(_clock(moment) for moment in item.value) for item in items) or "[]"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours = f"{int(minutes // 60)}:" if minutes >= 60 else ""
    whole, point, fraction = in_digits(rest).partition(".")
    return f"{hours}{int(minutes % 60):02d}:{whole.zfill(2)}{point}{fraction}"


def _write_seconds(items: Sequence[Item]) -> str:
    return "; ".join(f"{in_digits(item.value[0])} to {in_digits(item.value[1])}" for item in items) or "[]"


_UNIT_OF_SECONDS = r"(?:\s*(?:seconds?|secs?|s))?"
_CLOCK_PATTERN = r"(?:[0-9]{1,2}:)?[0-9]{1,2}:[0-5][0-9](?:\.[0-9]{1,2})?"
_CLOCK_SPAN = f"{_CLOCK_PATTERN} - {_CLOCK_PATTERN}"
_SECONDS_PATTERN = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_SECONDS_SPAN = f"{_SECONDS_PATTERN} to {_SECONDS_PATTERN}"


CLOCK_TIMES = Syntax(
    read=_times_reader(_CLOCK, _clock_seconds),
    quick=_read_usual_clocks,
    moment=_moment_reader(_CLOCK, _clock_seconds),
    write_moment=_clock,
    # xgrammar reads a digit too many from repeats with bounds in the pattern of a string.
    moment_pattern=r"[0-9][0-9]:[0-5][0-9](\.[0-9][0-9]?)?",
    write=_write_clock,
    instruction="Give start and end as mm:ss, such as 01:05 - 01:12.5.",
    pattern=_CLOCK_SPAN,
    many=rf"(?:{_CLOCK_SPAN}(?:; {_CLOCK_SPAN})*|\[\])",
)
SECONDS_TIMES = Syntax(
    read=_times_reader(_SECONDS + _UNIT_OF_SECONDS, _plain_seconds),
    quick=_read_usual_seconds,
    moment=_moment_reader(_SECONDS + _UNIT_OF_SECONDS, _plain_seconds),
    write_moment=lambda seconds: f"{in_digits(seconds)}s",
    moment_pattern=f"{_SECONDS_PATTERN}s",
    write=_write_seconds,
    instruction="Give start and end in seconds, such as 12.5 to 17.8.",
    pattern=_SECONDS_SPAN,
    many=rf"(?:{_SECONDS_SPAN}(?:; {_SECONDS_SPAN})*|\[\])",
)
