"""What verl's reward loop needs, small and real: its configuration, a tokenizer, its protocol's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.adapters.rows import Rows

PROMPT = 3
END = "<|im_end|>"


def save_tokenizer(folder: Path) -> Any:
    """Write a tokenizer of bytes, which loses nothing, and return it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: index for index, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token="<|endoftext|>")
    made.save_pretrained(folder)
    return made


def reward_config(tokenizer: Path, **settings: Any) -> Any:
    """Return verl's own reward configuration, changed as its command line would change it."""
    import verl
    from omegaconf import OmegaConf

    shipped = OmegaConf.load(Path(verl.__file__).parent / "trainer" / "config" / "reward" / "reward.yaml")
    config = OmegaConf.create({"reward": shipped, "actor_rollout_ref": {"model": {"tokenizer_path": str(tokenizer)}}})
    for key, value in settings.items():
        OmegaConf.update(config, "reward." + key.replace("__", "."), value, force_add=True)
    return config


def data_of(rows: Rows, tokenizer: Any, references: list[str] | None = None) -> Any:
    """Return rows as verl's rollout hands them to the reward loop: responses end with a special token, then padding."""
    infos = rows.mappings()
    for info in infos:
        del info["solution"]
    return data_of_columns(rows.responses, references or rows.references, infos, tokenizer, rows.groups)


def data_of_columns(
    responses: list[str],
    references: list[str],
    infos: list[dict[str, Any]],
    tokenizer: Any,
    groups: list[str] | None = None,
) -> Any:
    """Return the same of rows in columns; ``infos`` are what verl calls ``extra_info``."""
    import numpy as np
    import torch
    from verl import DataProto

    count = len(responses)
    encoded = [tokenizer.encode(text + END) for text in responses]
    longest = max(map(len, encoded))
    tokens_of = torch.full((count, longest), tokenizer.pad_token_id)
    mask = torch.zeros(count, PROMPT + longest, dtype=torch.int64)
    mask[:, 1:PROMPT] = 1
    for index, tokens in enumerate(encoded):
        tokens_of[index, : len(tokens)] = torch.tensor(tokens)
        mask[index, PROMPT : PROMPT + len(tokens)] = 1
    truths = [{"style": "rule", "ground_truth": text} for text in references]
    return DataProto.from_dict(
        tensors={"prompts": torch.zeros(count, PROMPT), "responses": tokens_of, "attention_mask": mask},
        non_tensors={
            "data_source": np.array(["onethinker"] * count, dtype=object),
            "reward_model": np.array(truths, dtype=object),
            "extra_info": np.array(infos, dtype=object),
            "uid": np.array(groups or [str(index) for index in range(count)], dtype=object),
        },
    )
