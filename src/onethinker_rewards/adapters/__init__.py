"""One file a framework: what its trainer calls, made of this package's rewards.

Every adapter has the same names:

- ``make_reward(**settings)`` returns the callable that the framework wants. The settings are those of `RowScorer`:
  ``recipe``, ``columns``, ``table``, ``judge``, ``segmenter``, ``workers``; some adapters take more.
- The name that the framework itself looks for (``compute_score``, ``reward_func``, …) stands ready in the module, with
  the default settings, so that one line of a configuration is enough.
- ``log_items(batch)`` returns the curves of a batch as the framework's logger takes them: a task's mean total, parts,
  format rate and codes.

Importing an adapter imports neither its framework nor torch; using it does, where it has to. An unreadable reference,
an unknown task or a missing column raises; it never becomes a reward of 0.

What the adapters are made of: `columns` (which column holds what), `scoring` (a batch of rows), `recipes` (a scorer for
each recipe), `gather` (many calls into one batch), `single` (one response at a time), `logs` (what to log),
`checkpoint` (running statistics in a checkpoint), `estimating` (EMA-GRPO made at its first use); and for trainers whose
advantage stays theirs `rewarding` (which rows get what), `messages` (the response in a conversation), `scale` (rewards
divided by σ), `steps` (the callback that keeps σ).
"""

from onethinker_rewards.adapters.columns import Columns, MissingColumnError
from onethinker_rewards.adapters.scoring import RowScorer

__all__ = ["Columns", "MissingColumnError", "RowScorer"]
