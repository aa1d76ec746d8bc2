"""SAM 2 as its authors' package ``sam2`` has it: ``SAM2Base``, and what inherits from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2.backend import Decoded, Prompts
from onethinker_rewards.models.sam2.extra import torch
from onethinker_rewards.models.sam2.two_passes import as_prompt

__all__ = ["MetaBackend"]


class MetaBackend:
    """Calls the model's parts as its own predictors do; those need torchvision, the model does not."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.side = int(model.image_size)

    @property
    def name(self) -> str:
        """The package and its version."""
        return f"sam2-{version('sam2')}"

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        return tuple(self.model.forward_image(pixels)["backbone_fpn"][-self.model.num_feature_levels :])

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask a prompt, as the protocol says."""
        model = self.model
        top = embedding[-1] + model.no_mem_embed.reshape(1, -1, 1, 1)
        sparse, dense = model.sam_prompt_encoder(
            points=(prompts.points, prompts.labels), boxes=None, masks=None if mask is None else mask.to(top.dtype)
        )
        logits, quality, _, presence = model.sam_mask_decoder(
            image_embeddings=top,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=list(embedding[:-1]),
        )
        return Decoded(logits, quality, presence)

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Give each frame's number and logits, as the protocol says; all rows in one batch."""
        seen: dict[str, dict[int, Any]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        step = _Steps(self.model, embeddings, len(prompts.points), seen)
        first = step(keyframe, prompts.boxes, remember=False)
        last = step(keyframe, prompts, mask=as_prompt(first["pred_masks"]))
        seen["cond_frame_outputs"][keyframe] = _remembered(last)
        yield keyframe, last["pred_masks"]
        for reverse, frames in ((False, range(keyframe + 1, len(embeddings))), (True, range(keyframe - 1, -1, -1))):
            for frame in frames:
                output = step(frame, reverse=reverse)
                seen["non_cond_frame_outputs"][frame] = _remembered(output)
                yield frame, output["pred_masks"]


class _Steps:
    """One step of the tracker a call."""

    def __init__(self, model: Any, embeddings: Sequence[Embedding], rows: int, seen: dict[str, dict[int, Any]]) -> None:
        self.model, self.embeddings, self.rows, self.seen = model, embeddings, rows, seen
        self.sizes = [tuple(level.shape[-2:]) for level in embeddings[0]]
        position = model.image_encoder.neck.position_encoding(embeddings[0][-1][None].to(model.no_mem_embed))
        self.position = self._flat(position[0])

    def __call__(
        self,
        frame: int,
        prompts: Prompts | None = None,
        *,
        mask: torch.Tensor | None = None,
        remember: bool = True,
        reverse: bool = False,
    ) -> dict[str, torch.Tensor]:
        return self.model.track_step(
            frame_idx=frame,
            is_init_cond_frame=prompts is not None,
            current_vision_feats=[self._flat(level) for level in self.embeddings[frame]],
            current_vision_pos_embeds=[self.position],
            feat_sizes=self.sizes,
            point_inputs=prompts and {"point_coords": prompts.points, "point_labels": prompts.labels},
            mask_inputs=None,
            output_dict=self.seen,
            num_frames=len(self.embeddings),
            track_in_reverse=reverse,
            run_mem_encoder=remember,
            prev_sam_mask_logits=mask,
        )

    def _flat(self, level: torch.Tensor) -> torch.Tensor:
        """Return ``[C, h, w]`` as ``[h w, B, C]`` without a copy a row."""
        flat = level.to(self.model.no_mem_embed).flatten(1).permute(1, 0)
        return flat[:, None].expand(-1, self.rows, -1)


def _remembered(output: dict[str, Any]) -> dict[str, Any]:
    """Return what later frames look at; memories in half precision, as the original's predictor keeps them."""
    features = output["maskmem_features"]
    return {
        "maskmem_features": features.to(torch.bfloat16).to(features.dtype),
        "maskmem_pos_enc": output["maskmem_pos_enc"],
        "obj_ptr": output["obj_ptr"],
    }
