"""Asking a teacher for the answers of rows that have none: the options, and the engine."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import click

from onethinker_rewards.cli.messages import CliError, say
from onethinker_rewards.cli.options import choice_option, frames_option, number_option, root_option
from onethinker_rewards.cli.outputs import ChunkResult, Spool
from onethinker_rewards.cli.pipeline import Engine
from onethinker_rewards.cli.prepare import BadRow, check_packages
from onethinker_rewards.cli.rows import InvalidRow, Row
from onethinker_rewards.cli.table_reader import Table
from onethinker_rewards.judges.content import TRANSPORTS, Transport
from onethinker_rewards.trainer.data import Fault, InvalidRowError, Rules, verl_row
from onethinker_rewards.trainer.filter import Question

if TYPE_CHECKING:
    from onethinker_rewards.cli.filter import FilterJob, Read
    from onethinker_rewards.judges.client import CompletionClient, Endpoint

# Rows that are scored and written together: few, so that progress shows.
_TOGETHER = 16
# Rows that are asked about or wait for one before them, for each request that may be under way.
_AHEAD = 16

_COUNT = click.IntRange(min=1)
_OPTIONS = (
    click.option("--endpoint", metavar="URL", help="Server to ask for missing answers, such as http://host:8000/v1."),
    click.option("--model", metavar="NAME", help="Name of the model; required with --endpoint."),
    number_option("--samples", _COUNT, 1, "Answers per row."),
    number_option("--temperature", click.FloatRange(min=0), 1.0, "Sampling temperature."),
    number_option("--max-tokens", _COUNT, 4096, "Maximum tokens per answer."),
    choice_option("--media", TRANSPORTS, "Send images and videos as data, or as file URLs.", "transport"),
    root_option,
    frames_option,
    click.option(
        "--body", metavar="JSON", help="Extra keys of requests, such as '{\"top_p\": 0.9}'; null removes one."
    ),
    click.option(
        "--key-variable", default="OPENAI_API_KEY", show_default=True, help="Environment variable with the API key."
    ),
    number_option("--concurrency", _COUNT, 32, "Concurrent requests."),
    number_option("--timeout", click.FloatRange(min=0, min_open=True), 600.0, "Timeout of a request in seconds."),
    number_option("--retries", click.IntRange(min=0), 5, "Retries after the first attempt."),
)


def endpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say whom to ask, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Teacher:
    """Whom to ask for so many answers a row, how images and videos go along, and how rows are read."""

    endpoint: Endpoint
    samples: int
    transport: Transport
    rules: Rules

    def identity(self) -> object:
        """Return what the answers depend on: where they come from, and how patiently, may change from run to run."""
        return [self.endpoint.model, self.endpoint.body, self.samples, repr(self.rules)]


def teacher_of(options: dict[str, Any], rules: Rules) -> Teacher | None:
    """Return whom to ask by the values of `endpoint_options`; None if nobody is asked."""
    url, model = options["endpoint"], options["model"]
    if url is None:
        if model is not None:
            raise CliError("--model needs --endpoint")
        return None
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        is_url = False
    if not is_url or any(character.isspace() for character in url):
        raise CliError(f"--endpoint {url}: is no http or https URL")
    if not model:
        raise CliError("--endpoint needs --model, the name that the endpoint knows it by")
    key = os.environ.get(options["key_variable"], "").strip()
    if not (key.isascii() and key.isprintable()):
        # Without the key: it is a secret.
        raise CliError(f"{options['key_variable']}: holds no API key: characters that no header can have")
    check_packages(("httpx2", "anyio"), "filter")
    from onethinker_rewards.judges.client import Endpoint  # noqa: PLC0415 - needs an extra

    body = {name: options[name] for name in ("temperature", "max_tokens")} | _body(options["body"])
    patience = {name: options[name] for name in ("concurrency", "timeout", "retries")}
    endpoint = Endpoint(url=url, model=model, body=body, key=key or None, **patience)
    return Teacher(endpoint, options["samples"], options["transport"], rules)


def _body(text: str | None) -> dict[str, object]:
    try:
        body: object = {} if text is None else json.loads(text)
    except ValueError as error:
        raise CliError(f"--body: is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise CliError("--body: is no JSON object")
    return cast("dict[str, object]", body)


def asking_engine(job: FilterJob, teacher: Teacher, spool: Spool) -> Engine:
    """Return an engine that asks for answers where rows have none: many rows at a time, written in their order."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - needs an extra

    from onethinker_rewards.judges.client import CompletionClient, EndpointLostError  # noqa: PLC0415 - needs an extra

    url = teacher.endpoint.url
    most = max(1, teacher.endpoint.concurrency * _AHEAD // _TOGETHER)

    def engine(table: Table, skip: int) -> Generator[ChunkResult]:
        waiting: deque[list[Future[Read]]] = deque()
        opened = CompletionClient.open(teacher.endpoint, lambda text: say(f"{url}: {text}"))
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(opened) as client,
        ):
            asking = _Asking(job, teacher, client, spool)
            try:
                for chunk in table.chunks(skip):
                    rows = chunk.rows()
                    for begin in range(0, len(rows), _TOGETHER):
                        together = rows[begin : begin + _TOGETHER]
                        waiting.append([asking.begin(row, portal.start_task_soon) for row in together])
                        if len(waiting) >= most:
                            yield _finish_first(job, waiting)
                while waiting:
                    yield _finish_first(job, waiting)
            except EndpointLostError as error:
                raise CliError(f"{url}: {error}; --resume goes on from here") from None
            finally:
                # However it ends, answers that are still asked for are of no use.
                for future in (future for futures in waiting for future in futures):
                    future.cancel()

    return engine


@dataclass(frozen=True, slots=True)
class _Asking:
    """Rows that are asked about at a time."""

    job: FilterJob
    teacher: Teacher
    client: CompletionClient
    spool: Spool

    def begin(self, row: Row | InvalidRow, start: Callable[..., Future[Read]]) -> Future[Read]:
        """Begin to ask about a row; if it has answers, or cannot be used, the result is there at once."""
        try:
            if isinstance(row, Row) and not self.job.responses(row):
                asked = verl_row(row.columns, row.number, self.teacher.rules, self.job.reader.tasks())
                return start(self._ask, row, Question(asked))
            found = self.job.read(row)
        except InvalidRowError as error:
            found = BadRow(row.number, str(error), error.fault, row if isinstance(row, Row) else None)
        future: Future[Read] = Future()
        future.set_result(found)
        return future

    async def _ask(self, row: Row, question: Question) -> Read:
        from onethinker_rewards.judges.connection import RequestError  # noqa: PLC0415 - needs an extra

        answers = self.spool.answers.pop(row.number, [])
        messages = partial(question.messages, self.teacher.transport)
        received = partial(self.spool.keep, row.number)
        try:
            if (n := self.teacher.samples - len(answers)) > 0:
                answers = answers + await self.client.complete(messages, question.keys(), n=n, received=received)
            return self.job.candidate(row, answers)
        except RequestError as error:
            return BadRow(row.number, str(error), Fault.ENDPOINT, row)
        except InvalidRowError as error:
            return BadRow(row.number, str(error), error.fault, row)


def _finish_first(job: FilterJob, waiting: deque[list[Future[Read]]]) -> ChunkResult:
    read = [future.result() for future in waiting[0]]
    waiting.popleft()
    return job.finish(read)
