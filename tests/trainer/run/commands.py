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
        *("-m", "onethinker_rewards", "train", "--config", "sft-cpu-smoke"),
        f"data.train_files={data}",
        "data.train_batch_size=16",
        "data.use_dynamic_bsz=false",
        "data.micro_batch_size_per_gpu=16",
        f"model.path={model}",
        "optim.lr=3e-3",
        "optim.lr_scheduler_type=constant",
        "optim.weight_decay=0.0",
        "checkpoint.save_contents=[model,hf_model]",
        "checkpoint.load_contents=[model]",
        "trainer.total_epochs=100",
        f"trainer.total_training_steps={steps}",
        f"trainer.save_freq={steps}",
        f"trainer.default_local_dir={out}",
    ]


def train(model: Path, data: Path, out: Path, ray: Path) -> list[str]:
    """Return the arguments of Python for reinforcement learning."""
    actor, rollout = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
    return [
        *("-m", "onethinker_rewards", "train", "--config", "cpu-smoke"),
        f"onethinker.seed={SEED}",
        f"data.train_files={data}",
        f"data.train_batch_size={BATCH}",
        "data.max_prompt_length=512",
        "data.max_response_length=12",
        "data.shuffle=false",
        f"actor_rollout_ref.model.path={model}",
        f"{actor}.ppo_mini_batch_size={BATCH}",
        f"{actor}.use_dynamic_bsz=false",
        f"{actor}.ppo_max_token_len_per_gpu=1024",
        f"{actor}.ppo_micro_batch_size_per_gpu=16",
        f"{actor}.kl_loss_coef=0.001",
        f"{actor}.checkpoint.save_contents=[model,optimizer,extra,hf_model]",
        f"{actor}.checkpoint.load_contents=[model,optimizer,extra]",
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=16",
        f"{rollout}.n={EACH}",
        f"{rollout}.calculate_log_probs=true",
        f"{rollout}.log_prob_micro_batch_size_per_gpu=16",
        # What else is in a batch would change the last digits of what vLLM computes, and with them what it samples. And
        # where it cuts a prompt in two to fill a batch, it cannot set a seed's generator back on a CPU, and stops.
        f"{rollout}.max_num_seqs=1",
        f"{rollout}.max_num_batched_tokens=2048",
        f"trainer.total_training_steps={STEPS}",
        "trainer.save_freq=1",
        "trainer.resume_mode=auto",
        f"trainer.default_local_dir={out / 'checkpoints'}",
        f"trainer.rollout_data_dir={out / 'rollouts'}",
        f"+ray_kwargs.ray_init._temp_dir={ray}",
    ]
