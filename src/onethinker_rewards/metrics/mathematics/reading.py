"""Reads an answer: one piece of mathematics, or a few words."""

from __future__ import annotations

import re

from onethinker_rewards.metrics.mathematics.cleaning import clean, takes_back
from onethinker_rewards.metrics.mathematics.grammar import parse
from onethinker_rewards.metrics.mathematics.lexing import FUNCTIONS
from onethinker_rewards.metrics.mathematics.node import Node, Unreadable

__all__ = ["read"]

_CHARACTERS = 10_000
_INTEGER = re.compile(r"[0-9]{1,300}")
_WORDS = re.compile(r"[A-Za-z]+(?:[-' ]+[A-Za-z]+){0,11}")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}\s*")
_LETTER = re.compile(r"[A-Za-z]")
_KNOWN_WORDS = FUNCTIONS | {"or", "and", "pi", "infinity", "inf"}
_SYNONYMS = {
    "no solution": Node("set"),
    "no solutions": Node("set"),
    "no real solution": Node("set"),
    "no real solutions": Node("set"),
    "empty set": Node("set"),
    "all real numbers": Node("space", text="R"),
}


def read(text: str) -> Node:
    """Return the tree of an answer.

    Raises:
        Unreadable: The text is empty, too long, too deep, or not one piece of mathematics.
    """
    if len(text) > _CHARACTERS:
        raise Unreadable(f"longer than {_CHARACTERS} characters")
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return Node("num", text=text.lstrip("0") or "0")
    text, written = clean(text), text
    if not text:
        raise Unreadable("nothing in it")
    inside = _TEXT.fullmatch(text)
    if inside:
        text = clean(inside[1])
    if _is_prose(text):
        words = " ".join(text.lower().split())
        return _SYNONYMS.get(words, Node("text", text=words))
    node = parse(text)
    return Node("denied", (node,)) if takes_back(written) else node


def _is_prose(text: str) -> bool:
    if not _WORDS.fullmatch(text):
        return False
    words = re.split(r"[-' ]+", text)
    if len(words) == 1:
        return len(text) > 2 and text.lower() not in _KNOWN_WORDS
    return max(map(len, words)) > 2 and not all(word.lower() in _KNOWN_WORDS or len(word) == 1 for word in words)
