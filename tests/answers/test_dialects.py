"""Dialects: what models write is read as meant, near misses are refused with a place, both ways of reading agree."""

from __future__ import annotations

import copy
import json
import pickle
import re
import time
from collections.abc import Callable
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import (
    DIALECTS,
    ClickTarget,
    Detections,
    Dialect,
    PointTargets,
    SingleBox,
    Syntax,
    TimeSpan,
    find_dialect,
)
from onethinker_rewards.answers.syntaxes import DialectFault, Item
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.testing import valid
from tests.answers.dialect_cases import NATIVE, NativeAnswer
from tests.answers.reading import assert_agrees
from tests.rewards.cases import REFERENCES, wrap
from tests.tasks.engines import ENGINES, accepts, matchers, samples

FEW = settings().max_examples // 4
SIZE = (640.0, 480.0)
JSON_TASKS = [name for name, spec in otr.TASKS.items() if spec.is_json]
FOREIGN = [name for name in DIALECTS if name != "onethinker"]


def differs(name: str, schema: type[BaseModel]) -> bool:
    """Return whether a dialect writes a schema otherwise than we do; the others are tested as our own form."""
    dialect = DIALECTS[name]
    return not dialect.has_our_form(schema) or dialect.coordinates != "thousandths"


FOREIGN_SCHEMAS = [(schema, name) for schema in valid.JSON_SCHEMAS for name in FOREIGN if differs(name, schema)]
FOREIGN_TASKS = [(task, name) for task in JSON_TASKS for name in FOREIGN if differs(name, otr.TASKS[task].schema)]


def native_id(case: NativeAnswer) -> str:
    return f"{case.dialect}-{case.task}-{case.text[:20]}"


class TestNativeAnswers:
    @pytest.mark.parametrize("case", NATIVE, ids=native_id)
    def test_are_read_as_what_they_mean(self, case: NativeAnswer) -> None:
        parsed = otr.parse(wrap(case.text), case.task, dialect=case.dialect, size=case.size)
        assert (parsed.failure, parsed.format_fault, parsed.repairs) == (None, None, ())
        expected = otr.parse_answer(json.dumps(case.ours), case.task).answer
        assert flat(parsed.answer) == pytest.approx(flat(expected), abs=1e-9)

    @pytest.mark.parametrize("case", NATIVE, ids=native_id)
    def test_earn_the_maximum(self, case: NativeAnswer) -> None:
        """With a reference of ours, and with one as the dialect's data has it."""
        for dialect, text in zip(("onethinker", case.dialect), case.references, strict=True):
            if text is not None:
                recipe = otr.Recipe(dialect=case.dialect, reference_dialect=dialect)
                batch = otr.score([wrap(case.text)], [text], case.task, recipe=recipe, sizes=[case.size])
                assert (batch.normalized[0], batch.format[0]) == pytest.approx((1.0, 1.0), abs=1e-9)

    def test_there_are_some_of_each(self) -> None:
        assert {case.dialect for case in NATIVE} == set(FOREIGN)


def flat(answer: Any) -> list[Any]:
    """Return all numbers and texts of an answer in one list."""
    value = answer.model_dump() if isinstance(answer, BaseModel) else answer
    if isinstance(value, dict):
        return [item for pair in value.items() for part in pair for item in flat(part)]
    return [item for part in value for item in flat(part)] if isinstance(value, list | tuple) else [value]


NEAR_MISSES = [
    ("qwen3-vl", "spatial_grounding", '{"boxes": [1, 2, 3, 4]}', "missing_key", "0"),
    (
        "qwen3-vl",
        "spatial_grounding",
        '[{"bbox_2d": [1, 2, 3, 4], "label": "a", "score": 1}]',
        "unknown_key",
        "0.score",
    ),
    ("qwen3-vl", "spatial_grounding", '{"bbox_2d": [1, 2, 3, 4], "label": 5}', "wrong_type", "0.label"),
    ("qwen3-vl", "detection", '[{"bbox_2d": [1, 2, 3, 4], "label": null}]', "wrong_type", "0.label"),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [1, 2, 3, 4]}]', "wrong_length", ""),
    ("qwen3-vl", "spatial_grounding", "[]", "wrong_length", ""),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": [1, 2, 3]}]', "wrong_length", "boxes.3"),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": [3, 2, 1, 4]}]', "bad_order", "boxes"),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": ["1", 2, 3, 4]}]', "wrong_type", "boxes.0"),
    ("qwen3-vl", "spatial_grounding", "[[1, 2, 3, 4]]", "wrong_type", "0"),
    ("qwen3-vl", "spatial_grounding", "5", "wrong_type", "0"),
    ("qwen3-vl", "spatial_grounding", '```json\n[{"bbox_2d": [1, 2, 3, 4]}]', "invalid_json", "character 0"),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": [1, 2, 3, 4]}]\n```', "invalid_json", "character 28"),
    ("qwen3-vl", "spatial_grounding", '```json [{"bbox_2d": [1, 2, 3, 4]}]```', "invalid_json", "character 0"),
    ("qwen3-vl", "spatial_grounding", '```py\n[{"bbox_2d": [1, 2, 3, 4]}]\n```', "invalid_json", "character 0"),
    ("qwen3-vl", "spatial_grounding", '```json\n[{"bbox_2d": [01, 2, 3, 4]}]\n```', "invalid_json", "character 22"),
    ("qwen3-vl", "spatial_grounding", "```json\n```", "invalid_json", "character 0"),
    ("qwen3-vl", "gui_click", '{"bbox_2d": [1, 2, 3, 4]}', "missing_key", "0"),
    ("qwen3-vl", "gui_click", '{"point_2d": [1, 1200]}', "out_of_range", "point.1"),
    ("qwen3-vl", "spatial_grounding", '[{"bbox_2d": ' + "[" * 300 + "]" * 300 + "}]", "invalid_json", ""),
    ("qwen3-vl", "spatial_grounding", "[" * 300 + "]" * 300, "wrong_type", "0"),
    ("qwen2.5-vl", "pointing", '<points x1="6" y1="9" x2="32" alt="cat">cat</points>', "missing_key", "x"),
    ("qwen2.5-vl", "pointing", '<points alt="cat">cat</points>', "missing_key", "x"),
    ("qwen2.5-vl", "pointing", '<points x1="6" y1="9" size="3">cat</points>', "unknown_key", "size"),
    ("qwen2.5-vl", "pointing", '<points x1="6" y1="9" alt2="3">cat</points>', "unknown_key", "alt2"),
    ("internvl", "spatial_grounding", "<box>[1, 2, 3, 4]</box>", "wrong_type", "character 5"),
    ("internvl", "spatial_grounding", "<box>[[1, 2, 3, 4]</box>", "invalid_json", "character 18"),
    ("internvl", "spatial_grounding", "<ref>a<box>[[1, 2, 3, 4]]</box>", "invalid_value", "character 0"),
    ("internvl", "spatial_grounding", "<box>[[1, 2, 3, 4]]</box> is it", "invalid_value", "character 26"),
    ("internvl", "spatial_grounding", "[1, 2, 3, 4]", "wrong_type", "character 0"),
    ("internvl", "spatial_grounding", "[[1, 2, 3, 4]", "invalid_json", "character 13"),
    ("internvl", "spatial_grounding", "<box>[[1, 2, 3, 4], [5, 6, 7, 8]]</box>", "wrong_length", ""),
    ("molmo", "gui_click", '<point x="20" y="12">OK', "invalid_value", "character 0"),
    ("molmo", "gui_click", '<point x="20" y="12">OK</points>', "invalid_value", "character 0"),
    ("molmo", "gui_click", '<point x="2e1" y="12">OK</point>', "wrong_type", "x"),
    ("molmo", "gui_click", '<point x="20" y="120.0">OK</point>', "out_of_range", "point.1"),
    ("molmo", "gui_click", '<point x="20" y="12">OK</point><point x="20" y="12">OK</point>', "wrong_length", ""),
    ("molmo", "gui_click", "There are none.", "wrong_length", ""),
    ("molmo", "pointing", "There are none", "invalid_value", "character 0"),
    ("molmo", "pointing", '<point x="20" y="12">OK</point>, and one', "invalid_value", "character 31"),
    ("molmo2", "pointing", '<points coords="1 1 073">a</points>', "wrong_length", "coords"),
    ("molmo2", "pointing", '<points coords="1.5 1 073 100">a</points>', "wrong_type", "coords.0"),
    ("molmo2", "pointing", '<points coords="1 a 073 100">a</points>', "wrong_type", "coords.1"),
    ("molmo2", "pointing", '<points coords="1 1 073 a">a</points>', "wrong_type", "coords.3"),
    ("molmo2", "pointing", '<points x1="1" y1="2">a</points>', "unknown_key", None),
    ("molmo2", "pointing", '<points alt="a">a</points>', "missing_key", "coords"),
    ("mm:ss", "temporal_grounding", "12.5 - 75", "invalid_value", ""),
    ("mm:ss", "temporal_grounding", "00:12", "invalid_value", ""),
    ("mm:ss", "temporal_grounding", "00:12 - 00:75", "invalid_value", ""),
    ("mm:ss", "temporal_grounding", "00:15 - 00:12", "bad_order", "time"),
    ("mm:ss", "temporal_grounding", "00:12 - 00:15 and 00:20 - 00:21", "wrong_length", ""),
    ("mm:ss", "temporal_grounding", '{"time": [12, 75]}', "wrong_type", "0.0"),
    ("mm:ss", "temporal_grounding", '{"time": ["00:12"]}', "wrong_length", "0"),
    ("mm:ss", "temporal_grounding", '{"begin": "00:12", "end": "00:15"}', "missing_key", "0"),
    ("mm:ss", "temporal_grounding", '{"time": ["00:12", "00:15"', "invalid_json", "character 26"),
    ("mm:ss", "spatio_temporal_grounding", '{"time": [1, 2], "boxes": {"1": [1, 2, 3, 4]}}', "wrong_type", "time.0"),
    ("mm:ss", "video_segmentation", '{"time": 4}', "wrong_type", "time"),
    ("mm:ss", "spatio_temporal_grounding", '{"boxes": {"1": [1, 2, 3, 4]}}', "missing_key", "time"),
    ("seconds-text", "temporal_grounding", "12.5", "invalid_value", ""),
    ("seconds-text", "temporal_grounding", "00:12 to 00:15", "invalid_value", ""),
    ("seconds-text", "temporal_grounding", "-1 to 3", "invalid_value", ""),
    ("seconds-text", "temporal_grounding", "12.5 to 75 minutes", "invalid_value", ""),
]


@pytest.mark.parametrize(("dialect", "task", "text", "code", "where"), NEAR_MISSES)
def test_what_is_nearly_in_a_dialect_has_a_code_and_a_place(
    dialect: str, task: str, text: str, code: str, where: str | None
) -> None:
    parsed = otr.parse_answer(text, task, dialect=dialect, size=SIZE)
    assert parsed.detail is not None
    assert (parsed.answer, parsed.failure, parsed.format_fault) == (None, code, code)
    assert where in (None, parsed.detail.where)


def test_a_dialect_is_named_and_never_guessed() -> None:
    for case in NATIVE:
        if json.dumps(case.ours) != case.text and case.dialect != "qwen2.5-vl":
            assert otr.parse_answer(case.text, case.task).failure is not None


@pytest.mark.parametrize(
    ("schema", "dialect"), [*FOREIGN_SCHEMAS, *((schema, "onethinker") for schema in valid.JSON_SCHEMAS)]
)
@given(data=st.data())
@settings(max_examples=FEW)
def test_what_a_dialect_writes_it_reads(schema: type[BaseModel], dialect: str, data: st.DataObject) -> None:
    value = data.draw(testing.values(schema))
    size = data.draw(st.sampled_from([SIZE, (1000.0, 1000.0), (7.0, 3000.5)]))
    written = DIALECTS[dialect]
    unsayable = written.syntax(schema) is not None and (
        (schema is PointTargets and "points" not in value)
        or any(set('<>"') & set(item.get("label", "")) for item in value.get("objects", []))
    )
    if unsayable:
        return
    read = written.load(written.write(value, schema, size), schema, size)
    # The schema gives an object without a label an empty one.
    found, wanted = (flat(schema.model_validate_json(json.dumps(each))) for each in (read, value))
    assert [each for each in found if isinstance(each, str)] == [each for each in wanted if isinstance(each, str)]
    numbers = [[each for each in every if isinstance(each, float)] for every in (found, wanted)]
    assert numbers[0] == pytest.approx(numbers[1], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("schema", "dialect"), FOREIGN_SCHEMAS)
@given(data=st.data())
@settings(max_examples=FEW // 2)
def test_columns_agree_with_the_definition(schema: type[BaseModel], dialect: str, data: st.DataObject) -> None:
    texts = data.draw(st.lists(testing.any_answer(schema, dialect=dialect), min_size=1, max_size=4))
    for rules in ("strict", "lenient"):
        assert_agrees(schema, texts, rules=rules, dialect=DIALECTS[dialect], sizes=[SIZE] * len(texts))


@pytest.mark.no_cover
@pytest.mark.parametrize(("schema", "dialect"), FOREIGN_SCHEMAS)
def test_columns_agree_on_hostile_texts_and_near_misses(schema: type[BaseModel], dialect: str) -> None:
    # A track of 10,001 boxes, which takes seconds, is in no dialect's own syntax.
    hostile = [text for name, text in testing.HOSTILE.items() if name != "10,001 boxes"]
    texts = [*hostile, *(row[2] for row in NEAR_MISSES), *(case.text for case in NATIVE)]
    for rules in ("strict", "lenient"):
        assert_agrees(schema, texts, rules=rules, dialect=DIALECTS[dialect], sizes=[SIZE] * len(texts))


@pytest.mark.parametrize(("task", "dialect"), FOREIGN_TASKS)
def test_parse_and_score_agree(task: str, dialect: str) -> None:
    texts = [case.text for case in NATIVE] + [row[2] for row in NEAR_MISSES]
    recipe = otr.Recipe(dialect=dialect)
    batch = otr.score(
        [wrap(text) for text in texts], [REFERENCES[task]] * len(texts), task, recipe=recipe, sizes=[SIZE] * len(texts)
    )
    for row, text in enumerate(texts):
        parsed = otr.parse(wrap(text), task, recipe=recipe, size=SIZE)
        assert (batch.failure[row], batch.format_fault[row]) == (parsed.failure, parsed.format_fault), text
        assert batch.details[row] == parsed.detail, text


class TestUnits:
    @pytest.mark.parametrize(
        ("coordinates", "text"),
        [("unit", "[0.1, 0.2, 0.3, 0.4]"), ("percent", "[10, 20, 30, 40]"), ("pixels", "[64, 96, 192, 192]")],
    )
    def test_coordinates_become_thousandths(self, coordinates: Any, text: str) -> None:
        dialect = Dialect("mine", coordinates=coordinates)
        parsed = otr.parse_answer(f'{{"boxes": {text}}}', "spatial_grounding", dialect=dialect, size=SIZE)
        assert parsed.answer.boxes == pytest.approx((100, 200, 300, 400))

    def test_x_and_y_take_turns_in_corners_points_and_tracks(self) -> None:
        dialect = Dialect("mine", coordinates="pixels")
        for task, text, expected in [
            (
                "rotated_box",
                '{"corners": [[64, 48], [128, 48], [128, 96], [64, 96]]}',
                [100, 100, 200, 100, 200, 200, 100, 200],
            ),
            ("pointing", '{"points": [[64, 48], [640, 0]]}', [100, 100, 1000, 0]),
            ("point_tracking", '{"points": {"1": [64, 48], "2": null}}', [100, 100]),
            ("tracking", '{"boxes": {"1": [64, 48, 128, 96]}}', [100, 100, 200, 200]),
        ]:
            answer = otr.parse_answer(text, task, dialect=dialect, size=SIZE).answer
            assert [item for item in flat(answer) if isinstance(item, float)] == pytest.approx(expected)

    def test_a_turned_box_is_in_pixels_in_any_dialect(self) -> None:
        text = '{"box": [320, 240, 64, 48, 90]}'
        for name in ("onethinker", "qwen2.5-vl", "molmo"):
            answer = otr.parse_answer(text, "rotated_box", dialect=name, size=SIZE).answer
            assert answer == otr.parse_answer(text, "rotated_box", size=SIZE).answer
            assert answer is not None
        assert json.loads(
            DIALECTS["qwen2.5-vl"].write(json.loads(text), otr.TASKS["rotated_box"].schema, SIZE)
        ) == json.loads(text)

    def test_coordinates_beyond_double_range(self) -> None:
        dialect = Dialect("mine", coordinates="unit")
        for task in ("gui_click", "spatial_grounding"):
            schema = otr.TASKS[task].schema
            assert_agrees(schema, ['{"point": [1e308, 0]}', '{"boxes": [0, 0, 1e308, 1]}'], dialect=dialect)

    def test_pixels_need_a_size_whatever_the_model_wrote(self) -> None:
        for text in ('{"bbox_2d": [1, 2, 3, 4]}', "x", "{}"):
            with pytest.raises(otr.ArgumentError, match=r"the dialect qwen2\.5-vl writes pixels: give the size"):
                otr.parse_answer(text, "spatial_grounding", dialect="qwen2.5-vl")
        with pytest.raises(otr.ArgumentError, match="writes pixels"):
            DIALECTS["qwen2.5-vl"].write({"boxes": [1, 2, 3, 4]}, SingleBox)
        with pytest.raises(otr.ArgumentError, match="writes pixels"):
            DIALECTS["qwen2.5-vl"].in_thousandths({"boxes": [1, 2, 3, 4]}, None)
        with pytest.raises(otr.ArgumentError, match=r"rows .* have no size"):
            otr.score(
                ["", ""],
                [REFERENCES["spatial_grounding"]] * 2,
                "spatial_grounding",
                recipe=otr.Recipe(dialect="qwen2.5-vl"),
                sizes=[None, SIZE],
            )

    def test_answers_without_coordinates_need_none(self) -> None:
        assert otr.parse_answer('{"time": [1, 2]}', "temporal_grounding", dialect="qwen2.5-vl").failure is None
        assert otr.parse_answer("7", "numerical", dialect="qwen2.5-vl").failure is None
        assert DIALECTS["qwen2.5-vl"].write({"time": [1, 2]}, TimeSpan) == '{"time": [1, 2]}'


class TestOwnDialects:
    def test_a_function_from_text_to_our_form(self) -> None:
        def corners(text: str) -> str | None:
            found = re.fullmatch(r"from (\d+),(\d+) to (\d+),(\d+)", text)
            return None if found is None else f'{{"boxes": [{", ".join(found.groups())}]}}'

        recipe = otr.Recipe(dialect=corners, reference_dialect=corners)
        batch = otr.score([wrap("from 1,2 to 3,4")], ["from 1,2 to 3,4"], "spatial_grounding", recipe=recipe)
        assert batch.total.tolist() == [2.0]
        parsed = otr.parse_answer("nowhere", "spatial_grounding", dialect=corners)
        assert parsed.failure == "invalid_value"
        assert parsed.detail is not None
        assert parsed.detail.message == "found nowhere, expected an answer in the dialect corners"
        with pytest.raises(otr.ArgumentError, match="is a function that reads"):
            find_dialect(corners).write({"boxes": [1, 2, 3, 4]}, SingleBox)
        with pytest.raises(otr.ArgumentError, match="no JSON"):
            otr.json_schema("spatial_grounding", dialect=corners)

    def test_a_function_of_one_kind(self) -> None:
        def semicolons(text: str) -> list[Item]:
            return [Item([float(number) for number in text.split(";")], "it")]

        dialect = Dialect("mine", boxes=semicolons, coordinates="percent")
        assert otr.parse_answer("1;2;3;4", "spatial_grounding", dialect=dialect).answer.boxes == (10, 20, 30, 40)
        assert otr.parse_answer("1;2;3;4", "detection", dialect=dialect).answer.objects[0].label == "it"
        with pytest.raises(otr.ArgumentError, match="is a function that reads"):
            dialect.write({"boxes": [1, 2, 3, 4]}, SingleBox)
        assert dialect.pattern(SingleBox) is None

    def test_a_function_for_times_reads_no_times_inside_of_other_answers(self) -> None:
        dialect = Dialect("mine", times=lambda text: [Item([1.0, 2.0])])
        assert otr.parse_answer("any", "temporal_grounding", dialect=dialect).answer.time == (1, 2)
        text = '{"time": [1, 2], "boxes": {"1": [1, 2, 3, 4]}}'
        assert otr.parse_answer(text, "spatio_temporal_grounding", dialect=dialect).failure is None

    def test_a_syntax_with_one_pattern(self) -> None:
        dialect = Dialect("mine", boxes=Syntax(read=lambda text: [], pattern="@,@"), coordinates="percent")
        assert dialect.pattern(SingleBox) == "@,@".replace("@", r"(?:100|(?:0|[1-9][0-9]?)(?:\.[0-9]{1,3})?)")
        assert dialect.pattern(TimeSpan) is None

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Dialect("mine", coordinates="inches"), "coordinates is one of thousandths, pixels, unit, percent"),  # type: ignore[arg-type]
            (lambda: Dialect("mine", boxes="xyxy"), "boxes is a function or a Syntax, not 'xyxy'"),  # type: ignore[arg-type]
            (lambda: find_dialect("qwen"), "no dialect 'qwen'; there are onethinker, qwen3-vl"),
            (lambda: find_dialect(["qwen3-vl"]), "no dialect"),  # type: ignore[arg-type]
            (lambda: otr.Recipe(dialect="qwen"), "no dialect 'qwen'"),
            (lambda: otr.parse("x", "ocr", dialect="qwen"), "no dialect 'qwen'"),
            (lambda: otr.parse("x", "ocr", recipe="release", dialect="molmo"), "release compares texts as they are"),
            (lambda: otr.prompt("ocr", "?", dialect="qwen"), "no dialect 'qwen'"),
            (lambda: otr.json_schema("pointing", dialect="molmo"), "are no JSON; answer_pattern describes them"),
            (lambda: otr.answer_pattern("pointing", dialect="qwen3-vl"), "are JSON; json_schema describes them"),
            (
                lambda: DIALECTS["internvl"].write({"objects": [{"box": [1, 2, 3, 4], "label": "<b>"}]}, Detections),
                "cannot be written between tags",
            ),
            (lambda: DIALECTS["molmo"].write({"boxes": [[1, 2, 3, 4]]}, PointTargets), "points say nothing of boxes"),
        ],
    )
    def test_mistakes(self, make: Callable[[], Any], message: str) -> None:
        with pytest.raises(otr.ArgumentError, match=re.escape(message)):
            make()

    def test_shipped_ones_travel_by_name(self) -> None:
        for dialect in DIALECTS.values():
            assert pickle.loads(pickle.dumps(dialect)) is dialect
            assert copy.deepcopy(dialect) is dialect
        mine = Dialect("qwen3-vl", coordinates="percent")
        assert pickle.loads(pickle.dumps(mine)) == mine
        assert repr(mine) == "Dialect('qwen3-vl', coordinates='percent')"


class TestGrammars:
    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize(("task", "dialect"), FOREIGN_TASKS)
    def test_what_they_allow_has_the_format(self, task: str, dialect: str, engine: str) -> None:
        start = matchers(engine, "response", otr.response_grammar(task, engine=engine, think="none", dialect=dialect))
        for text in samples(start, 8):
            parsed = otr.parse(text, task, think="none", dialect=dialect, size=SIZE)
            allowed = {None, FailureCode.BAD_ORDER, *((FailureCode.OUT_OF_RANGE,) if dialect == "qwen2.5-vl" else ())}
            assert parsed.failure in allowed, text
            assert parsed.format_fault == parsed.failure

    @pytest.mark.parametrize("engine", ENGINES)
    @pytest.mark.parametrize(("task", "dialect"), FOREIGN_TASKS)
    def test_the_example_of_the_prompt_is_allowed_and_read(self, task: str, dialect: str, engine: str) -> None:
        text = otr.prompt(task, "?", dialect=dialect).rpartition("For example: ")[2]
        assert otr.parse(text, task, think="none", dialect=dialect, size=(1000, 1000)).format_fault is None
        # Guided answers have no code fence.
        bare = text.replace("```json\n", "").replace("\n```", "")
        start = matchers(engine, "response", otr.response_grammar(task, engine=engine, think="none", dialect=dialect))
        assert accepts(start, bare)

    @pytest.mark.parametrize(("task", "dialect"), FOREIGN_TASKS)
    def test_schemas_and_patterns_take_native_answers(self, task: str, dialect: str) -> None:
        pattern = DIALECTS[dialect].pattern(otr.TASKS[task].schema)
        text = otr.prompt(task, "?", dialect=dialect).rpartition("<answer>")[2].removesuffix("</answer>")
        if pattern is None:
            bare = text.removeprefix("```json\n").removesuffix("\n```")
            jsonschema.Draft202012Validator(otr.json_schema(task, dialect=dialect)).validate(json.loads(bare))
        else:
            assert otr.answer_pattern(task, dialect=dialect) == pattern
            assert re.fullmatch(pattern, text)


PIECES = {
    "spaces": " ",
    "lines": "\n",
    "open fence": "```json\n",
    "tags": "<point ",
    "closed tags": "<ref>",
    "boxes": "<box>[",
    "points": '<point x="1" y="1">',
    "attributes": ' x1="1"',
    "brackets": "[",
    "braces": "{",
    "digits": "9",
    "times": "00:01",
    "spans": "00:01 - ",
    "and": " and ",
    "letters": "a",
    "quotes": '"',
}


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("dialect", FOREIGN)
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("before", ["", "[", "<", '<points coords="', "<box>", "```json\n", "00:01"])
def test_a_long_text_takes_linear_time(piece: str, before: str, dialect: str) -> None:
    text = before + PIECES[piece] * (200_000 // len(PIECES[piece])) + "x"
    started = time.process_time()
    for schema in (SingleBox, otr.TASKS["pointing"].schema, TimeSpan, ClickTarget):
        with pytest.raises((DialectFault, orjson.JSONDecodeError)):
            DIALECTS[dialect].load(text, schema, SIZE)
    # Some milliseconds if it is linear, at least a minute if it is not.
    assert time.process_time() - started < 20


@pytest.mark.parametrize("name", DIALECTS)
def test_nothing_at_all_is_no_empty_list(name: str) -> None:
    with pytest.raises(DialectFault) as caught:
        DIALECTS[name].load(" ", otr.TASKS["pointing"].schema, (640.0, 480.0))
    assert caught.value.code == "empty_answer"
