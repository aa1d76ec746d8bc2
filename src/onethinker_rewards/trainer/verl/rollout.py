"""One turn of a rollout, with videos passed to vLLM as it expects them, and a seed if the run has one.

Our trainer sets it instead of verl's single turn.

vLLM replaces one placeholder with a video's frames and time stamps. verl 0.9.1 sends it prompts that have them already,
and folds each frame's tokens to a placeholder. So Qwen3-VL sees the first placeholder become the whole video, among
time stamps and placeholders of left-over frames, and answers another prompt than the one it is trained on.
"""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onethinker_rewards.trainer.verl.determinism import response_seed
from onethinker_rewards.trainer.verl.options import NAME

if TYPE_CHECKING:
    from omegaconf import DictConfig

__all__ = ["LOOPS", "has_video", "make_loop"]

# The file that tells verl's workers where our loop is.
LOOPS = Path(__file__).with_name("rollout.yaml")


def has_video(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any message shows a video."""
    contents = [message["content"] for message in messages if not isinstance(message["content"], str)]
    return any(part.get("type") == "video" for content in contents for part in content)


class _Unexpanded:
    """A server that is asked with other tokens than its caller passes."""

    def __init__(self, server: Any, tokens: list[int]) -> None:
        self._server = server
        self._tokens = tokens

    async def generate(self, *, prompt_ids: list[int], **request: Any) -> Any:
        """Generate from the prompt with one placeholder a video."""
        return await self._server.generate(prompt_ids=self._tokens, **request)


@cache
def make_loop() -> type:
    """Return the loop's class; imports verl."""
    from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

    class SingleTurn(SingleTurnAgentLoop):
        """verl's single turn, of which it makes one for every response."""

        config: DictConfig
        server_manager: Any
        tokenizer: Any
        processor: Any
        apply_chat_template_kwargs: Mapping[str, Any]

        async def run(self, sampling_params: dict[str, Any], **row: Any) -> Any:
            """Return a response to a row of the data, as verl's loop does."""
            seed = (self.config.get(NAME) or {}).get("seed")
            if seed is not None:
                # All responses to a prompt share the mapping.
                sampling_params = {**sampling_params, "seed": response_seed(seed, row)}
            messages = list(row["raw_prompt"])
            if has_video(messages):
                text = (self.processor or self.tokenizer).apply_chat_template(
                    messages, add_generation_prompt=True, tokenize=False, **self.apply_chat_template_kwargs
                )
                tokens = self.tokenizer.encode(text, add_special_tokens=False)
                self.server_manager = _Unexpanded(self.server_manager, tokens)
            return await super().run(sampling_params, **row)

    return SingleTurn


def __getattr__(name: str) -> type:
    """Make ``SingleTurn`` when verl asks for it: its base class is verl's."""
    if name == "SingleTurn":
        return make_loop()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
