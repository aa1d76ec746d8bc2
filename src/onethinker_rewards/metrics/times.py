"""How near one moment is to another."""

from __future__ import annotations

from functools import partial

from onethinker_rewards._validation import check_positive
from onethinker_rewards.metrics._arrays import Array, Namespace, aligned
from onethinker_rewards.metrics._blocks import score_rows
from onethinker_rewards.metrics._gaussian import gaussian

__all__ = ["time_proximity"]


def time_proximity(predicted: Array, reference: Array, sigma: float = 1.0) -> Array:
    """Return a Gaussian of the distance between each predicted moment and its reference.

    NaN in is NaN out, and an infinite distance scores 0.

    Args:
        predicted: ``[N]`` seconds, of any array kind, or a list.
        reference: ``[N]`` seconds of the same kind.
        sigma: Distance in seconds at which the score falls to exp(-1/2) = 0.607.

    Returns:
        ``[N]`` in [0, 1], of the arrays' kind and on their device; 1 at no distance. Integers compute in
        the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: The shapes, lengths, kinds or dtypes do not fit, or sigma is not positive and finite.

    Source: the keyframe term of video segmentation in OneThinker, arXiv 2512.03043.

    >>> time_proximity([4.0, 5.0], [4.0, 4.0])
    array([1.        , 0.60653066])
    """
    check_positive("sigma", sigma)
    xp, predicted, reference = aligned(predicted, reference, ())
    return score_rows(partial(_proximity, sigma), xp, predicted, reference)


def _proximity(sigma: float, xp: Namespace, predicted: Array, reference: Array) -> Array:
    return gaussian(xp, predicted - reference, sigma)
