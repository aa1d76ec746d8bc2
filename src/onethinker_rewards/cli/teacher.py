"""Asking a teacher for the answers of rows that have none: the options, the log of answers, and the engine."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import click
import msgspec

from onethinker_rewards.cli.messages import CliError, error_text, say
from onethinker_rewards.cli.outputs import ChunkResult
from onethinker_rewards.cli.pipeline import Engine
from onethinker_rewards.cli.prepare import BadRow, check_packages, number_option
from onethinker_rewards.cli.rows import InvalidRow, Row, json_text
from onethinker_rewards.cli.table_reader import Chunk, TableReader
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
    click.option("--endpoint", metavar="URL", help="Ask there for answers of rows without: http://host:8000/v1."),
    click.option("--model", metavar="NAME", help="Which model to ask; needed with --endpoint."),
    number_option("--samples", _COUNT, 1, "Answers a row."),
    number_option("--temperature", click.FloatRange(min=0), 1.0, "Of sampling."),
    number_option("--max-tokens", _COUNT, 4096, "Most tokens of an answer."),
    click.option(
        "--media",
        "transport",
        type=click.Choice(TRANSPORTS),
        default="data",
        show_default=True,
        help="Images and videos go along, or are named by file URLs.",
    ),
    click.option("--media-root", metavar="DIR", help="Where relative paths start.  [default: the folder of FILE]"),
    click.option("--frames", is_flag=True, help="Videos are folders or lists of frames, not files."),
    click.option("--body", metavar="JSON", help="More keys of requests, as '{\"top_p\": 0.9}'; null takes one out."),
    click.option(
        "--key-variable",
        default="OPENAI_API_KEY",
        show_default=True,
        metavar="NAME",
        help="The environment variable that holds the API key, if one is needed.",
    ),
    number_option("--concurrency", _COUNT, 32, "Rows asked at a time."),
    number_option("--timeout", click.FloatRange(min=0, min_open=True), 600.0, "Seconds a request may take."),
    number_option("--retries", click.IntRange(min=0), 5, "Attempts after the first."),
)


def endpoint_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say whom to ask, and how."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Teacher:
    """Whom to ask for answers, and how.

    Attributes:
        endpoint: Where requests go.
        samples: Answers a row.
        transport: How images and videos go along.
        rules: How rows are read.
    """

    endpoint: Endpoint
    samples: int
    transport: Transport
    rules: Rules

    def identity(self) -> object:
        """Return what the answers depend on: where they come from, and how patiently, may change from run to run."""
        return [self.endpoint.model, self.endpoint.body, self.samples, repr(self.rules)]


def teacher_of(options: dict[str, Any], rules: Rules) -> Teacher | None:
    """Return whom to ask, and how; None if nobody is asked.

    Args:
        options: The values of `endpoint_options`, by name.
        rules: How rows are read.

    Raises:
        CliError: If an option is wrong, or the client is not installed.
    """
    url, model = options["endpoint"], options["model"]
    if url is None:
        if model is not None:
            raise CliError("--model needs --endpoint")
        return None
    _check_url(url)
    if not model:
        raise CliError("--endpoint needs --model, the name that the endpoint knows it by")
    check_packages(("httpx2", "anyio"), "filter")
    from onethinker_rewards.judges.client import Endpoint  # noqa: PLC0415 - needs an extra

    body = {"temperature": options["temperature"], "max_tokens": options["max_tokens"]} | _body(options["body"])
    patience = {name: options[name] for name in ("concurrency", "timeout", "retries")}
    endpoint = Endpoint(url=url, model=model, body=body, key=_key(options["key_variable"]), **patience)
    return Teacher(endpoint, options["samples"], options["transport"], rules)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in url):
        raise CliError(f"--endpoint {url}: is no http or https URL")


def _key(variable: str) -> str | None:
    key = os.environ.get(variable, "").strip()
    if not (key.isascii() and key.isprintable()):
        # Without the key: it is a secret.
        raise CliError(f"{variable}: holds no API key: characters that no header can have")
    return key or None


def _body(text: str | None) -> dict[str, object]:
    try:
        body: object = {} if text is None else json.loads(text)
    except ValueError as error:
        raise CliError(f"--body: is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise CliError("--body: is no JSON object")
    return cast("dict[str, object]", body)


class CompletionLog:
    """The answers that an endpoint has given, in the order in which they came, so that a resumed run asks none twice.

    A line is ``[row, [answer, ...]]``, and row 0 has the options of the run. Answers are appended before anything else
    can fail; the file is removed when the results of all rows are written.

    Args:
        path: The file.
        options: What the run does; a run with other options cannot use its answers.
        resume: Whether to go on with the answers that are there.
    """

    def __init__(self, path: str, options: Mapping[str, object], *, resume: bool) -> None:
        self._path, self._resume = Path(path), resume
        self._options = json_text(dict(options))
        self._needed = False

    @contextmanager
    def opened(self, after: int) -> Generator[dict[int, list[str]]]:
        """Open the file and yield the answers to rows after one; a line that a kill has cut off is dropped.

        Raises:
            CliError: If it cannot be opened, or has answers that would be lost, or of another run.
        """
        with _one_line_errors(self._path):
            known, end = self._read(after) if self._path.exists() else ({}, 0)
            self._file = self._path.open("ab", buffering=0)
            self._file.truncate(end)
        try:
            if end == 0:
                self._append(0, [self._options])
            yield known
        finally:
            self._file.close()
            if not self._needed:
                self._path.unlink()

    def record(self, row: int, answers: list[str]) -> None:
        """Write answers to a row.

        Raises:
            CliError: If they cannot be written.
        """
        self._needed = True
        self._append(row, answers)

    def remove(self) -> None:
        """Remove the file when it is closed: the results of all rows are written."""
        self._needed = False

    def _read(self, after: int) -> tuple[dict[int, list[str]], int]:
        """Return the answers to rows after one, and where the last whole line ends."""
        if self._path.stat().st_size and not self._resume:
            raise CliError(
                f"{self._path}: has answers of a run that was not finished; add --resume, or remove the file"
            )
        known: dict[int, list[str]] = {}
        end = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                row, answers = self._decoded(line)
                self._needed = self._needed or row > 0
                if row > after:
                    known.setdefault(row, []).extend(answers)
                end += len(line)
        return known, end

    def _decoded(self, line: bytes) -> tuple[int, list[str]]:
        try:
            row, answers = msgspec.json.decode(line, type=tuple[int, list[str]])
        except msgspec.MsgspecError:
            raise CliError(f"{self._path}: is no file of answers") from None
        if row == 0 and answers != [self._options]:
            raise CliError(f"{self._path}: is of a run with other options; remove it, or run with the same ones")
        return row, answers

    def _append(self, row: int, answers: list[str]) -> None:
        with _one_line_errors(self._path):
            line = json.dumps([row, answers]).encode("ascii") + b"\n"
            while line:
                line = line[self._file.write(line) :]


@contextmanager
def _one_line_errors(path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise CliError(f"{path}: {error_text(error)}") from None


def asking_engine(job: FilterJob, teacher: Teacher, log: CompletionLog) -> Engine:
    """Return an engine that asks for answers where rows have none: many rows at a time, written in their order."""
    from anyio.from_thread import start_blocking_portal  # noqa: PLC0415 - needs an extra

    from onethinker_rewards.judges.client import CompletionClient, EndpointLostError  # noqa: PLC0415 - needs an extra

    url = teacher.endpoint.url
    most = max(1, teacher.endpoint.concurrency * _AHEAD // _TOGETHER)

    def engine(table: TableReader, skip: int) -> Generator[ChunkResult]:
        waiting: deque[list[Future[Read]]] = deque()
        opened = CompletionClient.open(teacher.endpoint, lambda text: say(f"{url}: {text}"))
        with (
            # A row's number is at least the count of rows up to it.
            log.opened(after=skip) as known,
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(opened) as client,
        ):
            asking = _Asking(job, teacher, client, log, known)
            try:
                for rows in _groups(table.chunks(skip)):
                    waiting.append([asking.begin(row, portal.start_task_soon) for row in rows])
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
            log.remove()

    return engine


@dataclass(frozen=True, slots=True)
class _Asking:
    """Rows that are asked about at a time, and the answers that are there from an earlier run."""

    job: FilterJob
    teacher: Teacher
    client: CompletionClient
    log: CompletionLog
    known: dict[int, list[str]]

    def begin(self, row: Row | InvalidRow, start: Callable[..., Future[Read]]) -> Future[Read]:
        """Begin to ask about a row; if it has answers, or cannot be used, the result is there at once."""
        try:
            if isinstance(row, Row) and not self.job.responses(row):
                asked = verl_row(row.columns, row.number, self.teacher.rules, self.job.reader.tasks())
                return start(self._ask, row, Question(asked))
            found = self.job.read(row)
        except InvalidRowError as error:
            found = BadRow.of(row, error)
        future: Future[Read] = Future()
        future.set_result(found)
        return future

    async def _ask(self, row: Row, question: Question) -> Read:
        from onethinker_rewards.judges.client import CompletionError  # noqa: PLC0415 - needs an extra

        answers = self.known.pop(row.number, [])
        messages = partial(question.messages, self.teacher.transport)
        received = partial(self.log.record, row.number)
        try:
            if (n := self.teacher.samples - len(answers)) > 0:
                answers = answers + await self.client.complete(messages, question.keys(), n=n, received=received)
            return self.job.candidate(row, answers)
        except CompletionError as error:
            return BadRow.of(row, InvalidRowError(Fault.ENDPOINT, str(error)))
        except InvalidRowError as error:
            return BadRow.of(row, error)


def _groups(chunks: Iterator[Chunk]) -> Iterator[list[Row | InvalidRow]]:
    for chunk in chunks:
        rows = chunk.rows()
        yield from (rows[begin : begin + _TOGETHER] for begin in range(0, len(rows), _TOGETHER))


def _finish_first(job: FilterJob, waiting: deque[list[Future[Read]]]) -> ChunkResult:
    read = [future.result() for future in waiting[0]]
    waiting.popleft()
    return job.finish(read)
