"""The two commands of the runs and the environment they need on a CPU."""

from __future__ import annotations

from pathlib import Path

BATCH = 8
EACH = 4
STEPS = 3
SEED = 7

ENVIRONMENT = {
    # The shims; the engine of FSDP, which is the same on every device.
    "VERL_PLATFORM": "cpu",
    "VERL_ENGINE_DEVICE": "cuda",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "OMP_NUM_THREADS": "2",
    # With fewer threads while the machine is busy, sums would be rounded otherwise.
    "OMP_DYNAMIC": "FALSE",
    "MKL_DYNAMIC": "FALSE",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONWARNINGS": "ignore",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray lets all others go first, which on a busy machine makes a run several times as long.
    "RAY_worker_niceness": "0",
    "WANDB_MODE": "disabled",
    "HYDRA_FULL_ERROR": "1",
}


def fine_tune(model: Path, data: Path, out: Path, steps: int) -> list[str]:
    """Return the arguments of Python for supervised fine-tuning."""
    return [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=1",
        "-m",
        "verl.trainer.sft_trainer",
        f"data.train_files={data}",
        "data.train_batch_size=16",
        "data.micro_batch_size_per_gpu=16",
        "data.max_length=512",
        "data.num_workers=0",
        "data.use_dynamic_bsz=False",
        "data.ignore_input_ids_mismatch=True",
        "data.pad_mode=no_padding",
        "data.custom_cls.path=pkg://onethinker_rewards.trainer.verl.sft",
        "data.custom_cls.name=FineTuningDataset",
        f"model.path={model}",
        "model.use_remove_padding=False",
        "+model.override_config.attn_implementation=sdpa",
        "model.enable_gradient_checkpointing=False",
        "engine.strategy=fsdp2",
        "engine.use_torch_compile=False",
        "optim.lr=3e-3",
        "optim.weight_decay=0.0",
        "checkpoint.save_contents=[model,hf_model]",
        "checkpoint.load_contents=[model]",
        "trainer.device=cpu",
        "trainer.total_epochs=100",
        f"trainer.total_training_steps={steps}",
        "trainer.logger=[console]",
        f"trainer.save_freq={steps}",
        "trainer.resume_mode=disable",
        f"trainer.default_local_dir={out}",
        # Hydra would leave a folder where the tests are run.
        f"hydra.run.dir={out}",
        "hydra.output_subdir=null",
    ]


def train(model: Path, data: Path, out: Path, ray: Path, *more: str) -> list[str]:
    """Return the arguments of Python for training."""
    ours = [
        "+onethinker.estimator=ema_grpo",
        f"+onethinker.seed={SEED}",
        "trainer.logger=[console,tensorboard]",
        f"trainer.default_local_dir={out / 'checkpoints'}",
        f"trainer.rollout_data_dir={out / 'rollouts'}",
        f"trainer.total_training_steps={STEPS}",
        "trainer.total_epochs=1",
        "trainer.save_freq=1",
        "trainer.resume_mode=auto",
        "trainer.val_before_train=False",
        "trainer.device=cpu",
        "trainer.n_gpus_per_node=1",
        "trainer.nnodes=1",
    ]
    # With fewer logical processors, or with several storage units, workers wait for each other forever.
    cluster = [
        "ray_kwargs.ray_init.num_cpus=32",
        "+ray_kwargs.ray_init.num_gpus=1",
        "+ray_kwargs.ray_init.include_dashboard=False",
        "+ray_kwargs.ray_init.object_store_memory=500000000",
        f"+ray_kwargs.ray_init._temp_dir={ray}",
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
        "reward.num_workers=1",
    ]
    rows = [
        f"data.train_files={data}",
        f"data.val_files={data}",
        f"data.train_batch_size={BATCH}",
        "data.max_prompt_length=512",
        "data.max_response_length=12",
        "data.dataloader_num_workers=0",
        "data.image_patch_size=16",
        "data.shuffle=False",
        "data.filter_overlong_prompts=False",
    ]
    return ["-m", "onethinker_rewards.trainer.verl", *ours, *cluster, *rows, *_policy(model), *more]


def _policy(model: Path) -> list[str]:
    actor = [
        f"path={model}",
        "use_remove_padding=False",
        "enable_gradient_checkpointing=False",
    ]
    learning = [
        "strategy=fsdp2",
        f"ppo_mini_batch_size={BATCH}",
        "ppo_micro_batch_size_per_gpu=16",
        "use_kl_loss=True",
        "kl_loss_coef=0.001",
        "kl_loss_type=low_var_kl",
        "optim.lr=1e-3",
        "use_torch_compile=False",
        "fsdp_config.use_torch_compile=False",
        "checkpoint.save_contents=[model,optimizer,extra,hf_model]",
        "checkpoint.load_contents=[model,optimizer,extra]",
    ]
    rollout = [
        "name=vllm",
        f"n={EACH}",
        "tensor_model_parallel_size=1",
        "enforce_eager=True",
        "free_cache_engine=False",
        "load_format=auto",
        "calculate_log_probs=True",
        "log_prob_micro_batch_size_per_gpu=16",
        "max_model_len=1024",
        # What else is in a batch would change the last digits of what vLLM computes, and with them what it samples. And
        # where it cuts a prompt in two to fill a batch, it cannot set a seed's generator back on a CPU, and stops.
        "max_num_seqs=1",
        "max_num_batched_tokens=2048",
        "gpu_memory_utilization=0.1",
        "agent.num_workers=1",
        "checkpoint_engine.update_weights_bucket_megabytes=64",
    ]
    reference = [
        "log_prob_micro_batch_size_per_gpu=16",
        "use_torch_compile=False",
        "fsdp_config.use_torch_compile=False",
    ]
    named = {"model": actor, "actor": learning, "rollout": rollout, "ref": reference}
    return [
        *(f"actor_rollout_ref.{part}.{line}" for part, lines in named.items() for line in lines),
        "+actor_rollout_ref.model.override_config.attn_implementation=sdpa",
        "+actor_rollout_ref.rollout.enable_sleep_mode=False",
    ]
