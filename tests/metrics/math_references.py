"""References like those of MATH, OlympiadBench, CollegeMath and minerva_math, changed in one place or rewritten."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
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


_RELATIONS = (
    (r"\le ", "<"), (r"\ge ", ">"), (">", r"\ge "), ("<", r"\le "), (r"\ne", "="), (r"\perp", r"\parallel"), ("=", "<"),
)  # fmt: skip
_BRACKETS = {"(": "[", "[": "(", ")": "]", "]": ")"}
_NO_FACTOR = re.compile(r"[,=<>:]|\\le|\\ge|\\ne|\\text|\\cup|km|min|\\equiv|\\perp|\\approx|cases")
_NO_LIST = re.compile(r"[(\[!]|\\in|\{,\}")


def changed(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield kinds of change, and the text changed in one place: a digit, sign, order, bracket, root and so on."""
    yield from _with_other_numbers(text, rng)
    yield from _with_other_signs(text, rng)
    yield from _with_more_or_less(text)


def _with_other_numbers(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    digits = [match.start() for match in re.finditer(r"\d", text)]
    for index in rng.sample(digits, min(2, len(digits))):
        digit = rng.choice([other for other in "123456789" if other != text[index]])
        yield "digit", text[:index] + digit + text[index + 1 :]
    numbers = list(re.finditer(r"\d+", text))
    if len(numbers) > 1:
        first, second = sorted(rng.sample(numbers, 2), key=lambda match: match.start())
        between = text[first.end() : second.start()]
        yield "order", text[: first.start()] + second[0] + between + first[0] + text[second.end() :]
    if r"\sqrt{" in text:
        yield "root", text.replace(r"\sqrt{", "{", 1)
    elif numbers:
        number = rng.choice(numbers)
        yield "root", text[: number.start()] + rf"\sqrt{{{number[0]}}}" + text[number.end() :]


def _with_other_signs(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    signs = [match.start() for match in re.finditer(r"(?<![a-zA-Z{(^])[+-](?!\s*\\infty)", text)]
    if signs:
        index = rng.choice(signs)
        yield "sign", text[:index] + ("-" if text[index] == "+" else "+") + text[index + 1 :]
    elif not text.startswith("-"):
        yield "sign", f"-{text}"
    brackets = [match.start() for match in re.finditer(r"[\[(](?=[-\d\\])|(?<=[\dy])[\])]", text)]
    if brackets and text[0] in "[(":
        index = rng.choice(brackets)
        yield "bracket", text[:index] + _BRACKETS[text[index]] + text[index + 1 :]
    for sign, other in _RELATIONS:
        if sign in text and "cases" not in text:
            yield "relation", text.replace(sign, other, 1)
            break


def _with_more_or_less(text: str) -> Iterator[tuple[str, str]]:
    if "^2" in text:
        yield "power", text.replace("^2", "^3", 1)
    elif re.search(r"[a-zA-Z]$", text):
        yield "power", f"{text}^2"
    if not _NO_FACTOR.search(text):
        yield "factor", f"2({text})"
        yield "factor", rf"\frac{{{text}}}{{3}}"
        yield "summand", f"{text}+1"
    first, comma, last = text.removesuffix(r"\}").rpartition(",")
    if comma and not _NO_LIST.search(text):
        end = r"\}" if text.endswith(r"\}") else ""
        yield "element", first + end
        yield "element", f"{first},{last},97{end}"
        if not end:
            yield "element", f"{first},{last},{last}"


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
