"""Penalties for long and repetitive responses, which a recipe may add to the total. None is on by default."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from onethinker_rewards._validation import check_choice, check_positive
from onethinker_rewards.answers import Floats
from onethinker_rewards.codes import PenaltyCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.metrics.text import words_by_script

_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Responses:
    """What penalties look at, one entry a row.

    Attributes:
        texts: All that the model wrote.
        tokens: The token ids of the responses, or only how many there are.
        normalized: Accuracies divided by their task's maximum.
    """

    texts: Sequence[str]
    tokens: Sequence[Any] | None
    normalized: Floats

    def lengths(self, code: PenaltyCode) -> Floats:
        """Return ``[N]`` numbers of tokens; raise an `ArgumentError` that names the penalty where they are unknown."""
        return np.array([_length(value, row, code) for row, value in enumerate(self._given_tokens(code))], dtype=float)

    def token_ids(self, code: PenaltyCode) -> Iterator[list[int]]:
        """Yield the token ids of each row; raise an `ArgumentError` where no more than their number is known."""
        for row, value in enumerate(self._given_tokens(code)):
            _length(value, row, code)
            if isinstance(value, Integral):
                raise ArgumentError(f"tokens: {code} compares token ids, and row {row} has only their number, {value}")
            yield np.asarray(value).tolist()

    def _given_tokens(self, code: PenaltyCode) -> Sequence[Any]:
        if self.tokens is None:
            raise ArgumentError(f"tokens: {code} needs the token ids of the responses, or how many there are")
        return self.tokens


def _length(value: Any, row: int, code: PenaltyCode) -> int:
    if value is None:
        raise ArgumentError(f"tokens: {code} needs those of each response, and row {row} has none")
    if not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= 0:
        return int(value)
    if isinstance(value, Sized) and not isinstance(value, str | bytes):
        return len(value)
    raise ArgumentError(f"tokens: expected token ids or their number, got {repr(value)[:_SHOWN]} in row {row}")


def _is_finite(value: Any) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


class Penalty(ABC):
    """Something that is added to the total of a response for its form, whether its answer is right or not.

    Attributes:
        code: The name of its part, and the code of the rows whose total it lowers.
        compares_accuracy: Whether it depends on the accuracy as a share of its task's maximum.
    """

    __slots__ = ()

    code: ClassVar[PenaltyCode]
    compares_accuracy: ClassVar[bool] = False

    @abstractmethod
    def values(self, responses: Responses) -> Floats:
        """Return ``[N]`` what is added to each total."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftOverlong(Penalty):
    """Overlong responses cost up to 1.

    R = 0 for L <= L_max - L_cache, (L_max - L_cache - L) / L_cache up to L_max, and -1 beyond it. Source: DAPO (arXiv
    2503.14476), equation 13, the soft overlong punishment.

    Attributes:
        max_length: L_max in tokens; that of your sampling.
        cache_length: L_cache in tokens, at most ``max_length``; 0 makes a step of it.

    Raises:
        ArgumentError: If a length is out of its range.

    >>> penalty = SoftOverlong(max_length=100, cache_length=20)
    >>> responses = Responses(texts=["…"] * 3, tokens=[80, 90, 101], normalized=np.zeros(3))
    >>> penalty.values(responses).tolist()
    [0.0, -0.5, -1.0]
    """

    code: ClassVar[PenaltyCode] = PenaltyCode.SOFT_OVERLONG

    max_length: int
    cache_length: int

    def __post_init__(self) -> None:
        check_positive("max_length", self.max_length)
        if not _is_finite(self.cache_length) or not 0 <= self.cache_length <= self.max_length:
            raise ArgumentError(f"cache_length is from 0 to max_length, {self.max_length}, not {self.cache_length!r}")

    def values(self, responses: Responses) -> Floats:
        """Return ``[N]`` in [-1, 0]."""
        excess = responses.lengths(self.code) - (self.max_length - self.cache_length)
        if not self.cache_length:
            return np.where(excess > 0, -1.0, 0.0)
        return np.where(excess > 0, np.maximum(-excess / self.cache_length, -1.0), 0.0)


Unit = Literal["words", "tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition(Penalty):
    """Repeated n-grams cost up to ``max_penalty``: R = (1 - distinct n-grams / all n-grams) * max_penalty.

    A response with fewer than ``ngram_size`` words or tokens has no n-gram, and R = 0. Source: Demystifying Long
    Chain-of-Thought Reasoning (arXiv 2502.03373), appendix C.2.

    Attributes:
        ngram_size: n.
        max_penalty: What a response would get that repeats one n-gram without end; at most 0.
        unit: ``"words"`` in lower case, where a character of a script without spaces is a word, or ``"tokens"``.

    Raises:
        ArgumentError: If ``ngram_size`` is less than 1, ``max_penalty`` is above 0 or not finite, or ``unit`` is
            neither of the two.

    >>> penalty = Repetition(ngram_size=2)
    >>> penalty.values(Responses(texts=["a b c d", "go go go go go"], tokens=None, normalized=np.zeros(2))).tolist()
    [0.0, -0.75]
    """

    code: ClassVar[PenaltyCode] = PenaltyCode.REPETITION

    ngram_size: int = 3
    max_penalty: float = -1.0
    unit: Unit = "words"

    def __post_init__(self) -> None:
        size: Any = self.ngram_size
        if not isinstance(size, Integral) or size < 1:
            raise ArgumentError(f"ngram_size is a whole number from 1, not {self.ngram_size!r}")
        if not _is_finite(self.max_penalty) or self.max_penalty > 0:
            raise ArgumentError(f"max_penalty is finite and at most 0, not {self.max_penalty!r}")
        check_choice("unit", self.unit, get_args(Unit))

    def values(self, responses: Responses) -> Floats:
        """Return ``[N]`` from ``max_penalty`` to 0."""
        runs = (
            responses.token_ids(self.code)
            if self.unit == "tokens"
            else (words_by_script(text.lower()) for text in responses.texts)
        )
        # Adding 0 makes -0.0 a 0.0.
        return np.array([self._repeated(run) * self.max_penalty for run in runs], dtype=np.float64) + 0.0

    def _repeated(self, run: Sequence[object]) -> float:
        """Return the share of n-grams that occurred before."""
        count = len(run) - self.ngram_size + 1
        if count < 1:
            return 0.0
        return 1.0 - len(set(zip(*[run[start:] for start in range(self.ngram_size)], strict=False))) / count


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineLength(Penalty):
    """Length pays along half a cosine: a right answer earns more the shorter it is, a wrong one the longer it is.

    R = b + (a - b) (1 + cos(πL / L_max)) / 2, which is a at length 0 and b from L_max on. Source: Demystifying Long
    Chain-of-Thought Reasoning (arXiv 2502.03373), the cosine reward without its penalty for exceeding the length, which
    `SoftOverlong` has.

    Attributes:
        max_length: L_max in tokens.
        right: (a, b) where the normalized accuracy reaches ``threshold``.
        wrong: (a, b) elsewhere.
        threshold: The normalized accuracy from which an answer counts as right.

    Raises:
        ArgumentError: If ``max_length`` is not positive, or another number is not finite.

    >>> penalty = CosineLength(max_length=100)
    >>> responses = Responses(texts=["…"] * 4, tokens=[0, 100, 0, 100], normalized=np.array([1.0, 1.0, 0.0, 0.0]))
    >>> penalty.values(responses).tolist()
    [1.0, 0.5, -0.5, 0.0]
    """

    code: ClassVar[PenaltyCode] = PenaltyCode.COSINE_LENGTH
    compares_accuracy: ClassVar[bool] = True

    max_length: int
    right: tuple[float, float] = (1.0, 0.5)
    wrong: tuple[float, float] = (-0.5, 0.0)
    threshold: float = 1.0

    def __post_init__(self) -> None:
        check_positive("max_length", self.max_length)
        for name in ("right", "wrong"):
            ends = getattr(self, name)
            if not isinstance(ends, Sequence) or len(ends) != 2 or not all(map(_is_finite, ends)):
                raise ArgumentError(f"{name} is the value at length 0 and the value at max_length, not {ends!r}")
        if not _is_finite(self.threshold):
            raise ArgumentError(f"threshold is a finite number, not {self.threshold!r}")

    def values(self, responses: Responses) -> Floats:
        """Return ``[N]`` between the two ends of ``right`` or of ``wrong``."""
        progress = np.minimum(responses.lengths(self.code) / self.max_length, 1.0)
        # Accuracies that are sums reach their maximum up to rounding only.
        is_right = responses.normalized >= self.threshold - 1e-9
        start, end = (np.where(is_right, self.right[index], self.wrong[index]) for index in (0, 1))
        return end + (start - end) * (1.0 + np.cos(np.pi * progress)) / 2.0
