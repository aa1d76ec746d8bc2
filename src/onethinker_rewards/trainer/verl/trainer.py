"""The trainer: verl's synchronous one, with each row's task in its advantages."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.trainer.verl.curves import rewards_of
from onethinker_rewards.trainer.verl.estimators import Advantages
from onethinker_rewards.trainer.verl.handing import estimate, handed_over
from onethinker_rewards.trainer.verl.options import NAME, Options
from onethinker_rewards.trainer.verl.repeating import in_order
from onethinker_rewards.trainer.verl.rollout import LOOPS
from onethinker_rewards.trainer.verl.sampling import ACCURACY, make_buffer
from onethinker_rewards.trainer.verl.trajectories import Trajectories

__all__ = ["make_trainer", "register"]

_VERLS_LOOP = "single_turn_agent"


class _Trainer:
    """What our trainer does; the class that verl registers also derives from verl's."""

    # verl's.
    config: Any
    global_steps: int

    def __init__(self, config: Any) -> None:
        self._options = Options.read(_plain(config.get(NAME)))
        _check(config)
        _settle(config, self._options)
        # verl's would go to the folder that this process was started in, which may be on any node.
        os.environ.setdefault("TENSORBOARD_DIR", str(Path(config.trainer.default_local_dir) / "curves"))
        self._advantages = Advantages(self._options.estimator, self._options.estimator_options)
        super().__init__(config)  # pyright: ignore[reportCallIssue] - verl's base is next

    def _build_replay_buffer(self) -> Any:
        if self._options.filter is None:
            return super()._build_replay_buffer()  # pyright: ignore[reportAttributeAccessIssue]
        sampler = self.config.trainer.v1.sampler
        return make_buffer()(
            keep=self._options.filter,
            trainer_mode=self.config.trainer.v1.trainer_mode,
            trainer_config=self.config.trainer.v1.sync,
            max_off_policy_threshold=sampler.max_off_policy_threshold,
            max_off_policy_strategy=sampler.max_off_policy_strategy,
            sampler_kwargs=sampler.sampler_kwargs,
            refill_fn=self._add_prompts_to_generate,  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType]
            sync_refill_failed_groups=bool(sampler.get("sync_refill_failed_groups", False)),
            train_batch_size=self.config.data.train_batch_size,
            gen_batch_size=1,
            max_inflight_gen_batches=self.config.algorithm.filter_groups.max_inflight_gen_batches,
        )

    def _balance_batch(self, batch: Any, metrics: dict[str, Any], **settings: Any) -> Any:
        if self._options.seed is not None:
            batch.reorder(in_order(_columns(batch, "index", "extra_info"), batch.keys))
        return super()._balance_batch(batch, metrics, **settings)  # pyright: ignore[reportAttributeAccessIssue]

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        rows = _trajectories(batch)
        with handed_over(self._advantages, rows):
            done = super()._compute_advantage(batch, metrics)  # pyright: ignore[reportAttributeAccessIssue]
        expected = self.config.data.train_batch_size * self.config.actor_rollout_ref.rollout.n
        metrics |= rewards_of(rows, expected, metrics, filtered=self._options.filter is not None)
        metrics |= self._advantages.curves()
        return done

    def _save_checkpoint(self) -> None:
        # verl writes last which checkpoint is the newest, so ours is there when it says so.
        self._advantages.save(self._folder())
        super()._save_checkpoint()  # pyright: ignore[reportAttributeAccessIssue]

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()  # pyright: ignore[reportAttributeAccessIssue]
        if self.global_steps > 0:
            trainer = self.config.trainer
            explicit = trainer.resume_mode == "resume_path"
            self._advantages.load(trainer.resume_from_path if explicit else self._folder())

    def _folder(self) -> Path:
        return Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"


@cache
def make_trainer() -> type[Any]:
    """Return the trainer class, registered with verl, and its estimator too; imports verl."""
    register()
    v1 = importlib.import_module("verl.trainer.ppo.v1")
    made = type("OneThinkerTrainer", (_Trainer, v1.PPOTrainerSync), {"__module__": __name__})
    return v1.register_trainer(NAME)(made)


@cache
def register() -> None:
    """Register the estimator with verl.

    Raises:
        ArgumentError: If another package has taken its name.
    """
    algorithms = importlib.import_module("verl.trainer.ppo.core_algos")
    if algorithms.ADV_ESTIMATOR_REGISTRY.get(NAME, estimate) is not estimate:
        raise ArgumentError(f"another package registered an advantage estimator named {NAME!r}")
    algorithms.register_adv_est(NAME)(estimate)


def _check(config: Any) -> None:
    if config.algorithm.adv_estimator != NAME:
        raise ArgumentError(
            f"algorithm.adv_estimator={config.algorithm.adv_estimator}: this trainer needs {NAME}; its formula is "
            f"{NAME}.estimator"
        )
    if config.algorithm.filter_groups.enable:
        raise ArgumentError(f"algorithm.filter_groups.enable: verl's filter; ours is {NAME}.filter, take one away")


def _settle(config: Any, options: Options) -> None:
    """Set what verl asks of the configuration itself, by names of its own."""
    settings: dict[str, Any] = {"trainer.v1.trainer_mode": "sync"}
    if options.filter is not None:
        # With it on, verl fetches one prompt at a time, as refilling needs.
        settings |= {"algorithm.filter_groups.enable": True, "algorithm.filter_groups.metric": ACCURACY}
    agent = "actor_rollout_ref.rollout.agent"
    if config.actor_rollout_ref.rollout.agent.default_agent_loop == _VERLS_LOOP:
        settings |= {f"{agent}.default_agent_loop": NAME, f"{agent}.agent_loop_config_path": str(LOOPS)}
    update = importlib.import_module("omegaconf").OmegaConf.update
    for key, value in settings.items():
        update(config, key, value)


def _columns(batch: Any, *names: str) -> list[dict[str, Any]]:
    """Return some columns of a batch, row by row."""
    data = _fetched(batch, *names)
    # tensordict hands some values out in a wrapper.
    columns = [[getattr(one, "data", one) for one in data[name]] for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _fetched(batch: Any, *names: str) -> Any:
    queue = importlib.import_module("transfer_queue")
    return queue.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=list(names))


def _trajectories(batch: Any) -> Trajectories:
    data = _fetched(batch, "extra_fields", "metrics")
    return Trajectories.read(batch.keys, batch.tags, data["extra_fields"], data["metrics"])


def _plain(given: Any) -> Mapping[str, Any] | None:
    """Return a part of the configuration as built-ins."""
    if given is None or isinstance(given, dict):
        return given  # pyright: ignore[reportUnknownVariableType]
    return importlib.import_module("omegaconf").OmegaConf.to_container(given, resolve=True)
