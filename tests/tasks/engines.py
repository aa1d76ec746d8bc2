"""Text at random under a grammar, as two engines understand it, through nothing but their token masks.

The vocabulary is made here: every byte, and a few longer tokens, so that one token may cross a border of the
grammar. ``python -m tests.tasks.engines`` prints what strict parsing makes of such text.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

import numpy as np
import pytest

ENGINES = ("xgrammar", "llguidance")

END = 0
_LONG = (
    "<think>",
    "</think>",
    "</think>\n<answer>",
    "<answer>",
    "</answer>",
    "</",
    '{"',
    '": [',
    "], [",
    ", ",
    "]}",
    "10",
)
TOKENS = [b"<end>", *(bytes([value]) for value in range(256)), *(token.encode() for token in _LONG)]
# What brings a text nearer to its end.
_CLOSING = [END, *(TOKENS.index(text.encode()) for text in ('"', "]", "}", "</think>", "</answer>", "<answer>", ":"))]
_PRINTABLE = frozenset(range(1 + 33, 1 + 127))
_BYTES = 400
_HURRY = 60


class Matcher(Protocol):
    """Follows one text, token by token."""

    def allowed(self) -> list[int]: ...

    def take(self, token: int) -> None: ...


class _XGrammarMatcher:
    def __init__(self, compiled: Any) -> None:
        import xgrammar

        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, len(TOKENS))

    def allowed(self) -> list[int]:
        self._matcher.fill_next_token_bitmask(self._mask)
        return _set_bits(self._mask.numpy())

    def take(self, token: int) -> None:
        assert self._matcher.accept_token(token)


class _LLGuidanceMatcher:
    def __init__(self, grammar: str) -> None:
        import llguidance
        import llguidance.numpy

        self._fill = llguidance.numpy.fill_next_token_bitmask
        self._matcher = llguidance.LLMatcher(_llguidance_tokenizer(), grammar)
        assert not self._matcher.is_error(), self._matcher.get_error()
        self._mask = llguidance.numpy.allocate_token_bitmask(1, len(TOKENS))

    def allowed(self) -> list[int]:
        self._fill(self._matcher, self._mask)
        return _set_bits(self._mask)

    def take(self, token: int) -> None:
        assert self._matcher.consume_token(token), self._matcher.get_error()


def _set_bits(mask: Any) -> list[int]:
    bits = np.unpackbits(mask.view(np.uint8).ravel(), bitorder="little")[: len(TOKENS)]
    return np.flatnonzero(bits).tolist()


@cache
def _llguidance_tokenizer() -> Any:
    llguidance = pytest.importorskip("llguidance", reason="it is not there: make .venv/.dev")

    class _Bytes:
        eos_token_id = END
        bos_token_id = None
        tokens = TOKENS
        special_token_ids = (END,)

        def __call__(self, text: str | bytes) -> list[int]:
            return [1 + value for value in (text if isinstance(text, bytes) else text.encode())]

    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(_Bytes()), n_vocab=len(TOKENS), eos_token=END)


@cache
def _compiler() -> Any:
    xgrammar = pytest.importorskip("xgrammar", reason="it is not there: make .venv/.dev")
    vocabulary = xgrammar.TokenizerInfo(TOKENS, vocab_size=len(TOKENS), stop_token_ids=[END])
    return xgrammar.GrammarCompiler(vocabulary, max_threads=1)


@cache
def matchers(engine: str, kind: str, grammar: str) -> Callable[[], Matcher]:
    """Compile a ``schema`` (JSON Schema as text), a ``pattern`` or a ``response`` grammar; return fresh matchers."""
    if engine == "xgrammar":
        compiler = _compiler()
        names = {"schema": "compile_json_schema", "pattern": "compile_regex", "response": "compile_structural_tag"}
        compiled = getattr(compiler, names[kind])(grammar)
        return lambda: _XGrammarMatcher(compiled)
    llguidance = pytest.importorskip("llguidance", reason="it is not there: make .venv/.dev")

    names = {"schema": "grammar_from_json_schema", "pattern": "grammar_from_regex", "response": "grammar_from_lark"}
    made = getattr(llguidance.LLMatcher, names[kind])(grammar)
    is_error, messages = llguidance.LLMatcher.validate_grammar_with_warnings(made, _llguidance_tokenizer())
    assert not is_error, messages
    assert not messages, messages
    return lambda: _LLGuidanceMatcher(made)


def sample(start: Callable[[], Matcher], rng: random.Random) -> str | None:
    """Return a text that the engine lets end, or None where it grew too long first."""
    matcher, written = start(), b""
    while len(written) < _BYTES:
        allowed = matcher.allowed()
        assert allowed, written
        token = _choice(allowed, rng, hurry=len(written) > _HURRY)
        if token == END:
            # As servers do: xgrammar lets a model write half a surrogate pair, which is no UTF-8.
            return written.decode(errors="replace")
        matcher.take(token)
        written += TOKENS[token]
    return None


def _choice(allowed: list[int], rng: random.Random, *, hurry: bool) -> int:
    closing = [token for token in _CLOSING if token in allowed]
    if closing and (hurry or rng.random() < 0.2):
        return rng.choice(closing)
    printable = [token for token in allowed if token in _PRINTABLE]
    return rng.choice(printable if printable and rng.random() < 0.8 else allowed)


def samples(start: Callable[[], Matcher], count: int, seed: int = 0) -> list[str]:
    """Return ``count`` whole texts."""
    rng = random.Random(seed)
    texts: list[str] = []
    for _ in range(50 * count):
        text = sample(start, rng)
        if text is not None:
            texts.append(text)
        if len(texts) == count:
            return texts
    raise AssertionError(f"only {len(texts)} of {50 * count} texts came to an end")


def accepts(start: Callable[[], Matcher], text: str) -> bool:
    """Say whether the engine lets a model write ``text``, byte by byte, and end."""
    matcher = start()
    for value in text.encode():
        if 1 + value not in matcher.allowed():
            return False
        matcher.take(1 + value)
    return END in matcher.allowed()


def main() -> None:
    from collections import Counter

    import onethinker_rewards as otr

    for task in otr.TASKS:
        for engine in ENGINES:
            start = matchers(engine, "response", otr.response_grammar(task, engine=engine))
            codes = Counter(otr.parse(text, task).failure for text in samples(start, 500))
            shown = json.dumps({str(code or "read"): count for code, count in codes.most_common()})
            sys.stdout.write(f"{task} {engine} {shown}\n")


if __name__ == "__main__":
    main()
