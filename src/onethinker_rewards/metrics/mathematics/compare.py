"""Whether answers equal their references in mathematics, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import check_positive, check_texts_beside
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable
from onethinker_rewards.metrics.mathematics.reading import read
from onethinker_rewards.metrics.mathematics.same import Question, same
from onethinker_rewards.metrics.mathematics.verdict import MathVerdict
from onethinker_rewards.workers import Outcome, Pool, Status, shared_pool

__all__ = ["compare_math", "math_equal", "reads_math"]

_CACHED_LENGTH = 200
_FUNCTION = "onethinker_rewards.metrics.mathematics.symbolic:verdict"


def math_equal(predicted: Sequence[str], reference: Sequence[str], timeout: float = 5.0) -> NDArray[np.bool_]:
    r"""Return whether each answer equals its reference in mathematics.

    LaTeX and plain text, with or without delimiters. An answer that cannot be read, or whose comparison runs
    into its deadline, equals nothing.

    Args:
        predicted: ``[N]`` answers.
        reference: ``[N]`` answers that are right.
        timeout: Seconds a pair may take.

    Returns:
        ``[N]`` bool.

    Raises:
        ArgumentError: These are not two lists of texts of one length, or ``timeout`` is not positive and finite.
        BadReferenceError: References that cannot be read; it names their rows.

    >>> math_equal([r"$\frac{1}{2}$", "3 cm", "x = 4", "1 or 2"], ["0.5", "3", "4", "1"]).tolist()
    [True, True, True, False]
    """
    verdicts = compare_math(predicted, reference, timeout=timeout)
    bad = [row for row, verdict in enumerate(verdicts) if verdict is MathVerdict.BAD_REFERENCE]
    if bad:
        raise BadReferenceError(bad, [str(_tree(reference[row])) for row in bad])
    return np.array([verdict is MathVerdict.EQUAL for verdict in verdicts], dtype=np.bool_)


def compare_math(
    predicted: Sequence[str],
    reference: Sequence[str],
    *,
    timeout: float = 5.0,
    batch_timeout: float | None = None,
    pool: Pool | None = None,
) -> list[MathVerdict]:
    """Return the verdict on each answer.

    Each distinct text is read once and each distinct pair compared once. Pairs that trees and fractions
    decide stay in this process; the rest goes to worker processes, with the same rules and algebra added.

    Args:
        predicted: ``[N]`` answers.
        reference: ``[N]`` answers that are right.
        timeout: Seconds a pair may take.
        batch_timeout: Seconds for all pairs together.
        pool: Worker processes; those of this process by default.

    Raises:
        ArgumentError: These are not two lists of texts of one length, or ``timeout`` is not positive and finite.
    """
    check_texts_beside(predicted, reference)
    check_positive("timeout", timeout)
    rows = list(zip(predicted, reference, strict=True))
    known = _decided(dict.fromkeys(rows))
    # The longest last: a batch that runs out of time has done what it could.
    open_pairs = sorted((pair for pair in dict.fromkeys(rows) if pair not in known), key=_length)
    if open_pairs:
        workers = pool if pool is not None else shared_pool()
        outcomes = workers.run(_FUNCTION, open_pairs, timeout=timeout, batch_timeout=batch_timeout)
        known.update(zip(open_pairs, map(_verdict, outcomes), strict=True))
    return [known[pair] for pair in rows]


def _length(pair: tuple[str, str]) -> int:
    return len(pair[0]) + len(pair[1])


def _verdict(outcome: Outcome) -> MathVerdict:
    return MathVerdict(outcome.value) if outcome.status is Status.DONE else MathVerdict.TIMEOUT


def _decided(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], MathVerdict]:
    """Return the verdicts that need no algebra."""
    trees: dict[str, Node | str] = {}
    known: dict[tuple[str, str], MathVerdict] = {}
    for pair in pairs:
        for text in pair:
            if text not in trees:
                trees[text] = _tree(text)
        predicted, reference = (trees[text] for text in pair)
        if isinstance(reference, str):
            known[pair] = MathVerdict.BAD_REFERENCE
        elif isinstance(predicted, str):
            known[pair] = MathVerdict.UNREADABLE
        elif (equal := _without_algebra(predicted, reference)) is not None:
            known[pair] = MathVerdict.EQUAL if equal else MathVerdict.DIFFERENT
    return known


class _Undecided(Exception):  # noqa: N818
    """Algebra is needed."""


def _without_algebra(predicted: Node, reference: Node) -> bool | None:
    try:
        return same(predicted, reference, _no_algebra)
    except _Undecided:
        return None


def _no_algebra(question: Question, left: Node, right: Node) -> bool:
    raise _Undecided


def reads_math(text: str) -> bool:
    """Return whether a text can be read, so that an answer can be compared with it."""
    return not isinstance(_tree(text), str)


def _tree(text: str) -> Node | str:
    """Return the tree of a text, or why there is none."""
    return _short_tree(text) if len(text) <= _CACHED_LENGTH else _tree_or_reason(text)


def _tree_or_reason(text: str) -> Node | str:
    try:
        return read(text)
    except Unreadable as error:
        return str(error)


# Rollouts repeat answers, and a reference is read once to be checked and once for each batch that it is in.
_short_tree = lru_cache(maxsize=4096)(_tree_or_reason)
