"""A resources server of NeMo-Gym, whose rows have our columns next to what the framework adds.

In the ``app.py`` of a folder of ``resources_servers/``:

    from onethinker_rewards.adapters.nemo_gym import make_reward

    OneThinkerResourcesServer = make_reward()

    if __name__ == "__main__":
        OneThinkerResourcesServer.run_webserver()

`onethinker_rewards.server` answers the same requests without NeMo-Gym.
"""

# NeMo-Gym is not installed where types are checked. FastAPI reads the annotations of the classes below, so they are no
# texts.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

import math
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias, Unpack, cast

from pydantic import ConfigDict, PrivateAttr

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.microbatch import Call, MicroBatcher, batch_calls
from onethinker_rewards.errors import OneThinkerRewardsError

JsonObject: TypeAlias = dict[str, Any]
# What the framework itself adds to a row.
_ADDED = ("response", "responses_create_params")


def make_reward(**settings: Unpack[Settings]) -> type[Any]:
    """Return a resources server: ``/verify`` rewards the last message, together with the others in flight.

    An entry of the server's configuration that is called ``recipe``, ``dialect`` or ``reference_dialect`` overrides the
    settings.

    Args:
        settings: Those of `RowScorer`.
    """
    from fastapi import HTTPException  # noqa: PLC0415
    from nemo_gym.base_resources_server import (  # noqa: PLC0415
        BaseMultiRewardVerifyResponse,
        BaseResourcesServerConfig,
        BaseVerifyRequest,
        ReverifyMode,
        SimpleResourcesServer,
    )
    from nemo_gym.judge import JudgeError  # noqa: PLC0415

    class OneThinkerConfig(BaseResourcesServerConfig):
        """The recipe and the dialects of this instance."""

        REVERIFY_MODE: ClassVar[Any] = ReverifyMode.STATELESS
        recipe: str | None = None
        dialect: str | None = None
        reference_dialect: str | None = None

    class OneThinkerVerifyRequest(BaseVerifyRequest):
        """A row with any columns."""

        model_config = ConfigDict(extra="allow")

    class OneThinkerVerifyResponse(BaseMultiRewardVerifyResponse):
        """The row again, with its reward."""

        model_config = ConfigDict(extra="allow")

    class OneThinkerResourcesServer(SimpleResourcesServer):
        """Keeps no state between requests."""

        ray_enabled = False
        config: OneThinkerConfig
        _scorer: RowScorer = PrivateAttr()
        _batcher: MicroBatcher[Call, Info] = PrivateAttr()

        def model_post_init(self, context: object, /) -> None:
            super().model_post_init(context)
            dialects = {name: getattr(self.config, name) for name in ("dialect", "reference_dialect")}
            self._scorer = RowScorer(**settings).with_recipe(self.config.recipe, **dialects)
            self._batcher = batch_calls(self._scorer)

        async def verify(self, body: OneThinkerVerifyRequest) -> OneThinkerVerifyResponse:
            """Reward a row; a mistake in the row is 422, and a judge that fails masks the sample."""
            sent = body.model_dump()
            try:
                info = await self._batcher(call_of(sent, self._scorer.columns))
            except OneThinkerRewardsError as error:
                raise HTTPException(422, str(error)) from None
            if math.isnan(info["total"]):
                raise JudgeError(str(info["failure"]))
            return OneThinkerVerifyResponse(**verified(sent, info))

    return OneThinkerResourcesServer


def call_of(sent: JsonObject, columns: Columns) -> Call:
    """Return response and columns of a request to verify; the question is that of the prompt if no column has it."""
    row = {name: value for name, value in sent.items() if name not in _ADDED}
    if columns.value("question", row) is None:
        row["question"] = question_of(sent.get("responses_create_params"))
    return response_text(cast("JsonObject", sent["response"])), row


def response_text(response: Mapping[str, Any]) -> str:
    """Return what the model wrote in its last message of OpenAI's Responses API; empty if it wrote nothing.

    A server with a reasoning parser gives the thinking as an item of its own: it is put back, in its tags.

    >>> thinking = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "It barks."}]}
    >>> message = {"type": "message", "content": [{"type": "output_text", "text": "<answer>B</answer>"}]}
    >>> response_text({"output": [thinking, message]})
    '<think>It barks.</think><answer>B</answer>'
    """
    thinking = text = ""
    for item in _objects(response.get("output")):
        if item.get("type") == "reasoning":
            thinking += _text(item.get("content")) or _text(item.get("summary"))
        elif item.get("type") == "message":
            said = _text(item.get("content"))
            text, thinking = (f"<think>{thinking}</think>{said}" if thinking else said), ""
        else:
            # What was thought before the call of a tool belongs to that turn.
            thinking = ""
    return text


def question_of(params: object) -> str | None:
    """Return the text of the user's last message; None if there is none."""
    given = cast("JsonObject", params).get("input") if isinstance(params, dict) else None
    if isinstance(given, str):
        return given
    texts = [_text(message.get("content")) for message in _objects(given) if message.get("role") == "user"]
    return texts[-1] if texts else None


def verified(sent: JsonObject, info: Info) -> JsonObject:
    """Return a request to verify with its reward; numbers at the top become NeMo-Gym's metrics."""
    numbers = {name: info[name] for name in ("accuracy", "format", "structure")}
    if not math.isnan(info["normalized"]):
        numbers["normalized"] = info["normalized"]
    codes = {name: info[name] for name in ("failure", "format_fault")}
    # The keys are the same for every task, as trainers that normalize each component need.
    components = {name: info[name] for name in ("accuracy", "format", "structure")}
    return sent | {"reward": info["total"], **numbers, **codes, "reward_components": components}


def masked(sent: JsonObject, reason: str) -> JsonObject:
    """Return a request to verify that has no reward because a judge failed, as NeMo-Gym's ``judge_failsafe`` does.

    The 0 is a placeholder: the sample is masked, left out of the metrics, and can be verified again.
    """
    given = sent.get("instance_config")
    return sent | {
        "reward": 0.0,
        "mask_sample": True,
        "failure_kind": "judge_failed",
        "failure_reason": reason,
        "instance_config": {**(cast("JsonObject", given) if isinstance(given, dict) else {}), "mask_sample": True},
        "_ng_failure_class": "judge_failed",
        "_ng_failure_judge_error": reason,
    }


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    texts = [part.get("text") for part in _objects(content)]
    return "".join(text for text in texts if isinstance(text, str))


def _objects(values: object) -> list[JsonObject]:
    listed = cast("list[object]", values) if isinstance(values, list) else []
    return [cast("JsonObject", value) for value in listed if isinstance(value, dict)]
