"""Math equality as the OneThinker release has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import check_positive, check_texts_beside
from onethinker_rewards.metrics.mathematics.extractable import readable_part
from onethinker_rewards.workers import Pool, Status, shared_pool

__all__ = ["release_math_equal"]

_FUNCTION = "onethinker_rewards.metrics.mathematics.release_pair:verified"


def release_math_equal(
    predicted: Sequence[str],
    reference: Sequence[str],
    *,
    timeout: float = 5.0,
    batch_timeout: float | None = None,
    pool: Pool | None = None,
) -> NDArray[np.bool_]:
    r"""Return whether math-verify finds the raw texts equal, as the release scores mathematics.

    Only what math-verify extracts from a text counts: nothing of an undelimited ``2\pi``. A text from which
    it extracts nothing, and a pair past its deadline, is not equal.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.
        timeout: Seconds a pair may take.
        batch_timeout: Seconds for all pairs together.
        pool: Worker processes; those of this process by default.

    Returns:
        ``[N]`` bool.

    Raises:
        ArgumentError: These are not two lists of texts of one length, or ``timeout`` is not positive and finite.
    """
    check_texts_beside(predicted, reference)
    check_positive("timeout", timeout)
    part = {text: readable_part(text) for text in dict.fromkeys([*predicted, *reference])}
    rows = [(part[left], part[right]) for left, right in zip(predicted, reference, strict=True)]
    # Where nothing can be extracted, nothing is equal, and no worker is asked.
    pairs = [pair for pair in dict.fromkeys(rows) if all(pair)]
    workers = pool if pool is not None else shared_pool()
    outcomes = workers.run(_FUNCTION, pairs, timeout=timeout, batch_timeout=batch_timeout) if pairs else []
    equal = {
        pair: outcome.status is Status.DONE and outcome.value for pair, outcome in zip(pairs, outcomes, strict=True)
    }
    return np.array([equal.get(pair, False) for pair in rows], dtype=np.bool_)
