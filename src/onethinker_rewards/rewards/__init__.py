"""From responses and references to rewards."""

from __future__ import annotations

from onethinker_rewards.rewards.explain import explain, fault_offset
from onethinker_rewards.rewards.parse import parse, parse_answer, parse_reference
from onethinker_rewards.rewards.penalties import CosineLength, Penalty, Repetition, SoftOverlong
from onethinker_rewards.rewards.recipe import RECIPES, Recipe, find_recipe, with_masks
from onethinker_rewards.rewards.references import AnyOf, reference_text
from onethinker_rewards.rewards.result import RewardBatch
from onethinker_rewards.rewards.score import OnBadReference, score
from onethinker_rewards.rewards.scorer import Scorer
from onethinker_rewards.rewards.validate import Validation, validate

__all__ = [
    "RECIPES", "AnyOf", "CosineLength", "OnBadReference", "Penalty", "Recipe", "Repetition", "RewardBatch", "Scorer",
    "SoftOverlong", "Validation", "explain", "fault_offset", "find_recipe", "parse", "parse_answer",
    "parse_reference", "reference_text", "score", "validate", "with_masks",
]  # fmt: skip
