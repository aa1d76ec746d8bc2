r"""Answers in plain text: option letters, numbers, words, and the marks around them that change no value.

What models write around a short answer, its dress, is taken off by one function, `undress`. Answers and references
are undressed in the same way; ``docs/parsing.md`` has the table of marks. Transcripts and captions keep every
character, and mathematics has its own reader.
"""

# Marks of other scripts are read here, some of which look like those of ASCII.
# ruff: noqa: RUF001, RUF002

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache
from typing import NamedTuple

from onethinker_rewards.answers.columns import Columns, Floats, Integers, Texts
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits
from onethinker_rewards.codes import FailureCode


@dataclass(frozen=True, slots=True, repr=False)
class LetterColumns(Columns):
    """``letters`` ``[N]`` code point of the option letter, 0 without one; ``texts`` ``[N]`` as written."""

    letters: Integers
    texts: Texts


@dataclass(frozen=True, slots=True, repr=False)
class NumberColumns(Columns):
    """``values`` ``[N]``, and ``texts`` ``[N]`` str: the same as decimals for exact rounding, digits as written."""

    values: Floats
    texts: Texts


@dataclass(frozen=True, slots=True, repr=False)
class TextColumns(Columns):
    """``texts``: ``[N]`` str."""

    texts: Texts


# Dress. Longer marks come before those that they begin with.
_PAIRS = (
    ("***", "***"), ("___", "___"), ("**", "**"), ("__", "__"), ("*", "*"), ("_", "_"), ("``", "``"), ("`", "`"),
    ('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("‘", "’"), ("«", "»"), ("「", "」"), ("『", "』"),
    ("\\boxed{", "}"), ("\\text{", "}"), ("\\mathrm{", "}"), ("\\mathbf{", "}"), ("\\textbf{", "}"),
    ("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]"),
    ("(", ")"), ("[", "]"), ("{", "}"), ("【", "】"),
)  # fmt: skip
_CLOSING = ".。,;!"
# The white space that may be between closing marks.
_SPACES = " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u2002\u2003\u2009\u202f\u3000"
# Possessive, or a megabyte of white space would be tried again at every length.
_LABEL = re.compile(
    r"(?:the\s++)?(?:(?:correct|final)\s++)?(?:answer|option|choice)(?:(?:\s++is)?\s*+:\s*+|\s++(?:is\s++)?)"
    r"|(?:正确|正確|最终|最終)?(?:答案|选项|選項|选择|選擇|选|選)(?:是|为|為)?\s*+:?\s*+"
    r"|(?P<word>[^\W\d_]{2,40}+|[\u4e00-\u9fff])\s*+:(?!//)\s*+",
    re.IGNORECASE,
)
# A word and a colon are no label where the word takes back or doubts what follows, or offers a choice.
_NO_LABELS = frozenset(
    "not no non nor never none neither either both except excluding excluded eliminate eliminated rejected wrong "
    "incorrect false untrue unlikely maybe perhaps possibly probably unsure nicht kein keine falsch vielleicht pas "
    "faux nunca falso quizás нет не неверно возможно 不 非 错 不是 不选 错误 排除 可能 也许 或者".split()
)
_EMPHASIZED_START = re.compile(r"([*_]{1,3})([^*_]{1,60})\1(.*)", re.DOTALL)
# The full-width forms of ASCII.
_WIDTHS = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
# No honest answer has more layers; more would only keep the reader busy.
_MOST_LAYERS = 8
_CACHED_LENGTH = 64


def undress(text: str) -> str:
    r"""Return ``text`` without the marks around it that change no value.

    Taken off, until nothing changes: pairs that enclose the whole text (emphasis, code marks, quotes, ``\boxed{}``,
    ``\text{}``, dollar signs, brackets), a label in front ("The answer is", "Option", "答案：", one word and a colon),
    and closing ``.``, ``。``, ``,``, ``;``, ``!`` at the end. Full-width forms of ASCII become ordinary ones.

    >>> [undress(text) for text in (r"\boxed{7}", "**Answer:** (B).", "“Yes”!", "(A) or (B)")]
    ['7', 'B', 'Yes', '(A) or (B)']
    """
    text = text.strip()
    if not text.isascii():
        text = text.translate(_WIDTHS)
    for _ in range(_MOST_LAYERS):
        before = text
        text = text.rstrip(_CLOSING + _SPACES) or text
        text = _without_label(_without_pair(text))
        if text == before:
            break
    return text


def _without_pair(text: str) -> str:
    for left, right in _PAIRS:
        if text.startswith(left) and text.endswith(right) and _encloses(text, left, right):
            return text[len(left) : -len(right)].strip()
    return text


def _encloses(text: str, left: str, right: str) -> bool:
    """Return whether the mark at the start is closed by the one at the end, and not before."""
    inner = text[len(left) : -len(right)]
    if len(text) < len(left) + len(right) or not inner.strip():
        return False
    opening = left[-1]
    if len(right) > 1 or opening == right:
        # Three backticks are a fence, which only lenient rules take off.
        return right not in inner and not (opening == "`" and "`" in (inner[0], inner[-1]))
    depth = 0
    for mark in re.finditer(f"[{re.escape(opening + right)}]", inner):
        depth += 1 if mark[0] == opening else -1
        if depth < 0:
            return False
    return depth == 0


def _without_label(text: str) -> str:
    # "**Answer:** B" and "**Answer**: B".
    emphasized = _EMPHASIZED_START.match(text) if text[:1] in ("*", "_") else None
    plain = text if emphasized is None else emphasized[2] + emphasized[3]
    label = _LABEL.match(plain)
    if label is None or label.end() == len(plain) or (emphasized is not None and label.end() < len(emphasized[2])):
        return text
    word = label["word"]
    if word is not None and (word.casefold() in _NO_LABELS or option_letters(word)):
        return text
    return plain[label.end() :]


# Option letters.

# A letter, its mark, and text behind it: in brackets or before ".", ")" and "、" in any case, else upper case.
_LABELED = re.compile(
    r"(?:[(\[]\s*+(?P<bracketed>[A-Za-z])\s*+[)\]]\s*+(?P<after>[.):,]|[-–—]\s)?"
    r"|(?P<any_case>[A-Za-z])[.)、]"
    r"|(?P<upper>[A-Z])(?:(?P<bare>[:,]|\s+[-–—]\s)|[ \t]*+\n))\s*+"
)
_BEGINS_AS_HEDGE = re.compile(r"(?:or|and|not|is\s++(?:wrong|incorrect|false|not))\b", re.IGNORECASE)
_HEDGE = re.compile(r"\b(?:or|and|not|no|maybe)\b", re.IGNORECASE)
_SINGLE_LETTER = re.compile(r"(?<![^\W_])[A-Z](?![^\W_])")
# "i.e." and "p.m." begin with no label.
_ABBREVIATION = re.compile(r"[A-Za-z]\.[a-z]\.")
# "A. a dog B. a cat", "A. a dog, or B" and "A. No, it is B".
_SECOND_LABEL = re.compile(
    r"(?<![A-Za-z0-9])(?P<label>[A-Z])(?:[):]|\.(?=\s*+\S))"
    r"|\b(?i:or|maybe|perhaps|rather|actually|no, it is)\s++\(?(?P<choice>[A-HJ-Z])\b"
)


def option_letter(text: str) -> str | None:
    """Return the upper-case option letter that ``text`` names, or None.

    Undressed, it is one letter alone, in any case; or a letter, a mark and text: in any case before ``.``, ``)`` and
    ``、`` or in brackets, in upper case before ``:``, ``,``, `` - `` or a line break. The text must not name another
    letter, nor begin with "or", "and" or "not"; after ``:``, ``,`` and `` - `` it holds no other single letter and no
    "or", "and", "not", "no" or "maybe".

    >>> [option_letter(text) for text in ("b", "(C) a dog", "**A**", "A. dog", "The answer is: D", "A or B")]
    ['B', 'C', 'A', 'A', 'D', None]
    """
    return _short_letter(text) if len(text) <= _CACHED_LENGTH else _named_letter(text)


def _named_letter(text: str) -> str | None:
    if text.count("**") % 2 == 0:
        # Bold marks may be anywhere: "**B.** a dog".
        text = text.replace("**", "")
    return _undressed_letter(undress(text))


def _undressed_letter(text: str) -> str | None:
    if len(text) == 1:
        return text.upper() if text.isascii() and text.isalpha() else None
    label = _LABELED.match(text)
    if label is None or _ABBREVIATION.match(text):
        return None
    written = label["bracketed"] or label["any_case"] or label["upper"]
    letter, rest = written.upper(), text[label.end() :]
    if not rest:
        # "B)", "B:"; a letter that is still in brackets has more layers than are taken off.
        return None if label["bracketed"] and not label["after"] else letter
    if _BEGINS_AS_HEDGE.match(rest) or _first_letter(rest, any_case=written.islower()) not in (None, letter):
        return None
    if label["after"] in (":", ",", "-", "–", "—") or label["bare"]:
        others = [other[0] for other in _SINGLE_LETTER.finditer(rest) if other[0] != letter]
        return None if others or _HEDGE.search(rest) else letter
    return None if _names_another(rest, letter) else letter


def _first_letter(text: str, *, any_case: bool) -> str | None:
    """Return the letter that a text is or begins with as a label: "A. B", "A. The answer is B"; "A. x" has none."""
    if len(text) <= _CACHED_LENGTH:
        text = undress(text)
    label = _LABELED.match(text)
    written = text if label is None else label["bracketed"] or label["any_case"] or label["upper"]
    is_letter = len(written) == 1 and written.isascii() and written.isalpha()
    return written.upper() if is_letter and (any_case or written.isupper()) else None


# Rollouts repeat the same few spellings.
_short_letter = lru_cache(maxsize=8192)(_named_letter)


def _names_another(rest: str, letter: str) -> bool:
    """Return whether a second letter follows as a label or a second choice."""
    return any((found["label"] or found["choice"]) != letter for found in _SECOND_LABEL.finditer(rest))


_LETTER_SEPARATORS = re.compile(r"\s*(?:[,;、/&\n]|\band\b|[和与及])\s*")
_TOGETHER = re.compile(r"[A-J]{2,10}")
_LONGEST_LIST = 200


def option_letters(text: str) -> frozenset[str]:
    """Return the option letters that a list such as ``A, C`` names, two at least; else an empty set.

    Letters may also be written together, as ``AC``: in upper case, A to J and none twice.

    >>> sorted(option_letters("C, A")), sorted(option_letters("(A) and (B)")), sorted(option_letters("A or B"))
    (['A', 'C'], ['A', 'B'], [])
    """
    if len(text) > _LONGEST_LIST:
        return frozenset()
    text = undress(text)
    if _TOGETHER.fullmatch(text):
        return frozenset(text) if len(set(text)) == len(text) else frozenset()
    items = [item for item in _LETTER_SEPARATORS.split(text) if item]
    letters = [option_letter(item) for item in (items if len(items) > 1 else text.split())]
    named = frozenset(letter for letter in letters if letter is not None)
    return named if len(named) > 1 and None not in letters else frozenset()


def same_choice(predicted: str, reference: str) -> bool:
    """Return whether an answer is what a reference says that is no single letter: the same letters, or the same words.

    >>> same_choice("**Yes.**", "yes"), same_choice("CA", "A, C"), same_choice("A", "A, C")
    (True, True, False)
    """
    if _folded(predicted) == _folded(reference):
        return True
    letters = option_letters(reference)
    return bool(letters) and option_letters(predicted) == letters


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    return undress(text).casefold()


_OPTION_LABEL = re.compile(r"\s*\(?([A-Z])[.):]\s*")


def named_option(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of the only option whose text this is, with its label or without, or None.

    Texts are compared casefolded; where no option has the text as it is, both sides are undressed.

    >>> named_option("a cat", ["a dog", "a cat"]), named_option("B. a cat", ["A. a dog", "B. a cat"])
    ('B', 'B')
    >>> named_option("The answer is **a cat**.", ["a dog", "a cat"])
    'B'
    """
    written, undressed = _letters_of_options(tuple(options))
    named = written.get(text.strip().casefold()) or undressed.get(_folded(text)) or ""
    return named if len(named) == 1 else None


@lru_cache(maxsize=1024)
def _letters_of_options(options: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the letters of the options that have a text, by text: casefolded, and undressed too."""
    letters = [chr(ord("A") + index) for index in range(len(options))]
    bodies: Sequence[str] = options
    labels = [label for label in map(_OPTION_LABEL.match, options) if label]
    # Labels count only where all options have one, or else "U.S. Navy" would be option U.
    if sorted(label[1] for label in labels) == letters:
        letters = [label[1] for label in labels]
        bodies = [label.string[label.end() :] for label in labels]
    written: dict[str, str] = {}
    undressed: dict[str, str] = {}
    for letter, option, body in zip(letters, options, bodies, strict=True):
        for text in {option.strip().casefold(), body.strip().casefold()}:
            written[text] = written.get(text, "") + letter
        for text in {_folded(option), _folded(body)}:
            undressed[text] = undressed.get(text, "") + letter
    return written, undressed


def choice_letter(text: str, options: Sequence[str] | None) -> str | None:
    """Return the letter of the option that ``text`` names, by letter or by the option's own text, or None.

    A letter wins over an option whose text is a letter; a letter beyond the options names none.

    >>> choice_letter("A cat", ["a dog", "a cat"]), choice_letter("C", ["a dog", "a cat"])
    ('B', None)
    """
    letter = option_letter(text)
    if not options:
        return letter
    is_offered = letter is not None and ord(letter) - ord("A") < len(options)
    if is_offered and len(undress(text)) == 1:
        return letter
    return named_option(text, options) or (letter if is_offered else _labeled_option(text, options))


def _labeled_option(text: str, options: Sequence[str]) -> str | None:
    """Return the letter of an option whose letter and own text this is, though that text has a second letter."""
    text = undress(text)
    label = _LABELED.match(text)
    named = None if label is None else named_option(text[label.end() :], options)
    return named if label is not None and named in (label["bracketed"], label["any_case"], label["upper"]) else None


# Numbers.

PLAIN_CHARACTERS = "0123456789.-+eE"
_THOUSANDS = r"(?:,|\{,\}|,\\!|\\[,!]|[ \u00a0\u2009\u202f])"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_TEN = r"\s*(?:[×x*·⋅]|\\times|\\cdot)\s*10"
_DECIMAL = re.compile(
    rf"(?P<sign>[+-]?)(?P<whole>[1-9][0-9]{{0,2}}(?P<mark>{_THOUSANDS})[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*|[0-9]*)"
    rf"(?:\.(?P<decimals>[0-9]*))?"
    rf"(?:[eE](?P<exponent>[+-]?[0-9]+)|{_TEN}(?:\s*\^\s*(?:\{{(?P<braced>[+-]?[0-9]+)\}}|(?P<power>[+-]?[0-9]+))"
    r"|(?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)))?"
)
_VULGAR = {
    "¼": (1, 4), "½": (1, 2), "¾": (3, 4), "⅐": (1, 7), "⅑": (1, 9), "⅒": (1, 10), "⅓": (1, 3), "⅔": (2, 3),
    "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5), "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8),
    "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_FRACTION = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<over>[0-9]+)\s*[/⁄]\s*(?P<under>[0-9]+)"
    r"|\\[dt]?frac\s*\{\s*(?P<minus>-?)(?P<top>[0-9]+)\s*\}\s*\{\s*(?P<bottom>[0-9]+)\s*\}"
    r"|\\[dt]?frac\s?(?P<digit>[0-9])(?P<other>[0-9])"
    rf"|(?P<whole>[0-9]*)\s?(?P<vulgar>[{''.join(_VULGAR)}]))"
)
# Enough digits for any double, and for every decimal that rounding looks at.
_DIVISION = Context(prec=800)
_CURRENCY = r"(?:\\?\$|[€£¥₹])"
_WORD = r"[^\W\d_]+"
_UNIT = re.compile(
    rf"(?:{_CURRENCY}\s*(?P<amount>.*[0-9.])"
    rf"|(?P<number>.*?[0-9.½¼¾}}])\s*(?:\\[ ,;])?\s*(?:\\(?:text|mathrm)\{{\s*)?"
    rf"(?P<unit>\\?%|‰|°\s?[CF]?|{_CURRENCY}|(?:(?:sq|square|cubic|per)\.?\s)?{_WORD}(?:/{_WORD})?(?:[²³]|\^\{{?[23]\}}?)?)"
    r"\s*\}?\.?)"
)
# Words behind a number that change it, or take it back.
_NO_UNITS = frozenset(
    "hundred thousand million billion trillion dozen k bn mn M B e x or and not no maybe wrong incorrect false "
    "perhaps nor plus minus times to".split()
)
_SCALES = ("十", "百", "千", "万", "萬", "亿", "億")
_LONGEST_WITH_UNIT = 1000


class ExactNumber(NamedTuple):
    """A number as a double, and as a text that `decimal.Decimal` takes."""

    value: float
    text: str


def exact_number(text: str, *, limits: Limits = DEFAULT_LIMITS) -> ExactNumber | FailureCode:
    r"""Return the number that ``text`` is, once undressed, or why it is not one.

    A sign, digits, ``,``, ``{,}`` or a space between thousands, a decimal point, an exponent (``2e3``,
    ``1.5 × 10^3``); or a fraction of whole numbers: ``1/2``, ``\frac{1}{2}``, ``½``, ``2½``.

    >>> exact_number("8{,}000").text, exact_number("2½").text, exact_number("1.5 x 10^3").text
    ('8000', '2.5', '1.5e3')
    >>> [str(exact_number(text)) for text in ("12 cm", "1_000", "1,5", "NaN")]
    ['not_a_number', 'not_a_number', 'not_a_number', 'not_a_number']
    """
    return _cached_number(text, limits) if len(text) <= _CACHED_LENGTH else _exact_number(text, limits)


def _exact_number(text: str, limits: Limits) -> ExactNumber | FailureCode:
    text = undress(text).replace("\u2212", "-")
    if len(text) > limits.number_characters:
        return FailureCode.NOT_A_NUMBER if text.strip(PLAIN_CHARACTERS + ",") else FailureCode.TOO_MANY_DIGITS
    written = _decimal_text(text) or _fraction_text(text)
    value = math.inf if written is None else float(written)
    return ExactNumber(value, written or "") if math.isfinite(value) else FailureCode.NOT_A_NUMBER


_cached_number = lru_cache(maxsize=8192)(_exact_number)


def _decimal_text(text: str) -> str | None:
    found = _DECIMAL.fullmatch(text)
    if found is None or not (found["whole"] or found["decimals"]):
        return None
    whole = found["whole"] if found["mark"] is None else found["whole"].replace(found["mark"], "")
    decimals = "" if found["decimals"] is None else f".{found['decimals']}"
    raised = found["raised"] and found["raised"].translate(_SUPERSCRIPTS)
    exponent = found["exponent"] or found["braced"] or found["power"] or raised
    return f"{found['sign']}{whole}{decimals}" + (f"e{exponent}" if exponent else "")


def _fraction_text(text: str) -> str | None:
    found = _FRACTION.fullmatch(text)
    if found is None:
        return None
    over = int(found["over"] or found["top"] or found["digit"] or 0)
    under = int(found["under"] or found["bottom"] or found["other"] or 1)
    if found["vulgar"]:
        over, under = _VULGAR[found["vulgar"]]
        over += int(found["whole"] or 0) * under
    if under == 0:
        return None
    is_negative = (found["sign"] == "-") != (found["minus"] == "-")
    quotient = _DIVISION.divide(Decimal(over), Decimal(under))
    return f"{-quotient if is_negative else quotient}"


def without_unit(text: str) -> str | None:
    """Return the number in front of one unit, or behind one sign of currency, as text; None where there is no unit.

    >>> without_unit("12 cm"), without_unit("50%"), without_unit("5 million"), without_unit("3-5 cm")
    ('12', '50', None, '3-5')
    """
    text = undress(text)
    found = _UNIT.fullmatch(text) if len(text) <= _LONGEST_WITH_UNIT else None
    if found is None:
        return None
    unit = found["unit"] or ""
    if unit in _NO_UNITS or unit.casefold() in _NO_UNITS or unit.startswith(_SCALES):
        return None
    return found["amount"] or found["number"]
