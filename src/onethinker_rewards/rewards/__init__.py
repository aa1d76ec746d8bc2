"""From responses and references to rewards."""

from __future__ import annotations

from onethinker_rewards.rewards.parse import parse, parse_answer, parse_reference
from onethinker_rewards.rewards.penalties import CosineLength, Penalty, Repetition, SoftOverlong
from onethinker_rewards.rewards.recipe import RECIPES, Recipe, find_recipe, with_masks
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.rewards.score import OnBadReference, score
from onethinker_rewards.rewards.scorer import Scorer

__all__ = [
    "RECIPES", "CosineLength", "OnBadReference", "Penalty", "Recipe", "Repetition", "RewardBatch", "Scorer",
    "SoftOverlong", "find_recipe", "parse", "parse_answer", "parse_reference", "score", "with_masks",
]  # fmt: skip
