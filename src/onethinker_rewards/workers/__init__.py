"""Killable processes for work that can hang."""

from __future__ import annotations

from onethinker_rewards.workers.pool import Pool, shared_pool
from onethinker_rewards.workers.process import Outcome, Status, WorkerError

__all__ = ["Outcome", "Pool", "Status", "WorkerError", "shared_pool"]
