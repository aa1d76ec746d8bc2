#!/usr/bin/env bash
# Train with ms-swift's GRPO and EMA-GRPO's advantages, by a plugin of one line.
#
#   pip install 'onethinker-rewards[swift]' pillow torchvision qwen-vl-utils
#   python examples/ms_swift/make_rows.py --out rows
#   bash examples/ms_swift/grpo.sh
#   bash examples/ms_swift/grpo.sh --model ./mine --max_steps 10
#
# MODEL and ROWS are taken from the environment; what follows the script is added to the command, where the last value of
# an option counts. At each step it logs, for each task, mine/<task>/total, …/format, …/failure/<code> and …/sigma.
# Devices: the GPUs that CUDA_VISIBLE_DEVICES names, one process each with NPROC_PER_NODE; on a CPU add
# --torch_dtype float32 and a tiny model. --torch_dtype is that of the weights and of the computation.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

exec swift rlhf --rlhf_type grpo \
    --model "${MODEL:-Qwen/Qwen3-VL-2B-Instruct}" \
    --torch_dtype bfloat16 \
    --tuner_type full \
    --dataset "${ROWS:-rows/rows.jsonl}" \
    --split_dataset_ratio 0 \
    --external_plugins "$here/plugin.py" \
    --reward_funcs mine \
    --callbacks mine \
    --scale_rewards none \
    --num_generations 8 \
    --per_device_train_batch_size 8 \
    --gradient_accumulation_steps 2 \
    --max_completion_length 512 \
    --learning_rate 1e-6 \
    --beta 0 \
    --logging_steps 1 \
    --max_steps 100 \
    --output_dir ms_swift_out \
    --report_to none \
    "$@"
