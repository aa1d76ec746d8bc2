"""A language model whose every token is a whole response: random weights write answers of every quality at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.rewards.cases import REFERENCES, wrap

TASKS = ("multiple_choice", "temporal_grounding", "numerical", "tracking")
# For each task what the model can write: from right to unreadable. Any of them may follow any question.
ANSWERS = (
    wrap("B"),
    wrap("C"),
    "<answer>B</answer>",
    wrap('{"time": [10.0, 20.0]}'),
    wrap('{"time": [12.0, 26.0]}'),
    '<answer>{"time": [14.0, 19.0]}</answer>',
    wrap("3.14"),
    wrap("3"),
    wrap(REFERENCES["tracking"]),
    wrap('{"boxes": {"1": [100, 100, 300, 390], "2": [160, 110, 300, 420]}}'),
    "I cannot tell.",
)
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
_SPECIAL = ("<pad>", "<eos>")


def stay_offline() -> None:
    """Say that nothing is to be looked for outside; the packages ask when they are imported."""
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1", USE_HF="1")


def questions() -> list[str]:
    """Two questions a task, each a token of its own."""
    return [f"{task} {number}" for task in TASKS for number in range(2)]


def data_rows(*, chat: bool, times: int = 1) -> list[dict[str, Any]]:
    """Rows in the data set's words, tasks taking turns; the whole several times over."""
    rows = []
    for number in range(2 * times):
        for task in TASKS:
            question = f"{task} {number % 2}"
            rows.append(
                {
                    "prompt": [{"role": "user", "content": question}] if chat else question,
                    "problem_type": task.replace("_", " "),
                    "data_type": "video",
                    "solution": f"<answer>{REFERENCES[task]}</answer>",
                    "options": None,
                }
            )
    return rows


def make_tokenizer(asked: Sequence[str] | None = None, answers: Sequence[str] = ANSWERS) -> Any:
    """Return a tokenizer with a token for each question and each answer."""
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    words = (*_SPECIAL, *(questions() if asked is None else asked), *answers)
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<pad>"))
    inner.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token="<eos>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def make_model(tokenizer: Any, answers: Sequence[str] = ANSWERS) -> Any:
    """Return a tiny model that cannot write questions, padding or ends: one token is one response."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.suppress_tokens = list(range(len(tokenizer) - len(answers)))
    return model


def save_tiny(folder: Path, asked: Sequence[str] | None = None, answers: Sequence[str] = ANSWERS) -> Path:
    """Write model and tokenizer where `from_pretrained` finds them."""
    tokenizer = make_tokenizer(asked, answers)
    make_model(tokenizer, answers).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
