"""Pixels to thousandths and back: what is converted, and that nothing else is touched."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import BoxTrack, SingleBox, read_answer, resized, to_pixels, to_thousandths
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.testing import valid
from tests.answers import oracles

SIZES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@pytest.mark.parametrize(
    ("text", "converted"),
    [
        pytest.param('{"boxes": [64, 48, 320, 240]}', '{"boxes": [100.0, 100.0, 500.0, 500.0]}', id="a box"),
        pytest.param('{"boxes":[0,0,640,480]}', '{"boxes":[0.0,0.0,1000.0,1000.0]}', id="the whole image"),
        pytest.param('{"boxes": [6.4, 4.8, 64e0, 480E-1]}', '{"boxes": [10.0, 10.0, 100.0, 100.0]}', id="decimals"),
        pytest.param('{"boxes": [-64, 48, 1280, 960]}', '{"boxes": [-100.0, 100.0, 2000.0, 2000.0]}', id="outside"),
        pytest.param(
            '{"time": [64, 48], "boxes": {"64": [64, 48, 64, 48], "7": [0, 0, 64, 48]}}',
            '{"time": [64, 48], "boxes": {"64": [100.0, 100.0, 100.0, 100.0], "7": [0.0, 0.0, 100.0, 100.0]}}',
            id="a track, its seconds and span as they were",
        ),
        pytest.param(
            '{"positive_points": [[64, 48], [640, 480]], "time": 64, "negative_points": [[0, 48]]}',
            '{"positive_points": [[100.0, 100.0], [1000.0, 1000.0]], "time": 64, "negative_points": [[0.0, 100.0]]}',
            id="points",
        ),
        pytest.param(
            '[{"bbox_2d": [64, 48, 320, 240], "label": "64 dogs"}, {"bbox_2d": [64, 48]}]',
            '[{"bbox_2d": [100.0, 100.0, 500.0, 500.0], "label": "64 dogs"}, {"bbox_2d": [100.0, 100.0]}]',
            id="a list of labeled boxes",
        ),
        pytest.param('{"boxes": [[64, 48, 64, 48]]}', '{"boxes": [[100.0, 100.0, 100.0, 100.0]]}', id="a nested box"),
        pytest.param("{'boxes': [64, 48,],}", "{'boxes': [100.0, 100.0,],}", id="single quotes and commas"),
        pytest.param('```json\n{"boxes": [64]}\n```', '```json\n{"boxes": [100.0]}\n```', id="a fence"),
        pytest.param(
            '{"boxes": {"1": [64, 48, 64, 4', '{"boxes": {"1": [100.0, 100.0, 100.0, 8.333333333333334', id="cut off"
        ),
        pytest.param('{"boxes" : [64 , 48]}', '{"boxes" : [100.0 , 100.0]}', id="spaces"),
        pytest.param(
            '{"boxes": [64, "48", null, true, 64]}', '{"boxes": [100.0, "48", null, true, 100.0]}', id="types"
        ),
        pytest.param(
            '{"boxes": [NaN, 48, 1e999, 1e308]}', '{"boxes": [NaN, 100.0, 1e999, 1e308]}', id="beyond doubles"
        ),
        pytest.param('{"boxes": [1_0, 64px, 0x40, 6.4.8]}', '{"boxes": [1_0, 64px, 0x40, 6.4.8]}', id="no numbers"),
        pytest.param('{"boxes": [064, -048, +64, --64, 64.]}', '{"boxes": [064, -048, +64, --64, 64.]}', id="no JSON"),
        pytest.param('{"point": [64, 48]}', '{"point": [100.0, 100.0]}', id="a click"),
        pytest.param(
            '{"points": [[64, 48], [0, 48]]}', '{"points": [[100.0, 100.0], [0.0, 100.0]]}', id="a set of points"
        ),
        pytest.param(
            '{"points": {"1": [64, 48], "2": null}}', '{"points": {"1": [100.0, 100.0], "2": null}}', id="a point track"
        ),
        pytest.param(
            '{"objects": [{"box": [64, 48, 64, 48], "label": "48 cats"}, {"label": "a", "box": [0, 0, 64, 48]}]}',
            '{"objects": [{"box": [100.0, 100.0, 100.0, 100.0], "label": "48 cats"}, '
            '{"label": "a", "box": [0.0, 0.0, 100.0, 100.0]}]}',
            id="objects",
        ),
        pytest.param(
            '{"corners": [[64, 48], [64, 48]]}', '{"corners": [[100.0, 100.0], [100.0, 100.0]]}', id="corners"
        ),
        pytest.param(
            '{"bbox": [64, 48]} {"point_2d": [64, 48]}',
            '{"bbox": [100.0, 100.0]} {"point_2d": [100.0, 100.0]}',
            id="other keys",
        ),
        pytest.param('{"box": [320, 240, 64, 48, 90]}', '{"box": [320, 240, 64, 48, 90]}', id="a turned box"),
        pytest.param('{"boxes": 64, "time": 64}', '{"boxes": 64, "time": 64}', id="no list"),
        pytest.param('{"boxes": null, "time": [64]}', '{"boxes": null, "time": [64]}', id="null"),
        pytest.param('{"boxes": true}, [64]', '{"boxes": true}, [64]', id="a value that ends at once"),
        pytest.param('{"boxes": "x", "frame": [64]}', '{"boxes": "x", "frame": [64]}', id="other keys"),
        pytest.param('{"label": "\\"boxes\\": [64]"}', '{"label": "\\"boxes\\": [64]"}', id="a key within a string"),
        pytest.param('{"a": "boxes", "b": [64]}', '{"a": "boxes", "b": [64]}', id="a key's name as a value"),
        pytest.param('{"label": "boxes: [64]', '{"label": "boxes: [64]', id="a string without end"),
        pytest.param("[64, 48]", "[64, 48]", id="a bare list"),
        pytest.param("64", "64", id="a bare number"),
        pytest.param("a dog at 64, 48", "a dog at 64, 48", id="prose"),
        pytest.param("", "", id="nothing"),
        pytest.param("\ud800\x00", "\ud800\x00", id="damage"),
    ],
)
def test_to_thousandths(text: str, converted: str) -> None:
    assert to_thousandths(text, 640, 480) == converted


def test_x_and_y_take_turns_in_each_list() -> None:
    text = '{"boxes": {"1": [1, 1, 1], "2": [1, 1]}, "positive_points": [[1, 1], [1], [1, 1]]}'
    assert json.loads(to_pixels(text, 2000, 3000)) == {
        "boxes": {"1": [2.0, 3.0, 2.0], "2": [2.0, 3.0]},
        "positive_points": [[2.0, 3.0], [2.0], [2.0, 3.0]],
    }


@pytest.mark.parametrize(
    ("response", "converted"),
    [
        pytest.param(
            '<think>At {"boxes": [64, 48]}.</think><answer>{"boxes": [64, 48]}</answer><|im_end|>',
            '<think>At {"boxes": [64, 48]}.</think><answer>{"boxes": [100.0, 100.0]}</answer><|im_end|>',
            id="the answer alone",
        ),
        pytest.param(
            '<think><answer>{"boxes": [64]}</answer></think>\n<answer>{"boxes": [64]}</answer> {"boxes": [64]}',
            '<think><answer>{"boxes": [64]}</answer></think>\n<answer>{"boxes": [100.0]}</answer> {"boxes": [64]}',
            id="the last answer",
        ),
        pytest.param('<answer>{"boxes": [64', '<answer>{"boxes": [100.0', id="never closed"),
        pytest.param("<answer></answer>", "<answer></answer>", id="empty"),
    ],
)
def test_responses(response: str, converted: str) -> None:
    assert to_thousandths(response, 640, 480) == converted


def test_faults_stay_and_repairs_find_scaled_numbers() -> None:
    """Strict scoring still refuses the text, and what lenient rules mend is converted already."""
    quoted = to_thousandths("{'boxes': [64, 48, 320, 240],}", 640, 480)
    assert read_answer(quoted, SingleBox).failure == "invalid_json"
    assert read_answer(quoted, SingleBox, rules="lenient").answer == SingleBox(boxes=(100.0, 100.0, 500.0, 500.0))
    cut = to_thousandths('{"boxes": {"1": [64, 48, 320, 240], "2": [64', 640, 480)
    assert read_answer(cut, BoxTrack, rules="lenient").answer == BoxTrack(boxes={"1": (100.0, 100.0, 500.0, 500.0)})


def close(left: Any, right: Any) -> bool:
    """Say whether two decoded values are the same but for the last digits of their numbers."""
    if isinstance(left, dict):
        return list(left) == list(right) and all(close(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(left, int | float) and not isinstance(left, bool):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-300)
    return left == right


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=lambda schema: schema.__name__)
@given(data=st.data(), size=SIZES)
def test_oracle_and_round_trip(schema: type[BaseModel], data: st.DataObject, size: tuple[int, int]) -> None:
    text = data.draw(valid.json_texts(valid.values(schema)))
    value, (width, height) = json.loads(text), size
    pixels = to_pixels(text, width, height)
    assert close(json.loads(pixels), oracles.scaled(value, width / 1000, height / 1000))
    assert close(json.loads(to_thousandths(pixels, width, height)), value)


@given(text=st.one_of(testing.any_answer(SingleBox), testing.any_answer(BoxTrack)))
def test_the_text_between_numbers_stays(text: str) -> None:
    def bones(text: str) -> str:
        return re.sub(r"[0-9.eE+-]+", "#", text)

    assert bones(to_pixels(text, 640, 480)) == bones(text)


@given(width=st.integers(1, 10_000), height=st.integers(1, 10_000))
def test_the_border_stays_the_border(width: int, height: int) -> None:
    text = f'{{"boxes": [0, 0, {width}, {height}]}}'
    assert json.loads(to_thousandths(text, width, height)) == {"boxes": [0, 0, 1000, 1000]}
    assert json.loads(to_pixels('{"boxes": [0, 0, 1000, 1000]}', width, height)) == {"boxes": [0, 0, width, height]}


@pytest.mark.parametrize("convert", [to_pixels, to_thousandths])
@pytest.mark.parametrize("bad", [0, -1, 0.0, math.nan, math.inf, -math.inf])
def test_sizes(convert: Any, bad: float) -> None:
    for size in ((bad, 480), (640, bad)):
        with pytest.raises(ArgumentError, match="width and height"):
            convert("{}", *size)


@pytest.mark.parametrize("piece", ['"boxes":[', '"\\"', "'\\'", '"boxes":', "[{", "1.1e1x", '"boxes":[1,', "1e", "9"])
def test_a_megabyte_of_anything(piece: str) -> None:
    """One pass: no token is looked at twice, whatever is left open."""
    text = '{"boxes":[' + piece * (1_000_000 // len(piece))
    assert to_pixels(text, 1000, 1000).startswith('{"boxes":[')


@pytest.mark.parametrize(
    ("text", "task", "code"),
    [
        ('{"boxes": [064, 048, 192, 144]}', "spatial_grounding", "invalid_json"),
        ('{"boxes": [64.' + "0" * 500 + ", 48, 192, 144]}", "spatial_grounding", "too_many_digits"),
        ('{"boxes": [+64, 48, 192, 144]}', "spatial_grounding", "invalid_json"),
        ('{"boxes": [64., 48, 192, 144]}', "spatial_grounding", "invalid_json"),
        ('{"boxes": [64, 48, 192]}', "spatial_grounding", "wrong_length"),
        ('{"boxes": [192, 48, 64, 144]}', "spatial_grounding", "bad_order"),
        ('{"point": [01, 2]}', "gui_click", "invalid_json"),
        ('{"objects": [{"box": [1, 2, 3, 04]}]}', "detection", "invalid_json"),
    ],
)
def test_no_fault_heals(text: str, task: str, code: str) -> None:
    for rewrite in (to_thousandths, to_pixels):
        assert otr.parse_answer(text, task).failure == code
        assert otr.parse_answer(rewrite(text, 640, 480), task).failure == code


@pytest.mark.parametrize(
    "size", [("640", 480), (640, "480"), (None, 480), (0, 480), (640, -1), (math.inf, 1), (math.nan, 1)]
)
def test_sizes_that_are_none(size: Any) -> None:
    for rewrite in (to_thousandths, to_pixels):
        with pytest.raises(ArgumentError, match="width and height are positive and finite, not"):
            rewrite("{}", *size)


class TestResized:
    @given(
        width=st.integers(1, 6000),
        height=st.integers(1, 6000),
        limits=st.sampled_from([(3136, 12845056), (56 * 56, 28 * 28 * 1280), (256 * 784, 1280 * 784)]),
        factor=st.sampled_from([28, 32]),
    )
    def test_equals_the_processor(self, width: int, height: int, limits: tuple[int, int], factor: int) -> None:
        """Source: transformers, `models/qwen2_vl/image_processing_qwen2_vl.py`."""
        module = pytest.importorskip("transformers.models.qwen2_vl.image_processing_pil_qwen2_vl")
        if max(width, height) / min(width, height) > 200:
            return
        down, across = module.smart_resize(height, width, factor=factor, min_pixels=limits[0], max_pixels=limits[1])
        assert resized(width, height, factor=factor, min_pixels=limits[0], max_pixels=limits[1]) == (across, down)

    @pytest.mark.parametrize(
        ("size", "expected"),
        [
            ((1920, 1080), (1932, 1092)),
            ((640, 480), (644, 476)),
            ((10, 10), (56, 56)),
            ((28, 5600), (28, 5600)),
            ((6000, 4000), (4368, 2912)),
        ],
    )
    def test_golden(self, size: tuple[int, int], expected: tuple[int, int]) -> None:
        assert resized(*size) == expected

    @pytest.mark.parametrize("size", [(0, 5), (5, 0), (-1, 5), (1, 201), (float("nan"), 5)])
    def test_impossible_sizes(self, size: Any) -> None:
        with pytest.raises(otr.ArgumentError, match="width and height"):
            resized(*size)
