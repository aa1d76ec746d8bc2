"""SAM 2 of transformers: ``Sam2Model``, ``Sam2VideoModel`` and their subclasses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import torch

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2.backend import Decoded, Prompts, mask_prompt, other_frames

# The private methods that tracking calls took other arguments before this version.
_TRACKING_SINCE = 5


class HuggingFaceBackend:
    """Calls the parts that image and video models have in common."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.name = f"transformers-{version('transformers')}"
        self.side = int(model.prompt_encoder.input_image_size)

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        # This is what its `get_image_features` does, whose result differs between versions.
        finest, finer, coarse = self.model.vision_encoder(pixels).fpn_hidden_states
        return self.model.mask_decoder.conv_s0(finest), self.model.mask_decoder.conv_s1(finer), coarse

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask per prompt, see `Backend`."""
        model, rows = self.model, len(prompts.points)
        top = embedding[-1] + model.no_memory_embedding.reshape(1, -1, 1, 1)
        sparse, dense = model.prompt_encoder(
            input_points=prompts.points[:, None],
            input_labels=prompts.labels[:, None],
            input_boxes=None,
            input_masks=None if mask is None else mask.to(top.dtype),
        )
        # One prompt per image, with images on axis 0: with prompts on axis 1 all would share one mask prompt.
        logits, iou_scores, _, object_logits = model.mask_decoder(
            image_embeddings=top,
            image_positional_embeddings=model.get_image_wide_positional_embeddings().expand(rows, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=list(embedding[:-1]),
        )
        return Decoded(logits[:, 0], iou_scores[:, 0], object_logits[:, 0])

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield each frame's index and logits, see `Backend`; the model processes the objects one by one."""
        if not hasattr(self.model, "memory_encoder"):
            raise ArgumentError("model: following an object needs Sam2VideoModel; Sam2Model has no memory")
        if int(version("transformers").partition(".")[0]) < _TRACKING_SINCE:
            raise ArgumentError(f"model: following an object needs transformers {_TRACKING_SINCE} or later")
        from transformers.models.sam2_video import modeling_sam2_video as sam2_video  # noqa: PLC0415 - not before 5

        weight = self.model.no_memory_embedding
        session: Any = sam2_video.Sam2VideoInferenceSession(
            inference_device=weight.device, inference_state_device=weight.device, dtype=weight.dtype
        )
        # Only the number of frames is used: features are put into the cache, never computed from frames.
        session.processed_frames = dict.fromkeys(range(len(embeddings)))
        shape = torch.Size((1, *embeddings[keyframe][-1].shape))
        encoding = self.model.vision_encoder.neck.position_encoding(shape, weight.device, weight.dtype)
        positions = [encoding.flatten(2).permute(2, 0, 1)]
        self._set_features(session, keyframe, embeddings[keyframe], positions)
        yield keyframe, self._draw_keyframe(session, keyframe, prompts)
        for frame, reverse in other_frames(len(embeddings), keyframe):
            self._set_features(session, frame, embeddings[frame], positions)
            yield frame, self.model(session, frame_idx=frame, reverse=reverse).pred_masks

    def _set_features(self, session: Any, frame: int, embedding: Embedding, positions: list[torch.Tensor]) -> None:
        """Put a frame's features into the session's cache, so that the model does not compute them."""
        weight = self.model.no_memory_embedding
        flat = [level.to(weight).flatten(1).permute(1, 0)[:, None] for level in embedding]
        session.cache.clear_all()
        session.cache.cache_vision_features(frame, {"vision_feats": flat, "vision_pos_embeds": positions})

    def _draw_keyframe(self, session: Any, keyframe: int, prompts: Prompts) -> torch.Tensor:
        """Return the keyframe's logits, and put each row into the session as an object with a memory."""
        outputs = [self._draw_object(session, row, keyframe, prompts) for row in range(len(prompts.points))]
        self.model._batch_encode_memories(  # noqa: SLF001 - the public call takes no mask together with points
            inference_session=session,
            frame_idx=keyframe,
            objects_needing_memory_encoding=list(range(len(outputs))),
            high_res_masks_for_memory=[output["high_res_masks"] for output in outputs],
            object_score_logits_for_memory=[output["object_score_logits"] for output in outputs],
            is_mask_from_pts_per_obj=[True for _ in outputs],
        )
        return torch.cat([output["pred_masks"] for output in outputs])

    def _draw_object(self, session: Any, row: int, keyframe: int, prompts: Prompts) -> dict[str, torch.Tensor]:
        """Return the output of the second of two passes for one row."""
        index = session.obj_id_to_idx(row)
        output: dict[str, torch.Tensor] = {}
        for shown in (prompts.boxes, prompts):
            points = {"point_coords": shown.points[row][None, None], "point_labels": shown.labels[row][None, None]}
            output = self.model._run_single_frame_inference(  # noqa: SLF001 - as above
                inference_session=session,
                frame_idx=keyframe,
                obj_idx=index,
                batch_size=1,
                is_init_cond_frame=True,
                point_inputs=points,
                mask_inputs=None,
                reverse=False,
                prev_sam_mask_logits=mask_prompt(output["pred_masks"]) if output else None,
            )
        session.store_output(index, keyframe, output_value=output, is_conditioning_frame=True)
        return output
