"""Two reward models of some 100,000 random weights: one of POLAR's architecture, and a classifier."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.trainer.run import tiny_model

HIDDEN, LAYERS, HEADS, INNER = 64, 2, 2, 128
MOST = 2048
# vLLM asks for POLAR's configuration in a module that comes with the weights.
_CONFIGURATION = """
from transformers.configuration_utils import PretrainedConfig


class InternLM2Config(PretrainedConfig):
    model_type = "internlm2"

    def __init__(self, hidden_size=64, num_attention_heads=2, num_key_value_heads=1, rope_theta=1000000.0, **others):
        self.hidden_size = hidden_size
        self.num_attention_heads = num_attention_heads
        self.num_key_value_heads = num_key_value_heads
        self.rope_theta = rope_theta
        self.rope_parameters = {"rope_type": "default", "rope_theta": rope_theta}
        for name in ("vocab_size", "intermediate_size", "num_hidden_layers", "hidden_act", "max_position_embeddings",
                     "rms_norm_eps", "initializer_range", "use_cache", "bias", "reward_token_id"):
            setattr(self, name, others.pop(name, None))
        super().__init__(**others)
"""


def tokenizer(folder: Path, texts: Iterable[str]) -> Any:
    """Return a tokenizer that knows POLAR's tokens; it is saved in the folder."""
    made = tiny_model._tokenizer(folder, texts, [])
    made.add_special_tokens({"additional_special_tokens": ["<|reward|>", "[UNUSED_TOKEN_130]"]})
    made.save_pretrained(folder)
    return made


def save_polar(folder: Path, texts: Iterable[str]) -> Path:
    """Write a model of POLAR's architecture into a folder and return it."""
    import torch
    from safetensors.torch import save_file

    made = tokenizer(folder, texts)
    (folder / "configuration_internlm2.py").write_text(_CONFIGURATION)
    config = {
        "architectures": ["InternLM2ForRewardModel"],
        "model_type": "internlm2",
        "auto_map": {"AutoConfig": "configuration_internlm2.InternLM2Config"},
        "vocab_size": len(made),
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": 1,
        "hidden_act": "silu",
        "max_position_embeddings": MOST,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1000000.0,
        "bias": False,
        "initializer_range": 0.02,
        "use_cache": True,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "reward_token_id": made.convert_tokens_to_ids("[UNUSED_TOKEN_130]"),
        "eos_token_id": made.eos_token_id,
        "pad_token_id": made.pad_token_id,
        "bos_token_id": None,
    }
    (folder / "config.json").write_text(json.dumps(config))
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return (0.2 * torch.randn(*shape, generator=generator)).to(torch.bfloat16)

    ones = torch.ones(HIDDEN, dtype=torch.bfloat16)
    # The head is large, so that scores are far from 0.
    weights = {"model.tok_embeddings.weight": drawn(len(made), HIDDEN), "v_head.weight": 5 * drawn(1, HIDDEN)}
    weights["model.norm.weight"] = ones.clone()
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        weights |= {
            f"{name}.attention.wqkv.weight": drawn((HEADS + 2) * HIDDEN // HEADS, HIDDEN),
            f"{name}.attention.wo.weight": drawn(HIDDEN, HIDDEN),
            f"{name}.feed_forward.w1.weight": drawn(INNER, HIDDEN),
            f"{name}.feed_forward.w2.weight": drawn(HIDDEN, INNER),
            f"{name}.feed_forward.w3.weight": drawn(INNER, HIDDEN),
            f"{name}.attention_norm.weight": ones.clone(),
            f"{name}.ffn_norm.weight": ones.clone(),
        }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def save_classifier(folder: Path, texts: Iterable[str]) -> Path:
    """Write a Qwen3 with one label into a folder and return it."""
    import torch
    from transformers import Qwen3Config, Qwen3ForSequenceClassification

    made = tokenizer(folder, texts)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(made),
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=1,
        head_dim=32,
        max_position_embeddings=MOST,
        eos_token_id=made.eos_token_id,
        pad_token_id=made.pad_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
        num_labels=1,
    )
    model = Qwen3ForSequenceClassification(config)
    model.score.weight.data.mul_(100)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder
