"""Normalizes the text of an answer to the bare mathematics in it."""

from __future__ import annotations

import re

from onethinker_rewards.metrics.math.tree import Unreadable

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
).split()
_SIGNS = {
    "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{HYPHEN}": "-", "\N{NON-BREAKING HYPHEN}": "-",
    "\N{MULTIPLICATION SIGN}": r"\cdot ", "\N{MIDDLE DOT}": r"\cdot ", "\N{DOT OPERATOR}": r"\cdot ",
    "\N{ASTERISK OPERATOR}": r"\cdot ", "\N{DIVISION SIGN}": "/", "\N{FRACTION SLASH}": "/", "\N{DIVISION SLASH}": "/",
    "\N{SQUARE ROOT}": r"\sqrt ", "\N{CUBE ROOT}": r"\sqrt[3] ", "\N{INFINITY}": r"\infty ",
    "\N{PLUS-MINUS SIGN}": r"\pm ", "\N{MINUS-OR-PLUS SIGN}": r"\mp ", "\N{NOT EQUAL TO}": r"\ne ",
    "\N{LESS-THAN OR EQUAL TO}": r"\le ", "\N{GREATER-THAN OR EQUAL TO}": r"\ge ", "\N{ALMOST EQUAL TO}": r"\approx ",
    "\N{LESS-THAN OR SLANTED EQUAL TO}": r"\le ", "\N{GREATER-THAN OR SLANTED EQUAL TO}": r"\ge ",
    "\N{ELEMENT OF}": r"\in ", "\N{UNION}": r"\cup ", "\N{INTERSECTION}": r"\cap ", "\N{EMPTY SET}": r"\emptyset ",
    "\N{SET MINUS}": r"\setminus ", "\N{DEGREE SIGN}": r"^\circ ", "\N{DEGREE CELSIUS}": r"^\circ C",
    "\N{DEGREE FAHRENHEIT}": r"^\circ F", "\N{ANGLE}": r"\angle ", "\N{WHITE UP-POINTING TRIANGLE}": r"\triangle ",
    "\N{DOUBLE-STRUCK CAPITAL R}": r"\mathbb{R}", "\N{DOUBLE-STRUCK CAPITAL Z}": r"\mathbb{Z}",
    "\N{DOUBLE-STRUCK CAPITAL N}": r"\mathbb{N}",
    "\N{PRIME}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{IDEOGRAPHIC COMMA}": ",", "\N{LEFT FLOOR}": r"\lfloor ", "\N{RIGHT FLOOR}": r"\rfloor ",
    "\N{LEFT CEILING}": r"\lceil ", "\N{RIGHT CEILING}": r"\rceil ", "\N{N-ARY SUMMATION}": r"\sum ",
    "\N{RIGHTWARDS ARROW}": r"\to ", "\N{POUND SIGN}": "", "\N{EURO SIGN}": "", "\N{ZERO WIDTH SPACE}": "",
    "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{THIN SPACE}": " ", "\N{IDEOGRAPHIC SPACE}": " ",
    "½": r"\frac{1}{2}", "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    "⅕": r"\frac{1}{5}", "⅛": r"\frac{1}{8}", "⅜": r"\frac{3}{8}", "⅝": r"\frac{5}{8}", "⅞": r"\frac{7}{8}",
}  # fmt: skip
_PLAIN = str.maketrans(
    _SIGNS
    | {chr(0x3B1 + index): f"\\{name} " for index, name in enumerate(_GREEK)}
    | {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
# The composition sign (∘) after a number or a closing bracket means degrees.
_RING = re.compile(r"(?<=[0-9)}])(?:\s*\^\s*\{∘\}|\s*\^?\s*∘)")

_SPACING = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|biggl|biggr|big|Big|bigg|Bigg|displaystyle|textstyle|limits|quad|qquad)"
    r"(?![A-Za-z])|\\[,;:!> ]|~"
)
_DELIMITER = re.compile(r"(?<!\\)\\[()\[\]]|(?<!\\)\$")
_LEAD = re.compile(
    r"\s*(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?answer\s*(?:is\b\s*:?|:|=)\s*",
    re.IGNORECASE,
)
_PROSE = re.compile(r"[A-Za-z\s.,:;*$'()\[\]\\]*")
_DENIAL = re.compile(r"(?<![A-Za-z\\])(?:(?:not|never|wrong|incorrect|false)(?![A-Za-z])|[a-z]+n't)", re.IGNORECASE)
_OR = re.compile(r"(?<![A-Za-z])or(?![A-Za-z])", re.IGNORECASE)
_THOUSANDS_SPACE = re.compile(r"(?<![\d.])(\d{1,3}(?: \d{3})+)(?![\d/])")

# Nested boxes are taken off up to this depth; an answer with more of them is an attempt to keep the parser busy.
_MAX_BOXES = 8


def normalize(text: str) -> str:
    """Return the mathematics of an answer with one form for each delimiter, space and sign."""
    text = _LEAD.sub("", _without_boxes(text.strip()), count=1)
    text = text.strip().strip("*`").strip()
    if not text.isascii():
        text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda run: "^{" + run[0].translate(_SUPERSCRIPTS) + "}", text)
        text = re.sub("[₀₁₂₃₄₅₆₇₈₉]+", lambda run: "_{" + run[0].translate(_SUBSCRIPTS) + "}", text)
        text = _RING.sub("°", text).translate(_PLAIN)
    # An escaped dollar is a currency sign; every other dollar is a delimiter.
    text = text.replace("\\$", "")
    text = _SPACING.sub(" ", _DELIMITER.sub(" ", text)).replace("{,}", ",")
    text = re.sub(r"\\[dtc]frac(?![A-Za-z])", r"\\frac", text).strip()
    text = text.removeprefix("=").removesuffix("\\\\").rstrip().replace("m\\angle", "\\angle")
    text = text.removesuffix(".").removesuffix("\\").rstrip(" ,;") if not text.endswith("\\\\") else text
    return _THOUSANDS_SPACE.sub(lambda run: run[0].replace(" ", ""), text)


def is_retracted(text: str) -> bool:
    r"""Return whether a readable text denies its mathematics in words, or offers an alternative outside of its box.

    >>> is_retracted(r"not \boxed{5}"), is_retracted(r"\boxed{5} or six"), is_retracted(r"It is \boxed{5}.")
    (True, True, False)
    """
    boxed = _split_box(text)
    return _DENIAL.search(text) is not None or (boxed is not None and _OR.search(boxed[1]) is not None)


def _without_boxes(text: str) -> str:
    r"""Return what the only ``\boxed{}`` of a text holds, which may be a box again.

    Raises:
        Unreadable: The text around a box is more than prose, or the boxes are nested too deeply.
    """
    for _ in range(_MAX_BOXES):
        boxed = _split_box(text)
        if boxed is None:
            return text
        text = boxed[0]
    raise Unreadable("boxes in boxes")


def _split_box(text: str) -> tuple[str, str] | None:
    """Return the text inside of the box and the text around it; None if there is no box."""
    start = max(text.find("\\boxed"), text.find("\\fbox"))
    if start < 0:
        return None
    brace = text.find("{", start)
    if brace < 0 or text[start:brace].strip() not in ("\\boxed", "\\fbox"):
        raise Unreadable("a box without braces")
    end = _closing_brace(text, brace)
    around = text[:start] + text[end + 1 :]
    if not _PROSE.fullmatch(around) or "\\boxed" in around:
        raise Unreadable("more than the box")
    return text[brace + 1 : end].strip(), around


def _closing_brace(text: str, opening: int) -> int:
    depth = 0
    for index in range(opening, len(text)):
        depth += (text[index] == "{") - (text[index] == "}")
        if not depth:
            return index
    raise Unreadable("a brace that is not closed")
