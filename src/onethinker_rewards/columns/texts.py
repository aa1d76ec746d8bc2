"""Answers in plain text: option letters, numbers, free text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import msgspec
import numpy as np
from numpy.typing import NDArray

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns.arrays import ArrayColumns
from onethinker_rewards.columns.checks import sound_rows
from onethinker_rewards.columns.reading import STRICT, Faults, Floats, Integers, Reading, Request, read_slowly
from onethinker_rewards.parsing import PLAIN_CHARACTERS, Limits, option_letter, without_fence
from onethinker_rewards.schemas import Number, OptionLetter

__all__ = ["LetterColumns", "NumberColumns", "TextColumns", "read_letters", "read_numbers", "read_texts"]

Texts = NDArray[np.object_]

_LETTERS = {letter: ord(letter.upper()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
# What stands in a list of plain numbers.
_LISTED = f"{PLAIN_CHARACTERS},".encode()
_DECODE_NUMBERS = msgspec.json.Decoder(list[float]).decode
_OPTION_LABEL = re.compile(r"\s*\(?([A-Z])[.):]\s*")


@dataclass(frozen=True, slots=True)
class TextColumns(ArrayColumns):
    """``texts``: ``[N]`` str."""

    texts: Texts


@dataclass(frozen=True, slots=True)
class NumberColumns(ArrayColumns):
    """``values`` ``[N]``, and ``texts`` ``[N]`` str: the same as written, without commas, for exact rounding."""

    values: Floats
    texts: Texts


@dataclass(frozen=True, slots=True)
class LetterColumns(ArrayColumns):
    """``letters`` ``[N]`` code point of the option letter, 0 where there is none; ``texts`` ``[N]`` as written."""

    letters: Integers
    texts: Texts


def read_texts(texts: Sequence[str], request: Request = STRICT) -> Reading[TextColumns]:
    """Read free text: everything that is not empty and not too long."""
    faults = Faults()
    texts = [text.strip() for text in texts]
    for position, text in enumerate(texts):
        if not text or len(text) > request.limits.answer_characters:
            faults.fail(position, FailureCode.ANSWER_TOO_LONG if text else FailureCode.EMPTY_ANSWER)
    rows = sound_rows(len(texts), faults)
    return Reading(TextColumns(_objects(_take(texts, rows))), rows, faults)


def read_numbers(texts: Sequence[str], request: Request = STRICT) -> Reading[NumberColumns]:
    """Read plain numbers."""
    values = _numbers_at_once(texts, request.limits)
    if values is None:
        return _read_numbers_one_by_one(texts, request)
    return Reading(NumberColumns(values, _objects(texts)), np.arange(len(texts)), Faults())


def _numbers_at_once(texts: Sequence[str], limits: Limits) -> Floats | None:
    """Return the numbers of texts that are all written as JSON writes them; None where one is not.

    One list is read five times as fast as each number alone, and nearly every batch is one.
    """
    written = ",".join(texts)
    # Deleting bytes is far faster than stripping characters.
    if not written.isascii() or written.encode().translate(None, _LISTED) or _may_be_long(written, limits):
        return None
    try:
        numbers = _DECODE_NUMBERS(f"[{written}]")
    except msgspec.DecodeError:
        return None
    # A text with a comma in it is several numbers here.
    return np.array(numbers, dtype=np.float64) if len(numbers) == len(texts) else None


def _may_be_long(written: str, limits: Limits) -> bool:
    """Say whether there is room between two commas for a longer number than is read."""
    # A longer one would fill one of these stretches.
    stretch = limits.number_characters // 2 + 1
    return any("," not in written[start : start + stretch] for start in range(0, len(written) - stretch + 1, stretch))


def _read_numbers_one_by_one(texts: Sequence[str], request: Request) -> Reading[NumberColumns]:
    faults = Faults()
    values: list[float] = []
    digits: list[str] = []
    for position, text in enumerate(texts):
        # The common case of `plain_number`, without the call.
        if len(text) <= request.limits.number_characters and not text.strip(PLAIN_CHARACTERS):
            try:
                number = float(text)
            except ValueError:
                number = inf
            if -inf < number < inf:
                values.append(number)
                digits.append(text)
                continue
        answer = read_slowly(position, text, Number, request, faults)
        if answer is not None:
            values.append(float(str(answer)))
            digits.append(without_fence(text.strip())[0].replace(",", ""))
    columns = NumberColumns(np.array(values, dtype=np.float64), _objects(digits))
    return Reading(columns, sound_rows(len(texts), faults), faults)


def read_letters(texts: Sequence[str], request: Request = STRICT) -> Reading[LetterColumns]:
    """Read option letters; with the options' texts given, exactly one option's text is its letter too."""
    letters = [*map(_LETTERS.get, texts)]
    if request.options is None and None not in letters:
        return Reading(
            LetterColumns(np.array(letters, dtype=np.int64), _objects(texts)), np.arange(len(texts)), Faults()
        )
    faults = Faults()
    codes = np.empty(len(texts), dtype=np.int64)
    for position, (text, letter) in enumerate(zip(texts, letters, strict=True)):
        options = request.options[position] if request.options is not None else None
        if letter is None or (options and letter - ord("A") >= len(options)):
            codes[position] = _letter(position, text, options, request, faults)
        else:
            codes[position] = letter
    rows = sound_rows(len(texts), faults)
    return Reading(LetterColumns(codes[rows], _objects(_take(texts, rows))), rows, faults)


def _letter(position: int, text: str, options: Sequence[str] | None, request: Request, faults: Faults) -> int:
    """Decide one text that is no letter alone: 0 stands for none, and is a failure unless any text will do."""
    text = text.strip()
    readable = 0 < len(text) <= request.limits.answer_characters
    if readable and options:
        named = _option_named(text, options)
        if named:
            return named
    letter = option_letter(text) if readable else None
    if letter is not None:
        return ord(letter)
    if readable and request.free is not None and request.free[position]:
        return 0
    answer = read_slowly(position, text, OptionLetter, request, faults)
    return ord(str(answer)) if answer is not None else 0


def _option_named(text: str, options: Sequence[str]) -> int:
    """Return the letter of the only option whose text this is, with its label or without, else 0."""
    wanted = text.casefold()
    letters = [chr(ord("A") + place) for place in range(len(options))]
    bodies = options
    labels = [label for label in map(_OPTION_LABEL.match, options) if label]
    # Options are labelled all or none, or else "U.S. Navy" would be option U.
    if sorted(label[1] for label in labels) == letters:
        letters = [label[1] for label in labels]
        bodies = [label.string[label.end() :] for label in labels]
    named = [
        letter
        for letter, option, body in zip(letters, options, bodies, strict=True)
        if wanted in (option.strip().casefold(), body.strip().casefold())
    ]
    return ord(named[0]) if len(named) == 1 else 0


def _take(texts: Sequence[str], rows: Integers) -> Sequence[str]:
    if len(rows) == len(texts):
        return texts
    places: list[int] = rows.tolist()
    return [texts[place] for place in places]


def _objects(values: Sequence[str]) -> Texts:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
