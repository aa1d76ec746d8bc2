"""What an endpoint replied: answers, a refusal, or something that asking again may mend."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

__all__ = ["NoAnswerError", "RefusedError", "answers_in", "check_status"]

# Seconds that an endpoint may ask to be left alone.
LONGEST_PAUSE = 600.0
_SHOWN = 300
_THINK, _THINK_END = "<think>", "</think>"


class RefusedError(Exception):
    """The endpoint does not want this request, and would not the next time.

    Attributes:
        status: Of HTTP.
    """

    def __init__(self, status: int, why: str) -> None:
        self.status = status
        super().__init__(why)


class NoAnswerError(Exception):
    """There was no answer, but there might be one the next time.

    Attributes:
        retry_after: Seconds that the endpoint asks to wait for.
    """

    def __init__(self, why: str, retry_after: float = 0.0) -> None:
        self.retry_after = retry_after
        super().__init__(why)


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_DECODER = msgspec.json.Decoder(_Completion)


def check_status(status: int, retry_after: str | None, body: bytes) -> None:
    """Pass if the request was served.

    Args:
        status: Of HTTP.
        retry_after: The header of this name.
        body: What came with it.

    Raises:
        NoAnswerError: If it was too much or too early, or the fault is the endpoint's: 429 and all from 500 on.
        RefusedError: If anything else is wrong.
    """
    if 200 <= status < 300:
        return
    why = f"{status} {_shortened(_said(body))}".rstrip()
    if status == 429 or status >= 500:
        raise NoAnswerError(why, _seconds(retry_after))
    raise RefusedError(status, why)


def answers_in(body: bytes) -> list[str]:
    """Return the answers in a reply; empty where a model said nothing.

    An endpoint may take the thinking out of the answer; it is put back, between its tags.

    Raises:
        NoAnswerError: If the reply is no completion.
    """
    try:
        choices = _DECODER.decode(body).choices
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NoAnswerError(f"no completion: {error}: {_shortened(body)}") from None
    if not choices:
        raise NoAnswerError("a completion without any choice")
    return [_answer(choice.message) for choice in choices]


def _answer(message: _Message) -> str:
    text = message.content or ""
    thought = message.reasoning_content or message.reasoning
    if not thought or text.lstrip().startswith(_THINK):
        return text
    return f"{_THINK}{thought.strip()}{_THINK_END}\n{text.lstrip()}"


def _said(body: bytes) -> bytes:
    """Return the message of an error, wherever servers put it, or all of it."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return body
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    return found.encode(errors="replace") if isinstance(found, str) else body


def _shortened(body: bytes) -> str:
    text = " ".join(body[: 4 * _SHOWN].decode(errors="replace").split())
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _seconds(header: str | None) -> float:
    """Return what a Retry-After asks for, 0 where it cannot be read."""
    if header is None:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        # A date without a zone is of Greenwich.
        seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PAUSE) if math.isfinite(seconds) else 0.0
