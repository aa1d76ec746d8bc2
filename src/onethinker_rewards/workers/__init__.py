"""Killable worker processes, for work that can hang: what happens when sympy hangs on an answer.

`Pool.run` has each item, such as an answer and its reference, computed in a separate process. One that is not done by
its deadline is killed, and the item's status is `Status.TIMEOUT`; the other items go on in another process. From there,
`metrics.math` returns `MathVerdict.TIMEOUT`, and `score` the failure code ``math_timeout`` with accuracy 0. Items that
run out of memory or stack, or crash, have `Status.EXHAUSTED` and end alike. An exception is a bug: `WorkerError`.

`pool` takes a batch through its processes, `process` is the owner's end of one of them, `child` the program it runs.
"""

from __future__ import annotations

from onethinker_rewards.workers.pool import Pool, shared_pool
from onethinker_rewards.workers.process import Outcome, Status, WorkerError

__all__ = ["Outcome", "Pool", "Status", "WorkerError", "shared_pool"]
