"""Mean relative accuracy of numbers."""

from __future__ import annotations

from array_api_compat import device

from onethinker_rewards.metrics._arrays import Array, aligned, without_warnings


def relative_accuracy(predicted: Array, reference: Array) -> Array:
    """Return the share of ten tolerances that the relative error of each number stays below.

    ::

        MRA = mean over k = 1…10 of [20 · |p − r| < k · |r|]

    The tolerances are 5 %, 10 %, … 50 % of the reference, strictly. A reference of 0 gives 1 for exactly 0 and 0
    for all else. NaN in is NaN out. The score is a step function and has no useful gradient.

    Args:
        predicted: ``[N]`` numbers, of any array kind, or a list.
        reference: ``[N]`` numbers of the same kind.

    Returns:
        ``[N]``, one of 0, 0.1, … 1, of the arrays' kind and on their device; higher is better. Integers
        compute in the kind's default float, half precision in float32, and so is the result.

    Raises:
        ArgumentError: If the shapes, lengths, kinds or dtypes do not fit.

    Source: mean relative accuracy of Thinking in Space, arXiv 2412.14171, as OneThinker uses it, arXiv 2512.03043.

    >>> relative_accuracy([100, 101, 112, 0], [100, 100, 100, 0])
    array([1. , 1. , 0.8, 1. ])
    """
    xp, predicted, reference = aligned(predicted, reference, ())
    with without_warnings(xp):
        error, size = xp.abs(predicted - reference), xp.abs(reference)
        # [10, N]: whether the error is below k twentieths of the reference.
        steps = xp.arange(1, 11, dtype=error.dtype, device=device(error))
        within = 20.0 * error < steps[:, None] * size
        score = xp.sum(xp.astype(within, error.dtype), axis=0) / 10
        score = xp.where((error == 0.0) & (size == 0.0), 1.0, score)
        return xp.where(xp.isnan(error), error, score)
