"""Normalizes the spelling of an answer: one form for each delimiter, space, sign and command."""

from __future__ import annotations

import re

from onethinker_rewards.metrics.math.dress import undress

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho varsigma sigma tau "
    "upsilon phi chi psi omega"
).split()
_SIGNS = {
    "\N{MINUS SIGN}": "-", "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{HYPHEN}": "-", "\N{NON-BREAKING HYPHEN}": "-",
    "\N{MULTIPLICATION SIGN}": r"\cdot ", "\N{MIDDLE DOT}": r"\cdot ", "\N{DOT OPERATOR}": r"\cdot ",
    "\N{ASTERISK OPERATOR}": r"\cdot ", "\N{DIVISION SIGN}": "/", "\N{FRACTION SLASH}": "/", "\N{DIVISION SLASH}": "/",
    "\N{SQUARE ROOT}": r"\sqrt ", "\N{INFINITY}": r"\infty ",
    "\N{PLUS-MINUS SIGN}": r"\pm ", "\N{MINUS-OR-PLUS SIGN}": r"\mp ", "\N{NOT EQUAL TO}": r"\ne ",
    "\N{LESS-THAN OR EQUAL TO}": r"\le ", "\N{GREATER-THAN OR EQUAL TO}": r"\ge ", "\N{ALMOST EQUAL TO}": r"\approx ",
    "\N{LESS-THAN OR SLANTED EQUAL TO}": r"\le ", "\N{GREATER-THAN OR SLANTED EQUAL TO}": r"\ge ",
    "\N{ELEMENT OF}": r"\in ", "\N{UNION}": r"\cup ", "\N{INTERSECTION}": r"\cap ", "\N{EMPTY SET}": r"\emptyset ",
    "\N{SET MINUS}": r"\setminus ", "\N{DEGREE SIGN}": r"^\circ ", "\N{DEGREE CELSIUS}": r"^\circ C",
    "\N{DEGREE FAHRENHEIT}": r"^\circ F", "\N{ANGLE}": r"\angle ", "\N{WHITE UP-POINTING TRIANGLE}": r"\triangle ",
    "\N{DOUBLE-STRUCK CAPITAL R}": r"\mathbb{R}", "\N{DOUBLE-STRUCK CAPITAL Z}": r"\mathbb{Z}",
    "\N{DOUBLE-STRUCK CAPITAL N}": r"\mathbb{N}",
    "\N{PRIME}": "'", "\N{DOUBLE PRIME}": "''", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{IDEOGRAPHIC FULL STOP}": ".",
    "\N{IDEOGRAPHIC COMMA}": ",", "\N{LEFT FLOOR}": r"\lfloor ", "\N{RIGHT FLOOR}": r"\rfloor ",
    "\N{LEFT CEILING}": r"\lceil ", "\N{RIGHT CEILING}": r"\rceil ", "\N{N-ARY SUMMATION}": r"\sum ",
    "\N{RIGHTWARDS ARROW}": r"\to ", "\N{UP TACK}": r"\perp ", "\N{PARALLEL TO}": r"\parallel ",
    "\N{IDENTICAL TO}": r"\equiv ", "\N{TILDE OPERATOR}": r"\sim ", "\N{APPROXIMATELY EQUAL TO}": r"\cong ",
    "\N{NOT AN ELEMENT OF}": r"\notin ", "\N{SUBSET OF}": r"\subset ", "\N{SUBSET OF OR EQUAL TO}": r"\subseteq ",
    "\N{OHM SIGN}": r"\Omega ", "\N{GREEK CAPITAL LETTER OMEGA}": r"\Omega ", "\N{MICRO SIGN}": r"\mu ",
    "\N{GREEK CAPITAL LETTER DELTA}": r"\Delta ", "\N{HORIZONTAL ELLIPSIS}": r"\dots ", "\N{CUBE ROOT}": r"\sqrt[3] ",
    "\N{POUND SIGN}": "", "\N{EURO SIGN}": "", "\N{ZERO WIDTH SPACE}": "",
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
    r"(?P<row>\\\\(?:\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|mu)\s*\])?|\\(?:cr|newline)(?![A-Za-z]))"
    r"|\\(?:left|right)\s*(?:\.|(?![A-Za-z]))|\\hline(?![A-Za-z])"
    r"|\\(?:bigl|bigr|Bigl|Bigr|biggl|biggr|Biggl|Biggr|big|Big|bigg|Bigg|middle|displaystyle|textstyle|limits|quad"
    r"|qquad|rm|bf|it)(?![A-Za-z])|\\[,;:!> ]|~"
)
_DELIMITER = re.compile(r"(?<!\\)\\[()\[\]]|(?<!\\)\$")
# Thousands as MATH writes them: "15,\!000", and "15{,}000".
_THOUSANDS = re.compile(r"(?<=\d)(?:,\s*\\!|\s*\{\s*,\s*\}|\{\\,\}|\\,\\!)\s*(?=\d{3}(?!\d))")
_THOUSANDS_SPACE = re.compile(r"(?<![\d.])(\d{1,3}(?: \d{3})+)(?![\d/^!])")
# A left brace without a right one begins cases.
_CASES = re.compile(
    r"\\left\s*(?:\\\{|\\lbrace)\s*\\begin\s*\{(array|aligned|matrix|gathered)\}\s*(?:\{[lcr| ]*\})?"
    r"(.*?)\\end\s*\{\1\}\s*\\right\s*\.",
    re.DOTALL,
)
_PRIMES = re.compile(r"\^\s*(?:\{\s*((?:(?:\\prime(?![A-Za-z])|')\s*)+)\}|((?:\\prime(?![A-Za-z])\s*)+))")
_WORD = r"\\(?:text|textnormal|textrm|mathrm|mbox|operatorname)\s*\{\s*"
_PER_CENT = re.compile(
    rf"(?<=[\d}})])\s*(?:{_WORD})?(?<![A-Za-z])(?:percent(?:age)?(?! point)|per\s?cent|pct\.?)(?![A-Za-z])\s*\}}?",
    re.IGNORECASE,
)
_MODULUS = re.compile(rf"\(\s*(?:\\[pb]?mod(?![A-Za-z])|{_WORD}mod\s*\}}|mod(?![A-Za-z]))\s*([^()]+)\)")
_PLAIN_SPELLINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\(?:d|t|c|nice|s|x)frac(?![A-Za-z])", r"\\frac"),
        (r"m\s*\\(?=angle)", r"\\"),
        (r"\\math(?:cal|scr|frak)\s*\{?([A-Z])\}?", r"\1"),
        # Degrees of temperature.
        (
            r"(\^\s*\{?\s*\\circ\s*\}?|\\degree)\s*(?:\\(?:text|mathrm)\s*\{\s*)?C(?![A-Za-z])\s*\}?",
            r"\1\\text{celsius}",
        ),
        (
            r"(\^\s*\{?\s*\\circ\s*\}?|\\degree)\s*(?:\\(?:text|mathrm)\s*\{\s*)?F(?![A-Za-z])\s*\}?",
            r"\1\\text{fahrenheit}",
        ),
        # Brackets turned outwards: "]0,1[".
        (r"^\]([^\[\]]+,[^\[\]]+)\[$", r"(\1)"),
        (r"^\]([^\[\]]+,[^\[\]]+)\]$", r"(\1]"),
        (r"^\[([^\[\]]+,[^\[\]]+)\[$", r"[\1)"),
        (r"\\(mathrm|mathbf|mathit|text|mathbb)(?:\s+([A-Za-z])|\s*(\d))", r"\\\1{\2\3}"),
        (r"(?<![A-Za-z\\])cbrt(?=\()", r"\\sqrt[3]"),
        # Repeating decimals: "0.\bar 3", "0.\dot{1}\dot{6}", "0.(3)".
        (r"(?<=[\d.])\\(?:bar|dot)\s*\{?(\d)\}?(\d*)\\dot\s*\{?(\d)\}?", r"\\overline{\1\2\3}"),
        (r"(?<=[\d.])\\(?:bar|dot)\s*(?:\{(\d+)\}|(\d))", r"\\overline{\1\2}"),
        (r"(?<![\d.])(\d+\.)\((\d+)\)", r"\1\\overline{\2}"),
        # "x=1orx=2", where spaces were taken out.
        (r"(?<=[\d)}])(or|and)(?=[A-Za-z]\s*[(=])", r" \1 "),
        (r"(\d\.\d*?)(\d)\2\2+\s*(?:\.\.\.|\\[lc]?dots(?![A-Za-z]))", r"\1\\overline{\2}"),
    )
)
# An approximation in words or brackets after an exact value: "12\\pi (about 37.7)".
_APPROXIMATION = re.compile(
    rf"(?:(?<=[\d}})%])|(?<=\\pi))[\s,]*(?:{_WORD})?(?:(?<!\\)(?:\(\s*)?(?:or |which is )?\s*"
    r"(?:approximately|approx\.?|about|roughly)"
    r"|\(\s*(?:\\approx(?![A-Za-z])|\\text\{\s*(?:approximately|about)\s*\}))\s*([^()a-z]*\d[^()]*?)\s*\)?\s*\}?$"
)
_TIMES_SIGN = re.compile(r"(?<=[\d)}%])(\s*)[xX](\s*)(?=\d)")
# Clauses are at the end of a text, and not longer.
_LONGEST_CLAUSE = 120
_POWER_OF_TEN = re.compile(r"(?<=\d)\s+[xX]\s+(?=10\s*\^)")
_LETTER_X = re.compile(r"[xX]")
_COMMAND = re.compile(r"\\[A-Za-z]+")
# "for any real c", "where k is an integer": the domain of a letter in words.
_DOMAIN = re.compile(r"[\s,;(]*(?:\\text\w*\s*\{[\s,(]*)?(?:where|for|with)\s[^=<>^]*$")
_DOMAIN_LETTER = re.compile(r"(?<![A-Za-z\\])(a(?=[\s}$]*$)|[B-HJ-Zb-hj-z])(?:_\{?\d\}?)?(?![A-Za-z])")
_BRACKETED_DOMAIN = re.compile(r"[\s,]*\((\s*[A-Za-z]\s*\\in(?![A-Za-z])[^()]+)\)\s*$")
_DOMAIN_SPACES = (
    ("integer", "Z"),
    ("natural", "N"),
    ("rational", "Q"),
    ("complex", "C"),
    ("real", "R"),
    ("constant", "R"),
)


def normalize(text: str) -> str:
    """Return the mathematics of an answer with one form for each delimiter, space and sign."""
    text = undress(text)
    if not text.isascii():
        text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda run: "^{" + run[0].translate(_SUPERSCRIPTS) + "}", text)
        text = re.sub("[₀₁₂₃₄₅₆₇₈₉]+", lambda run: "_{" + run[0].translate(_SUBSCRIPTS) + "}", text)
        text = _RING.sub("°", text).translate(_PLAIN)
    # An escaped dollar is a currency sign; every other dollar is a delimiter.
    text = text.replace("\\$", "")
    text = _normalize_latex(text) if "\\" in text else _DELIMITER.sub(" ", _THOUSANDS.sub("", text)).replace("~", " ")
    text = text.replace("{,}", ",")
    if "x" in text or "X" in text:
        text = _with_times_signs(text)
    if "^" in text:
        text = _PRIMES.sub(lambda match: "'" * len(re.findall(r"\\prime|'", match[0])), text)
    text = _PER_CENT.sub(r"\\%", text)
    for pattern, replacement in _PLAIN_SPELLINGS:
        text = pattern.sub(replacement, text)
    text = _MODULUS.sub(r" \\pmod{\1}", text)
    if approximation := _APPROXIMATION.search(text, max(0, len(text) - _LONGEST_CLAUSE)):
        text = rf"{text[: approximation.start()]} \approx {approximation[1]}"
    text = _with_domain(text).strip()
    text = text.removeprefix("=").removesuffix("\\\\").rstrip()
    text = text.removesuffix(".").removesuffix("\\").rstrip(" ,;") if not text.endswith("\\\\") else text
    return _THOUSANDS_SPACE.sub(lambda run: run[0].replace(" ", ""), text)


def _normalize_latex(text: str) -> str:
    """Return LaTeX without spacing and delimiters."""
    if "\\begin" not in text and "cases" not in text:
        # Backslashes that were escaped once too often: "\\frac{1}{2}".
        text = re.sub(r"\\\\(?=[A-Za-z])", r"\\", text)
    text = _CASES.sub(lambda match: rf"\begin{{cases}}{match[2]}\end{{cases}}", text)
    text = _THOUSANDS.sub("", text)
    text = _DELIMITER.sub(" ", _SPACING.sub(lambda match: r"\\ " if match["row"] else " ", text))
    if "&" in text:
        # The signs of aligned equations are where they are written.
        text = re.sub(r"&\s*(?=[=<>]|\\(?:le|ge|ne|leq|geq|neq|approx|equiv)(?![A-Za-z]))", "", text)
    return text


def _with_times_signs(text: str) -> str:
    """Return the text with a sign for the ``x`` of ``1.5 x 10^3``, unless an ``x`` is a letter somewhere."""
    text = _POWER_OF_TEN.sub(r" \\cdot ", text)
    signs = [match for match in _TIMES_SIGN.finditer(text) if bool(match[1]) == bool(match[2])]
    if not signs or len(signs) < len(_LETTER_X.findall(_COMMAND.sub("", text))):
        return text
    return _TIMES_SIGN.sub(r" \\cdot ", text)


def _with_domain(text: str) -> str:
    r"""Return the text with "for any real c" at its end written as ``, c \in \mathbb{R}``."""
    end = max(0, len(text) - _LONGEST_CLAUSE)
    if bracketed := _BRACKETED_DOMAIN.search(text, end):
        return f"{text[: bracketed.start()]}, {bracketed[1]}"
    if not (clause := _DOMAIN.search(text, end)):
        return text
    letter = _DOMAIN_LETTER.search(clause[0].replace("\\text", "").replace("\\in", "").replace("\\mathbb", ""))
    space = next((space for word, space in _DOMAIN_SPACES if word in clause[0]), None)
    if letter is None or not clause.start() or (space is None and "mathbb" not in clause[0]):
        return text
    if space is None:
        space = clause[0].partition("mathbb")[2].strip("{ }")[:1]
    return rf"{text[: clause.start()]}, {letter[1]} \in \mathbb{{{space}}}"
