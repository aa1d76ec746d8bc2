#!/usr/bin/env bash
# Train with verl's own trainer and our reward manager, by configuration alone.
#
#   pip install 'onethinker-rewards[verl,prepare]' 'verl[vllm]==0.9.1'
#   onethinker-rewards prepare rows.jsonl --out train.parquet --dialect qwen3-vl
#   bash examples/verl_run.sh
#   bash examples/verl_run.sh --cfg job          # print the whole configuration, start nothing
#   bash examples/verl_run.sh trainer.n_gpus_per_node=2 actor_rollout_ref.model.path=./mine
#
# MODEL, TRAIN, VALIDATION and DIALECT are taken from the environment. It logs verl's mean reward, and at each validation
# accuracy, format and the parts of each task. verl's trainer has no EMA-GRPO: `onethinker-rewards train` has, with the
# same keys (docs/how-to/train.md). Devices are verl's: GPUs of this node, weights in float32, computation in bfloat16.
set -euo pipefail

MODEL=${MODEL:-Qwen/Qwen3-VL-4B-Instruct}
TRAIN=${TRAIN:-train.parquet}
VALIDATION=${VALIDATION:-$TRAIN}
DIALECT=${DIALECT:-qwen3-vl} # the same as that of the prompts

reward=(
    # Calls that are in flight are scored as one batch.
    reward.reward_manager.source=importlib
    reward.reward_manager.name=RewardManager
    reward.reward_manager.module.path=pkg://onethinker_rewards.adapters.verl
    +reward.reward_kwargs.recipe=paper
    +reward.reward_kwargs.dialect="$DIALECT"
)
data=(
    data.train_files="$TRAIN"
    data.val_files="$VALIDATION"
    data.train_batch_size=128
    data.max_prompt_length=8192
    data.max_response_length=2048
    data.image_patch_size=16 # 14 for Qwen2.5-VL
    data.filter_overlong_prompts=true
)
model=(
    actor_rollout_ref.model.path="$MODEL"
    actor_rollout_ref.model.use_remove_padding=true
    actor_rollout_ref.model.enable_gradient_checkpointing=true
)
rollout=(
    actor_rollout_ref.rollout.name=vllm
    actor_rollout_ref.rollout.n=8
    actor_rollout_ref.rollout.load_format=auto # verl's default starts Qwen3-VL with other weights than the trainer's
    actor_rollout_ref.rollout.gpu_memory_utilization=0.6
)
actor=(
    actor_rollout_ref.actor.strategy=fsdp2
    actor_rollout_ref.actor.optim.lr=1e-6
    actor_rollout_ref.actor.ppo_mini_batch_size=32
    actor_rollout_ref.actor.use_dynamic_bsz=true
    actor_rollout_ref.actor.ppo_max_token_len_per_gpu=16384
    actor_rollout_ref.rollout.log_prob_use_dynamic_bsz=true
    actor_rollout_ref.rollout.log_prob_max_token_len_per_gpu=16384
)
algorithm=(
    algorithm.adv_estimator=grpo
    algorithm.norm_adv_by_std_in_grpo=true
    algorithm.use_kl_in_reward=false
)
trainer=(
    trainer.nnodes=1
    trainer.n_gpus_per_node=8
    trainer.total_epochs=1
    trainer.test_freq=20
    trainer.save_freq=50
    trainer.project_name=onethinker
    trainer.experiment_name=verl
    'trainer.logger=[console,tensorboard]'
)
exec python -m verl.trainer.main_ppo \
    "${reward[@]}" "${data[@]}" "${model[@]}" "${rollout[@]}" "${actor[@]}" "${algorithm[@]}" "${trainer[@]}" "$@"
