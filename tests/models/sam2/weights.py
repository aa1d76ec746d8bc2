"""The same weights in both packages: drawn at random for transformers' model, renamed for the sam2 package's."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

# From the sam2 package's names to transformers'.
_NAMES = (
    (r"^image_encoder\.trunk\.patch_embed\.proj\b", "vision_encoder.backbone.patch_embed.projection"),
    (r"^image_encoder\.trunk\b", "vision_encoder.backbone"),
    (r"^image_encoder\.neck\.convs\.(\d)\.conv\b", r"vision_encoder.neck.convs.\1"),
    (r"^sam_prompt_encoder\.pe_layer\..*", "shared_image_embedding.positional_embedding"),
    (r"^sam_prompt_encoder\.mask_downscaling\.0\b", "prompt_encoder.mask_embed.conv1"),
    (r"^sam_prompt_encoder\.mask_downscaling\.1\b", "prompt_encoder.mask_embed.layer_norm1"),
    (r"^sam_prompt_encoder\.mask_downscaling\.3\b", "prompt_encoder.mask_embed.conv2"),
    (r"^sam_prompt_encoder\.mask_downscaling\.4\b", "prompt_encoder.mask_embed.layer_norm2"),
    (r"^sam_prompt_encoder\.mask_downscaling\.6\b", "prompt_encoder.mask_embed.conv3"),
    (r"^sam_prompt_encoder\b", "prompt_encoder"),
    (r"^sam_mask_decoder\.output_upscaling\.0\b", "mask_decoder.upscale_conv1"),
    (r"^sam_mask_decoder\.output_upscaling\.1\b", "mask_decoder.upscale_layer_norm"),
    (r"^sam_mask_decoder\.output_upscaling\.3\b", "mask_decoder.upscale_conv2"),
    (r"^sam_mask_decoder\b", "mask_decoder"),
    (r"^memory_encoder\.mask_downsampler\.encoder\.12\b", "memory_encoder.mask_downsampler.final_conv"),
    (r"^memory_encoder\.pix_feat_proj\b", "memory_encoder.feature_projection"),
    (r"^memory_encoder\.out_proj\b", "memory_encoder.projection"),
    (r"^memory_encoder\.fuser\b", "memory_encoder.memory_fuser"),
    (r"\bgamma$", "scale"),
    (r"\bdwconv\b", "depthwise_conv"),
    (r"\bpwconv(\d)\b", r"pointwise_conv\1"),
    (r"^maskmem_tpos_enc$", "memory_temporal_positional_encoding"),
    (r"^no_mem_embed$", "no_memory_embedding"),
    (r"^no_mem_pos_enc$", "no_memory_positional_encoding"),
    (r"^no_obj_ptr$", "no_object_pointer"),
    (r"^no_obj_embed_spatial$", "occlusion_spatial_embedding_parameter"),
    (r"^obj_ptr_proj\b", "object_pointer_proj"),
    (r"^obj_ptr_tpos_proj\b", "temporal_positional_encoding_projection_layer"),
    (r"\bnorm(\d|_final_attn)?\.", r"layer_norm\1."),
    (r"\blayer_norm_final", "layer_norm_final"),
    (r"\bout_proj\b", "o_proj"),
)
_PERCEPTRON = re.compile(r"(.*(?:mlp|mlps\.\d|_head|object_pointer_proj))\.layers\.(\d)\.(weight|bias)")
_DOWNSAMPLING = re.compile(r"memory_encoder\.mask_downsampler\.encoder\.(\d+)\.(weight|bias)")
_POINTS = re.compile(r"sam_prompt_encoder\.point_embeddings\.(\d)\.weight")


def draw(model: nn.Module, seed: int) -> None:
    """Draw every parameter, including those that models initialize with zero, so that masks depend on all of them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            fan_in = math.prod(weight.shape[1:]) if weight.ndim > 1 else 16
            noise = torch.randn(weight.shape, generator=generator) / math.sqrt(fan_in)
            weight.copy_(1 + 0.2 * noise if "norm" in name and name.endswith("weight") else noise)
        frequencies = torch.randn(model.shared_image_embedding.positional_embedding.shape, generator=generator)
        model.shared_image_embedding.positional_embedding.copy_(frequencies)
        model.prompt_encoder.shared_embedding.positional_embedding.copy_(frequencies)
        model.mask_decoder.pred_obj_score_head.proj_out.bias.fill_(3.0)  # an object in most masks


def renamed(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return transformers' weights under the wanted names of the sam2 package."""
    return {name: _weight(name, weights, wanted) for name in wanted}


def _weight(name: str, weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Tensor:
    if point := _POINTS.fullmatch(name):
        return weights["prompt_encoder.point_embed.weight"][int(point[1])][None]
    if down := _DOWNSAMPLING.fullmatch(name):
        layer, part = divmod(int(down[1]), 3)
        if layer < 4:
            return weights[f"memory_encoder.mask_downsampler.layers.{layer}.{('conv', 'layer_norm')[part]}.{down[2]}"]
    other = name
    for pattern, replacement in _NAMES:
        other = re.sub(pattern, replacement, other)
    if perceptron := _PERCEPTRON.fullmatch(other):
        before, number, kind = perceptron[1], int(perceptron[2]), perceptron[3]
        is_last = name.replace(f"layers.{number}.{kind}", f"layers.{number + 1}.{kind}") not in wanted
        part = "proj_in" if number == 0 else "proj_out" if is_last else f"layers.{number - 1}"
        other = f"{before}.{part}.{kind}"
    return weights[other]
