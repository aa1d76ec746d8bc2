"""SAM 2 as transformers has it: ``Sam2Model``, ``Sam2VideoModel``, and what inherits from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2 import extra
from onethinker_rewards.models.sam2.backend import Decoded, Prompts
from onethinker_rewards.models.sam2.extra import torch
from onethinker_rewards.models.sam2.two_passes import as_prompt

__all__ = ["HuggingFaceBackend"]

# Its trackers' own parts, which tracking calls, took other arguments before.
_TRACKING_SINCE = 5


class HuggingFaceBackend:
    """Calls the model's parts, which image and video models have in common."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.side = int(model.prompt_encoder.input_image_size)

    @property
    def name(self) -> str:
        """The package and its version."""
        return f"transformers-{extra.module('transformers').__version__}"

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        # What its `get_image_features` does, whose result is another in each version.
        finest, finer, coarse = self.model.vision_encoder(pixels).fpn_hidden_states
        return self.model.mask_decoder.conv_s0(finest), self.model.mask_decoder.conv_s1(finer), coarse

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask a prompt, as the protocol says."""
        model, rows = self.model, len(prompts.points)
        top = embedding[-1] + model.no_memory_embedding.reshape(1, -1, 1, 1)
        sparse, dense = model.prompt_encoder(
            input_points=prompts.points[:, None],
            input_labels=prompts.labels[:, None],
            input_boxes=None,
            input_masks=None if mask is None else mask.to(top.dtype),
        )
        # One prompt an image, and the images on axis 0: the other way round all prompts would share one mask prompt.
        logits, quality, _, presence = model.mask_decoder(
            image_embeddings=top,
            image_positional_embeddings=model.get_image_wide_positional_embeddings().expand(rows, -1, -1, -1),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            high_resolution_features=list(embedding[:-1]),
        )
        return Decoded(logits[:, 0], quality[:, 0], presence[:, 0])

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Give each frame's number and logits, as the protocol says; the model takes the objects one by one."""
        if not hasattr(self.model, "memory_encoder"):
            raise ArgumentError("model: following an object needs Sam2VideoModel; Sam2Model has no memory")
        if int(extra.module("transformers").__version__.partition(".")[0]) < _TRACKING_SINCE:
            raise ArgumentError(f"model: following an object needs transformers {_TRACKING_SINCE} or later")
        session = _session(self.model, len(embeddings))
        positions = self._positions(embeddings[keyframe])
        self._show(session, keyframe, embeddings[keyframe], positions)
        yield keyframe, self._condition(session, keyframe, prompts)
        for reverse, frames in ((False, range(keyframe + 1, len(embeddings))), (True, range(keyframe - 1, -1, -1))):
            for frame in frames:
                self._show(session, frame, embeddings[frame], positions)
                yield frame, self.model(session, frame_idx=frame, reverse=reverse).pred_masks

    def _positions(self, embedding: Embedding) -> list[torch.Tensor]:
        weight = self.model.no_memory_embedding
        shape = torch.Size((1, *embedding[-1].shape))
        encoding = self.model.vision_encoder.neck.position_encoding(shape, weight.device, weight.dtype)
        return [encoding.flatten(2).permute(2, 0, 1)]

    def _show(self, session: Any, frame: int, embedding: Embedding, positions: list[torch.Tensor]) -> None:
        """Hand the session a frame's features, which it would compute otherwise."""
        weight = self.model.no_memory_embedding
        flat = [level.to(weight).flatten(1).permute(1, 0)[:, None] for level in embedding]
        session.cache.clear_all()
        session.cache.cache_vision_features(frame, {"vision_feats": flat, "vision_pos_embeds": positions})

    def _condition(self, session: Any, keyframe: int, prompts: Prompts) -> torch.Tensor:
        """Draw the keyframe in two passes, each row an object of the session, and remember it."""
        outputs = [self._object(session, row, keyframe, prompts) for row in range(len(prompts.points))]
        self.model._batch_encode_memories(  # noqa: SLF001 - the public way takes no mask along with points
            inference_session=session,
            frame_idx=keyframe,
            objects_needing_memory_encoding=list(range(len(outputs))),
            high_res_masks_for_memory=[output["high_res_masks"] for output in outputs],
            object_score_logits_for_memory=[output["object_score_logits"] for output in outputs],
            is_mask_from_pts_per_obj=[True for _ in outputs],
        )
        return torch.cat([output["pred_masks"] for output in outputs])

    def _object(self, session: Any, row: int, keyframe: int, prompts: Prompts) -> dict[str, torch.Tensor]:
        number = session.obj_id_to_idx(row)
        output: dict[str, torch.Tensor] = {}
        for one in (prompts.boxes, prompts):
            output = self.model._run_single_frame_inference(  # noqa: SLF001 - as above
                inference_session=session,
                frame_idx=keyframe,
                obj_idx=number,
                batch_size=1,
                is_init_cond_frame=True,
                point_inputs={"point_coords": one.points[row][None, None], "point_labels": one.labels[row][None, None]},
                mask_inputs=None,
                reverse=False,
                prev_sam_mask_logits=as_prompt(output["pred_masks"]) if output else None,
            )
        session.store_output(number, keyframe, output_value=output, is_conditioning_frame=True)
        return output


def _session(model: Any, frames: int) -> Any:
    sessions = extra.module("transformers.models.sam2_video.modeling_sam2_video")
    weight = model.no_memory_embedding
    session = sessions.Sam2VideoInferenceSession(
        inference_device=weight.device, inference_state_device=weight.device, dtype=weight.dtype
    )
    # Only their number counts: features are handed over, never computed.
    session.processed_frames = dict.fromkeys(range(frames))
    return session
