"""Takes off what surrounds the mathematics of an answer: boxes, labels, sentences, Markdown, quotes, closing marks."""

from __future__ import annotations

import re

from onethinker_rewards.metrics.math.tree import Unreadable
from onethinker_rewards.metrics.math.units import is_unit_word

# Nested dress is taken off up to this depth; an answer with more of it is an attempt to keep the parser busy.
_MAX_LAYERS = 8
_LONGEST_END = 80

_PAIRS = (("**", "**"), ("```", "```"), ("`", "`"), ('"', '"'), ("“", "”"), ("「", "」"), ("$$", "$$"), ("$", "$"),
          ("\\(", "\\)"), ("\\[", "\\]"))  # fmt: skip
_BOLD_LABEL = re.compile(r"\*\*([^*]*)\*\*(?=\s*\S)")
_TEXT = re.compile(r"\\(?:text|textnormal|textbf|textit|textrm|mathrm|mathbf|mbox|bold)\s*\{([^{}]*)\}")
_LABEL = re.compile(
    r"(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?answer"
    r"(?:\s*is\b\s*[:\uff1a]?|\s*[:\uff1a=]|(?=\s*[$\\]|\s+[-\d(]))\s*"
    r"|(?:最终|正确)?答案\s*(?:是|为)?\s*[:\uff1a]?\s*"
    r"|(?:option|choice)\s+(?=\(?[A-J]\)?\.?$)|选项?\s*(?=\(?[A-J]\)?$)"
    r"|#{2,}\s*|(?:\\therefore(?![A-Za-z])|∴|\\Rightarrow(?![A-Za-z])|⇒|=>)\s*"
    r"|(?:so|thus|hence|therefore)\b[,:]?\s*(?=[-$\\\d(]|[A-Za-z]\s*=)"
    r"|(?:(?:so|thus|hence|therefore|then),?\s+)?(?:(?:we|i)\s+(?:get|have|obtain|find|conclude)(?:\s+that)?|it\s+follows\s+that)\b"
    r"\s*:?\s*(?=[-$\\\d(]|[A-Za-z]\s*=)"
    r"|(?!(?:and|or)\b)[A-Za-z]{3,}\s*[:\uff1a]\s*(?=\S)|[A-Za-z]\s*[:\uff1a]\s+(?=[^:\uff1a]*=)",
    re.IGNORECASE,
)
# The verb of a sentence that ends in its formula: "The area of the triangle is $12$".
_VERB = re.compile(
    r"(?<=[\s,$])(?:is|are|equals|get|gives|obtain|have|as)(?:\s+equal\s+to)?\s*:?\s*(?=[$\d\\√π-])", re.IGNORECASE
)
_BEFORE_VERB = re.compile(r"[A-Za-z][A-Za-z0-9 ,'\u2019$_-]*")
_ENDS = re.compile(r"\s*(?:\\\.|(?<![\\.])(?<!right)[.。\uff0c\uff1b,;])\s*(?=[*`$]*$)")
_LABEL_IN_TEXT = re.compile(r"\\text(?:bf|rm|it)?\s*\{([^{}]*(?:is|are|equals|[:\uff1a=])\s*)\}")

# What comes after an answer and says nothing about it.
_TAIL = re.compile(
    r"[\s.]*I hope (?:it|this) is correct\.?$"
    r"|\s+is\s+(?:the|my)\s+(?:final\s+|correct\s+)?(?:answer|solution|result)\.?$",
    re.IGNORECASE,
)

# A brace that groups, or a backslash with the sign after it.
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_PROSE = re.compile(r"[A-Za-z\s.,:;*$'()\[\]\\]*")
_DENIAL = re.compile(r"(?<![A-Za-z\\])(?:(?:not|never|wrong|incorrect|false)(?![A-Za-z])|[a-z]+n't)", re.IGNORECASE)
_OR = re.compile(r"(?<![A-Za-z])or(?![A-Za-z])", re.IGNORECASE)

_BLANK = r"(?:[\s$~]|\\[()\[\] ,;]|\\q?quad)*"
# What may be between boxes that make one answer: a comma, "and" or "or".
_BETWEEN_BOXES = re.compile(
    rf"{_BLANK}(?:[,;]{_BLANK})?(?:(?:\\(?:text|mathrm)\s*\{{\s*)?(and|or)(?:\s*\}})?)?{_BLANK}", re.IGNORECASE
)
_NAME_OF_BOX = re.compile(r"\s*[$\s]*[A-Za-z\\(][^=]{0,40}=(?:[\s$]|\\[;,:!> ])*")
# What may follow a box and be a part of its value: a per cent or degree sign, a modulus, or words that may be a unit.
_AFTER_BOX = re.compile(
    r"(?:[\s$~]|\\[ ,;:!])*"
    r"(?P<unit>\\?%|percent(?:age)?|per\s?cent|pct\.?"
    r"|(?:\^\s*\{?\s*\\circ\s*\}?|\\degree|°)\s*(?:\\(?:text|mathrm)\s*\{\s*)?[CF]?\s*\}?"
    r"|\\[bp]?mod\s*\{?\d+\}?"
    r"|(?:\\(?:text|textnormal|textrm|mathrm|mbox)\s*\{)?(?P<words>[A-Za-z\s./]+)\}?"
    r"(?:\s*\^\s*\{?-?\d\}?|[²³])?)"
    r"[\s$]*"
)


def undress(text: str) -> str:
    """Return the mathematics of an answer without what surrounds it.

    Raises:
        Unreadable: The text around a box is more than prose, or the dress has too many layers.
    """
    for _ in range(_MAX_LAYERS):
        before = text
        text = text.removeprefix("\\displaystyle").strip()
        text = _without_end(_TAIL, text)
        text = _without_boxes(_without_marks(text.strip()))
        text = _LABEL_IN_TEXT.sub(r"\1 ", text, count=1) if text.startswith("\\text") else text
        if label := _LABEL.match(text):
            text = text[label.end() :]
        elif (verb := _VERB.search(text)) and _BEFORE_VERB.fullmatch(text, 0, verb.start()):
            text = text[verb.end() :]
        if text == before:
            return text
    raise Unreadable("boxes in boxes")


def _without_marks(text: str) -> str:
    """Take off one layer of what encloses the whole text, and of what ends it."""
    text = _BOLD_LABEL.sub(r"\1", text, count=1) if text.startswith("**") else text
    for opening, closing in _PAIRS:
        inside = text[len(opening) : -len(closing)]
        encloses = text.startswith(opening) and text.endswith(closing) and len(text) >= 2 * len(opening)
        if encloses and opening not in inside and closing not in inside and not inside.endswith("\\"):
            text = inside.strip()
    if inside_text := _TEXT.fullmatch(text):
        text = inside_text[1].strip()
    return _without_end(_ENDS, text) if not text.endswith("\\\\") else text


def _without_end(pattern: re.Pattern[str], text: str) -> str:
    """Return the text up to what matches at its end; only the last characters are searched, in bounded time."""
    match = pattern.search(text, max(0, len(text) - _LONGEST_END))
    return text[: match.start()] + text[match.end() :] if match else text


def is_retracted(text: str) -> bool:
    r"""Return whether a readable text denies its mathematics in words, or offers an alternative outside of its box.

    >>> is_retracted(r"not \boxed{5}"), is_retracted(r"\boxed{5} or six"), is_retracted(r"It is \boxed{5}.")
    (True, True, False)
    """
    if _DENIAL.search(text) is not None:
        return True
    parts = _split_boxes(text)
    return len(parts) == 3 and _OR.search(parts[0] + parts[2]) is not None


def _without_boxes(text: str) -> str:
    r"""Return what the ``\boxed{}`` of a text holds, which may be a box again; several boxes hold a list."""
    parts = _split_boxes(text)
    if len(parts) == 1:
        return text
    before, *between, after = parts[::2]
    if _NAME_OF_BOX.fullmatch(before) or any(map(_NAME_OF_BOX.search, between)):
        # "x = \boxed{3}" and "x = \boxed{3}, y = \boxed{4}" name what is in the box.
        return "".join(parts)
    unit = _unit_after_box(after)
    if not (_PROSE.fullmatch(before) and (unit or _PROSE.fullmatch(after))):
        raise Unreadable("more than the box")
    separators = [_BETWEEN_BOXES.fullmatch(text) for text in between]
    joined = parts[1]
    for separator, inside in zip(separators, parts[3::2], strict=True):
        if separator is None:
            raise Unreadable("more than the box")
        joined += f" {separator[1] or ','} {inside}"
    return f"{joined} {unit}".rstrip()


def _unit_after_box(text: str) -> str:
    """Return the unit that the text after a box begins and ends with; "" if it is prose or more than a unit."""
    match = _AFTER_BOX.fullmatch(text) if len(text) <= _LONGEST_END else None
    if match is None:
        return ""
    words = re.split(r"[\s./]+", (match["words"] or "").strip(" ."))
    return match["unit"] if match["words"] is None or all(map(is_unit_word, words)) else ""


def _split_boxes(text: str) -> list[str]:
    """Return the text before the first box, what it holds, the text up to the next box, and so on."""
    parts: list[str] = []
    position = 0
    while (start := _find_box(text, position)) >= 0:
        brace = text.find("{", start)
        if brace < 0 or text[start:brace].strip() not in ("\\boxed", "\\fbox"):
            raise Unreadable("a box without braces")
        end = _closing_brace(text, brace)
        parts += [text[position:start], text[brace + 1 : end].strip()]
        position = end + 1
    return [*parts, text[position:]]


def _find_box(text: str, position: int) -> int:
    found = [start for name in ("\\boxed", "\\fbox") if (start := text.find(name, position)) >= 0]
    return min(found, default=-1)


def _closing_brace(text: str, opening: int) -> int:
    depth = 0
    for brace in _BRACE.finditer(text, opening):
        depth += (brace[0] == "{") - (brace[0] == "}")
        if not depth:
            return brace.start()
    raise Unreadable("a brace that is not closed")
