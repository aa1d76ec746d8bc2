"""Checks of arguments; each mistake has one wording."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from numbers import Real
from typing import Any, cast

from onethinker_rewards.errors import ArgumentError

MOST_OPTIONS = 26
# Deeper values cannot be written again by every JSON writer.
_DEEPEST = 200
_SHOWN = 80
# Iterating over these gives letters, bytes, keys, or values in no order.
_NO_LISTS = (str, bytes, Mapping, set, frozenset)


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise an `ArgumentError` where ``value`` is none of ``choices``."""
    known = [*choices]
    if value not in known:
        raise ArgumentError(f"{name} is one of {', '.join(known)}, not {value!r}")


def check_positive(name: str, value: Any) -> None:
    """Raise an `ArgumentError` where ``value`` is not a number above 0, or is infinite."""
    try:
        fits = 0.0 < value < math.inf
    except TypeError:
        fits = False
    if not fits:
        raise ArgumentError(f"{name} must be positive and finite, got {value!r}")


def check_progress(value: Any) -> None:
    """Raise an `ArgumentError` where ``value`` is neither None nor a number from 0 to 1."""
    is_share = not isinstance(value, bool) and isinstance(value, Real) and 0.0 <= float(value) <= 1.0
    if value is not None and not is_share:
        raise ArgumentError(f"progress is a number from 0 to 1, not {value!r}")


def check_text(name: str, value: object) -> None:
    """Raise an `ArgumentError` where ``value`` is not a text."""
    if not isinstance(value, str):
        raise ArgumentError(f"{name}: expected str, got {type(value).__name__}")


def as_list(name: str, values: Any) -> list[Any]:
    """Return the values of a list, an array, or a table's column, one a row.

    Raises:
        ArgumentError: If it is a single text (a sequence of texts too, but hardly meant so), a set, whose order is
            arbitrary, or no collection at all.
    """
    if isinstance(values, str | bytes):
        raise ArgumentError(f"{name} is one {type(values).__name__}; give a list with one str a row")
    if hasattr(values, "to_pylist"):
        # The elements of a pyarrow column are not Python objects.
        return values.to_pylist()
    if not isinstance(values, Iterable) or isinstance(values, _NO_LISTS):
        raise ArgumentError(f"{name}: expected a list with one value a row, got {type(values).__name__}")
    return [*values]


def text_list(name: str, values: Any) -> list[str]:
    """Return a list of texts as `as_list` does; a value of a subclass of str, such as NumPy's, becomes a plain one.

    Raises:
        ArgumentError: If a value is not a text, naming its row.
    """
    texts = as_list(name, values)
    # There are few types, and looking at them is far quicker than looking at each row.
    if set(map(type, texts)) <= {str}:
        return texts
    for row, value in enumerate(texts):
        check_text(f"{name}, row {row}", value)
    # Not `str(text)`, which is the name of an enumeration's member and not its value.
    return [str.__str__(text) for text in texts]


def plain_list(name: str, values: Any) -> list[Any]:
    """Return the values of a list, an array, a tensor or a table's column as Python's; raise what `as_list` raises."""
    # The elements of a tensor are tensors, which are neither numbers nor, as ids, ever equal.
    return as_list(name, values.tolist() if hasattr(values, "tolist") else values)


def group_ids(name: str, values: Any) -> list[Hashable]:
    """Return one id a row.

    Raises:
        ArgumentError: If `plain_list` refuses them, or an id is not hashable.
    """
    ids = plain_list(name, values)
    try:
        hash(tuple(ids))
    except TypeError as error:
        raise ArgumentError(f"{name}: ids must be hashable ({error})") from None
    return ids


def aligned_texts(predicted: Sequence[str], reference: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return two lists of texts.

    Raises:
        ArgumentError: If a value is not a text, or the lists differ in length.
    """
    predicted, reference = text_list("predicted", predicted), text_list("reference", reference)
    if len(predicted) != len(reference):
        raise ArgumentError(f"predicted has {len(predicted)} rows, reference has {len(reference)}")
    return predicted, reference


def option_texts(value: Any, row: int | None = None) -> list[str] | None:
    """Return the options' texts of a question; None for None, and for the NaN that tables have in its place.

    Raises:
        ArgumentError: If they are not a list of texts, or are more than there are letters.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    where = "" if row is None else f" in row {row}"
    texts: list[Any] = [*value] if isinstance(value, Iterable) and not isinstance(value, _NO_LISTS) else [None]
    if not all(isinstance(text, str) for text in texts):
        raise ArgumentError(f"options: expected a list of str, got {repr(value)[:_SHOWN]}{where}")
    if len(texts) > MOST_OPTIONS:
        raise ArgumentError(f"options: at most {MOST_OPTIONS}, one for each letter, not {len(texts)}{where}")
    return texts


def image_size(value: Any, row: int | None = None) -> tuple[float, float] | None:
    """Return width and height in pixels; None for None, and for the NaN that tables have in its place.

    Raises:
        ArgumentError: If they are not two numbers that are positive and finite.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    # The commonest kinds first: a look at the others takes longer than all the rest.
    if isinstance(value, tuple | list) or (isinstance(value, Iterable) and not isinstance(value, _NO_LISTS)):
        numbers: list[Any] = [*value]
    else:
        numbers = []
    is_size = len(numbers) == 2 and _is_number(numbers[0]) and _is_number(numbers[1])
    if not (is_size and 0 < numbers[0] < math.inf and 0 < numbers[1] < math.inf):
        where = "" if row is None else f" in row {row}"
        raise ArgumentError(f"size: expected width and height in pixels, got {repr(value)[:_SHOWN]}{where}")
    return float(numbers[0]), float(numbers[1])


def is_too_deep(value: object) -> bool:
    """Tell whether more than 200 lists and objects enclose each other, without recursion."""
    depth, level = 0, [value]
    while level := [member for member in level if isinstance(member, dict | list)]:
        depth += 1
        inner: list[object] = []
        for member in level:
            inner.extend(cast("Iterable[object]", member.values() if isinstance(member, dict) else member))
        level = inner
    return depth > _DEEPEST


def _is_number(value: Any) -> bool:
    return isinstance(value, (float, int, Real)) and value is not True
