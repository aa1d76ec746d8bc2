"""SAM 2 of its authors' package ``sam2``: ``SAM2Base`` and its subclasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import torch

from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2.backend import Decoded, Prompts, mask_prompt, other_frames


class MetaBackend:
    """Calls the model's parts as the package's predictors do; those need torchvision, the model does not."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.name = f"sam2-{version('sam2')}"
        self.side = int(model.image_size)

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        return tuple(self.model.forward_image(pixels)["backbone_fpn"][-self.model.num_feature_levels :])

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask per prompt, see `Backend`."""
        model = self.model
        top = embedding[-1] + model.no_mem_embed.reshape(1, -1, 1, 1)
        sparse, dense = model.sam_prompt_encoder(
            points=(prompts.points, prompts.labels), boxes=None, masks=None if mask is None else mask.to(top.dtype)
        )
        logits, iou_scores, _, object_logits = model.sam_mask_decoder(
            image_embeddings=top,
            image_pe=model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=False,
            high_res_features=list(embedding[:-1]),
        )
        return Decoded(logits, iou_scores, object_logits)

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield each frame's index and logits, see `Backend`; all rows go through the video as one batch."""
        tracker = _Tracker(self.model, embeddings, len(prompts.points))
        first = tracker.step(keyframe, prompts.boxes, encode_memory=False)
        last = tracker.step(keyframe, prompts, mask=mask_prompt(first["pred_masks"]))
        tracker.memory["cond_frame_outputs"][keyframe] = _memory_of(last)
        yield keyframe, last["pred_masks"]
        for frame, reverse in other_frames(len(embeddings), keyframe):
            output = tracker.step(frame, reverse=reverse)
            tracker.memory["non_cond_frame_outputs"][frame] = _memory_of(output)
            yield frame, output["pred_masks"]


class _Tracker:
    """A batch of objects in one video, and the memory of the frames so far."""

    def __init__(self, model: Any, embeddings: Sequence[Embedding], rows: int) -> None:
        self.model, self.embeddings, self.rows = model, embeddings, rows
        self.memory: dict[str, dict[int, Any]] = {"cond_frame_outputs": {}, "non_cond_frame_outputs": {}}
        self.sizes = [tuple(level.shape[-2:]) for level in embeddings[0]]
        positions = model.image_encoder.neck.position_encoding(embeddings[0][-1][None].to(model.no_mem_embed))
        self.positions = self._flat(positions[0])

    def step(
        self,
        frame: int,
        prompts: Prompts | None = None,
        *,
        mask: torch.Tensor | None = None,
        encode_memory: bool = True,
        reverse: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Return the model's output for a frame, with prompts if it is the keyframe."""
        return self.model.track_step(
            frame_idx=frame,
            is_init_cond_frame=prompts is not None,
            current_vision_feats=[self._flat(level) for level in self.embeddings[frame]],
            current_vision_pos_embeds=[self.positions],
            feat_sizes=self.sizes,
            point_inputs=prompts and {"point_coords": prompts.points, "point_labels": prompts.labels},
            mask_inputs=None,
            output_dict=self.memory,
            num_frames=len(self.embeddings),
            track_in_reverse=reverse,
            run_mem_encoder=encode_memory,
            prev_sam_mask_logits=mask,
        )

    def _flat(self, level: torch.Tensor) -> torch.Tensor:
        """Return ``[C, h, w]`` as ``[h w, B, C]``, without copying it for each row."""
        flat = level.to(self.model.no_mem_embed).flatten(1).permute(1, 0)
        return flat[:, None].expand(-1, self.rows, -1)


def _memory_of(output: dict[str, Any]) -> dict[str, Any]:
    """Return what later frames need; the features in bfloat16 precision, as the package's predictor keeps them."""
    features = output["maskmem_features"]
    return {
        "maskmem_features": features.to(torch.bfloat16).to(features.dtype),
        "maskmem_pos_enc": output["maskmem_pos_enc"],
        "obj_ptr": output["obj_ptr"],
    }
