"""A scorer for each recipe: for trainers whose configuration passes the recipe with every call."""

from __future__ import annotations

from typing import Any

from onethinker_rewards.adapters.scoring import RowScorer

__all__ = ["RecipeScorers"]


class RecipeScorers:
    """Scorers that differ in nothing but the recipe.

    Args:
        settings: Those of `RowScorer`.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings: dict[str, Any] = settings
        self._made: dict[str | None, RowScorer] = {None: RowScorer(**self._settings)}

    def __getitem__(self, recipe: str | None) -> RowScorer:
        """Return the scorer of this recipe; None is the one in the settings.

        Raises:
            ArgumentError: If there is no such recipe.
        """
        if recipe not in self._made:
            settings: dict[str, Any] = self._settings | {"recipe": recipe}
            # Two threads may both make one; the first to put it there wins.
            return self._made.setdefault(recipe, RowScorer(**settings))
        return self._made[recipe]
