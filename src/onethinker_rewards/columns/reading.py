"""What every kind of column shares: the reading of many texts, and the way a row is taken out.

A reader takes texts to columns: arrays with one row a text that could be read, and sparse codes for the rest.
The common case is decoded straight into typed structs and packed into arrays; a text that fails on that way is
read again by `parsing.read_answer`, which decides its code, unless it is no JSON at all. So both ways give the same,
by construction for most broken rows, by tests for the others and for sound ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import length_hint
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards.codes import FailureCode, RepairCode
from onethinker_rewards.parsing import DEFAULT_LIMITS, Limits, Rules, has_long_number, read_answer

__all__ = [
    "Columns",
    "Faults",
    "Floats",
    "Integers",
    "Packer",
    "Reader",
    "Reading",
    "Request",
    "decode_rows",
    "read_slowly",
    "refusing_long",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Columns(Protocol):
    """Arrays with one row an answer."""

    def take(self, rows: Integers) -> Self:
        """Return these rows, in this order; a row may come several times."""
        ...

    def split(self, at: int) -> tuple[Self, Self]:
        """Return the first ``at`` rows, and the others; both look into the same arrays."""
        ...

    def __len__(self) -> int: ...


ColumnsT = TypeVar("ColumnsT", bound=Columns)
ColumnsT_co = TypeVar("ColumnsT_co", bound=Columns, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How texts are to be read.

    Attributes:
        rules: ``strict`` or ``lenient``.
        limits: How much is read at all.
        options: The options' texts, a list a row, where the question offers some.
        free: Rows whose reference is no option letter, so that any text is an answer.
    """

    rules: Rules = "strict"
    limits: Limits = DEFAULT_LIMITS
    options: Sequence[Sequence[str] | None] | None = None
    free: NDArray[np.bool_] | None = None


STRICT = Request()


@dataclass(slots=True)
class Faults:
    """Codes of the rows that have any.

    Attributes:
        failures: Why a row could not be read, by row.
        repairs: What was put right in a row, by row.
        schema_faults: Why a row as written is not in the schema, by row; repaired rows included.
    """

    # A plain dict: calling `dict[int, FailureCode]` takes ten times as long, and every call of a reader makes three.
    failures: dict[int, FailureCode] = field(default_factory=dict)
    repairs: dict[int, tuple[RepairCode, ...]] = field(default_factory=dict)
    schema_faults: dict[int, FailureCode] = field(default_factory=dict)

    def fail(self, row: int, code: FailureCode) -> None:
        """Record why ``row`` failed; the first reason stays."""
        self.failures.setdefault(row, code)
        self.schema_faults.setdefault(row, code)
        self.repairs.pop(row, None)

    def split(self, at: int) -> tuple[Faults, Faults]:
        """Return the codes of the first ``at`` rows, and those of the others counted from there."""
        first, rest = Faults(), Faults()
        for name in self.__slots__:
            for row, code in getattr(self, name).items():
                getattr(first if row < at else rest, name)[row if row < at else row - at] = code
        return first, rest

    def __bool__(self) -> bool:
        return bool(self.failures or self.repairs or self.schema_faults)


@dataclass(frozen=True, slots=True)
class Reading(Generic[ColumnsT_co]):
    """Columns of the texts that could be read, and the codes of the others.

    Attributes:
        columns: One row a readable text, in order.
        rows: ``[len(columns)]`` positions of the readable texts.
        faults: Codes by position.
    """

    columns: ColumnsT_co
    rows: Integers
    faults: Faults

    def split(self, at: int) -> tuple[Reading[ColumnsT_co], Reading[ColumnsT_co]]:
        """Return the reading of the first ``at`` texts, and that of the others."""
        if not self.faults:
            first, rest = self.columns.split(at)
            rows = self.rows
            return Reading(first, rows[:at], Faults()), Reading(rest, rows[: len(rows) - at], self.faults)
        readable = int(self.rows.searchsorted(at))
        columns, other_columns = self.columns.split(readable)
        faults, other_faults = self.faults.split(at)
        return (
            Reading(columns, self.rows[:readable], faults),
            Reading(other_columns, self.rows[readable:] - at, other_faults),
        )


class Reader(Protocol[ColumnsT_co]):
    """Reads the texts of one kind of answer."""

    def __call__(self, texts: Sequence[str], request: Request = ...) -> Reading[ColumnsT_co]:
        """Return columns and codes; what a model wrote never raises."""
        ...


class Packer(Protocol):
    """Takes decoded values into arrays, one after another."""

    def extend(self, values: Iterable[Any]) -> None:
        """Take all that come; what an iterator raises goes through, and the ones before it stay taken."""
        ...


# What a decoder raises on a text that is not in the schema, and an encoder on what no array can hold.
_REFUSED = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)


def decode_rows(
    texts: Sequence[str],
    decode: Callable[[str], Any],
    packer: Packer,
    schema: type[BaseModel],
    convert: Callable[[Any], Any],
    request: Request,
) -> tuple[Integers, Faults]:
    """Decode JSON texts into a packer; return the positions of those that could be read, and the faults of the others.

    Args:
        texts: Bare answers.
        decode: Decodes what the schema accepts, and refuses what it refuses but for order, range and limits.
        packer: Takes each value the moment it is decoded, so that it is dropped at once: keeping thousands of tuples
            alive costs more than reading them.
        schema: Decides on what ``decode`` refuses.
        convert: From the schema's model to what ``decode`` gives.
        request: Rules and limits.
    """
    faults = Faults()
    failed: list[int] = []
    # A text that is refused only interrupts the loop, which costs nothing where none is.
    remaining = iter(texts)
    decoded = map(decode, remaining)
    while True:
        try:
            packer.extend(decoded)
        except _REFUSED as error:
            position = len(texts) - length_hint(remaining) - 1
            if _is_no_json(error, texts[position], request):
                faults.fail(position, FailureCode.INVALID_JSON)
                failed.append(position)
                continue
            answer = read_slowly(position, texts[position], schema, request, faults)
            if answer is None:
                failed.append(position)
            else:
                packer.extend((convert(answer),))
        else:
            break
    positions = np.arange(len(texts))
    return np.delete(positions, failed) if failed else positions, faults


def _is_no_json(error: Exception, text: str, request: Request) -> bool:
    """Say whether a text broke the rules of JSON itself, on which all decoders agree, and no limit comes before that.

    Most broken answers were cut off, and the definition would find the same by one more exception.
    """
    # An error of validation is of a class below it. White space around is more to the definition than to JSON.
    malformed = type(error) is msgspec.DecodeError and 0 < len(text) == len(text.strip())
    return malformed and request.rules == "strict" and not _is_beyond(text, request.limits)


def _is_beyond(text: str, limits: Limits) -> bool:
    return len(text) > limits.answer_characters or has_long_number(text, limits.number_characters)


def refusing_long(decode: Callable[[str], Any], texts: Sequence[str], limits: Limits) -> Callable[[str], Any]:
    """Return a decoder that refuses texts and numbers beyond the limits; ``decode`` itself if no text can have any."""
    if max(map(len, texts), default=0) <= min(limits.answer_characters, limits.number_characters):
        return decode

    def decode_short(text: str) -> Any:
        if _is_beyond(text, limits):
            # The slow way names the code.
            raise msgspec.ValidationError
        return decode(text)

    return decode_short


def read_slowly(
    position: int, text: str, schema: type[BaseModel], request: Request, faults: Faults
) -> BaseModel | None:
    """Read one text by the definition, and record its codes."""
    read = read_answer(text, schema, rules=request.rules, limits=request.limits)
    if read.failure is not None:
        faults.failures[position] = read.failure
    if read.repairs:
        faults.repairs[position] = read.repairs
    if read.schema_fault is not None:
        faults.schema_faults[position] = read.schema_fault
    return read.answer
