"""One module for each framework, which makes what its trainer calls from this package's rewards.

Every adapter of a trainer has the same names:

- ``make_reward(**settings)`` returns the callable that the framework needs. The settings are those of `RowScorer`:
  ``recipe``, ``columns``, ``table``, ``judge``, ``segmenter``, ``workers``; some adapters take more.
- The name that the framework itself looks up (``compute_score``, ``reward_func``, …) exists in the module, with the
  default settings, so that one line of a configuration is enough.
- ``log_items(batch)`` returns the curves of a batch for the framework's logger: a task's mean total, parts, format
  rate and codes.

Importing an adapter imports neither its framework nor torch; both are imported where they are used. An unreadable
reference, an unknown task or a missing column raises; it never becomes a reward of 0.

The adapters are built on `_shared` (a scorer for rows, logs) and `columns` (which column holds what). `microbatch`
collects the calls of a trainer that asks for one response at a time. `ema_state` keeps the statistics of EMA-GRPO in
checkpoints; where a trainer's advantage cannot be replaced, `reward_fn` and `ema_scaler` divide the rewards by σ.

Two are for evaluation and give no rewards: `lmms_tasks`, tasks for lmms-eval, and `inspect_scores`, for inspect_ai.
"""

from onethinker_rewards.adapters._shared import RowScorer, extra_info, log_items
from onethinker_rewards.adapters.columns import Columns, MissingColumnError

__all__ = ["Columns", "MissingColumnError", "RowScorer", "extra_info", "log_items"]
