"""The response in what chat-minded trainers hand over: a text, or a list of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from onethinker_rewards.errors import ArgumentError

__all__ = ["response_text"]

# Where templates that split the response put the thinking.
_THINKING = ("reasoning_content", "thinking")


def response_text(completion: Any) -> str:
    """Return all that the model wrote in its last message.

    Args:
        completion: A text; or messages with ``role`` and ``content``, of which the assistant's last counts, its content
            a text or a list of parts. Thinking that the trainer's tokenizer has split off into a field of its own is
            put back in front, in its tags.

    Raises:
        ArgumentError: If it is neither.

    >>> response_text([{"role": "assistant", "content": "<answer>B</answer>", "reasoning_content": "Four legs."}])
    '<think>Four legs.</think><answer>B</answer>'
    """
    if isinstance(completion, str):
        return completion
    if not isinstance(completion, Sequence) or not all(isinstance(one, Mapping) for one in completion):
        raise ArgumentError(f"completions: expected str or a list of messages, got {type(completion).__name__}")
    messages = cast("Sequence[Mapping[str, Any]]", completion)
    last = next((message for message in reversed(messages) if message.get("role") == "assistant"), {})
    thinking = next((last[field] for field in _THINKING if last.get(field)), None)
    text = _content_text(last.get("content"))
    return text if thinking is None else f"<think>{thinking}</think>{text}"


def _content_text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")
