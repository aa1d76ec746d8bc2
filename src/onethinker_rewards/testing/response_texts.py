"""Responses: answers between tags, well-formed, nearly well-formed, and damaged."""

from __future__ import annotations

import re

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import END_TOKENS, AnyDialect, Think, find_dialect
from onethinker_rewards.testing.hostile import hostile_text
from onethinker_rewards.testing.invalid import near_misses
from onethinker_rewards.testing.valid import SPACES, Kind, answers, is_json, native_answers

_NOISE = "{}[]\",:.-+eE0123456789 \n'\\<>/\x00\ud800\ufeffé\u0663AaBb_%*()$"

_TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_TAG = re.compile("(" + "|".join(_TAGS) + ")")
FRAGMENTS = (
    *_TAGS, *_TAGS, "B", "x y", " ",
    "\n", "\n\n", "\x1c", "\u2003", "\u200b", "<", ">", "/", "</", "<ans", "wer>", "think>", "<ANSWER>", "< answer >",
    "< / answer >", "a / b", "a < b", "\x00", "\ud800", *END_TOKENS,
)  # fmt: skip


def tag_soup(max_size: int = 12) -> SearchStrategy[str]:
    """Return fragments of tags, white space and end tokens in any order."""
    return st.lists(st.sampled_from(FRAGMENTS), max_size=max_size).map("".join)


def responses(kind: Kind, *, think: Think = "required") -> SearchStrategy[str]:
    """Return well-formed responses: one thinking block and one answer that its task's schema accepts.

    Args:
        kind: A task's name, ours or the data set's, or one of its schemas.
        think: As in a recipe: ``required``, ``prefilled`` (the prompt has opened the thinking) or ``none``.

    Raises:
        ArgumentError: If the schema is not one of the package's.
        UnknownTaskError: If ``kind`` is text and not a task's name.
    """
    texts = answers(kind).filter(lambda text: not any(tag in text for tag in _TAGS))
    return _responses(texts, think)


@st.composite
def _responses(draw: DrawFn, texts: SearchStrategy[str], think: Think) -> str:
    thought = draw(st.one_of(st.just("I look at it."), st.text(alphabet="abc xyz.,\n0123", max_size=20)))
    opened = {"required": f"<think>{thought}</think>", "prefilled": f"{thought}</think>", "none": ""}[think]
    between = draw(st.sampled_from(["", "\n", "\n\n"]))
    return f"{opened}{between}<answer>{draw(texts)}</answer>{draw(st.sampled_from(['', '', *END_TOKENS]))}"


@st.composite
def tagged_responses(draw: DrawFn, contents: SearchStrategy[str] | None = None) -> str:
    """Return responses that are in the format or nearly, with ``contents`` as answers."""
    spaces = st.one_of(st.just(""), st.just("\n"), st.text(SPACES, max_size=2))
    inner = st.one_of(st.just("I look."), st.just(""), tag_soup(4))
    think = draw(st.sampled_from(["<think>{}</think>", "<think>{}</think>", "{}</think>", "<think>{}", "{}"]))
    answer = draw(st.sampled_from(["<answer>{}</answer>", "<answer>{}</answer>", "<answer>{}", "{}</answer>", "{}"]))
    content = draw(contents if contents is not None else st.one_of(st.just("B"), inner))
    end = draw(st.lists(st.sampled_from([*END_TOKENS, " ", "\n", "."]), max_size=3))
    parts = [think.replace("{}", draw(inner)), answer.replace("{}", content), *end]
    return draw(spaces) + draw(spaces).join(parts)


def damaged(source: Kind | SearchStrategy[str]) -> SearchStrategy[str]:
    """Return texts with one to four random deletions, insertions, replacements or repetitions.

    Args:
        source: A task or schema, whose responses are damaged, or any strategy of texts.

    Raises:
        ArgumentError: If the schema is not one of the package's.
        UnknownTaskError: If ``source`` is text and not a task's name.
    """
    return _damaged(source if isinstance(source, SearchStrategy) else responses(source))


@st.composite
def _damaged(draw: DrawFn, texts: SearchStrategy[str]) -> str:
    text = draw(texts)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 3)))
        noise = draw(st.one_of(st.just(""), st.text(_NOISE, max_size=2)))
        middle = draw(st.sampled_from([noise, text[start:end] * 2]))
        text = text[:start] + middle + text[end:]
    return text


def any_answer(kind: Kind, *, dialect: AnyDialect = "onethinker") -> SearchStrategy[str]:
    """Return valid answers, near misses, damaged and hostile texts; of a dialect its own answers too, and damaged ones.

    Args:
        kind: A task's name, a task or a schema.
        dialect: How valid answers are written.

    Raises:
        ArgumentError: If there is no such dialect.
    """
    valid, near = answers(kind), near_misses(kind)
    texts = st.one_of(valid, near, near, damaged(valid), damaged(near), hostile_text())
    written = find_dialect(dialect)
    if written.is_ours or not is_json(kind):
        return texts
    native = native_answers(kind, written)
    return st.one_of(native, native, damaged(native), texts)


def any_response(kind: Kind) -> SearchStrategy[str]:
    """Return well-formed responses, nearly well-formed ones with any answer, damaged and hostile ones."""
    two_answers = st.builds("{}{}{}".format, answers(kind), st.sampled_from(_TAGS), answers(kind))
    inside = two_answers.map("<think>x</think><answer>{}</answer>".format)
    near = tagged_responses(any_answer(kind))
    return st.one_of(
        responses(kind), near, inside, retagged(responses(kind)), damaged(kind), tag_soup(), hostile_text()
    )


@st.composite
def retagged(draw: DrawFn, texts: SearchStrategy[str]) -> str:
    """Return responses with a tag doubled, left out or preceded by text, or with one more tag."""
    pieces = _TAG.split(draw(texts))
    index = draw(st.integers(0, len(pieces) - 1))
    piece = pieces[index]
    # Every second piece is a tag.
    others = [piece * 2, f"So: {piece}", ""] if index % 2 == 1 else [f"{piece}{tag}" for tag in _TAGS]
    pieces[index] = draw(st.sampled_from(others))
    return "".join(pieces)
