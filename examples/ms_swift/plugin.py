"""The reward of the run: EMA-GRPO, with answers in Qwen3-VL's dialect. `grpo.sh` gives this file to ms-swift."""

from onethinker_rewards.adapters.swift import register

register("mine", ema={"decay": 0.99}, dialect="qwen3-vl")
