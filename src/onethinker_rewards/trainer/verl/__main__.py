"""``python -m onethinker_rewards.trainer.verl`` with overrides of verl's configuration."""

from __future__ import annotations

import sys

from onethinker_rewards.trainer.verl.run import compose, train

if __name__ == "__main__":
    train(compose(sys.argv[1:]))
