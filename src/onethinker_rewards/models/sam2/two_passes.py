"""The two passes by which the released code draws a mask."""

from __future__ import annotations

from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.sam2.backend import Backend, Decoded, Prompts
from onethinker_rewards.models.sam2.extra import torch

__all__ = ["as_prompt", "draw", "gated"]

# The originals' own: what a mask's logits are where there is no object, and the largest logit of a mask prompt.
_NO_OBJECT = -1024.0
_LARGEST = 32.0


def draw(backend: Backend, embedding: Embedding, prompts: Prompts) -> torch.Tensor:
    """Return masks from boxes and points: first from the box, then from box, points and the first mask.

    Args:
        backend: The model.
        embedding: ``[B, ...]`` one a prompt.
        prompts: ``B`` prompts.

    Returns:
        ``[B, 1, S/4, S/4]`` logits, below 0 throughout where the model sees no object.
    """
    first = gated(backend.decode(embedding, prompts.boxes, None))
    return gated(backend.decode(embedding, prompts, as_prompt(first)))


def gated(decoded: Decoded) -> torch.Tensor:
    """Return the logits, and in their place a constant where the model sees no object."""
    return torch.where(decoded.presence[..., None, None] > 0, decoded.logits.float(), _NO_OBJECT)


def as_prompt(logits: torch.Tensor) -> torch.Tensor:
    """Return a mask's logits as the next pass takes them."""
    return logits.clamp(-_LARGEST, _LARGEST)
