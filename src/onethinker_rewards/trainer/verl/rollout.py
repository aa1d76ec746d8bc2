"""One turn of a rollout, with videos passed to vLLM as it expects them, and a seed if the run has one.

vLLM replaces one placeholder with a video's frames and time stamps. verl 0.9.1 sends it prompts that have them already,
and folds each frame's tokens to a placeholder. So Qwen3-VL sees the first placeholder become the whole video, among
time stamps and placeholders of left-over frames, and answers another prompt than the one it is trained on.
"""

# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from typing import Any

from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop

from onethinker_rewards.trainer.options import NAME
from onethinker_rewards.trainer.verl.batch import response_seed


class SingleTurn(SingleTurnAgentLoop):
    """verl's single turn, of which it makes one for every response."""

    async def run(self, sampling_params: dict[str, Any], **row: Any) -> Any:
        """Return a response to a row of the data, as verl's loop does."""
        seed = self.config[NAME].seed
        if seed is not None:
            # All responses to a prompt share the mapping.
            sampling_params = {**sampling_params, "seed": response_seed(seed, row)}
        messages = list(row["raw_prompt"])
        contents = [message["content"] for message in messages if not isinstance(message["content"], str)]
        if any(part.get("type") == "video" for content in contents for part in content):
            text = (self.processor or self.tokenizer).apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False, **self.apply_chat_template_kwargs
            )
            tokens = self.tokenizer.encode(text, add_special_tokens=False)
            self.server_manager = _Unexpanded(self.server_manager, tokens)
        return await super().run(sampling_params, **row)


class _Unexpanded:
    """A server that is asked with other tokens than its caller passes: with one placeholder a video."""

    def __init__(self, server: Any, tokens: list[int]) -> None:
        self._server, self._tokens = server, tokens

    async def generate(self, *, prompt_ids: list[int], **request: Any) -> Any:
        return await self._server.generate(prompt_ids=self._tokens, **request)
