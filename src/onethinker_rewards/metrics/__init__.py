"""Metrics: arrays in, one score a row out."""

from __future__ import annotations

from onethinker_rewards.metrics.words import character_error_rate, word_error_rate

__all__ = ["character_error_rate", "word_error_rate"]
