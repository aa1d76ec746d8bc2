"""What a judge is asked about a row, and what it says: the types that formulas, judges and rewards share."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from onethinker_rewards.codes import FailureCode


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeRow:
    """A row whose accuracy a judge decides.

    Attributes:
        answer: What the model answered, without tags and thinking.
        reference: What is right.
        question: What was asked; None where the caller gave no questions.
        image: The row's entry of ``images``; None without.
        group: The id of the row's prompt; None where the caller gave no groups.
    """

    answer: str
    reference: str
    question: str | None = None
    image: Any = None
    group: Hashable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a judge says of a row: a score, or why there is none.

    Attributes:
        score: The score; in [0, 1], or any finite number from a judge whose scores are raw. None if there is none.
        code: Why there is no score, a code that begins with ``judge_``; None if there is one.
        reason: What the judge wrote, or what went wrong; may be empty.
    """

    score: float | None = None
    code: FailureCode | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        has_score = self.score is not None and math.isfinite(self.score)
        if has_score is (self.code is not None):
            raise ValueError(f"a verdict has a finite score or a code, not {self.score} and {self.code}")


@runtime_checkable
class RowJudge(Protocol):
    """Scores one row at a time, many rows at once.

    A judge may also have: ``is_raw``, true where its scores are not limited to [0, 1]; ``judge_all``, a coroutine
    function from rows to verdicts, for scores that depend on the other rows of a batch; ``aclose``, a coroutine
    function, awaited on the same event loop when its owner ends; ``log_items``, which returns its counters for logs.
    """

    async def judge(self, row: JudgeRow) -> Verdict:
        """Return the verdict on a row. An answer without a score is a verdict with a code, not an error."""
        ...


class BatchJudge(Protocol):
    """Scores lists of answers: a function, or a coroutine function, of three lists.

    A function is called in a thread, perhaps in several at the same time. A coroutine function is called with one row
    at a time, so that no row waits for another.
    """

    def __call__(
        self, questions: Sequence[str | None], answers: Sequence[str], references: Sequence[str]
    ) -> Sequence[float | None] | Awaitable[Sequence[float | None]]:
        """Return one score in [0, 1] a row; None or NaN where it has none.

        Raises:
            JudgeError: If no row can be scored; its rows get the error's ``code``. An ``OSError``, such as a refused
                connection, gives them ``judge_unreachable``, and a ``TimeoutError`` ``judge_timeout``.
        """
        ...


Judge: TypeAlias = RowJudge | BatchJudge
