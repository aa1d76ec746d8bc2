"""Verifiable rewards for multimodal reasoning models, and the EMA-GRPO advantage."""

from __future__ import annotations
