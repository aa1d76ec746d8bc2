"""Limits: each can be set, has its code, and nothing that a model writes within them takes more than linear time."""

from __future__ import annotations

import importlib
import pkgutil
import re
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.answers import TimeSpan, read_answer
from onethinker_rewards.answers.limits import has_long_number, is_deeper
from tests.rewards.cases import REFERENCES, wrap

MEGABYTE = 1_000_000
NAMES = ("response_characters", "answer_characters", "track_boxes", "number_characters")


@pytest.mark.parametrize(
    ("limits", "task", "answer", "code"),
    [
        pytest.param({"response_characters": 30}, "ocr", "x" * 31, "response_too_long", id="response"),
        pytest.param({"answer_characters": 5}, "ocr", "x" * 6, "answer_too_long", id="answer"),
        pytest.param({"answer_characters": 5}, "ocr", "x" * 5, None, id="answer, just"),
        pytest.param({"answer_characters": 5}, "multiple_choice", "(((B)))", "answer_too_long", id="letter"),
        pytest.param({"track_boxes": 1}, "tracking", REFERENCES["tracking"], "too_many_boxes", id="boxes"),
        pytest.param({"track_boxes": 2}, "tracking", REFERENCES["tracking"], None, id="boxes, just"),
        pytest.param({"number_characters": 3}, "numerical", "3.14", "too_many_digits", id="digits"),
        pytest.param({"number_characters": 4}, "numerical", "3.14", None, id="digits, just"),
        pytest.param({"number_characters": 3}, "regression", "1,00", "too_many_digits", id="digits, thousands"),
        pytest.param(
            {"number_characters": 3}, "temporal_grounding", '{"time": [1, 1000]}', "too_many_digits", id="JSON"
        ),
        pytest.param({"number_characters": 4}, "temporal_grounding", '{"time": [1, 1000]}', None, id="JSON, just"),
        pytest.param(
            {"number_characters": 4}, "tracking", '{"boxes": {"10000": [1, 2, 3, 4]}}', "too_many_digits", id="key"
        ),
        pytest.param({}, "temporal_grounding", f'{{"time": [1, 2.{"3" * 400}]}}', None, id="400 decimals"),
        pytest.param({}, "temporal_grounding", f'{{"time": [1, 2.{"3" * 401}]}}', "too_many_digits", id="401"),
        pytest.param({"depth": 3}, "image_segmentation", REFERENCES["image_segmentation"], None, id="depth, just"),
        pytest.param({"depth": 3}, "spatial_grounding", '{"boxes": [[0, 0, 9, 9]]}', "wrong_type", id="depth of 3"),
        pytest.param({"depth": 3}, "spatial_grounding", '{"boxes": [[[1]]]}', "invalid_json", id="depth of 4"),
        pytest.param({"depth": 3}, "spatial_grounding", '{"boxes": [[{}]]}', "invalid_json", id="depth of 4, object"),
        pytest.param({"depth": 3}, "spatial_grounding", "[[[[]]]]", "invalid_json", id="depth of a list"),
        pytest.param({}, "spatial_grounding", '{"boxes": ' + "[" * 199 + "]" * 199 + "}", "wrong_type", id="200"),
        pytest.param({}, "spatial_grounding", '{"boxes": ' + "[" * 200 + "]" * 200 + "}", "invalid_json", id="201"),
    ],
)
def test_every_limit_has_a_code(limits: dict[str, int], task: str, answer: str, code: str | None) -> None:
    """By all ways in: a response, a bare answer, a batch; and by lenient rules too."""
    bounds = otr.Limits(**limits)
    response = wrap(answer, think="")
    assert otr.parse(response, task, limits=bounds).failure == code
    if "response_characters" not in limits:
        assert otr.parse_answer(answer, task, limits=bounds).failure == code
        assert otr.parse_answer(answer, task, rules="lenient", limits=bounds).failure == (
            None if answer == '{"boxes": [[0, 0, 9, 9]]}' else code
        )
    batch = otr.score([response], [REFERENCES[task]], task, recipe=otr.Recipe(limits=bounds), on_bad_reference="skip")
    # Some of these references are past the limit themselves.
    assert batch.failure[0] in {code, "bad_reference"}


def test_limits_hold_for_references() -> None:
    with pytest.raises(otr.BadReferenceError, match="too_many_digits"):
        otr.parse_reference("3.14", "numerical", limits=otr.Limits(number_characters=3))
    assert otr.parse_reference("3.14", "numerical", limits=otr.Limits(number_characters=4)) == 3.14
    with pytest.raises(otr.BadReferenceError, match="too_many_digits"):
        otr.score([wrap("3")], ["3.14"], "numerical", recipe=otr.Recipe(limits=otr.Limits(number_characters=3)))


@pytest.mark.parametrize("name", NAMES)
def test_no_limit_is_below_0(name: str) -> None:
    assert getattr(otr.Limits(**{name: 0}), name) == 0
    with pytest.raises(otr.ArgumentError, match=f"{name} .*-1"):
        otr.Limits(**{name: -1})


def test_no_depth_is_below_what_answers_need() -> None:
    assert otr.Limits(depth=3).depth == 3
    with pytest.raises(otr.ArgumentError, match=r"depth .*2"):
        otr.Limits(depth=2)


@pytest.mark.parametrize("levels", [300, 2000])
def test_deeper_than_any_decoder_goes(levels: int) -> None:
    """One decoder reads a few hundred levels that the other cannot write; neither raises."""
    text = '{"time": ' + "[" * levels + "1" + "]" * levels + "}"
    assert read_answer(text, TimeSpan, limits=otr.Limits(depth=5000)).failure == "invalid_json"


def levels(value: Any) -> int:
    """Count lists and objects within each other, as a textbook does."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


VALUES = st.recursive(st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=1), inner))


@given(value=VALUES, depth=st.integers(0, 5))
def test_depth_oracle(value: Any, depth: int) -> None:
    assert is_deeper(value, depth) == (levels(value) > depth)


@given(text=st.text("01a,", max_size=20), longest=st.integers(0, 6))
def test_long_number_oracle(text: str, longest: int) -> None:
    runs = re.findall("[01]+", text)
    assert has_long_number(text, longest) == any(len(run) > longest for run in runs)


@given(data=st.data(), before=st.integers(0, 900), behind=st.integers(0, 900), length=st.integers(398, 404))
def test_long_numbers_wherever_they_are(data: st.DataObject, before: int, behind: int, length: int) -> None:
    around = data.draw(st.sampled_from([",", "x", "1,", "12 "]))
    text = (around * 900)[:before] + "x" + "7" * length + "x" + (around * 900)[:behind]
    assert has_long_number(text, 400) == (length > 400)


# What would break a parser that tries again and again.
PIECES = ["<", "<think>", "</think>", "<answer>", " ", "9", "\\", "[", "{", '{"a":', '"', "'", ",", ", ", "(", "**",
          "A. ", "the ", "answer ", "\\boxed{", "$", "-", "e", "\x1c", "\ud800", "\x00"]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_megabyte_of_anything(piece: str) -> None:
    text = piece * (MEGABYTE // len(piece))
    for task in otr.TASKS:
        for answer in (text[:-10], f"the{text[:-20]}x", f"({text[:-20]})"):
            for rules in ("strict", "lenient"):
                parsed = otr.parse_answer(answer, task, rules=rules)
                assert (parsed.answer is None) == (parsed.failure is not None)


def patterns() -> list[re.Pattern[str]]:
    found: list[re.Pattern[str]] = []
    for name in ("answers", "tasks"):
        package = importlib.import_module(f"onethinker_rewards.{name}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            values = vars(importlib.import_module(module.name)).values()
            found += [value for value in values if isinstance(value, re.Pattern)]
    return found


def tries_again(tree: Any, *, inside: bool = False) -> bool:
    """Say whether a repetition that gives back is within another: the time may grow as 2 to the length."""
    for kind, value in tree:
        repeats = kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT}
        varies = repeats and value[1] > value[0] and value[1] == kinds.MAXREPEAT
        if varies and inside:
            return True
        parts = value if isinstance(value, list | tuple) else [value]
        inner = [part for part in parts if isinstance(part, parser.SubPattern)]
        inner += [
            item for part in parts if isinstance(part, list) for item in part if isinstance(item, parser.SubPattern)
        ]
        if any(tries_again(part, inside=varies or inside) for part in inner):
            return True
    return False


def test_no_pattern_repeats_a_repetition() -> None:
    found = patterns()
    assert len(found) >= 8
    assert [pattern.pattern for pattern in found if tries_again(parser.parse(pattern.pattern, pattern.flags))] == []


@pytest.mark.parametrize(
    ("pattern", "is_bad"), [("(a+)+b", True), ("(a*|b)*", True), ("(?:a*+b)+", False), ("a+b*", False)]
)
def test_repeated_repetitions_are_seen(pattern: str, is_bad: bool) -> None:
    assert tries_again(parser.parse(pattern)) == is_bad
