"""What all judges behind HTTP share: bounded, timed and repeated requests, asked once where they are equal.

::

    judge(row) -> a Call -> equal to one under way? wait for that one
                         -> in the cache? its text
                         -> its turn (at most `concurrency`), then up to `tries` attempts before the deadline
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.judges.cache import VerdictCache, request_key
from onethinker_rewards.judges.concurrency import SingleFlight
from onethinker_rewards.judges.connection import Breaker, RequestError, open_http, post, seconds_before_attempt
from onethinker_rewards.judges.verdicts import NoVerdictError
from onethinker_rewards.tasks.judging import JudgeRow, Verdict

if TYPE_CHECKING:
    from anyio.lowlevel import EventLoopToken

# Seconds after which a server that counted as gone gets one request again.
PROBE_AFTER = 5.0
_LONGEST_REASON = 1_000
# How servers say that a row does not fit: vLLM, SGLang and OpenAI's API.
_TOO_LONG = ("maximum context length", "context_length_exceeded", "longer than the model's context", "is too long")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said.

    Attributes:
        text: The model's text; a reward model's score in digits.
        tokens_in: Tokens of the request, as the server counts them; 0 if it does not.
        tokens_out: Tokens of the reply.
        code: Why the text is no answer; None if it is one. After ``judge_cut_off`` the call's next body is sent.
    """

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    code: FailureCode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question to a server, and how its reply is read.

    Attributes:
        path: Is put behind the judge's URL.
        bodies: The request; each further one is sent if the reply to the one before it was cut off.
        read: Takes what is needed out of a reply, or raises `RequestError` if it is garbled.
        score: Reads the score in a text, or raises `NoVerdictError`.
        complete: Makes the last of a body, in a thread, when its turn comes: images are in memory only then.
        attached: What ``complete`` adds, as a hash; empty if nothing.
        sample: Equal requests that should get different answers have different numbers.
        may_be_kept: Whether the cache may answer, and keep the answer.
    """

    path: str
    bodies: Sequence[Mapping[str, object]]
    read: Callable[[bytes], Reply]
    score: Callable[[str], float]
    complete: Callable[[Mapping[str, object]], Mapping[str, object]] | None = None
    attached: str = ""
    sample: int = 0
    may_be_kept: bool = True


@dataclass(slots=True)
class JudgeCounts:
    """Counts over the life of a judge.

    Attributes:
        rows: Rows judged.
        calls: Requests sent, each attempt once.
        cached: Questions answered by the cache.
        shared: Questions that waited for an equal one under way.
        tokens_in: Tokens of all requests, as the server counts them.
        tokens_out: Tokens of all replies.
        seconds: The sum of how long the requests took, which overlap.
        failures: Rows without a score, by code.
    """

    rows: int = 0
    calls: int = 0
    cached: int = 0
    shared: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float = 0.0
    failures: Counter[str] = field(default_factory=Counter[str])


class _Session:
    """What lives on one event loop."""

    def __init__(self, judge: HttpJudge) -> None:
        self.loop: EventLoopToken = anyio.lowlevel.current_token()
        self.http: httpx2.AsyncClient = open_http(judge.concurrency, judge.key)
        self.slots = anyio.CapacityLimiter(judge.concurrency)
        self.flights = SingleFlight()
        self.breaker = Breaker(judge.concurrency, PROBE_AFTER)
        self.cache = None if judge.cache is None else VerdictCache(judge.cache)

    async def aclose(self) -> None:
        await self.http.aclose()
        if self.cache is not None:
            await anyio.to_thread.run_sync(self.cache.close)


@dataclass(eq=False, repr=False)
class HttpJudge:
    """Asks a server about each row. Subclasses say what is asked, and how it is read.

    A judge may be pickled: connections, counts and requests under way stay behind. It serves one event loop at a time
    and opens its connections when it is first asked there; `aclose` closes them.

    Attributes:
        url: Where the server is, with ``http://`` or ``https://``.
        model: The model's name there.
        key: Sent as bearer token; None if none is needed. It is never shown, but pickled.
        concurrency: The most requests under way at a time.
        timeout: Seconds for a question in all its attempts, from when its turn comes.
        tries: The most attempts.
        cache: A file in which verdicts are kept; None for none.
        prices: Dollars for a million tokens of requests and of replies, to count the cost; None for none.
        body: More keys of each request, which win over all others; None takes one out.
    """

    url: str
    _: KW_ONLY
    model: str | None = None
    key: str | None = field(default=None, repr=False)
    concurrency: int = 64
    timeout: float = 60.0
    tries: int = 4
    cache: str | PathLike[str] | None = None
    prices: tuple[float, float] | None = None
    body: Mapping[str, object] = field(default_factory=dict[str, object])

    def __post_init__(self) -> None:
        self._session: _Session | None = None
        self.counts = JudgeCounts()
        if not _is_url(self.url):
            raise ArgumentError(f"url: {self.url!r} is no http or https URL, such as http://localhost:8000/v1")
        if self.concurrency < 1 or self.tries < 1 or not self.timeout > 0:
            raise ArgumentError("concurrency and tries are at least 1, and timeout is above 0 seconds")
        if self.prices is not None and (len(self.prices) != 2 or not all(price >= 0 for price in self.prices)):
            raise ArgumentError(f"prices: dollars for a million tokens in and out, not {self.prices}")

    def __repr__(self) -> str:
        others = {
            setting.name: value
            for setting in fields(self)[1:]
            if setting.repr and (value := getattr(self, setting.name)) not in (setting.default, {})
        }
        return f"{type(self).__name__}({', '.join([repr(self.url), *(f'{name}={others[name]!r}' for name in others)])})"

    def __getstate__(self) -> dict[str, Any]:
        """Return the settings."""
        return {name: value for name, value in vars(self).items() if name not in ("_session", "counts")}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Begin with settings, and nothing else."""
        vars(self).update(state)
        self._session, self.counts = None, JudgeCounts()

    @property
    def is_raw(self) -> bool:
        """Whether scores are not limited to [0, 1]."""
        return False

    async def judge(self, row: JudgeRow) -> Verdict:
        """Return the verdict on a row: a score, or a code that says why there is none.

        Raises:
            JudgeError: If the judge is set up in a way that cannot give right scores; the message names the cure.
            ArgumentError: If the cache cannot be opened, or the row's image not be read.
        """
        self.counts.rows += 1
        try:
            return await self._judge(row)
        except NoVerdictError as error:
            self.counts.failures[error.code] += 1
            return Verdict(code=error.code, reason=error.reason[:_LONGEST_REASON])

    async def _judge(self, row: JudgeRow) -> Verdict:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections and the cache. A judge that is asked again opens new ones."""
        session, self._session = self._session, None
        if session is not None and session.loop == anyio.lowlevel.current_token():
            await session.aclose()

    def log_items(self, prefix: str = "judge") -> dict[str, float]:
        """Return the counts as a flat dictionary, for any logger.

        Returns:
            ``<prefix>/`` with the names of `JudgeCounts`; ``<prefix>/failures/<code>`` for each code that occurred;
            with prices ``<prefix>/cost`` in dollars.
        """
        counts = self.counts
        names = ("rows", "calls", "cached", "shared", "tokens_in", "tokens_out", "seconds")
        items = {f"{prefix}/{name}": float(getattr(counts, name)) for name in names}
        items |= {f"{prefix}/failures/{code}": float(count) for code, count in counts.failures.items()}
        if self.prices is not None:
            price_in, price_out = self.prices
            items[f"{prefix}/cost"] = (counts.tokens_in * price_in + counts.tokens_out * price_out) / 1e6
        return items

    def _open(self) -> _Session:
        """Return what belongs to the running event loop; that of another loop is of no use any more."""
        if self._session is None or self._session.loop != anyio.lowlevel.current_token():
            self._session = _Session(self)
        return self._session

    async def _ask(self, call: Call) -> tuple[float, str]:
        """Return the score and the text of an answer.

        Raises:
            NoVerdictError: If there is none.
        """
        session = self._open()
        url = self.url.rstrip("/") + call.path
        key = request_key(url, _encode(call.bodies[0]) + call.attached.encode(), call.sample)
        return await session.flights.do(key, partial(self._answer, session, url, key, call), self._count_shared)

    def _count_shared(self) -> None:
        self.counts.shared += 1

    def _with_more_keys(self, body: Mapping[str, object]) -> dict[str, object]:
        keys = dict(body) | dict(self.body)
        return {name: value for name, value in keys.items() if value is not None}

    async def _answer(self, session: _Session, url: str, key: str, call: Call) -> tuple[float, str]:
        cache = session.cache if call.may_be_kept else None
        if cache is not None:
            kept = await anyio.to_thread.run_sync(cache.get, key)
            if kept is not None:
                self.counts.cached += 1
                return call.score(kept), kept
        async with session.slots:
            text = await self._before_deadline(session, url, call)
        score = call.score(text)
        if cache is not None:
            await anyio.to_thread.run_sync(cache.put, key, text)
        return score, text

    async def _before_deadline(self, session: _Session, url: str, call: Call) -> str:
        failed: list[RequestError] = []
        try:
            with anyio.fail_after(self.timeout):
                return await self._reply_text(session, url, call, failed)
        except TimeoutError:
            last = f"; before that {failed[-1]}" if failed else ""
            reason = f"{url}: not done after {self.timeout:g} s{last}"
            session.breaker.failed(reason)
            raise NoVerdictError(FailureCode.JUDGE_TIMEOUT, reason) from None

    async def _reply_text(self, session: _Session, url: str, call: Call, failed: list[RequestError]) -> str:
        reply = Reply("")
        for body in call.bodies:
            if call.complete is None:
                encoded = _encode(body)
            else:
                encoded = await anyio.to_thread.run_sync(_encode, await anyio.to_thread.run_sync(call.complete, body))
            reply = await self._attempts(session, url, encoded, call.read, failed)
            self.counts.tokens_in += reply.tokens_in
            self.counts.tokens_out += reply.tokens_out
            if reply.code is not FailureCode.JUDGE_CUT_OFF:
                break
        if reply.code is not None:
            raise NoVerdictError(reply.code, reply.text)
        return reply.text

    async def _attempts(
        self, session: _Session, url: str, body: bytes, read: Callable[[bytes], Reply], failed: list[RequestError]
    ) -> Reply:
        for number in range(1, self.tries + 1):
            if (gone := session.breaker.reason()) is not None:
                raise NoVerdictError(FailureCode.JUDGE_UNREACHABLE, gone)
            begin = time.monotonic()
            self.counts.calls += 1
            try:
                reply = read(await post(session.http, url, body))
            except RequestError as error:
                if error.retry_after is None:
                    session.breaker.succeeded()
                    raise _refusal(url, error) from None
                failed.append(error)
            else:
                session.breaker.succeeded()
                return reply
            finally:
                self.counts.seconds += time.monotonic() - begin
            if number < self.tries:
                await anyio.sleep(seconds_before_attempt(number, failed[-1]))
        raise self._given_up(session, url, failed[-1])

    def _given_up(self, session: _Session, url: str, error: RequestError) -> NoVerdictError:
        if error.garbled:
            # The server is there.
            session.breaker.succeeded()
            return NoVerdictError(FailureCode.JUDGE_UNREADABLE, f"{url}: {error}")
        session.breaker.failed(f"{url}: {error}")
        plural = "attempt" if self.tries == 1 else "attempts"
        return NoVerdictError(
            FailureCode.JUDGE_UNREACHABLE, f"{url}: no answer after {self.tries} {plural}: {error}", error.status
        )


def _encode(body: Mapping[str, object]) -> bytes:
    return json.dumps(body).encode("ascii")


def _refusal(url: str, error: RequestError) -> NoVerdictError:
    text = str(error)
    is_too_long = error.status in (400, 413, 422) and any(words in text for words in _TOO_LONG)
    code = FailureCode.JUDGE_TOO_LONG if is_too_long else FailureCode.JUDGE_REFUSED
    return NoVerdictError(code, f"{url}: {text}", error.status)


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isascii()
    except ValueError:
        return False
    return is_url and not any(character.isspace() for character in url)
