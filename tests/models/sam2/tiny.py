"""Small SAM 2 models with random weights: the same ones in both packages."""

from __future__ import annotations

from typing import Any

from tests.models.sam2 import weights

SIDE = 128
_HIDDEN = 128
_MEMORY = 64  # transformers fixes it
_LEVELS = [[SIDE // 4] * 2, [SIDE // 8] * 2, [SIDE // 16] * 2]
_STABILITY = {"via_stability": True, "stability_delta": 0.05, "stability_thresh": 0.98}


def hugging_face(seed: int = 0, *, video: bool = True, full: bool = False) -> Any:
    """Return transformers' model; ``full`` is the smallest of the released sizes."""
    from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

    if full:
        released: Any = Sam2VideoModel(Sam2VideoConfig())
        weights.draw(released, seed)
        return released.eval()
    parts: dict[str, Any] = {
        "vision_config": {
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "image_size": [SIDE, SIDE],
                "hidden_size": 16,
                "embed_dim_per_stage": [16, 32, 64, 128],
                "blocks_per_stage": [1, 2, 3, 2],
                "global_attention_blocks": [4],
                "window_size_per_stage": [8, 4, 4, 4],
            },
            "backbone_channel_list": [128, 64, 32, 16],
            "backbone_feature_sizes": _LEVELS,
            "fpn_hidden_size": _HIDDEN,
        },
        "prompt_encoder_config": {"hidden_size": _HIDDEN, "image_size": SIDE},
        "mask_decoder_config": {"hidden_size": _HIDDEN},
    }
    memory: dict[str, Any] = {
        "image_size": SIDE,
        "memory_attention_hidden_size": _HIDDEN,
        "memory_attention_rope_feat_sizes": _LEVELS[-1],
        "memory_encoder_hidden_size": _HIDDEN,
        "memory_encoder_output_channels": _MEMORY,
        "mask_downsampler_embed_dim": _HIDDEN,
        "memory_fuser_embed_dim": _HIDDEN,
        "memory_fuser_intermediate_dim": 4 * _HIDDEN,
    }
    model: Any = Sam2VideoModel(Sam2VideoConfig(**parts, **memory)) if video else Sam2Model(Sam2Config(**parts))
    weights.draw(model, seed)
    return model.eval()


def meta(model: Any, kind: Any = None, *, full: bool = False) -> Any:
    """Return the sam2 package's model, or another ``kind`` of it, with the weights of transformers' video model."""
    from sam2.build_sam import build_sam2
    from sam2.modeling.sam2_base import SAM2Base

    if full:
        released = build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu")
        released.load_state_dict(weights.renamed(model.state_dict(), released.state_dict()))
        return released
    built = (kind or SAM2Base)(
        image_encoder=_image_encoder(),
        memory_attention=_memory_attention(),
        memory_encoder=_memory_encoder(),
        image_size=SIDE,
        sigmoid_scale_for_mem_enc=20.0,
        sigmoid_bias_for_mem_enc=-10.0,
        binarize_mask_from_pts_for_mem_enc=True,
        use_mask_input_as_output_without_sam=True,
        directly_add_no_mem_embed=True,
        no_obj_embed_spatial=True,
        use_high_res_features_in_sam=True,
        multimask_output_in_sam=True,
        iou_prediction_use_sigmoid=True,
        use_obj_ptrs_in_encoder=True,
        add_tpos_enc_to_obj_ptrs=True,
        proj_tpos_enc_in_obj_ptrs=True,
        use_signed_tpos_enc_to_obj_ptrs=True,
        only_obj_ptrs_in_the_past_for_eval=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        fixed_no_obj_ptr=True,
        multimask_output_for_tracking=True,
        use_multimask_token_for_obj_ptr=True,
        multimask_min_pt_num=0,
        multimask_max_pt_num=1,
        use_mlp_for_obj_ptr_proj=True,
        sam_mask_decoder_extra_args={f"dynamic_multimask_{name}": value for name, value in _STABILITY.items()},
    )
    built.load_state_dict(weights.renamed(model.state_dict(), built.state_dict()))
    return built.eval()


def _image_encoder() -> Any:
    from sam2.modeling.backbones.hieradet import Hiera
    from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
    from sam2.modeling.position_encoding import PositionEmbeddingSine

    trunk = Hiera(
        embed_dim=16,
        num_heads=1,
        stages=(1, 2, 3, 2),
        global_att_blocks=(4,),
        window_spec=(8, 4, 4, 4),
        window_pos_embed_bkg_spatial_size=(7, 7),
    )
    neck = FpnNeck(
        position_encoding=PositionEmbeddingSine(_HIDDEN),
        d_model=_HIDDEN,
        backbone_channel_list=[128, 64, 32, 16],
        fpn_top_down_levels=[2, 3],
        fpn_interp_model="nearest",
    )
    return ImageEncoder(trunk, neck, scalp=1)


def _memory_attention() -> Any:
    from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
    from sam2.modeling.sam.transformer import RoPEAttention

    def attention(**kind: Any) -> Any:
        return RoPEAttention(
            rope_theta=10000.0, feat_sizes=_LEVELS[-1], embedding_dim=_HIDDEN, num_heads=1, dropout=0.1, **kind
        )

    layer = MemoryAttentionLayer(
        activation="relu",
        cross_attention=attention(rope_k_repeat=True, kv_in_dim=_MEMORY),
        d_model=_HIDDEN,
        dim_feedforward=2048,
        dropout=0.1,
        pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        self_attention=attention(),
    )
    return MemoryAttention(d_model=_HIDDEN, pos_enc_at_input=True, layer=layer, num_layers=4)


def _memory_encoder() -> Any:
    from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
    from sam2.modeling.position_encoding import PositionEmbeddingSine

    return MemoryEncoder(
        out_dim=_MEMORY,
        mask_downsampler=MaskDownSampler(embed_dim=_HIDDEN, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(CXBlock(_HIDDEN, kernel_size=7, padding=3), num_layers=2),
        position_encoding=PositionEmbeddingSine(_MEMORY),
        in_dim=_HIDDEN,
    )
