"""Killable processes for work that can hang."""

from __future__ import annotations

from onethinker_rewards.workers.outcome import Outcome, Status, WorkerError
from onethinker_rewards.workers.pool import Pool
from onethinker_rewards.workers.shared import shared_pool

__all__ = ["Outcome", "Pool", "Status", "WorkerError", "shared_pool"]
