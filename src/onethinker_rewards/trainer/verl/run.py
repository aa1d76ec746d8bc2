"""From verl's configuration to a finished run."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from onethinker_rewards.trainer.verl.defaults import verl_defaults
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.options import NAME, Options
from onethinker_rewards.trainer.verl.trainer import make_trainer

__all__ = ["compose", "train"]

_DEFAULTS = (
    f"trainer.v1.trainer_mode={NAME}",
    f"algorithm.adv_estimator={NAME}",
    "trainer.logger=[console,tensorboard]",
    "reward.reward_manager.source=importlib",
    "reward.reward_manager.name=RewardManager",
    "reward.reward_manager.module.path=pkg://onethinker_rewards.trainer.verl.rewards",
)


class _Runner:
    """Makes our trainer known in the process that runs it; the class that Ray gets also derives from verl's runner."""

    def run(self, config: Any) -> None:
        """Train."""
        make_trainer()
        super().run(config)  # pyright: ignore[reportAttributeAccessIssue]


def compose(overrides: Sequence[str] = ()) -> Any:
    """Return verl's configuration with our trainer, estimator, reward manager and TensorBoard, then these overrides.

    Args:
        overrides: As on verl's command line, ``key=value``; options of ours as ``+onethinker.estimator=grpo``.
    """
    return verl_defaults("ppo_trainer", [*_DEFAULTS, *overrides])


def train(config: Any) -> None:
    """Train under verl's configuration, as `compose` returns it; starts Ray.

    Raises:
        ArgumentError: If an option of ours is wrong, before anything starts.
    """
    options = Options.read(config.get(NAME))
    Advantages(options.estimator, options.estimator_options)
    main = importlib.import_module("verl.trainer.main_ppo")
    utils = importlib.import_module("verl.trainer.ppo.utils")
    importlib.import_module("verl.utils.device").auto_set_device(config)
    importlib.import_module("verl.utils.config").validate_config(
        config=config,
        use_reference_policy=utils.need_reference_policy(config),
        use_critic=utils.need_critic(config),
    )
    base = main.TaskRunnerV1.__ray_metadata__.modified_class
    runner = type("OneThinkerRunner", (_Runner, base), {"__module__": __name__})
    main.run_ppo(config, task_runner_class=importlib.import_module("ray").remote(runner))
