"""A Qwen3-VL of some 300,000 weights, with a tokenizer that knows the texts of the rows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

VOCABULARY = 700
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TEMPLATE = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.content is string %}{{ message.content }}{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{ part.text }}{%- endif %}{%- endfor %}{%- endif %}{{ '<|im_end|>\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{%- endif %}"
)


def save_model(folder: Path, texts: Iterable[str], words: Iterable[str]) -> Path:
    """Write model, tokenizer and processor into a folder and return it.

    Args:
        folder: Made if it is not there.
        texts: What the tokenizer learns from.
        words: What is one token each, so that a model this small can learn to write it.
    """
    import torch
    from transformers import Qwen3VLForConditionalGeneration

    tokenizer = _tokenizer(folder, texts, words)
    torch.manual_seed(0)
    model = Qwen3VLForConditionalGeneration(_config(tokenizer)).to(torch.bfloat16)
    model.save_pretrained(folder)
    _processor(tokenizer).save_pretrained(folder)
    return folder


def _tokenizer(folder: Path, texts: Iterable[str], words: Iterable[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2TokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[SPECIAL[1], *SPECIAL[3:]],
        chat_template=TEMPLATE,
    )
    made.add_tokens(list(words))
    made.save_pretrained(folder)
    again = Qwen2TokenizerFast.from_pretrained(folder)
    again.chat_template = TEMPLATE
    return again


def _config(tokenizer: Any) -> Any:
    from transformers import Qwen3VLConfig

    number = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    positions = {"rope_type": "default", "mrope_section": [8, 4, 4], "mrope_interleaved": True}
    return Qwen3VLConfig(
        text_config={
            # A vocabulary larger than the tokenizer's would shift probabilities between rollout and actor.
            "vocab_size": len(tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "max_position_embeddings": 4096,
            "rope_parameters": positions | {"rope_theta": 10000.0},
            "rope_scaling": positions,
            "eos_token_id": number["<|im_end|>"],
            "pad_token_id": number["<|endoftext|>"],
            "bos_token_id": None,
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "out_hidden_size": 64,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
            "in_channels": 3,
        },
        image_token_id=number["<|image_pad|>"],
        video_token_id=number["<|video_pad|>"],
        vision_start_token_id=number["<|vision_start|>"],
        vision_end_token_id=number["<|vision_end|>"],
        tie_word_embeddings=False,
    )


def _processor(tokenizer: Any) -> Any:
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    patches = {"patch_size": 16, "merge_size": 2, "temporal_patch_size": 2}
    least, most = 32 * 32, 64 * 64
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**patches, size={"shortest_edge": least, "longest_edge": most}),
        video_processor=Qwen3VLVideoProcessor(**patches, size={"shortest_edge": least, "longest_edge": 8 * most}),
        tokenizer=tokenizer,
        chat_template=TEMPLATE,
    )
