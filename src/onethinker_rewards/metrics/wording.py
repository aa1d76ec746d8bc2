"""ROUGE for rewards: an answer can always reach 1, and saying it again never pays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import check_texts_beside
from onethinker_rewards.metrics._repeats import said_once
from onethinker_rewards.metrics._scripts import Spelling
from onethinker_rewards.metrics.rouge import rouge
from onethinker_rewards.metrics.stems import plain_words

__all__ = ["shared_wording"]


def shared_wording(predicted: Sequence[str], reference: Sequence[str]) -> NDArray[np.float64]:
    """Return how much of a reference's wording a text shares: ROUGE, with three gaps closed.

    The mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L, as `rouge` has it, but:

    Differs: a text that is one sequence of words said several times counts as saying it once.
    Differs: beside a reference of one word there are no pairs of words, and the mean is that of the other two.
    Differs: beside a reference without ``a-z0-9`` words are those of any script, casefolded and not stemmed; in
    scripts that put no spaces between words, characters; in a text without either, what stands between spaces.

    Args:
        predicted: ``[N]`` texts.
        reference: ``[N]`` texts.

    Returns:
        ``[N]`` in [0, 1]; higher is better. 1 for a reference against itself, if it is not blank.

    Raises:
        ArgumentError: These are not two lists of texts of one length.

    Source: Lin 2004, as for `rouge`.

    >>> shared_wording(["yes", "a cat, a cat", "一只猫"], ["Yes.", "a cat", "一只猫。"]).tolist()
    [1.0, 1.0, 1.0]
    """
    check_texts_beside(predicted, reference)
    foreign = {text for text in dict.fromkeys(reference) if not plain_words(text)}
    if foreign:
        spelling = Spelling()
        rows = zip(predicted, reference, strict=True)
        predicted = [spelling.spelled(text) if beside in foreign else text for text, beside in rows]
        reference = [spelling.spelled(text) if text in foreign else text for text in reference]
    once = {text: said_once(text) for text in dict.fromkeys([*predicted, *reference])}
    left, right = ([once[text] for text in side] for side in (predicted, reference))
    one_word = {text for text in dict.fromkeys(right) if plain_words(text).count(b" ") == 1}
    # ROUGE-2 is 0 there: half as much again is the mean of the other two.
    return rouge(left, right) * np.where([text in one_word for text in right], 1.5, 1.0)
