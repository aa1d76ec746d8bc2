"""What every kind of column shares: the reading of many texts, and the way a row is taken out.

A reader takes texts to columns: arrays with one row a text that could be read, and sparse codes for the rest.
The common case is decoded straight into typed structs and packed into arrays; a text that fails on that way is
read again by `parsing.read_answer`, which decides its code. So both ways give the same, by construction for
broken rows, by a test for sound ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    "Reader",
    "Reading",
    "Request",
    "decode_rows",
    "read_slowly",
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

    failures: dict[int, FailureCode] = field(default_factory=dict[int, FailureCode])
    repairs: dict[int, tuple[RepairCode, ...]] = field(default_factory=dict[int, tuple[RepairCode, ...]])
    schema_faults: dict[int, FailureCode] = field(default_factory=dict[int, FailureCode])

    def fail(self, row: int, code: FailureCode) -> None:
        """Record why ``row`` failed; the first reason stays."""
        self.failures.setdefault(row, code)
        self.schema_faults.setdefault(row, code)
        self.repairs.pop(row, None)

    def split(self, at: int) -> tuple[Faults, Faults]:
        """Return the codes of the first ``at`` rows, and those of the others counted from there."""
        first, rest = Faults(), Faults()
        for name in self.__slots__ if self else ():
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


StructT = TypeVar("StructT")

_ENCODE_INTO = msgspec.msgpack.Encoder().encode_into


def decode_rows(
    texts: Sequence[str],
    decoder: msgspec.json.Decoder[StructT],
    schema: type[BaseModel],
    convert: Callable[[Any], StructT],
    request: Request,
    ends: list[int] | None = None,
) -> tuple[bytearray, Integers, Faults]:
    """Decode JSON texts; return them encoded end to end, with their positions and the faults of the others.

    Each value is encoded as MessagePack the moment it is decoded, and dropped: keeping thousands of tuples alive costs
    more than reading them.

    Args:
        texts: Bare answers.
        decoder: Decodes what the schema accepts, and refuses what it refuses but for order and range.
        schema: Decides on what the decoder refuses.
        convert: From the schema's model to what the decoder gives.
        request: Rules and limits.
        ends: Receives where each encoding ends, for values that differ in length.
    """
    faults = Faults()
    buffer = bytearray()
    failed: list[int] = []
    decode = decoder.decode
    longest, digits = request.limits.answer_characters, request.limits.number_characters
    some_too_long = max(map(len, texts), default=0) > min(longest, digits)
    for position, text in enumerate(texts):
        try:
            if some_too_long and (len(text) > longest or has_long_number(text, digits)):
                raise msgspec.DecodeError  # noqa: TRY301 - the slow way names the code
            _ENCODE_INTO(decode(text), buffer, -1)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            answer = read_slowly(position, text, schema, request, faults)
            if answer is None:
                failed.append(position)
                continue
            _ENCODE_INTO(convert(answer), buffer, -1)
        if ends is not None:
            ends.append(len(buffer))
    positions = np.arange(len(texts))
    return buffer, np.delete(positions, failed) if failed else positions, faults


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
