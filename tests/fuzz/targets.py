"""What is fuzzed: each target takes bytes, and asserts what holds whatever they are.

The first byte of an input chooses the task, the second the rules; the rest is what the model wrote. Bytes that are no
UTF-8 become lone surrogates, which reach us from JSON too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import onethinker_rewards as otr
from onethinker_rewards.metrics.math import reads_math
from onethinker_rewards.tasks.release import RELEASE_TASKS
from tests.rewards.cases import REFERENCES, wrap

CORPUS = Path(__file__).with_name("corpus")

_TASKS = tuple(otr.TASKS)
_THINKS: tuple[Literal["required", "prefilled", "none"], ...] = ("required", "prefilled", "none")


class _Case(NamedTuple):
    task: str
    rules: Literal["strict", "lenient"]
    think: Literal["required", "prefilled", "none"]
    text: str


def _case(data: bytes) -> _Case:
    task, how = (*data[:2], 0, 0)[:2]
    rules = "lenient" if how % 2 else "strict"
    text = data[2:].decode("utf-8", "surrogateescape")
    return _Case(_TASKS[task % len(_TASKS)], rules, _THINKS[how // 2 % 3], text)


def _check(parsed: otr.Parsed) -> None:
    assert (parsed.answer is None) == (parsed.failure is not None)
    assert parsed.failure is None or parsed.format_fault is not None
    assert parsed.failure is None or not parsed.repairs


def read_response(data: bytes) -> None:
    """A response is read or has a code, and a batch says the same as one row; pixels go there and back."""
    task, rules, think, text = _case(data)
    parsed = otr.parse(text, task, rules=rules, think=think)
    _check(parsed)
    otr.parse(text, task, recipe="release")
    otr.to_pixels(otr.to_thousandths(text, 640, 480), 640, 480)
    if task == "math":
        return
    recipe = otr.Recipe(rules=rules, think=think)
    batch = otr.score([text, wrap(REFERENCES[task])], [REFERENCES[task]] * 2, task, recipe=recipe)
    assert batch.failure[0] == parsed.failure
    assert batch.format_fault[0] == parsed.format_fault
    assert batch.repairs[0] == parsed.repairs


def read_answer(data: bytes) -> None:
    """An answer is read the same bare and in a response; what was read can be written and read again."""
    task, rules, _, text = _case(data)
    bare = otr.parse_answer(text, task, rules=rules)
    _check(bare)
    spec = otr.TASKS[task]
    if "<" not in text:
        whole = otr.parse(wrap(text), task, rules=rules)
        assert (whole.answer, whole.failure, whole.repairs) == (bare.answer, bare.failure, bare.repairs)
    if bare.answer is not None and spec.is_json:
        again = otr.parse_answer(bare.answer.model_dump_json(), task)
        assert (again.answer, again.failure, again.repairs) == (bare.answer, None, ())
    if bare.answer is not None and not bare.repairs and rules == "strict" and spec.is_json:
        assert set(json.loads(text.strip())) == set(spec.schema.model_fields)


def score(data: bytes) -> None:
    """Rewards are in their range; the text is the answer once and the reference once."""
    task, rules, think, text = _case(data)
    if task == "math":
        # Comparing takes worker processes; reading is what sees the text first.
        assert reads_math(text) in {True, False}
        return
    maximum = otr.TASKS[task].maximum
    recipes = [otr.Recipe(rules=rules, think=think), *([otr.RECIPES["release"]] if task in RELEASE_TASKS else [])]
    for recipe in recipes:
        first = otr.score([text], [REFERENCES[task]], task, recipe=recipe)
        wrapped = otr.score([wrap(text)], [REFERENCES[task]], task, recipe=recipe)
        turned = otr.score([wrap(REFERENCES[task])], [text], task, recipe=recipe, on_bad_reference="skip")
        for batch in (first, wrapped, turned):
            is_bad = batch.failure[0] == "bad_reference"
            assert math.isnan(batch.total[0]) == is_bad
            assert is_bad or 0 <= batch.accuracy[0] <= maximum
            assert batch.format[0] in {0.0, 1.0}
            assert batch.format[0] == (batch.format_fault[0] is None)
            json.dumps(batch.to_rows(), allow_nan=False)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "read_response": read_response,
    "read_answer": read_answer,
    "score": score,
}
