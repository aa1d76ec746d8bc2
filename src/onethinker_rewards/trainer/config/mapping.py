"""Our keys in verl's words: one dictionary of dotted keys a stage, verl 0.9.1.

A ``+`` marks a key that verl's own files lack, as on verl's command line. What follows from no key of ours, and differs
from verl's default, says why.
"""

from __future__ import annotations

from typing import Any

from onethinker_rewards.trainer.config.paths import whole_path
from onethinker_rewards.trainer.config.rl import Advantage, Filter, RlSettings
from onethinker_rewards.trainer.config.sft import SftSettings
from onethinker_rewards.trainer.config.shared import Model, Run
from onethinker_rewards.trainer.verl.options import NAME

__all__ = ["overrides_of"]

_MANAGER, _OUR_MANAGER = "reward.reward_manager.module.path", "pkg://onethinker_rewards.trainer.verl.rewards"
_RECIPE = "+reward.reward_kwargs.recipe"


def overrides_of(settings: RlSettings | SftSettings) -> dict[str, Any]:
    """Return what to change in verl's default configuration; the section ``verl`` comes last and wins."""
    ours = _rl(settings) if isinstance(settings, RlSettings) else _sft(settings)
    if settings.verl.get(_MANAGER, _OUR_MANAGER) != _OUR_MANAGER:
        # What verl is told of rewards goes before what a manager was made with, and one of somebody else's may have a
        # recipe without a name.
        ours.pop(_RECIPE, None)
    return ours | dict(settings.verl)


def _rl(settings: RlSettings) -> dict[str, Any]:
    return {
        **_rl_data(settings),
        **_model("actor_rollout_ref.model", settings.model),
        **_actor(settings),
        **_reference(settings),
        **_rollout(settings),
        **_ours(settings),
        **_run(settings.run),
        "trainer.use_v1": True,
        "trainer.v1.trainer_mode": NAME,
        "trainer.val_before_train": False,
        "trainer.max_actor_ckpt_to_keep": settings.run.keep,
    }


def _rl_data(settings: RlSettings) -> dict[str, Any]:
    data = settings.data
    return {
        "data.train_files": _files(data.train_files),
        # verl reads some file to validate on, even where it never does.
        "data.val_files": _files(data.validation_files or data.train_files),
        "data.train_batch_size": data.prompts_per_step,
        "data.max_prompt_length": data.max_prompt_tokens,
        "data.max_response_length": data.max_response_tokens,
        "data.filter_overlong_prompts": data.drop_overlong_prompts,
        "data.image_patch_size": data.image_patch_size,
        "data.dataloader_num_workers": data.workers,
        "data.seed": settings.run.seed,
    }


def _actor(settings: RlSettings) -> dict[str, Any]:
    actor, wanted = "actor_rollout_ref.actor", settings.optimisation
    return {
        f"{actor}.strategy": "fsdp2",
        f"{actor}.ppo_mini_batch_size": wanted.prompts_per_update,
        # Rows differ by a hundred times in length: micro-batches are filled by tokens.
        f"{actor}.use_dynamic_bsz": True,
        f"{actor}.ppo_max_token_len_per_gpu": wanted.tokens_per_gpu,
        f"{actor}.clip_ratio_low": wanted.clip_low,
        f"{actor}.clip_ratio_high": wanted.clip_high,
        f"{actor}.use_kl_loss": wanted.kl_coefficient > 0,
        f"{actor}.kl_loss_coef": wanted.kl_coefficient,
        f"{actor}.kl_loss_type": wanted.kl_estimator,
        f"{actor}.optim.lr": wanted.learning_rate,
        f"{actor}.optim.weight_decay": wanted.weight_decay,
        f"{actor}.optim.lr_warmup_steps_ratio": wanted.warmup,
        f"{actor}.optim.clip_grad": wanted.max_gradient_norm,
        f"{actor}.data_loader_seed": settings.run.seed,
        f"{actor}.fsdp_config.param_offload": settings.model.offload,
        f"{actor}.fsdp_config.optimizer_offload": settings.model.offload,
    }


def _reference(settings: RlSettings) -> dict[str, Any]:
    return {"actor_rollout_ref.ref.fsdp_config.param_offload": settings.model.offload}


def _rollout(settings: RlSettings) -> dict[str, Any]:
    rollout, wanted, data = "actor_rollout_ref.rollout", settings.rollout, settings.data
    return {
        f"{rollout}.name": "vllm",
        f"{rollout}.n": wanted.rollouts_per_prompt,
        f"{rollout}.temperature": wanted.temperature,
        f"{rollout}.top_p": wanted.top_p,
        f"{rollout}.tensor_model_parallel_size": wanted.tensor_parallel,
        f"{rollout}.gpu_memory_utilization": wanted.gpu_memory,
        f"{rollout}.max_num_batched_tokens": wanted.batched_tokens,
        f"{rollout}.max_model_len": data.max_prompt_tokens + data.max_response_tokens,
        f"{rollout}.load_format": wanted.load_format,
    }


def _ours(settings: RlSettings) -> dict[str, Any]:
    """Return the advantage, the filter and the reward; our trainer looks for them under its name."""
    return {
        "algorithm.adv_estimator": NAME,
        "algorithm.use_kl_in_reward": False,
        "reward.num_workers": settings.reward.workers,
        "reward.reward_manager.source": "importlib",
        "reward.reward_manager.name": "RewardManager",
        _MANAGER: _OUR_MANAGER,
        _RECIPE: settings.reward.recipe,
        # verl wants a name here even for a reward model that is off.
        "reward.reward_model.rollout.name": "vllm",
        f"+{NAME}.estimator": settings.advantage.estimator,
        f"+{NAME}.estimator_options": _estimator_options(settings.advantage),
        f"+{NAME}.filter": _filter(settings.filter),
        f"+{NAME}.seed": settings.rollout.seed,
    }


def _estimator_options(advantage: Advantage) -> dict[str, Any]:
    return advantage.model_dump(exclude={"estimator"}) if advantage.estimator == "ema_grpo" else {}


def _filter(wanted: Filter) -> dict[str, Any] | None:
    return wanted.model_dump(exclude={"enabled"}) if wanted.enabled else None


def _sft(settings: SftSettings) -> dict[str, Any]:
    data, wanted = settings.data, settings.optimisation
    return {
        "data.train_files": _files(data.train_files),
        "data.val_files": _files(data.validation_files) or None,
        "data.train_batch_size": data.rows_per_step,
        "data.max_length": data.max_tokens,
        "data.truncation": data.overlong,
        "data.num_workers": data.workers,
        "data.use_dynamic_bsz": True,
        "data.max_token_len_per_gpu": wanted.tokens_per_gpu,
        # The chat template gives a conversation other tokens than its turns one by one.
        "data.ignore_input_ids_mismatch": True,
        # verl's own numbers the frames of a video as Qwen2-VL does, and stops at Qwen3-VL's second.
        "data.custom_cls.path": "pkg://onethinker_rewards.trainer.verl.sft",
        "data.custom_cls.name": "FineTuningDataset",
        **_model("model", settings.model),
        "engine.strategy": "fsdp2",
        "engine.param_offload": settings.model.offload,
        "engine.optimizer_offload": settings.model.offload,
        "optim.lr": wanted.learning_rate,
        "optim.lr_scheduler_type": wanted.schedule,
        "optim.lr_warmup_steps_ratio": wanted.warmup,
        "optim.weight_decay": wanted.weight_decay,
        "optim.clip_grad": wanted.max_gradient_norm,
        **_run(settings.run),
        "trainer.max_ckpt_to_keep": settings.run.keep,
        "trainer.seed": settings.run.seed,
    }


def _model(place: str, model: Model) -> dict[str, Any]:
    attention = {} if model.attention is None else {f"+{place}.override_config.attn_implementation": model.attention}
    return {
        f"{place}.path": whole_path(model.path) if model.is_folder else model.path,
        f"{place}.use_remove_padding": model.remove_padding,
        f"{place}.enable_gradient_checkpointing": model.gradient_checkpointing,
        **attention,
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "trainer.nnodes": run.nodes,
        "trainer.n_gpus_per_node": run.gpus_per_node,
        "trainer.device": run.device,
        "trainer.total_epochs": run.epochs,
        "trainer.total_training_steps": run.steps,
        "trainer.save_freq": run.save_every or -1,
        "trainer.test_freq": run.validate_every or -1,
        "trainer.default_local_dir": whole_path(run.output),
        "trainer.resume_mode": "auto" if run.resume else "disable",
        "trainer.project_name": run.project,
        "trainer.experiment_name": run.name,
        "trainer.logger": list(run.loggers),
    }


def _files(names: tuple[str, ...]) -> list[str]:
    return [whole_path(name) for name in names]
