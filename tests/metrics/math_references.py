"""References like those of MATH, OlympiadBench, CollegeMath and minerva_math, changed in one place or rewritten."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

# One template a line. A, B, C and D are whole numbers and P is a prime.
TEMPLATES = (Path(__file__).parent / "data" / "math_templates.txt").read_text(encoding="utf-8").splitlines()
PRIMES = (2, 3, 5, 7)
_NUMBERS = re.compile(r"<([ABCDP])>")


def references(count: int, rng: random.Random) -> list[str]:
    """Return distinct references, as many of each template as it takes."""
    found: dict[str, None] = {}
    while len(found) < count:
        for template in TEMPLATES:
            a, b = rng.sample([number for number in range(2, 30) if number not in (4, 9, 16, 25)], 2)
            numbers = {"A": a, "B": b, "C": rng.randint(100, 999), "D": rng.randint(1, 9), "P": rng.choice(PRIMES)}
            text = _NUMBERS.sub(lambda name, numbers=numbers: str(numbers[name[1]]), template)
            found.setdefault(text)
    return list(found)[:count]


# What a sign, a name or a unit is replaced with.
_RELATIONS = {
    r"\le ": ("<", r"\ge "), r"\ge ": (">", r"\le "), ">": (r"\ge ", "<"), "<": (r"\le ", ">"), "=": ("<", r"\ne "),
    r"\ne ": ("=",), r"\perp": (r"\parallel",), r"\parallel": (r"\perp",), r"\sim": (r"\cong",), r"\cup": (r"\cap",),
    r"\in": (r"\notin",), r"\mid": (r",",),
}  # fmt: skip
_NAMES = {
    r"\sin": r"\cos", r"\cos": r"\sin", r"\tan": r"\cot", r"\ln": r"\log", r"\log": r"\ln", r"\arctan": r"\arcsin",
    r"\sec": r"\csc", r"\lfloor": r"\lceil", r"\lceil": r"\lfloor", r"\pi": "1", "i": "1", "e": "2",
    r"\sqrt": r"\sqrt[3]", r"\frac": r"\binom", r"\binom": r"\frac", r"\sum": r"\prod", r"\infty": "0",
    r"\mathbb{Z}": r"\mathbb{N}", r"\mathbb{R}": r"\mathbb{Q}", r"\hat{i}": r"\hat{k}", r"\theta": r"\phi",
}  # fmt: skip
_UNITS = {
    "cm": "m", "m/s": "km/s", "km/h": "m/s", "minutes": "hours", "hours": "days", "m^3": "m^2", "kg": "g", r"\text{ N}":
    r"\text{ kN}", "mol": "kmol", "eV": "J", "mph": "km/h", r"\text{C}": r"\text{F}", "p.m.": "a.m.", "a.m.": "p.m.",
    "odd": "even", "Monday": "Tuesday", "red": "green", "cm^2": "cm",
}  # fmt: skip
_BRACKETS = {"(": "[", "[": "(", ")": "]", "]": ")"}
_NO_FACTOR = re.compile(
    r"[,=<>:]|\\le|\\ge|\\ne|\\text|\\cup|km|min|eV|\\equiv|\\perp|\\parallel|\\sim|\\approx|cases|\\in"
)
_LETTER = re.compile(r"(?<![A-Za-z\\{_])[a-zA-DF-Z](?![A-Za-z])")
_FRACTION = re.compile(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}")


def changed(text: str, rng: random.Random, most: int = 2) -> Iterator[tuple[str, str]]:
    """Yield kinds of change and the text changed in one place; at most so many changes of each kind.

    A change is of a digit, a sign, an order, a bracket, a root, a relation, a power, a factor, a summand, a letter, a
    function, a unit, or an element of a list.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, other in _changes(text):
        if other != text:
            by_kind.setdefault(kind, []).append(other)
    for kind, others in by_kind.items():
        for other in rng.sample(others, min(most, len(others))):
            yield kind, other


def _changes(text: str) -> Iterator[tuple[str, str]]:
    yield from _with_other_numbers(text)
    yield from _with_other_signs(text)
    yield from _with_other_names(text)
    yield from _with_more_or_less(text)


def _replaced(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]


def _with_other_numbers(text: str) -> Iterator[tuple[str, str]]:
    for digit in re.finditer(r"\d", text):
        for step in (1, 3, 8):
            yield "digit", _replaced(text, digit, str((int(digit[0]) + step) % 10))
        yield "digits", _replaced(text, digit, digit[0] * 2)
        yield "digits", _replaced(text, digit, "")
    numbers = list(re.finditer(r"\d+", text))
    for first, second in combinations(numbers, 2):
        between = text[first.end() : second.start()]
        yield "order", text[: first.start()] + second[0] + between + first[0] + text[second.end() :]
    for number in numbers:
        yield "root", _replaced(text, number, rf"\sqrt{{{number[0]}}}")
        yield "factor", _replaced(text, number, f"{2 * int(number[0])}")
        yield "point", _replaced(text, number, f"{number[0][:-1]}.{number[0][-1]}")
    for root in re.finditer(r"\\sqrt\{", text):
        yield "root", _replaced(text, root, "{")
    for fraction in _FRACTION.finditer(text):
        yield "fraction", _replaced(text, fraction, rf"\frac{{{fraction[2]}}}{{{fraction[1]}}}")
        yield "fraction", _replaced(text, fraction, fraction[1])


def _with_other_signs(text: str) -> Iterator[tuple[str, str]]:
    for sign in re.finditer(r"[+-]", text):
        yield "sign", _replaced(text, sign, "-" if sign[0] == "+" else "+")
    yield "sign", f"-{text}"
    for bracket in re.finditer(r"[\[\]()]", text):
        yield "bracket", _replaced(text, bracket, _BRACKETS[bracket[0]])
    for sign, others in _RELATIONS.items():
        for found in re.finditer(re.escape(sign), text):
            for other in others:
                yield "relation", _replaced(text, found, other)


def _with_other_names(text: str) -> Iterator[tuple[str, str]]:
    for name, other in _NAMES.items():
        for found in re.finditer(rf"(?<![A-Za-z\\]){re.escape(name)}(?![A-Za-z])", text):
            yield "name", _replaced(text, found, other)
    for name, other in _UNITS.items():
        for found in re.finditer(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z^])", text):
            yield "unit", _replaced(text, found, other)
    for letter in _LETTER.finditer(text):
        yield "letter", _replaced(text, letter, "w")
        yield "letter", _replaced(text, letter, letter[0].swapcase())


def _with_more_or_less(text: str) -> Iterator[tuple[str, str]]:
    for power in re.finditer(r"\^(?:\d|\{[^{}]*\})", text):
        yield "power", _replaced(text, power, "^3" if power[0] == "^2" else "^2")
        yield "power", _replaced(text, power, "")
    for letter in re.finditer(r"(?<![A-Za-z\\{_])[a-zA-Z](?![A-Za-z^_'(])", text):
        yield "power", _replaced(text, letter, f"{letter[0]}^2")
        yield "factor", _replaced(text, letter, f"3{letter[0]}")
    if not _NO_FACTOR.search(text):
        yield "factor", f"2({text})"
        yield "factor", rf"\frac{{{text}}}{{3}}"
        yield "summand", f"{text}+1"
    for summand in re.finditer(r"(?<=[\dA-Za-z)}])[+-]\d+(?![\d^!}A-Za-z(\\])", text):
        yield "summand", _replaced(text, summand, "")
    closing = r"\}" if text.endswith(r"\}") else ")" if text.endswith(")") else ""
    first, comma, last = text.removesuffix(closing).rpartition(",")
    if comma:
        yield "element", first + closing
        yield "element", f"{first},{last},97{closing}"
        yield "element", f"{first},{last},{last}{closing}"
    if text.count(",") == 1 and text[0] in "([":
        yield "order", text[0] + last + "," + first[1:] + text[-1]


_UNICODE = {
    r"\pi": "π", r"\infty": "∞", r"\cup": "\u222a", r"\le ": "≤ ", r"\ge ": "≥ ", r"\pm": "±", "-": "−", r"\cdot": "·",
    r"\approx": "≈", r"\equiv": "≡", r"\perp": "⊥", r"\in": "∈", r"^\circ": "°", "^2": "²", r"\times": "\u00d7",
    r"\angle": "∠",
}  # fmt: skip


def rewritten(text: str) -> Iterator[tuple[str, str]]:
    """Yield kinds of rewriting, and the text rewritten without a change of what it says."""
    yield "box", rf"\boxed{{{text}}}"
    yield "dollars", f"${text}$"
    yield "box in dollars", rf"$\boxed{{{text}}}$"
    yield "brackets", rf"\({text}\)"
    yield "display", rf"\[{text}\]"
    yield "bold", f"**{text}**"
    yield "quotes", f'"{text}"'
    yield "label", f"Answer: {text}"
    yield "sentence", f"The final answer is ${text}$."
    yield "therefore", f"Therefore, the answer is {text}."
    yield "box in a sentence", rf"Thus, the final answer is $\boxed{{{text}}}$."
    yield "display style", rf"\displaystyle {text}"
    yield "fractions", text.replace(r"\frac", r"\dfrac")
    yield "small fractions", text.replace(r"\frac", r"\tfrac")
    yield "roots", re.sub(r"\\sqrt\{(\d+)\}", r"√\1", text)
    yield "thin spaces", text.replace("+", r"\,+\,").replace("=", r"\;=\;")
    if not re.search(r"\d,\d{3}(?!\d)", text):
        yield "spaces", re.sub(r"(?<![\\{}A-Za-z\d.])([+=,<>])(?!\\)", r" \1 ", text)
    if text.count("(") == text.count(")"):
        yield "large brackets", re.sub(r"(?<!\\left)\(", r"\\left(", re.sub(r"(?<!\\right)\)", r"\\right)", text))
    for command, sign in _UNICODE.items():
        text = re.sub(re.escape(command) + ("" if command[-1] == " " else "(?![A-Za-z0-9])"), sign, text)
    yield "Unicode", text
