"""What can go wrong that is not the model's fault.

A wrong answer is never an error: it is a failure code in the result. These errors are for the caller's
mistakes, and each names the rows that caused it::

    OneThinkerRewardsError
    ├── BadReferenceError     a reference that its task's schema refuses   (also a ValueError)
    ├── BadImageError         an image or prompt no mask can be drawn from (also a ValueError)
    ├── UnknownTaskError      a label that is no task                      (also a ValueError)
    ├── ArgumentError         arguments that do not fit each other         (also a ValueError)
    ├── JudgeError            raised by a judge that could not be reached
    └── WorkerError           a process that could not start; in onethinker_rewards.workers
"""

from __future__ import annotations

from collections.abc import Sequence

from onethinker_rewards.codes import FailureCode

_SHOWN = 5


class OneThinkerRewardsError(Exception):
    """The base of every error this package raises on purpose."""


class ArgumentError(OneThinkerRewardsError, ValueError):
    """Arguments that do not fit: lengths that differ, a recipe that does not exist."""


class JudgeError(OneThinkerRewardsError):
    """A judge could not give scores.

    Attributes:
        code: The failure that its rows get.
    """

    def __init__(self, reason: str = "", code: FailureCode = FailureCode.JUDGE_FAILED) -> None:
        # Every field goes to the base so that the error survives pickling between processes.
        super().__init__(reason, code)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[0])


class _RowsError(OneThinkerRewardsError, ValueError):
    """An error that names every row it concerns.

    Attributes:
        rows: Positions in the batch, counted from 0, in ascending order.
        reasons: One reason a row, in the same order.
    """

    _subject = "row"

    def __init__(self, rows: Sequence[int], reasons: Sequence[str]) -> None:
        self.rows = tuple(rows)
        self.reasons = tuple(reasons)
        # Every field goes to the base so that the error survives pickling between processes.
        super().__init__(self.rows, self.reasons)

    def __str__(self) -> str:
        if not self.rows:
            return f"{self._subject}: {self.reasons[0]}"
        more = len(self.rows) - _SHOWN
        if len(self.rows) > 1 and len(set(self.reasons)) == 1:
            # One mistake made in every row needs to be said once.
            rows = ", ".join(map(str, self.rows[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
            return f"{self._subject} in rows {rows}: {self.reasons[0]}"
        shown = "; ".join(f"row {row}: {why}" for row, why in zip(self.rows[:_SHOWN], self.reasons, strict=False))
        return f"{self._subject} in {shown}" + (f"; and {more} more rows" if more > 0 else "")


class BadReferenceError(_RowsError):
    """References that cannot be read in their task; ``rows`` names all of them."""

    _subject = "unreadable reference"


class BadImageError(_RowsError):
    """Images or prompts that a segmenter cannot draw from; ``rows`` names all of them."""

    _subject = "unusable image"


class UnknownTaskError(_RowsError):
    """Labels that name no task; ``rows`` names all of them."""

    _subject = "unknown task"
