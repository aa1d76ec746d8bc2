"""From verl's configuration to a finished run."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.options import NAME
from onethinker_rewards.trainer.verl.trainer import make_trainer, options_of

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["OUR_PARTS", "compose", "train", "verl_defaults"]

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


def verl_defaults(name: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Return a configuration of verl's; imports Hydra, and not verl.

    Args:
        name: The file, such as ``ppo_trainer``.
        overrides: As on verl's command line, ``key=value``.

    Raises:
        ModuleNotFoundError: Without verl.
    """
    # Only verl's folder is wanted: importing verl takes seconds.
    spec = find_spec("verl")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("verl is not installed", name="verl")
    folder = Path(spec.submodule_search_locations[0]) / "trainer" / "config"
    import hydra

    with _other_configuration_put_aside(), hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose(name, overrides=list(overrides))


@contextmanager
def _other_configuration_put_aside() -> Generator[None]:
    """Clear Hydra's one global configuration meanwhile: the package sam2 sets it when it is imported."""
    from hydra.core.global_hydra import GlobalHydra

    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = before
