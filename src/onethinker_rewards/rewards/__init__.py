"""From responses and references to rewards."""

from onethinker_rewards.rewards.batch import RewardBatch
from onethinker_rewards.rewards.masks import with_masks
from onethinker_rewards.rewards.recipe import RECIPES, Recipe
from onethinker_rewards.rewards.score import OnBadReference, score
from onethinker_rewards.rewards.scorer import Scorer

__all__ = ["RECIPES", "OnBadReference", "Recipe", "RewardBatch", "Scorer", "score", "with_masks"]
