"""Keys of supervised fine-tuning. Defaults are the release's run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from onethinker_rewards.trainer.config.section import OWN, PAPER, RELEASE, VERL, Section, key
from onethinker_rewards.trainer.config.shared import Model, Run, Texts, require, require_validation

__all__ = ["SftSettings"]


class SftData(Section):
    """What is trained on, as `prepare --stage sft` writes it."""

    train_files: Texts = key(("sft.parquet",), OWN, "Parquet of `prepare --stage sft`; one or a list.", min_length=1)
    validation_files: Texts = key((), OWN, "The same, to validate on.")
    rows_per_step: int = key(32, PAPER, "Rows of a step.", ge=1)
    max_tokens: int = key(16384, RELEASE, "Longest row, with its images and videos.", ge=1)
    overlong: Literal["error", "left", "right"] = key("right", RELEASE, "Cut longer rows there, or stop.")
    max_frames: int = key(128, PAPER, "Most frames of a video. `prepare` sets them: files with more are refused.", ge=4)
    max_image_pixels: int = key(
        1_048_576, OWN, "Most pixels of an image, held as `max_frames` is; the release has 802,816.", ge=4096
    )
    workers: int = key(8, VERL, "Processes that load rows.", ge=0)


class SftOptimisation(Section):
    """How the model is moved."""

    learning_rate: float = key(1e-5, PAPER, "Of AdamW, at its highest.", gt=0)
    schedule: Literal["constant", "cosine"] = key("cosine", RELEASE, "How the learning rate goes on after the warm-up.")
    warmup: float = key(0.02, RELEASE, "Part of the steps over which the learning rate rises.", ge=0, le=1)
    weight_decay: float = key(1e-6, RELEASE, "Of AdamW.", ge=0)
    max_gradient_norm: float = key(1.0, VERL, "Longer gradients are cut to this norm.", gt=0)
    tokens_per_gpu: int = key(16384, OWN, "Most tokens of a micro-batch, at least the longest row's.", ge=1)


class SftSettings(Section):
    """A run of supervised fine-tuning."""

    stage: Literal["sft"]
    data: SftData = SftData()
    model: Model = Model()
    optimisation: SftOptimisation = SftOptimisation()
    run: Run = Run(name="sft", save_every=1000, output="checkpoints/onethinker-sft")
    verl: Mapping[str, Any] = Field(default_factory=dict[str, Any])

    @model_validator(mode="after")
    def _fits(self) -> SftSettings:
        rows, gpus = self.data.rows_per_step, self.run.gpus
        require(rows % gpus == 0, f"data.rows_per_step {rows} is no multiple of {gpus} GPUs")
        room, longest = self.optimisation.tokens_per_gpu, self.data.max_tokens
        require(room >= longest, f"optimisation.tokens_per_gpu {room} holds no row of {longest} tokens")
        require_validation(self.run, self.data.validation_files)
        return self
