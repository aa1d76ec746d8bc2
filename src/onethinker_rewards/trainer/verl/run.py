"""From verl's configuration to a finished run."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from onethinker_rewards.trainer.verl.defaults import verl_defaults
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trainer import make_trainer, options_of

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["OUR_PARTS", "compose", "train"]

# What makes a run of verl's ours: trainer, estimator, reward manager.
OUR_PARTS: Mapping[str, str] = {
    "trainer.v1.trainer_mode": NAME,
    "algorithm.adv_estimator": NAME,
    "reward.reward_manager.source": "importlib",
    "reward.reward_manager.name": "RewardManager",
    "reward.reward_manager.module.path": "pkg://onethinker_rewards.trainer.verl.rewards",
}


def compose(overrides: Sequence[str] = ()) -> DictConfig:
    """Return verl's configuration with our parts and TensorBoard, then these overrides.

    Args:
        overrides: As on verl's command line, ``key=value``; options of ours as ``+onethinker.estimator=grpo``.
    """
    ours = [f"{key}={value}" for key, value in OUR_PARTS.items()]
    return verl_defaults("ppo_trainer", [*ours, "trainer.logger=[console,tensorboard]", *overrides])


def train(config: DictConfig) -> None:
    """Train under verl's configuration, as `compose` returns it; starts Ray.

    Raises:
        ArgumentError: If an option of ours is wrong, before anything starts.
    """
    options = options_of(config)
    Advantages(options.estimator, options.estimator_options)

    import ray
    from verl.trainer.main_ppo import TaskRunnerV1, run_ppo
    from verl.trainer.ppo.utils import need_critic, need_reference_policy
    from verl.utils.config import validate_config
    from verl.utils.device import auto_set_device

    auto_set_device(config)
    validate_config(config=config, use_reference_policy=need_reference_policy(config), use_critic=need_critic(config))
    base: Any = TaskRunnerV1.__ray_metadata__.modified_class

    class OneThinkerRunner(base):
        """Makes our trainer known in the process that runs it."""

        def run(self, config: DictConfig) -> None:
            make_trainer()
            super().run(config)

    run_ppo(config, task_runner_class=ray.remote(OneThinkerRunner))
