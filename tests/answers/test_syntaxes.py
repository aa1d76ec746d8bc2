"""Syntaxes: what is read quickly is read as the definition reads it, and anything else is left to the definition."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import onethinker_rewards as otr
from onethinker_rewards.answers import DIALECTS, ClickTarget, Detections, Dialect, DialectFault, SingleBox, Syntax
from tests.answers.dialect_cases import NATIVE
from tests.answers.reading import assert_agrees

QUICK: dict[str, Syntax] = {
    f"{name}-{kind}": syntax
    for name, dialect in DIALECTS.items()
    for kind in ("boxes", "points", "times")
    if isinstance(syntax := getattr(dialect, kind), Syntax)
}
# Forms that are nearly the usual one of some syntax.
NEARLY = [
    "",
    "There are none.",
    '<points x1="1" y1="2" x1="3" y1="4">a</points>',
    '<points x1="1" y2="2" x2="3" y1="4">a</points>',
    '<points y1="1" x1="2">a</points>',
    '<point x="1" y="2"/>',
    '<point x="1" y="2"></point>',
    '<point x="1" y="2" alt="b">a</points>',
    '<point x="1" y="2" alt="b">a</point>',
    '<point alt="b" x="1" y="2">a</point>',
    '<point x="-1" y="2.50" alt="">a</point> ',
    '<point x="1" y="2">a</point><point x="3" y="4">b</point>',
    '<points coords="1 1 073 160 2 173.5 600" alt="b">a</points>',
    '<points coords="1 1 073 160 2 173">a</points>',
    '<points coords="1  1 073 160">a</points>',
    '<points coords="1">a</points>',
    "<box>[[1, 2, 3, 4]]</box> <box>[[5, 6, 7, 8]]</box>",
    "<ref>a</ref> <box>[[1, 2, 3, 4]]</box>",
    "<ref>a</ref><box>[[1, 2, 3]]</box>",
    "<ref></ref><box>[]</box>",
    "<box>[1, 2, 3, 4]</box>",
    "[[1, 2, 3, 4], [5, 6, 7, 8]]",
    "[]",
    '```json\n[{"bbox_2d": [1, 2, 3, 4], "label": "a"}, {"bbox_2d": [1, 2, 3, 4.5]}]\n```',
    '```\n{"point_2d": [1, 2]}\n``` ',
    '{"bbox_2d": [1, 2, 3, 4], "label": null}',
    '{"bbox_2d": [1, 2, 3, true]}',
    '{"point_2d": [1e400, 2]}',
    "```json\n```",
    "00:12 - 00:15; 1:00 - 61:15.25",
    "00:12 - 00:15;00:16 - 00:17",
    "1:00:12 - 1:00:15",
    "0000:12 - 00:15",
    "\u0660\u0660:12 - 00:15",
    "12 to 15; 16s to 17.25s",
    "12 - 15 seconds",
    "12 to 15 to 16",
    "12. to 15",
]


def values_of(items: Any) -> list[Any]:
    return [([float(number) for number in item.value], item.label or "") for item in items]


def assert_quick_agrees(syntax: Syntax, text: str) -> bool:
    """Return whether a text is read quickly, and then as the definition reads it."""
    assert syntax.quick is not None
    try:
        items = syntax.quick(text)
    except (ValueError, msgspec.DecodeError):
        return False
    assert all(len(item.value) == syntax.numbers for item in items)
    assert all(isinstance(number, float) for item in items for number in item.value)
    assert values_of(items) == values_of(syntax.read(text))
    return True


@pytest.mark.parametrize("name", QUICK)
def test_the_quick_form_reads_as_the_plain_one(name: str) -> None:
    for text in [*NEARLY, *(case.text for case in NATIVE)]:
        assert_quick_agrees(QUICK[name], text)


NUMBERS = st.one_of(st.integers(0, 1000).map(float), st.floats(0, 1000, allow_subnormal=False))
LABELS = st.one_of(st.none(), st.text(st.characters(exclude_characters='<>"', exclude_categories=["Cs"]), min_size=1))


@pytest.mark.parametrize("name", QUICK)
@given(data=st.data())
def test_what_is_written_is_read_quickly(name: str, data: st.DataObject) -> None:
    """But for clock times of an hour and more, and for times that round to a whole minute."""
    syntax = QUICK[name]
    values = st.lists(NUMBERS, min_size=syntax.numbers, max_size=syntax.numbers)
    items = data.draw(st.lists(st.builds(otr.answers.Item, values, LABELS), min_size=1, max_size=4))
    assert syntax.write is not None
    assert assert_quick_agrees(syntax, syntax.write(items))


@pytest.mark.parametrize("name", QUICK)
@given(data=st.data())
def test_mutations_are_read_as_the_plain_form_does(name: str, data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([case.text for case in NATIVE] + NEARLY))
    place = data.draw(st.integers(0, len(text)))
    piece = data.draw(
        st.sampled_from(["", " ", "\n", "<", ">", '"', "1", ".", ":", ";", "x", "-", "[", "]", "to", "\u0661"])
    )
    width = data.draw(st.integers(0, 3))
    assert_quick_agrees(QUICK[name], text[:place] + piece + text[place + width :])


@pytest.mark.parametrize("name", QUICK)
def test_an_empty_text_is_not_read_quickly(name: str) -> None:
    assert not assert_quick_agrees(QUICK[name], "")


def test_a_syntax_of_points_for_boxes_is_read_by_the_definition() -> None:
    """Its quick form has two numbers an item, and a box has four."""
    qwen = DIALECTS["qwen3-vl"]
    mixed = Dialect("mixed", boxes=qwen.points, points=qwen.boxes)
    texts = ['{"bbox_2d": [1, 2, 3, 4]}', '{"point_2d": [1, 2]}', '{"point_2d": [1, 2, 3, 4]}']
    for schema in (SingleBox, ClickTarget, Detections, otr.TASKS["gui_click"].schema, otr.TASKS["pointing"].schema):
        assert_agrees(schema, texts, dialect=mixed)


def test_a_lone_surrogate_in_a_label_is_no_json() -> None:
    for schema in (SingleBox, Detections):
        assert_agrees(schema, ["<ref>\ud800</ref><box>[[1, 2, 3, 4]]</box>"], dialect=DIALECTS["internvl"])
        assert_agrees(schema, ['[{"bbox_2d": [1, 2, 3, 4], "label": "\ud800"}]'], dialect=DIALECTS["qwen3-vl"])


def test_a_fault_can_be_raised_by_a_function_of_yours() -> None:
    def refuse(text: str) -> list[otr.answers.Item]:
        raise DialectFault(otr.FailureCode.INVALID_VALUE, "character 0", text, "something else")

    batch = otr.score(
        ["<think></think><answer>x</answer>"],
        [json.dumps({"boxes": [1, 2, 3, 4]})],
        "spatial_grounding",
        recipe=otr.Recipe(dialect=Dialect("none", boxes=refuse)),
    )
    assert (batch.failure[0], batch.details[0].where) == ("invalid_value", "character 0")
