"""Asking an endpoint for the answers of rows that have none: many rows at a time, filtered in the order of the file."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

from anyio.from_thread import BlockingPortal, start_blocking_portal

from onethinker_rewards.cli.answers import Answers
from onethinker_rewards.cli.files import Refused, say
from onethinker_rewards.cli.filtering import Faulty, FilterJob, faulty
from onethinker_rewards.cli.output import Output
from onethinker_rewards.cli.rows import Broken, Row
from onethinker_rewards.cli.sources import Source
from onethinker_rewards.cli.stream import Engine
from onethinker_rewards.cli.work import Done, Place, Work
from onethinker_rewards.trainer.data import BadRowError, MediaRules
from onethinker_rewards.trainer.filtering import Candidate, Question, answers_of, candidate_of, question_of
from onethinker_rewards.trainer.filtering.endpoint import Asker, Endpoint, EndpointLostError

__all__ = ["asking"]

# Rows that are scored and written together: few, so that there is something to see.
_TOGETHER = 16
# Rows that are asked about or wait for one before them, for each that may be asked about at a time.
_AHEAD = 16

_Waiting = deque[tuple[Work, list[Future[Candidate | Faulty]]]]


def asking(job: FilterJob, endpoint: Endpoint, media: MediaRules, answers: Answers | None, output: Output) -> Engine:
    """Return an engine that asks for answers where rows have none.

    Args:
        job: What is done with a row that has its answers.
        endpoint: Whom to ask.
        media: Where images and videos are.
        answers: Where answers are noted; None where a run cannot be taken up again.
        output: Tells which of them are needed no longer.
    """

    def tell(what: str) -> None:
        say(f"{endpoint.url}: {what}")

    def engine(source: Source, start: Place) -> Generator[Done]:
        most = max(1, endpoint.concurrency * _AHEAD // _TOGETHER)
        waiting: _Waiting = deque()
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(Asker.open(endpoint, tell)) as asker:
            known = {} if answers is None else answers.since(start.number)
            crowd = _Crowd(portal, asker, media, answers, known)
            try:
                for work in source.works(start, _TOGETHER):
                    waiting.append((work, [crowd.begin(row) for row in work.rows()]))
                    if len(waiting) >= most:
                        yield _finish_first(job, waiting, endpoint)
                        if answers is not None:
                            answers.forget(output.noted.number)
                while waiting:
                    yield _finish_first(job, waiting, endpoint)
            finally:
                # However it ends, what is still being asked is of no use.
                for _, futures in waiting:
                    for future in futures:
                        future.cancel()

    return engine


@dataclass(frozen=True, slots=True)
class _Crowd:
    """Rows that are asked about at a time."""

    portal: BlockingPortal
    asker: Asker
    media: MediaRules
    answers: Answers | None
    known: dict[int, list[str]]

    def begin(self, row: Row | Broken) -> Future[Candidate | Faulty]:
        """Begin to ask about a row; one that needs no asking is there at once."""
        asked: list[Question] = []

        def read(row: Row) -> Candidate:
            responses = answers_of(row.columns)
            if responses is not None:
                return candidate_of(row.columns, row.number, responses)
            asked.append(question_of(row.columns, row.number, self.media))
            return asked[0].candidate

        there = faulty(row, read)
        if asked:
            return self.portal.start_task_soon(self._ask, asked[0])
        future: Future[Candidate | Faulty] = Future()
        future.set_result(there)
        return future

    async def _ask(self, question: Question) -> Candidate | Faulty:
        candidate = question.candidate
        note = partial(self.answers.note, candidate.number) if self.answers is not None else _ignore
        try:
            responses = await self.asker.ask(question, self.known.pop(candidate.number, []), note)
        except BadRowError as error:
            return Faulty(candidate.number, error.fault, error.why, candidate.columns)
        return replace(candidate, responses=responses)


def _finish_first(job: FilterJob, waiting: _Waiting, endpoint: Endpoint) -> Done:
    work, futures = waiting[0]
    try:
        read = [future.result() for future in futures]
    except EndpointLostError as error:
        raise Refused(f"{endpoint.url}: {error}; --resume goes on from here") from None
    waiting.popleft()
    return job.finish(work, read)


def _ignore(answers: list[str]) -> None:
    """Note nothing."""
