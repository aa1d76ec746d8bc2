"""The plugin of ms-swift: ``--external_plugins`` takes the path of this file.

It registers the rewards and callbacks ``onethinker``, and ``onethinker_ema`` for EMA-GRPO.
"""

from __future__ import annotations

import sys

from onethinker_rewards.adapters.swift import register

# Only ms-swift needs the registration; where something else imports this file, ms-swift may not be installed.
if "swift" in sys.modules:
    register("onethinker")
    register("onethinker_ema", ema=True)
