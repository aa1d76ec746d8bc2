"""The Gaussian that turns a distance into a score."""

from __future__ import annotations

from onethinker_rewards.metrics._arrays import Array, Namespace

__all__ = ["gaussian"]


def gaussian(xp: Namespace, distance: Array, sigma: float) -> Array:
    """Return ``exp(-distance² / 2 sigma²)``: 1 at no distance, 0.607 at one sigma."""
    scaled = distance / sigma
    return xp.exp(-0.5 * scaled * scaled)
