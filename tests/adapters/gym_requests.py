"""What NeMo-Gym posts to a resources server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def verify(row: Mapping[str, Any], thinking: str | None = None) -> dict[str, Any]:
    """Return a request to verify; ``thinking`` is what a reasoning parser took out of the message."""
    message = {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": row["response"], "annotations": []}],
    }
    reasoning = {"id": "r0", "type": "reasoning", "summary": [{"type": "summary_text", "text": thinking}]}
    question = [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_text", "text": "Where is the dog?"},
    ]
    return {
        "responses_create_params": {"input": [{"role": "user", "content": question}]},
        "response": {
            "id": "r1",
            "object": "response",
            "created_at": 1,
            "model": "m",
            "output": [message] if thinking is None else [reasoning, message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        },
        **{name: value for name, value in row.items() if name != "response"},
    }
