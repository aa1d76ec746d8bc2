"""The response is found in whatever a trainer hands over."""

from __future__ import annotations

from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters.rewarding import response_text

ANSWER = "<answer>B</answer>"
RESPONSE = f"<think>Four legs.</think>{ANSWER}"


def said(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **more}


@pytest.mark.parametrize(
    ("completion", "response"),
    [
        pytest.param(RESPONSE, RESPONSE, id="text"),
        pytest.param("", "", id="empty_text"),
        pytest.param([said(RESPONSE)], RESPONSE, id="message"),
        pytest.param([said("I look."), {"role": "tool", "content": "7"}, said(RESPONSE)], RESPONSE, id="last_counts"),
        pytest.param([said(RESPONSE), {"role": "tool", "content": "7"}], RESPONSE, id="assistant_counts"),
        pytest.param([said([{"type": "text", "text": "B"}, {"type": "image"}])], "B", id="parts"),
        pytest.param([said(None)], "", id="no_content"),
        pytest.param([{"role": "assistant"}], "", id="no_content_field"),
        pytest.param([], "", id="no_message"),
        pytest.param([{"role": "tool", "content": "7"}], "", id="no_assistant"),
        pytest.param([said(ANSWER, reasoning_content="Four legs.")], RESPONSE, id="reasoning_split_off"),
        pytest.param([said(ANSWER, thinking="Four legs.")], RESPONSE, id="thinking_split_off"),
        pytest.param([said(ANSWER, reasoning_content=None)], ANSWER, id="no_reasoning"),
    ],
)  # fmt: skip
def test_response_is_what_the_model_wrote(completion: Any, response: str) -> None:
    assert response_text(completion) == response


@pytest.mark.parametrize("completion", [None, 7, [7], {"role": "assistant"}, ["text"]])
def test_anything_else_is_refused(completion: Any) -> None:
    with pytest.raises(otr.ArgumentError, match="completions: expected str or a list of messages"):
        response_text(completion)
