"""The policy: a network of some 60,000 weights that looks at a clip and writes text, token by token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.study.world import CHANNELS, END, FRAMES, LONGEST, PADDING, SIDE, TASKS, VOCABULARY, Prompts


class Policy(nn.Module):
    """Two layers read the clip, a recurrent one writes; the clip and the task go into every step."""

    def __init__(self, width: int = 64, frame_width: int = 32, clip_width: int = 128, token_width: int = 16) -> None:
        super().__init__()
        self.frame = nn.Linear(SIDE * SIDE * CHANNELS, frame_width)
        self.clip = nn.Linear(FRAMES * frame_width, clip_width)
        self.task = nn.Embedding(len(TASKS), clip_width)
        self.norm = nn.LayerNorm(clip_width)
        self.known = nn.Linear(clip_width, width)
        self.token = nn.Embedding(len(VOCABULARY), token_width)
        self.writer = nn.GRU(token_width + width, width, batch_first=True)
        self.logits = nn.Linear(width, len(VOCABULARY))

    def look(self, prompts: Prompts, group: int) -> Tensor:
        """Return what the policy knows of each prompt, once for each response of its group: ``[P · group, width]``."""
        frames = functional.gelu(self.frame(prompts.clips.flatten(2)))
        clips = functional.gelu(self.norm(self.clip(frames.flatten(1)) + self.task(prompts.tasks)))
        return self.known(clips).repeat_interleave(group, dim=0)

    def log_probs(self, prompts: Prompts, responses: Tensor, group: int = 1) -> Tensor:
        """Return the log-probability of each token of ``responses``, ``[P · group, T]``."""
        before = functional.pad(responses[:, :-1], (1, 0), value=PADDING)
        states, _ = self._write(self.look(prompts, group), before, None)
        return -functional.cross_entropy(self.logits(states).mT, responses, reduction="none")

    @torch.no_grad()
    def sample(self, prompts: Prompts, generator: torch.Generator, group: int = 1) -> Tensor:
        """Sample responses ``[P · group, LONGEST]``, filled up with padding.

        All random numbers are drawn at the start, so two policies that are sampled with equal generators differ by
        their weights alone.
        """
        seen = self.look(prompts, group)
        waits = torch.empty(len(seen), LONGEST, len(VOCABULARY)).exponential_(generator=generator)
        responses = torch.full((len(seen), LONGEST), PADDING)
        token, state, writing = responses[:, 0], None, torch.ones(len(seen), dtype=torch.bool)
        for place in range(LONGEST):
            states, state = self._write(seen, token[:, None], state)
            # The first of exponential waiting times with rates p is each token with probability p.
            token = (self.logits(states[:, 0]) - waits[:, place].log()).argmax(dim=-1)
            responses[:, place] = token = token.where(writing, PADDING)
            writing = writing & (token != END)
            if not writing.any():
                break
        return responses

    def _write(self, seen: Tensor, tokens: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        inputs = torch.cat((self.token(tokens), seen[:, None].expand(-1, tokens.shape[1], -1)), dim=-1)
        return self.writer(inputs, state)
