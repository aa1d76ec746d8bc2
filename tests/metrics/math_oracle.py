r"""Whether a changed answer still says the same, decided without this library.

Texts are compared once trivial spellings (``\sqrt{1}``, ``.0``, ``c`` for ``C``) are plain, then as collections in any
order, as families for integers, and last by the numbers that latex2sympy2's reading of both gives.
"""

from __future__ import annotations

import re
from typing import Any

import sympy
from latex2sympy2_extended import latex2sympy

_SPELLINGS = (
    (r"\\sqrt(?:\[3\])?\{([01])\}", r"\1"), (r"(?<![\d.])\.0(?!\d)", "0"), (r"(?<![\d.])0+(?=0(?!\d))", ""),
    (r"(\.\d*[1-9])0+(?!\d)", r"\1"), (r"(?<![\d.])0+(?=[1-9])", ""),
    (r"[AaPp]\.[Mm]\.", lambda found: found[0].lower()),
    (r"(?<![A-Za-z\\])c(?=$|_[12]e)", "C"), (r"\.0+(?!\d)", ""), (r"\\overline\{(\d)\1\}", r"\\overline{\1}"),
    (r"^C_2(e.*)C_1(e.*)$", r"C_1\1C_2\2"),
)  # fmt: skip
_BASE = re.compile(r"(\d+)_\{(\d+)\}")
_DOMAIN = re.compile(r",\s*[kn]\\in\\mathbb\{Z\}$")
_SEPARATOR = re.compile(r"\\text\{ ?(?:or|and) ?\}|,")
_LETTER = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])")
_POINTS = (sympy.Rational(17, 13), sympy.Rational(29, 11), sympy.Rational(7, 3))
_INTEGERS = range(1, 9)


def says_the_same(text: str, reference: str) -> bool:
    """Return whether two texts, of which one is the other changed in one place, say the same."""
    text, reference = _plain(text), _plain(reference)
    if text == reference:
        return True
    if _is_family(reference):
        return _is_same_family(text, reference)
    if _is_unordered(reference):
        parts = _parts(text), _parts(reference)
        return sorted(parts[0]) == sorted(parts[1]) or (r"\{" in reference and set(parts[0]) == set(parts[1]))
    bases = _BASE.fullmatch(text), _BASE.fullmatch(reference)
    if bases[0] and bases[1]:
        return len({_in_base(*base.groups()) for base in bases if base}) == 1
    # latex2sympy2 reads capital letters as small ones.
    if set(_LETTER.findall(text)) != set(_LETTER.findall(reference)):
        return False
    sides = text.split("="), reference.split("=")
    return len(sides[0]) == len(sides[1]) and all(map(_is_same_value, *sides))


def _plain(text: str) -> str:
    for pattern, plain in _SPELLINGS:
        text = re.sub(pattern, plain, text)
    return text


def _in_base(digits: str, base: str) -> int | None:
    return int(digits, int(base)) if max(digits) < base or len(base) > 1 else None


# Collections in any order.


def _is_unordered(text: str) -> bool:
    """Return whether a text lists elements that need no order: in braces, or without brackets, dots and names."""
    inside = re.sub(r"^x(?:\\in|(?==.*x=))", "", text)
    without_text = re.sub(r"\\text\{ ?(?:or|and) ?\}", ",", inside).removeprefix(r"\{").removesuffix(r"\}")
    return re.fullmatch(r"[\d,x=-]+", without_text) is not None and "," in without_text


def _parts(text: str) -> list[str]:
    bare = text.removeprefix(r"x\in").removeprefix(r"\{").removesuffix(r"\}")
    return [part.strip() for part in _SEPARATOR.split(bare)]


# Families for integers.


def _is_family(text: str) -> bool:
    return _DOMAIN.search(text) is not None or re.search(r"^x=.*\\pi n", text) is not None


def _is_same_family(text: str, reference: str) -> bool:
    """Return whether the members of both families for a few integers are among those of the other for many."""
    bodies = [_DOMAIN.sub("", family).split(r"\text{ or }") for family in (text, reference)]
    names = [{part.partition("=")[0] if "=" in part else "" for part in parts} for parts in bodies]
    if names[0] != names[1]:
        return False
    few, many = ([_members(parts, count) for parts in bodies] for count in (3, 40))
    return all(any(abs(a - b) < 1e-9 for b in many[1]) for a in few[0]) and all(
        any(abs(a - b) < 1e-9 for b in many[0]) for a in few[1]
    )


def _members(parts: list[str], count: int) -> list[complex]:
    expressions = [latex2sympy(part.partition("=")[2] or part) for part in parts]
    letters = [expression.free_symbols for expression in expressions]
    return [
        complex(expression.subs(dict.fromkeys(symbols, number)))
        for expression, symbols in zip(expressions, letters, strict=True)
        for number in range(-count, count + 1)
    ]


# Values.


def _is_same_value(text: str, reference: str) -> bool:
    try:
        left, right = latex2sympy(text), latex2sympy(reference)
        return bool(left == right) or _agrees(left, right)
    except Exception:  # noqa: BLE001
        # The other library raises anything for what it cannot read or subtract.
        return False


def _agrees(left: Any, right: Any) -> bool:
    """Return whether two expressions agree at three points, or for whole numbers where a sign alternates."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    is_whole = any(power.base == -1 for side in (left, right) for power in side.atoms(sympy.Pow))
    points = _INTEGERS if is_whole else _POINTS
    values = [
        (left - right).subs(
            {symbol: sympy.I if str(symbol) == "i" else point + shift for shift, symbol in enumerate(symbols)}
        )
        for point in points
    ]
    return all(abs(complex(value.evalf(20))) < 1e-9 for value in values)
