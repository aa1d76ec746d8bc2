"""One answer text in its schema: a named case a code, and what holds for any text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import (
    BoxTrack,
    Limits,
    Number,
    OptionLetter,
    Order,
    ReadAnswer,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    VideoSegmentationPrompt,
    find_answer,
    read_answer,
)
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.testing import valid
from tests.answers.reading import PROMPT
from tests.answers.test_tags import RESPONSES

FEW = settings().max_examples // 3


def track_of(count: int) -> str:
    return json.dumps({"boxes": {str(second): [0, 0, 9, 9] for second in range(count)}})


FAILURES: dict[str, tuple[type[BaseModel], str, str]] = {
    "nothing": (TimeSpan, "", "empty_answer"),
    "white space": (Text, " \n\x1c\u2003", "empty_answer"),
    "an answer too long": (Text, "x" * 1_000_001, "answer_too_long"),
    "an object too long": (TimeSpan, '{"time": [1, 2' + " " * 1_000_000 + "]}", "answer_too_long"),
    # JSON.
    "prose": (TimeSpan, "from 1 to 2", "invalid_json"),
    "text around": (TimeSpan, 'It is {"time": [1, 2]}', "invalid_json"),
    "NaN": (TimeSpan, '{"time": [1, NaN]}', "invalid_json"),
    "Infinity": (TimeSpan, '{"time": [1, Infinity]}', "invalid_json"),
    "beyond a double": (TimeSpan, '{"time": [1, 1e999]}', "invalid_json"),
    "beyond a double, whole": (SingleBox, '{"boxes": [0, 0, 5, ' + "9" * 400 + "]}", "invalid_json"),
    "a leading zero": (TimeSpan, '{"time": [01, 2]}', "invalid_json"),
    "an underscore": (TimeSpan, '{"time": [1, 2_0]}', "invalid_json"),
    "single quotes": (TimeSpan, "{'time': [1, 2]}", "invalid_json"),
    "a trailing comma": (TimeSpan, '{"time": [1, 2],}', "invalid_json"),
    "a fence": (TimeSpan, '```json\n{"time": [1, 2]}\n```', "invalid_json"),
    "cut off": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0,', "invalid_json"),
    "a lone surrogate": (TimeSpan, '{"time": "\ud800"}', "invalid_json"),
    "an escaped lone surrogate": (TimeSpan, '{"time": "\\ud800"}', "invalid_json"),
    "NUL": (TimeSpan, '{"time": [1, 2]}\x00', "invalid_json"),
    "a byte order mark": (TimeSpan, '\ufeff{"time": [1, 2]}', "invalid_json"),
    "nested 300 deep": (SingleBox, '{"boxes": ' + "[" * 300 + "]" * 300 + "}", "invalid_json"),
    "nested 100,000 deep": (SingleBox, '{"boxes": ' + "[" * 100_000 + "]" * 100_000 + "}", "invalid_json"),
    # Not the schema's object.
    "a list": (TimeSpan, "[1, 2]", "not_an_object"),
    "a list of one": (TimeSpan, '[{"time": [1, 2]}]', "not_an_object"),
    "null": (TimeSpan, "null", "not_an_object"),
    "a string": (TimeSpan, '"[1, 2]"', "not_an_object"),
    "no key": (TimeSpan, "{}", "missing_key"),
    "a missing key": (TimedBoxTrack, '{"boxes": {"1": [0, 0, 9, 9]}}', "missing_key"),
    "another spelling": (SingleBox, '{"bbox_2d": [0, 0, 9, 9]}', "missing_key"),
    "a key too many": (TimeSpan, '{"time": [1, 2], "note": "x"}', "unknown_key"),
    # Types and lengths.
    "a string in a list": (TimeSpan, '{"time": ["1", 2]}', "wrong_type"),
    "a boolean": (TimeSpan, '{"time": [true, 2]}', "wrong_type"),
    "null in a list": (SingleBox, '{"boxes": [0, 0, 9, null]}', "wrong_type"),
    "a number for a list": (TimeSpan, '{"time": 3}', "wrong_type"),
    "a list for a number": (VideoSegmentationPrompt, f'{{"time": [1], "boxes": [0, 0, 9, 9], {PROMPT}}}', "wrong_type"),
    "a box for a track": (BoxTrack, '{"boxes": [0, 0, 9, 9]}', "wrong_type"),
    "a track for a box": (SingleBox, '{"boxes": {"1": [0, 0, 9, 9]}}', "wrong_type"),
    "nested 200 deep": (SingleBox, '{"boxes": ' + "[" * 190 + "]" * 190 + "}", "wrong_type"),
    "a box in a list": (SingleBox, '{"boxes": [[0, 0, 9, 9]]}', "wrong_type"),
    "too few times": (TimeSpan, '{"time": [1]}', "wrong_length"),
    "too many times": (TimeSpan, '{"time": [1, 2, 3]}', "wrong_length"),
    "too few coordinates": (BoxTrack, '{"boxes": {"1": [0, 0, 9]}}', "wrong_length"),
    "too few points": (SegmentationPrompt, f'{{"boxes": [0, 0, 9, 9], {PROMPT}}}'.replace("[1, 2], ", "", 1),
    "wrong_length"),
    "too many points": (SegmentationPrompt, f'{{"boxes": [0, 0, 9, 9], {PROMPT}}}'.replace("[[", "[[9, 9], [", 1),
                        "wrong_length"),
    # Order and range.
    "an inverted span": (TimeSpan, '{"time": [5, 2]}', "bad_order"),
    "x inverted": (SingleBox, '{"boxes": [9, 0, 5, 9]}', "bad_order"),
    "no height": (SingleBox, '{"boxes": [0, 5, 9, 5]}', "bad_order"),
    "no width once clipped": (SingleBox, '{"boxes": [1200, 0, 1300, 9]}', "bad_order"),
    "an inverted box in a track": (BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [9, 0, 5, 9]}}', "bad_order"),
    "before 0": (TimeSpan, '{"time": [-1, 2]}', "out_of_range"),
    "both before 0 and inverted": (TimeSpan, '{"time": [-1, -2]}', "out_of_range"),
    "a frame before 0": (VideoSegmentationPrompt, f'{{"time": -0.1, "boxes": [0, 0, 9, 9], {PROMPT}}}', "out_of_range"),
    # Tracks.
    "no boxes": (BoxTrack, '{"boxes": {}}', "empty_track"),
    "a key with a zero": (BoxTrack, '{"boxes": {"01": [0, 0, 9, 9]}}', "bad_frame_key"),
    "a decimal key": (BoxTrack, '{"boxes": {"1.5": [0, 0, 9, 9]}}', "bad_frame_key"),
    "minus zero": (BoxTrack, '{"boxes": {"-0": [0, 0, 9, 9]}}', "bad_frame_key"),
    "a key in words": (TimedBoxTrack, '{"time": [1, 2], "boxes": {"one": [0, 0, 9, 9]}}', "bad_frame_key"),
    "a key in many words": (BoxTrack, '{"boxes": {"the first second": [0, 0, 9, 9]}}', "bad_frame_key"),
    "a key with a line": (BoxTrack, '{"boxes": {"1\\n": [0, 0, 9, 9]}}', "bad_frame_key"),
    "a key of ten digits": (BoxTrack, '{"boxes": {"1234567890": [0, 0, 9, 9]}}', "too_many_digits"),
    "too many boxes": (BoxTrack, track_of(10_001), "too_many_boxes"),
    # Letters and numbers.
    "a hedge": (OptionLetter, "A or B", "no_option_letter"),
    "a surrogate for a letter": (OptionLetter, "\ud800", "no_option_letter"),
    "a unit": (Number, "12 cm", "not_a_number"),
    "an infinite number": (Number, "1e999", "not_a_number"),
    "401 digits": (Number, "7" * 401, "too_many_digits"),
    # The first fault in the schema's order is named.
    "a key missing and one too many": (TimeSpan, '{"when": [1, 2]}', "missing_key"),
    "a time and a box inverted": (TimedBoxTrack, '{"boxes": {"1": [9, 0, 5, 9]}, "time": [-1, 0]}', "out_of_range"),
}  # fmt: skip


def case_ids(table: dict[str, tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*case, id=name) for name, case in table.items()]


@pytest.mark.parametrize(("schema", "text", "code"), case_ids(FAILURES))
def test_failures(schema: type[BaseModel], text: str, code: str) -> None:
    """A failure leaves no answer and no repairs, and is the schema's fault too."""
    read = read_answer(text, schema)
    assert read._replace(detail=None) == ReadAnswer(None, FailureCode(code), (), FailureCode(code))
    assert read.detail is not None
    assert read.detail.expected
    assert len(read.detail.message.splitlines()) == 1
    assert len(read.detail.message) < 250


EXPECTED = {
    "too few": (TimeSpan, '{"time": [1]}', "time.1: found nothing, expected one more value"),
    "too many": (TimeSpan, '{"time": [1, 2, 3]}', "time: found [1,2,3], expected at most 2 items"),
    "an order": (TimeSpan, '{"time": [2, 1]}', "time: found [2,1], expected a start and an end with start <= end"),
    "a key": (TimeSpan, "{}", "time: found nothing, expected this key"),
    "keys": (TimeSpan, '{"time": [1, 2], "x": 1}', 'x: found 1, expected no keys but "time"'),
    "a range": (TimeSpan, '{"time": [-1, 2]}', "time.0: found -1, expected a number greater than or equal to 0"),
    "a type": (TimeSpan, '{"time": ["a", 2]}', 'time.0: found "a", expected a valid number'),
    "a frame key": (
        BoxTrack, '{"boxes": {"01": [0, 0, 9, 9]}}', 'boxes.01: found "01", expected a whole second, such as "12"'
    ),
    "a box": (SingleBox, '{"boxes": [9, 0, 5, 9]}',
              "boxes: found [9,0,5,9], expected x1, y1, x2, y2 with x1 < x2 and y1 < y2"),
    "a pattern": (Order, '{"order": ["<"]}', "order.0: found \"<\", expected text that matches the pattern '^[^<]*$'"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "text", "message"), case_ids(EXPECTED))
def test_what_was_expected_is_a_noun_phrase(schema: type[BaseModel], text: str, message: str) -> None:
    detail = read_answer(text, schema).detail
    assert detail is not None
    assert detail.message == message


# Codes of the tags are reached in test_tags; these belong to layers above.
OF_TAGS = {
    "missing_answer", "unclosed_answer", "several_answers", "tag_in_answer", "missing_think", "several_thinks",
    "text_outside_tags", "response_too_long",
}  # fmt: skip
ABOVE = {"unreadable_math", "math_timeout", "bad_reference", *(code for code in FailureCode if code.is_judge_failure)}


class Loud(BaseModel):
    """A user's schema with a rule that ours do not have."""

    model_config = ConfigDict(strict=True)

    word: str

    def model_post_init(self, context: Any) -> None:
        if self.word != self.word.upper():
            raise ValueError("say it loudly")


def test_a_rule_of_a_users_own() -> None:
    assert read_answer('{"word": "YES"}', Loud).answer == Loud(word="YES")
    assert read_answer('{"word": "no"}', Loud).failure is FailureCode.INVALID_VALUE
    assert read_answer('{"word": "\ud83d"}', Loud).failure is FailureCode.INVALID_JSON


def test_every_failure_code_is_reached() -> None:
    reached = {code for _, _, code in FAILURES.values()} | {"invalid_value"} | OF_TAGS
    assert reached | ABOVE == set(FailureCode)
    assert reached.isdisjoint(ABOVE)


ACCEPTED: dict[str, tuple[type[BaseModel], str, Any]] = {
    "a span": (TimeSpan, '{"time": [1, 2.5]}', {"time": (1.0, 2.5)}),
    "white space": (TimeSpan, '\u2003{ "time"\n:[ 1,\t2 ] }\x1c', {"time": (1.0, 2.0)}),
    "an exponent": (TimeSpan, '{"time": [1e0, 2E+1]}', {"time": (1.0, 20.0)}),
    "an escaped key": (TimeSpan, '{"\\u0074ime": [1, 2]}', {"time": (1.0, 2.0)}),
    "a repeated key": (TimeSpan, '{"time": "x", "time": [1, 2]}', {"time": (1.0, 2.0)}),
    "a repeated frame": (BoxTrack, '{"boxes": {"1": 5, "1": [0, 0, 9, 9]}}', {"boxes": {"1": (0.0, 0.0, 9.0, 9.0)}}),
    "minus zero": (TimeSpan, '{"time": [-0, -0.0]}', {"time": (0.0, 0.0)}),
    "more digits than a double": (TimeSpan, '{"time": [0, 9007199254740993]}', {"time": (0.0, 9007199254740992.0)}),
    "beyond 64 bits": (TimeSpan, '{"time": [0, 18446744073709551617]}', {"time": (0.0, 2.0**64)}),
    "a late frame": (
        BoxTrack,
        '{"boxes": {"999999999": [0, 0, 9, 9]}}',
        {"boxes": {"999999999": (0.0, 0.0, 9.0, 9.0)}},
    ),
    "a letter": (OptionLetter, "**b**", "B"),
    "a number": (Number, " 1,234.5 ", 1234.5),
    "text": (Text, "  a / b < c  ", "a / b < c"),
    "a surrogate in text": (Text, "a\ud800", "a\ud800"),
    "NUL in text": (Text, "\x00", "\x00"),
    "JSON as text": (Text, '{"time": [1, 2]}', '{"time": [1, 2]}'),
    "tags as text": (Text, "<b>", "<b>"),
    "text as long as may be": (Text, "x" * 1_000_000, "x" * 1_000_000),
    "as many boxes as may be": (
        BoxTrack,
        track_of(10_000),
        {"boxes": dict.fromkeys(map(str, range(10_000)), (0.0, 0.0, 9.0, 9.0))},
    ),
}


@pytest.mark.parametrize("rules", ["strict", "lenient"])
@pytest.mark.parametrize(("schema", "text", "value"), case_ids(ACCEPTED))
def test_accepted(schema: type[BaseModel], text: str, value: Any, rules: Any) -> None:
    """A sound answer needs no repair under any rules."""
    read = read_answer(text, schema, rules=rules)
    assert read[1:] == (None, (), None, None)
    assert read.answer is not None
    assert read.answer.model_dump() == value


CLIPPED: dict[str, tuple[type[BaseModel], str, Any]] = {
    "below 0": (SingleBox, '{"boxes": [-3, -0.5, 500, 400]}', {"boxes": (0.0, 0.0, 500.0, 400.0)}),
    "beyond 1000": (SingleBox, '{"boxes": [1, 2, 1000.5, 1e308]}', {"boxes": (1.0, 2.0, 1000.0, 1000.0)}),
    "far beyond": (SingleBox, '{"boxes": [-1e308, 2, 3, 18446744073709551617]}', {"boxes": (0.0, 2.0, 3.0, 1000.0)}),
    "in a track": (BoxTrack, '{"boxes": {"0": [-1, 2, 3, 4]}}', {"boxes": {"0": (0.0, 2.0, 3.0, 4.0)}}),
    "in one frame of several": (
        BoxTrack,
        '{"boxes": {"1": [1, 2, 3, 4], "2": [1, 2, 1001, 4]}}',
        {"boxes": {"1": (1.0, 2.0, 3.0, 4.0), "2": (1.0, 2.0, 1000.0, 4.0)}},
    ),
    "a box beside points": (
        SegmentationPrompt,
        f'{{"boxes": [-1, 0, 9, 9], {PROMPT}}}',
        {
            "boxes": (0.0, 0.0, 9.0, 9.0),
            "positive_points": ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
            "negative_points": ((1.0, 2.0), (3.0, 4.0), (5.0, 6.0)),
        },
    ),
    "points": (
        SegmentationPrompt,
        f'{{"boxes": [0, 0, 9, 9], {PROMPT}}}'.replace("[3, 4]", "[-3, 1004]"),
        {
            "boxes": (0.0, 0.0, 9.0, 9.0),
            "positive_points": ((1.0, 2.0), (0.0, 1000.0), (5.0, 6.0)),
            "negative_points": ((1.0, 2.0), (0.0, 1000.0), (5.0, 6.0)),
        },
    ),
}


@pytest.mark.parametrize(("schema", "text", "value"), case_ids(CLIPPED))
def test_clipped(schema: type[BaseModel], text: str, value: Any) -> None:
    """Coordinates outside are moved to the border, under strict rules too, and cost no format."""
    read = read_answer(text, schema)
    assert (read.failure, read.repairs, read.schema_fault) == (None, ("clipped",), None)
    assert read.answer is not None
    assert read.answer.model_dump() == value


def test_times_are_not_clipped() -> None:
    assert read_answer('{"time": [5, 5000]}', TimeSpan).repairs == ()
    timed = '{"time": [5, 5000], "boxes": {"1": [0, 0, 9, 9]}}'
    assert read_answer(timed, TimedBoxTrack).repairs == ()


def test_a_coordinate_at_the_border_is_not_clipped() -> None:
    assert read_answer('{"boxes": [0, -0.0, 1000, 1000.0]}', SingleBox).repairs == ()


def test_the_release_is_a_recipe_not_rules() -> None:
    """An answer is read strictly or leniently; the release compares the text as it is."""
    fenced = "```\n5\n```"
    assert read_answer(fenced, Number).failure is FailureCode.NOT_A_NUMBER
    assert read_answer(fenced, Number, rules="lenient").answer == 5.0
    assert otr.parse_answer(fenced, "numerical", recipe="release").answer == fenced
    with pytest.raises(otr.ArgumentError, match="rules"):
        otr.parse_answer(fenced, "numerical", rules="release")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limits", "schema", "text", "code"),
    [
        (Limits(answer_characters=10), Text, "x" * 10, None),
        (Limits(answer_characters=10), Text, "x" * 11, "answer_too_long"),
        (Limits(answer_characters=10), Text, " " * 50 + "x" * 10 + " " * 50, None),
        (Limits(number_characters=3), Number, "123", None),
        (Limits(number_characters=3), Number, "1234", "too_many_digits"),
        (Limits(track_boxes=1), BoxTrack, '{"boxes": {"1": [0, 0, 9, 9]}}', None),
        (Limits(track_boxes=1), BoxTrack, '{"boxes": {"1": [0, 0, 9, 9], "2": [0, 0, 9, 9]}}', "too_many_boxes"),
        (Limits(track_boxes=1), BoxTrack, '{"boxes": {"x": [], "-1": {}}}', "too_many_boxes"),
    ],
)
def test_limits(limits: Limits, schema: type[BaseModel], text: str, code: str | None) -> None:
    assert read_answer(text, schema, limits=limits).failure == code


@pytest.mark.parametrize("schema", valid.SCHEMAS, ids=lambda schema: schema.__name__)
@given(data=st.data())
@settings(max_examples=FEW)
def test_any_text(schema: type[BaseModel], data: st.DataObject) -> None:
    """An answer or a failure, never both, never an exception; lenient rules only ever add answers."""
    text = data.draw(testing.any_answer(schema))
    strict, lenient = read_answer(text, schema), read_answer(text, schema, rules="lenient")
    for read in (strict, lenient):
        assert (read.answer is None) == (read.failure is not None)
        assert read.answer is None or isinstance(read.answer, schema)
        assert set(read.repairs) <= {"clipped"} or read.schema_fault is not None
    assert strict.schema_fault == strict.failure
    if strict.failure is None:
        assert lenient == strict
    else:
        assert lenient.schema_fault == (lenient.failure or strict.failure)
        assert lenient.failure is None or lenient.repairs == ()


@pytest.mark.parametrize("schema", valid.JSON_SCHEMAS, ids=lambda schema: schema.__name__)
@given(data=st.data())
@settings(max_examples=FEW)
def test_what_was_read_reads_again(schema: type[BaseModel], data: st.DataObject) -> None:
    """An answer written out again is sound as it stands, and the same."""
    answer = read_answer(data.draw(testing.any_answer(schema)), schema, rules="lenient").answer
    if answer is not None:
        assert read_answer(answer.model_dump_json(), schema) == ReadAnswer(answer)


@given(response=RESPONSES, schema=st.sampled_from(valid.SCHEMAS))
def test_what_was_found_can_be_read(response: str, schema: type[BaseModel]) -> None:
    found = find_answer(response)
    if found.answer is not None:
        read_answer(found.answer, schema, rules="lenient")
