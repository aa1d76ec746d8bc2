"""The trainer: verl's synchronous one, with each row's task in its advantages."""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.determinism import data_order
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.metrics import reward_metrics
from onethinker_rewards.trainer.verl.options import NAME, Options
from onethinker_rewards.trainer.verl.rollout import LOOPS
from onethinker_rewards.trainer.verl.sampling import ACCURACY, make_buffer
from onethinker_rewards.trainer.verl.step_context import estimate, step_context
from onethinker_rewards.trainer.verl.trajectories import Trajectories, unwrapped

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["make_trainer", "options_of", "register"]

_VERLS_LOOP = "single_turn_agent"


@cache
def make_trainer() -> type:  # noqa: C901 - a class with seven methods
    """Return the trainer class, registered with verl, and its estimator too; imports verl."""
    from verl.trainer.ppo.v1 import PPOTrainerSync, register_trainer

    register()

    class OneThinkerTrainer(PPOTrainerSync):
        """verl's synchronous trainer with our estimator, filter, order of rows and metrics."""

        config: DictConfig
        global_steps: int

        def __init__(self, config: DictConfig) -> None:
            self._options = options_of(config)
            _check(config)
            _set_derived(config, self._options)
            # verl's would go to the folder that this process was started in, which may be on any node.
            os.environ.setdefault("TENSORBOARD_DIR", str(Path(config.trainer.default_local_dir) / "curves"))
            self._advantages = Advantages(self._options.estimator, self._options.estimator_options)
            super().__init__(config)

        def _build_replay_buffer(self) -> object:
            if self._options.filter is None:
                return super()._build_replay_buffer()
            sampler = self.config.trainer.v1.sampler
            return make_buffer()(
                keep=self._options.filter,
                trainer_mode=self.config.trainer.v1.trainer_mode,
                trainer_config=self.config.trainer.v1.sync,
                max_off_policy_threshold=sampler.max_off_policy_threshold,
                max_off_policy_strategy=sampler.max_off_policy_strategy,
                sampler_kwargs=sampler.sampler_kwargs,
                refill_fn=self._add_prompts_to_generate,
                sync_refill_failed_groups=bool(sampler.get("sync_refill_failed_groups", False)),
                train_batch_size=self.config.data.train_batch_size,
                gen_batch_size=1,
                max_inflight_gen_batches=self.config.algorithm.filter_groups.max_inflight_gen_batches,
            )

        def _balance_batch(self, batch: Any, metrics: dict[str, Any], **settings: Any) -> Any:
            if self._options.seed is not None:
                batch.reorder(data_order(_rows(batch, "index", "extra_info"), batch.keys))
            return super()._balance_batch(batch, metrics, **settings)

        def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
            columns = _columns(batch, "extra_fields", "metrics")
            rows = Trajectories.read(batch.keys, batch.tags, columns["extra_fields"], columns["metrics"])
            with step_context(self._advantages, rows):
                done = super()._compute_advantage(batch, metrics)
            expected = self.config.data.train_batch_size * self.config.actor_rollout_ref.rollout.n
            metrics |= reward_metrics(rows, expected, metrics, filtered=self._options.filter is not None)
            metrics |= self._advantages.metrics()
            return done

        def _save_checkpoint(self) -> None:
            # verl writes last which checkpoint is the newest: by then ours is there.
            self._advantages.save(self._checkpoint_folder())
            super()._save_checkpoint()

        def _load_checkpoint(self) -> None:
            super()._load_checkpoint()
            if self.global_steps > 0:
                trainer = self.config.trainer
                explicit = trainer.resume_mode == "resume_path"
                self._advantages.load(trainer.resume_from_path if explicit else self._checkpoint_folder())

        def _checkpoint_folder(self) -> Path:
            return Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"

    register_trainer(NAME)(OneThinkerTrainer)
    return OneThinkerTrainer


@cache
def register() -> None:
    """Register the estimator with verl.

    Raises:
        ArgumentError: If another package has taken its name.
    """
    from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, register_adv_est

    if ADV_ESTIMATOR_REGISTRY.get(NAME, estimate) is not estimate:
        raise ArgumentError(f"another package registered an advantage estimator named {NAME!r}")
    register_adv_est(NAME)(estimate)


def options_of(config: DictConfig) -> Options:
    """Return our options in verl's configuration.

    Raises:
        ArgumentError: If a key is unknown, or a value is out of its range.
    """
    from omegaconf import OmegaConf

    section: Any = config.get(NAME)
    given: Any = OmegaConf.to_container(section, resolve=True) if OmegaConf.is_config(section) else section
    return Options.read(given)


def _check(config: DictConfig) -> None:
    if config.algorithm.adv_estimator != NAME:
        raise ArgumentError(
            f"algorithm.adv_estimator={config.algorithm.adv_estimator}: this trainer needs {NAME}; its formula is "
            f"{NAME}.estimator"
        )
    if config.algorithm.filter_groups.enable:
        raise ArgumentError(f"algorithm.filter_groups.enable: verl's filter; ours is {NAME}.filter, take one away")


def _set_derived(config: DictConfig, options: Options) -> None:
    """Set what verl asks of the configuration itself, by names of its own."""
    from omegaconf import OmegaConf

    settings: dict[str, object] = {"trainer.v1.trainer_mode": "sync"}
    if options.filter is not None:
        # With it on, verl fetches one prompt at a time, as refilling needs.
        settings |= {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": ACCURACY}
    agent = "actor_rollout_ref.rollout.agent"
    if config.actor_rollout_ref.rollout.agent.default_agent_loop == _VERLS_LOOP:
        settings |= {f"{agent}.default_agent_loop": NAME, f"{agent}.agent_loop_config_path": str(LOOPS)}
    for key, value in settings.items():
        OmegaConf.update(config, key, value)


def _columns(batch: Any, *names: str) -> Mapping[str, Any]:
    """Return columns of a batch from verl's transfer queue."""
    import transfer_queue

    return transfer_queue.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=list(names))


def _rows(batch: Any, *names: str) -> list[dict[str, Any]]:
    """Return some columns of a batch, row by row."""
    columns = _columns(batch, *names)
    values = zip(*(map(unwrapped, columns[name]) for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in values]
