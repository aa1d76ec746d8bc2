"""Jobs that a worker process of a test can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass

from onethinker_rewards.cli.work import Done, Work


def echo(work: Work) -> Done:
    """Give the process that did it."""
    return Done(work.end, len(work.rows()), 0, [], {}, b"%d\n" % os.getpid())


def sleep(work: Work) -> Done:
    """Say so, and take longer than any test waits."""
    sys.stdout.write("asleep\n")
    sys.stdout.flush()
    time.sleep(600)
    return echo(work)


@dataclass(frozen=True)
class DieAt:
    """End the process at the work that begins at this row."""

    row: int

    def __call__(self, work: Work) -> Done:
        if work.rows()[0].number == self.row:
            os.kill(os.getpid(), signal.SIGKILL)
        return echo(work)


@dataclass(frozen=True)
class FailAt:
    """Raise what nobody expects, at the work that begins at this row."""

    row: int

    def __call__(self, work: Work) -> Done:
        if work.rows()[0].number == self.row:
            raise ZeroDivisionError("a bug")
        return echo(work)
