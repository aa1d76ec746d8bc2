"""Compares answers with their references in mathematics, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onethinker_rewards._validation import aligned_texts, check_positive
from onethinker_rewards.errors import BadReferenceError
from onethinker_rewards.metrics.math.equality import is_equal_answer
from onethinker_rewards.metrics.math.equations import Question
from onethinker_rewards.metrics.math.normalize import normalize
from onethinker_rewards.metrics.math.parser import parse
from onethinker_rewards.metrics.math.tree import Node, Unreadable, rational
from onethinker_rewards.workers import Pool, Status, shared_pool

_MAX_CACHED_LENGTH = 200
_MAX_COMPARED = 10_000
_WORKER_FUNCTION = "onethinker_rewards.metrics.math.algebra:verdict"


class MathVerdict(StrEnum):
    """The result of comparing an answer with its reference.

    Only ``equal`` scores. ``unreadable`` means that the answer is no mathematics, ``bad_reference`` that the
    reference is no mathematics and the answer another text, ``timeout`` that the comparison ran into its deadline or
    its memory limit.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    UNREADABLE = "unreadable"
    BAD_REFERENCE = "bad_reference"
    TIMEOUT = "timeout"


def math_equal(predicted: Sequence[str], reference: Sequence[str], timeout: float = 5.0) -> NDArray[np.bool_]:
    r"""Return whether each answer equals its reference in mathematics.

    ::

        equal = answer and reference are the same number, expression, set, list, tuple, equation or inequality

    LaTeX and plain text, with or without delimiters. An answer that cannot be read, or whose comparison runs
    into its deadline, equals nothing.

    Args:
        predicted: ``[N]`` answers.
        reference: ``[N]`` correct answers.
        timeout: Seconds a pair may take.

    Returns:
        ``[N]`` bool.

    Raises:
        ArgumentError: If they are not two lists of texts of one length, or ``timeout`` is not positive and finite.
        BadReferenceError: If references cannot be read, and the answers are other texts; the error names their rows.

    Source: the reward of mathematics in OneThinker, arXiv 2512.03043; the rules of equality are this library's own.

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

    Each distinct text is parsed once and each distinct pair compared once. Pairs that trees and fractions
    decide stay in this process; the rest goes to worker processes, with the same rules and algebra added. A process
    in which sympy hangs is killed, and the pair's verdict is ``timeout``.

    Args:
        predicted: ``[N]`` answers.
        reference: ``[N]`` correct answers.
        timeout: Seconds a pair may take.
        batch_timeout: Seconds for all pairs together.
        pool: Worker processes; those of this process by default.

    Raises:
        ArgumentError: If they are not two lists of texts of one length, or ``timeout`` is not positive and finite.
    """
    predicted, reference = aligned_texts(predicted, reference)
    check_positive("timeout", timeout)
    rows = list(zip(predicted, reference, strict=True))
    verdicts = _verdicts_without_algebra(dict.fromkeys(rows))
    undecided = [pair for pair in dict.fromkeys(rows) if pair not in verdicts]
    if undecided:
        # The longest pairs come last, so that most are done if the batch runs out of time.
        undecided.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
        workers = pool if pool is not None else shared_pool()
        outcomes = workers.run(_WORKER_FUNCTION, undecided, timeout=timeout, batch_timeout=batch_timeout)
        for pair, outcome in zip(undecided, outcomes, strict=True):
            verdicts[pair] = MathVerdict(outcome.value) if outcome.status is Status.DONE else MathVerdict.TIMEOUT
    return [verdicts[pair] for pair in rows]


def _verdicts_without_algebra(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], MathVerdict]:
    """Return the verdicts on the pairs that need no algebra."""
    trees: dict[str, Node | str] = {}
    verdicts: dict[tuple[str, str], MathVerdict] = {}
    for pair in pairs:
        for text in pair:
            if text not in trees:
                trees[text] = _tree(text)
        predicted, reference = (trees[text] for text in pair)
        if isinstance(reference, str):
            same = _is_same_text(*pair)
            verdicts[pair] = MathVerdict.EQUAL if same else MathVerdict.BAD_REFERENCE
        elif isinstance(predicted, str):
            verdicts[pair] = MathVerdict.UNREADABLE
        else:
            try:
                equal = is_equal_answer(predicted, reference, _no_algebra)
            except _AlgebraNeeded:
                continue
            verdicts[pair] = MathVerdict.EQUAL if equal else MathVerdict.DIFFERENT
    return verdicts


def _is_same_text(predicted: str, reference: str) -> bool:
    """Return whether two texts that are not both mathematics are the same without what surrounds them and spaces."""
    if predicted.strip() == reference.strip():
        return bool(_bare_text(reference))
    return len(predicted) + len(reference) <= _MAX_COMPARED and _bare_text(predicted) == _bare_text(reference) != ""


def _bare_text(text: str) -> str:
    with suppress(Unreadable):
        text = normalize(text)
    return "".join(text.split())


class _AlgebraNeeded(Exception):  # noqa: N818
    """The pair is left to a worker process."""


def _no_algebra(question: Question, left: Node, right: Node) -> bool:
    raise _AlgebraNeeded


def reads_math(text: str) -> bool:
    """Return whether a text can be read, so that an answer can be compared with it."""
    return not isinstance(_tree(text), str)


class MathForm(NamedTuple):
    """What a text is in mathematics, for a person who asks why two texts are not equal.

    Attributes:
        text: The text without what surrounds it, with one form for each delimiter, space and sign.
        operation: The operation at the top of its tree, or the kind of atom; empty where it cannot be read.
        tree: The whole tree, such as ``div(1, 2)``; empty where it cannot be read.
        value: The exact value of a tree of numbers, or None.
        fault: Why it cannot be read, or None.
    """

    text: str
    operation: str
    tree: str
    value: Fraction | None
    fault: str | None


def math_form(text: str) -> MathForm:
    r"""Return the normal form of a text.

    >>> math_form(r"$\frac{1}{2}$")
    MathForm(text='\\frac{1}{2}', operation='div', tree='div(1, 2)', value=Fraction(1, 2), fault=None)
    """
    tree, bare = _tree(text), text
    with suppress(Unreadable):
        bare = normalize(text)
    if isinstance(tree, str):
        return MathForm(bare, "", "", None, tree)
    return MathForm(bare, tree.op, _written(tree), rational(tree), None)


def _written(node: Node) -> str:
    """Return a tree in a line: an atom as it is, an operation with its operands in brackets."""
    operands = ", ".join(map(_written, node.args))
    return f"{node.op}({operands})" if operands else node.text or node.op


def _tree(text: str) -> Node | str:
    """Return the tree of a text, or the reason why it has none."""
    return _cached_tree(text) if len(text) <= _MAX_CACHED_LENGTH else _tree_or_reason(text)


def _tree_or_reason(text: str) -> Node | str:
    try:
        return parse(text)
    except Unreadable as error:
        return str(error)


# Rollouts repeat answers, and a reference is parsed once to be checked and once for each batch that it is in.
_cached_tree = lru_cache(maxsize=4096)(_tree_or_reason)
