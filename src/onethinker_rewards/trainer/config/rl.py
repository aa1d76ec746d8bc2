"""Keys of reinforcement learning. Defaults are the paper's run on 4 x 8 GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from onethinker_rewards.trainer.config.section import OWN, PAPER, RELEASE, VERL, Section, key
from onethinker_rewards.trainer.config.shared import Model, Run, Text, Texts, require, require_validation
from onethinker_rewards.trainer.verl.options import Estimator
from onethinker_rewards.trainer.verl.options import Filter as FilterOptions

__all__ = ["RlSettings"]


class RlData(Section):
    """What is trained on, as `prepare` writes it."""

    train_files: Texts = key(("rl.parquet",), OWN, "Parquet of `prepare`; one or a list.", min_length=1)
    validation_files: Texts = key((), OWN, "The same, to validate on.")
    prompts_per_step: int = key(128, PAPER, "Prompts of a step.", ge=1)
    max_prompt_tokens: int = key(16384, RELEASE, "Longest prompt, with its images and videos.", ge=1)
    max_response_tokens: int = key(4096, PAPER, "Longest response.", ge=1)
    max_frames: int = key(128, PAPER, "Most frames of a video. `prepare` sets them: files with more are refused.", ge=4)
    max_image_pixels: int = key(1_048_576, RELEASE, "Most pixels of an image, held as `max_frames` is.", ge=4096)
    drop_overlong_prompts: bool = key(False, RELEASE, "Look at all prompts first and drop those that are too long.")
    image_patch_size: int = key(16, OWN, "Of the model's vision tower: 16 for Qwen3-VL, 14 for Qwen2.5-VL.", ge=1)
    workers: int = key(8, VERL, "Processes that load rows.", ge=0)


class Rollout(Section):
    """How responses are sampled."""

    rollouts_per_prompt: int = key(8, PAPER, "Responses to a prompt: a group.", ge=2)
    temperature: float = key(1.0, RELEASE, "Of sampling.", gt=0)
    top_p: float = key(1.0, RELEASE, "Of sampling.", gt=0, le=1)
    tensor_parallel: int = key(4, RELEASE, "GPUs that share one copy of the model in vLLM.", ge=1)
    gpu_memory: float = key(0.5, RELEASE, "Part of a GPU's memory for vLLM.", gt=0, lt=1)
    batched_tokens: int = key(20480, RELEASE, "Most tokens that vLLM computes at once.", ge=1)
    load_format: Text = key("auto", OWN, "How vLLM first loads weights; with Qwen3-VL not `dummy`.")
    seed: int | None = key(
        None,
        OWN,
        "With it each response has a seed of its own, and rows keep their order: a run can be repeated.",
        ge=0,
    )


class RlOptimisation(Section):
    """How the policy is moved."""

    learning_rate: float = key(2e-6, PAPER, "Of AdamW.", gt=0)
    prompts_per_update: int = key(32, PAPER, "Mini-batch, in prompts.", ge=1)
    weight_decay: float = key(0.01, RELEASE, "Of AdamW.", ge=0)
    warmup: float = key(0.0, RELEASE, "Part of the steps over which the learning rate rises.", ge=0, le=1)
    max_gradient_norm: float = key(1.0, RELEASE, "Longer gradients are cut to this norm.", gt=0)
    clip_low: float = key(0.2, RELEASE, "The ratio is clipped below 1 - this.", gt=0, lt=1)
    clip_high: float = key(0.3, RELEASE, "The ratio is clipped above 1 + this.", gt=0)
    kl_coefficient: float = key(0.01, PAPER, "Of the KL term in the loss; 0 leaves out term and reference model.", ge=0)
    kl_estimator: Literal["kl", "abs", "mse", "low_var_kl"] = key("low_var_kl", PAPER, "Of the KL term.")
    tokens_per_gpu: int = key(20480, OWN, "Most tokens of a micro-batch, at least the longest row's.", ge=1)


class Advantage(Section):
    """How advantages are made of rewards; all keys but the first are EMA-GRPO's."""

    estimator: Estimator = key("ema_grpo", PAPER, "The formula; the others are baselines.")
    decay: float = key(0.99, PAPER, "β of each task's running moments.", ge=0, le=1)
    guard: Literal["clip", "group_std"] | None = key("clip", OWN, "What happens to an advantage over the limit.")
    guard_limit: float = key(5.0, RELEASE, "The limit.", gt=0)
    min_std: float = key(1e-3, OWN, "The least σ.", ge=0)
    update_first: bool = key(True, RELEASE, "Whether a batch moves σ before σ is used on it.")


_FILTER = FilterOptions()


class Filter(Section):
    """Online filtering of groups, by the mean of their normalized accuracy."""

    enabled: bool = key(True, PAPER, "Whether groups are dropped.")
    low: float = key(_FILTER.low, PAPER, "Groups at or below are dropped: all wrong.", ge=0, le=1)
    high: float = key(_FILTER.high, PAPER, "Groups at or above are dropped: all right.", ge=0, le=1)
    max_batches: int = key(_FILTER.max_batches, RELEASE, "Batches of prompts that may be tried for one step.", ge=1)


class Reward(Section):
    """How responses are scored."""

    recipe: Literal["paper", "release"] = key("paper", PAPER, "See the recipes; a manager of your own has its own.")
    workers: int = key(8, VERL, "Processes that score.", ge=1)


class RlSettings(Section):
    """A run of reinforcement learning."""

    stage: Literal["rl"] = "rl"
    data: RlData = RlData()
    model: Model = Model(path="./models/onethinker-sft")
    rollout: Rollout = Rollout()
    optimisation: RlOptimisation = RlOptimisation()
    advantage: Advantage = Advantage()
    filter: Filter = Filter()
    reward: Reward = Reward()
    run: Run = Run()
    verl: Mapping[str, Any] = Field(default_factory=dict[str, Any])

    @model_validator(mode="after")
    def _fits(self) -> RlSettings:
        prompts, update = self.data.prompts_per_step, self.optimisation.prompts_per_update
        require(prompts % update == 0, f"data.prompts_per_step {prompts} is no multiple of prompts_per_update {update}")
        rows, gpus = update * self.rollout.rollouts_per_prompt, self.run.gpus
        require(rows % gpus == 0, f"an update of {update} prompts has {rows} responses: no multiple of {gpus} GPUs")
        shared, node = self.rollout.tensor_parallel, self.run.gpus_per_node
        require(node % shared == 0, f"rollout.tensor_parallel {shared} does not divide the {node} GPUs of a node")
        longest, room = self.data.max_prompt_tokens + self.data.max_response_tokens, self.optimisation.tokens_per_gpu
        require(room >= longest, f"optimisation.tokens_per_gpu {room} holds no row of {longest} tokens")
        low, high = self.filter.low, self.filter.high
        require(low < high, f"filter.low {low} is not below filter.high {high}")
        require_validation(self.run, self.data.validation_files)
        return self
