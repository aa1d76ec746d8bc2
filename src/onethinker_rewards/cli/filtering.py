"""From rows with several answers to those that are kept: the part of ``filter`` that is the same however they came."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from onethinker_rewards.cli.rows import Broken, Row, encode
from onethinker_rewards.cli.tallies import Tally, tally_of
from onethinker_rewards.cli.work import Done, Result, Work, done_of
from onethinker_rewards.rewards import Scorer
from onethinker_rewards.trainer.data import BadRowError, Fault
from onethinker_rewards.trainer.filtering import Candidate, Judged, Rule, answers_of, candidate_of, judge

__all__ = ["BAD", "KEPT", "TO_ANSWERS", "TO_BAD", "TO_OUT", "TO_REJECTED", "Faulty", "FilterJob", "faulty"]

# In the place of a task's name, and of what rows without an answer are counted under.
BAD = "(bad rows)"
KEPT, WRITTEN = "kept", "written"
# Each line on the way to its file begins with a letter that says which one.
TO_OUT, TO_BAD, TO_REJECTED, TO_ANSWERS = b"K", b"B", b"R", b"A"
_SHOWN = ("accuracy", "normalized", "format", "failure", "format_fault")


@dataclass(frozen=True, slots=True)
class Faulty:
    """A row that nothing could be made of: why, and the row where it could be read."""

    number: int
    fault: Fault
    why: str
    columns: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FilterJob:
    """Filters work whose rows have their answers.

    Attributes:
        recipe: Name of the recipe.
        rule: What is kept.
        rejected: Whether rejected rows are written.
        answers: Whether all rows are written with all of their answers.
    """

    recipe: str
    rule: Rule
    rejected: bool = False
    answers: bool = False

    def __call__(self, work: Work) -> Done:
        """Score the answers of a work, and sort its rows by what becomes of them."""
        return self.finish(work, [self.read(row) for row in work.rows()])

    def read(self, row: Row | Broken) -> Candidate | Faulty:
        """Take what is scored of a row."""
        return faulty(row, self._candidate)

    def finish(self, work: Work, read: Sequence[Candidate | Faulty]) -> Done:
        """Score what was read of the rows of a work."""
        tallies: dict[str, Tally] = {}
        candidates = [one for one in read if isinstance(one, Candidate)]
        judged = {one.candidate.number: one for one in judge(candidates, _scorer(self.recipe), self.rule)}
        lines: list[bytes] = []
        results: list[Result] = []
        for one in read:
            if isinstance(one, Faulty):
                lines.append(TO_BAD + _bad(one))
                tally_of(tallies, BAD).add({}, str(one.fault))
                results.append(Broken(one.number, one.why))
            else:
                lines += self._lines(judged[one.number])
                _add(tallies, judged[one.number])
                results.append({})
        return done_of(work, results, tallies, b"".join(lines))

    def _candidate(self, row: Row) -> Candidate:
        responses = answers_of(row.columns)
        if responses is None:
            raise BadRowError(Fault.COLUMNS, "no responses, and no --endpoint to ask")
        return candidate_of(row.columns, row.number, responses)

    def _lines(self, judged: Judged) -> Iterator[bytes]:
        candidate = judged.candidate
        yield from (TO_OUT + _kept(judged, place) for place in judged.kept)
        if self.answers:
            yield TO_ANSWERS + encode(_plain(candidate) | {"responses": candidate.responses})
        if self.rejected and not judged.kept:
            yield TO_REJECTED + _rejected(judged)


def faulty(row: Row | Broken, read: Callable[[Row], Candidate]) -> Candidate | Faulty:
    """Return what ``read`` makes of a row, or why it cannot."""
    if isinstance(row, Broken):
        return Faulty(row.number, Fault.NOT_JSON, row.why)
    try:
        return read(row)
    except BadRowError as error:
        return Faulty(row.number, error.fault, error.why, row.columns)


@cache
def _scorer(recipe: str) -> Scorer:
    return Scorer(recipe)


def _add(tallies: dict[str, Tally], judged: Judged) -> None:
    accuracies = [row["normalized"] for row in judged.rewards if row["normalized"] is not None]
    tally = tally_of(tallies, judged.candidate.task)
    numbers = {
        KEPT: min(len(judged.kept), 1),
        WRITTEN: len(judged.kept),
        "answers": len(judged.rewards),
        "accuracy": sum(accuracies) / max(len(accuracies), 1),
    }
    tally.add(numbers, None)
    tally.codes.update(code for code in judged.codes if code is not None)


def _plain(candidate: Candidate) -> dict[str, Any]:
    """Return the row without answers, as `prepare` reads it: the task under its name in the data set too."""
    columns = {name: value for name, value in candidate.columns.items() if name not in ("responses", "response")}
    return columns if columns.get("problem_type") is not None else columns | {"problem_type": candidate.task}


def _kept(judged: Judged, place: int) -> bytes:
    candidate, rewards = judged.candidate, judged.rewards[place]
    ours = {
        "row": candidate.number,
        "task": candidate.task,
        "response": candidate.responses[place],
        "accuracy": rewards["accuracy"],
        "normalized": rewards["normalized"],
    }
    return encode(_plain(candidate) | ours)


def _rejected(judged: Judged) -> bytes:
    answers = [
        {"why": code, **{name: rewards[name] for name in _SHOWN}, "response": response}
        for code, rewards, response in zip(judged.codes, judged.rewards, judged.candidate.responses, strict=True)
    ]
    return encode({"row": judged.candidate.number, "columns": _plain(judged.candidate), "answers": answers})


def _bad(one: Faulty) -> bytes:
    said = {"row": one.number, "fault": str(one.fault), "error": one.why}
    return encode(said if one.columns is None else said | {"columns": one.columns})
