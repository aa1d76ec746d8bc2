"""Recipes that reward the mask itself."""

from __future__ import annotations

from dataclasses import replace

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.rewards.recipe import Recipe, find_recipe
from onethinker_rewards.tasks.masks import BESIDE_POINTS, INSTEAD_OF_POINTS

__all__ = ["with_masks"]


def with_masks(recipe: str | Recipe = "paper", *, points: bool = True) -> Recipe:
    """Return a recipe whose segmentation tasks also earn the IoU of the mask that their answer draws.

    A `Scorer` of this recipe needs a segmenter, and images and masks a row. An image's mask term is the mask's IoU. A
    video's is the IoU at the answer's frame or, where it is less, at the reference's, times the closeness in time of
    the two, times the share of the object's area there that this frame shows, at most 1. So the same answer at the
    reference's own time earns at least as much: a frame in which the object is easily drawn gains nothing.

    Args:
        recipe: What everything else is taken from; not one with ``release`` rules, whose formulas are fixed.
        points: Whether the terms of the points stay: then segmentation earns at most 4, video segmentation 5. Without
            them it is 2 and 3.

    Raises:
        ArgumentError: If the recipe does not exist or has ``release`` rules.

    Source: the paper (arXiv 2512.03043) names such a reward in its limitations, and gives no equation.

    >>> with_masks("paper", points=False).name
    'paper+masks-points'
    """
    base = find_recipe(recipe)
    if base.rules == "release":
        raise ArgumentError("recipe: release rules have the released code's formulas, which draw no masks")
    name = f"{base.name}+masks" if points else f"{base.name}+masks-points"
    return replace(base, name=name, tasks={**base.tasks, **(BESIDE_POINTS if points else INSTEAD_OF_POINTS)})
