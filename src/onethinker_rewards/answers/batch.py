"""Many responses to columns: every row keeps its index, and a code is written at its row where it is found.

The common case is found by slices and decoded straight into typed structs. Whatever that way refuses is read again by
the definition for one row (`tags.find_answer`, `read.read_answer`), which decides its code. A row that cannot be read
holds a stand-in, which is any valid value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards.answers.boxes import (
    BoxColumns,
    BoxStruct,
    PromptColumns,
    PromptStruct,
    SpanColumns,
    SpanStruct,
    TimedPromptColumns,
    TimedPromptStruct,
)
from onethinker_rewards.answers.columns import Booleans, Columns, Floats, Integers, text_array
from onethinker_rewards.answers.dialects import ONETHINKER, Dialect, Size
from onethinker_rewards.answers.limits import DEFAULT_LIMITS, Limits, has_long_number
from onethinker_rewards.answers.objects import (
    ClickColumns,
    ClickStruct,
    ClickTargetStruct,
    CornersColumns,
    CornersStruct,
    DetectionColumns,
    DetectionStruct,
    LabeledDetectionColumns,
    ObjectStruct,
    OrderColumns,
    OrderedColumns,
    OrderStruct,
    PointsColumns,
    PointsStruct,
    RatingColumns,
    RatingStruct,
    SpansColumns,
    SpansStruct,
    TargetsColumns,
    TargetsStruct,
)
from onethinker_rewards.answers.read import (
    UNCLOSED,
    How,
    Parsed,
    ReadAnswer,
    Rules,
    is_plain_text,
    read_answer,
    read_response,
    repaired_number,
)
from onethinker_rewards.answers.schemas import (
    COORDINATE_MAX,
    BoxTrack,
    ClickPoint,
    ClickTarget,
    Detections,
    LabeledDetections,
    Number,
    OptionLetter,
    Order,
    OrderedItems,
    PointSet,
    PointTargets,
    PointTrack,
    RatedImage,
    RotatedBox,
    SegmentationPrompt,
    SingleBox,
    Text,
    TimedBoxTrack,
    TimeSpan,
    TimeSpans,
    VideoSegmentationPrompt,
)
from onethinker_rewards.answers.syntaxes import DialectFault
from onethinker_rewards.answers.tags import CLOSE_ANSWER, END_TOKENS, Think, bare_reference, fault_detail, find_answer
from onethinker_rewards.answers.text import (
    PLAIN_CHARACTERS,
    ExactNumber,
    LetterColumns,
    NumberColumns,
    TextColumns,
    choice_letter,
    exact_number,
)
from onethinker_rewards.answers.tracks import (
    PointTrackColumns,
    PointTrackStruct,
    TimedTrackColumns,
    TimedTrackStruct,
    TrackColumns,
    TrackStruct,
)
from onethinker_rewards.codes import FailureCode, FaultDetail, RepairCode, shortened


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How responses are to be read.

    Attributes:
        rules: ``strict`` or ``lenient``.
        think: Whether thinking is ``required``, ``prefilled`` or not wanted (``none``).
        limits: Maximum sizes.
        end_tokens: Tokens that cost nothing at the very end of a response.
            dialect: How the model writes boxes, points and times.
        reference_dialect: How references are written.
        options: The options' texts of each row that is read, where the question offers some.
        reference: Whether the texts are references.
        any_text: Which of the rows that are read have a reference that is not an option letter: there any text is an
            answer.
    """

    rules: Rules = "strict"
    think: Think = "required"
    limits: Limits = DEFAULT_LIMITS
    end_tokens: tuple[str, ...] = END_TOKENS
    dialect: Dialect = ONETHINKER
    reference_dialect: Dialect = ONETHINKER
    options: Sequence[Sequence[str] | None] | None = None
    any_text: Booleans | None = None
    reference: bool = False


@dataclass(slots=True)
class Answers:
    """What is known of N responses, one entry a row.

    Attributes:
        texts: The answer's text; empty without an answer.
        failure: Why there is no answer, or None.
        format_fault: Why the format reward is 0, or None.
        repairs: What was repaired before the answer was read.
        unclosed: The text after an ``<answer>`` that was never closed, by row; lenient rules may use it.
        sizes: Width and height of the image in pixels, for answers that may be in pixels; None where no row has one.
        details: Where and what the fault of a row is, by row.
    """

    texts: list[str]
    failure: list[FailureCode | None]
    format_fault: list[FailureCode | None]
    repairs: list[tuple[RepairCode, ...]]
    unclosed: dict[int, str] = field(default_factory=dict[int, str])
    sizes: Sequence[Size | None] | None = None
    details: dict[int, FaultDetail] = field(default_factory=dict[int, FaultDetail])

    @classmethod
    def of_texts(cls, texts: list[str], sizes: Sequence[Size | None] | None = None) -> Answers:
        """Return answers of which nothing is known but their texts, and maybe the images' sizes."""
        count = len(texts)
        return cls(texts, [None] * count, [None] * count, [()] * count, sizes=sizes)

    def fail(self, row: int, code: FailureCode, detail: FaultDetail | None = None) -> None:
        """Record why the answer of a row could not be read; an earlier failure stays."""
        if self.failure[row] is None:
            self.failure[row] = code
            self.details[row] = detail or FaultDetail("", "", code.meaning)
        self.format_fault[row] = self.format_fault[row] or code

    def record(self, row: int, read: ReadAnswer) -> None:
        """Record how the answer of a row was read; one that was never closed has to be readable apart from that."""
        is_cut_off = row in self.unclosed
        if is_cut_off and read.failure in UNCLOSED:
            return
        is_closed = is_cut_off and read.failure is None
        self.failure[row] = read.failure
        self.repairs[row] = (RepairCode.CLOSED_ANSWER, *read.repairs) if is_closed else read.repairs
        if read.detail is not None and (read.failure is not None or self.format_fault[row] is None):
            self.details[row] = read.detail
        self.format_fault[row] = self.format_fault[row] or read.schema_fault


# The text between thinking and answer in nearly every response.
_BETWEEN = tuple(f"</think>{space}<answer>" for space in ("\n", "", "\n\n"))


def find_answers(
    responses: Sequence[str],
    *,
    think: Think = "required",
    limits: Limits = DEFAULT_LIMITS,
    end_tokens: tuple[str, ...] = END_TOKENS,
) -> Answers:
    """Find each response's answer; the common layout by slices, all others by `find_answer`, the definition."""
    answers = Answers.of_texts([""] * len(responses))
    texts, longest, is_usual = answers.texts, limits.response_characters, think == "required"
    for row, response in enumerate(responses):
        start = response.find("<", 7)
        answer = ""
        for between in _BETWEEN:
            if response.startswith(between, start):
                answer = response[start + len(between) : -9].strip()
                break
        if (
            answer
            and is_usual
            and ("<" not in answer or not ("answer>" in answer or "think>" in answer))
            and response[:7] == "<think>"
            and response[-9:] == CLOSE_ANSWER
            and len(response) <= longest
        ):
            texts[row] = answer
            continue
        found = find_answer(response, think=think, limits=limits, end_tokens=end_tokens)
        answers.failure[row], answers.format_fault[row] = found.failure, found.format_fault
        if found.format_fault is not None:
            answers.details[row] = fault_detail(response, found.format_fault, think, limits)
        if found.failure is None:
            texts[row] = found.answer or ""
        elif found.answer is not None:
            answers.unclosed[row] = found.answer
    return answers


@dataclass(frozen=True)
class Reader:
    """How a recipe reads: the one answer between its tags, in its task's schema. A subclass may read in another way.

    Attributes:
        reads_schema: Whether columns are those of the task's schema, which the tasks' own formulas take.
    """

    reads_schema: ClassVar[bool] = True

    def find(self, responses: Sequence[str], options: ReadOptions) -> Answers:
        """Find the answer of each response."""
        return find_answers(responses, think=options.think, limits=options.limits, end_tokens=options.end_tokens)

    def bare_reference(self, text: str) -> str:
        """Return a reference without the answer tags that it may have around it."""
        return bare_reference(text)

    def read(self, answers: Answers, rows: Integers, schema: type[BaseModel], options: ReadOptions) -> Columns:
        """Return columns with one entry for each of ``rows``; codes are written into ``answers``.

        The columns are those of the schema, or its models if it is a user's own.
        """
        kind = _JSON_KINDS.get(schema)
        if kind is not None:
            return _read_json(answers, rows.tolist(), kind, options)
        return _TEXT_KINDS.get(schema, _read_models)(answers, rows.tolist(), schema, options)

    def read_references(self, references: Answers, schema: type[BaseModel], options: ReadOptions) -> Columns:
        """Return columns with one entry a reference; codes are written into ``references``.

        References are read by strict rules; one that names no option is compared as text.
        """
        rows = np.arange(len(references.texts))
        any_text = np.ones(len(rows), dtype=np.bool_)
        strict = ReadOptions(
            limits=options.limits,
            dialect=options.reference_dialect,
            options=options.options,
            any_text=any_text,
            reference=True,
        )
        return self.read(references, rows, schema, strict)

    def parse(self, response: str, schema: type[BaseModel], options: ReadOptions, size: Size | None = None) -> Parsed:
        """Read one response; the columns of many must agree with it."""
        how = How(options.rules, options.limits, options.dialect, size)
        return read_response(response, schema, how, think=options.think, end_tokens=options.end_tokens)

    def parse_answer(
        self, text: str, schema: type[BaseModel], options: ReadOptions, size: Size | None = None
    ) -> Parsed:
        """Read one bare answer without tags."""
        read = read_answer(text, schema, rules=options.rules, limits=options.limits, dialect=options.dialect, size=size)
        return Parsed(None, read.answer, read.failure, read.schema_fault, read.repairs, read.detail)


def _by_definition(answers: Answers, row: int, schema: type[BaseModel], options: ReadOptions) -> BaseModel | None:
    """Read one row by `read_answer` and write its codes down; None where nothing can be read."""
    text = answers.unclosed.get(row, answers.texts[row])
    is_repairable = options.rules == "lenient" and row in answers.unclosed and not is_plain_text(schema)
    if answers.failure[row] is not None and not is_repairable:
        return None
    size = None if answers.sizes is None else answers.sizes[row]
    read = read_answer(
        text,
        schema,
        rules=options.rules,
        limits=options.limits,
        dialect=options.dialect,
        size=size,
        reference=options.reference,
    )
    answers.record(row, read)
    return read.answer


class _JsonKind(NamedTuple):
    """How one schema is decoded: its struct, the stand-in for an unreadable row, and its columns."""

    schema: type[BaseModel]
    stand_in: msgspec.Struct
    columns: Any
    decode: Callable[[str], Any]


_TIME, _BOX = (0.0, 1.0), (0.0, 0.0, 1.0, 1.0)
_POINTS = ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
_JSON_KINDS: dict[type[BaseModel], _JsonKind] = {
    schema: _JsonKind(schema, stand_in, columns, msgspec.json.Decoder(type(stand_in)).decode)
    for schema, stand_in, columns in (
        (TimeSpan, SpanStruct(_TIME), SpanColumns),
        (SingleBox, BoxStruct(_BOX), BoxColumns),
        (BoxTrack, TrackStruct({0: _BOX}), TrackColumns),
        (TimedBoxTrack, TimedTrackStruct(_TIME, {0: _BOX}), TimedTrackColumns),
        (SegmentationPrompt, PromptStruct(_BOX, _POINTS, _POINTS), PromptColumns),
        (VideoSegmentationPrompt, TimedPromptStruct(_BOX, _POINTS, _POINTS, 0.0), TimedPromptColumns),
        (Detections, DetectionStruct([]), DetectionColumns),
        (LabeledDetections, DetectionStruct([]), LabeledDetectionColumns),
        (PointSet, PointsStruct([]), PointsColumns),
        (PointTargets, TargetsStruct([]), TargetsColumns),
        (ClickPoint, ClickStruct((0.0, 0.0)), ClickColumns),
        (ClickTarget, ClickTargetStruct(_BOX), BoxColumns),
        (RotatedBox, CornersStruct(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))), CornersColumns),
        (TimeSpans, SpansStruct([]), SpansColumns),
        (PointTrack, PointTrackStruct({0: None}), PointTrackColumns),
        (RatedImage, RatingStruct(0.0, _TIME), RatingColumns),
        (Order, OrderStruct([""]), OrderColumns),
        (OrderedItems, OrderStruct([""]), OrderedColumns),
    )
}
_FRAME_COLUMNS = (TrackColumns, TimedTrackColumns, PointTrackColumns)
# Rows are decoded in blocks of so many characters, because what they become has to stay in the processor's cache.
_BLOCK_CHARACTERS = 2**16
# What the decoder raises on a text that is not in the schema.
_REFUSED = (msgspec.DecodeError, ValueError, RecursionError, DialectFault)


def _read_json(answers: Answers, rows: list[int], kind: _JsonKind, options: ReadOptions) -> Columns:
    characters = sum(len(answers.texts[row]) for row in rows)
    block = max(1, _BLOCK_CHARACTERS * len(rows) // max(1, characters))
    starts = range(0, max(1, len(rows)), block)
    blocks = [_read_json_block(answers, rows[start : start + block], kind, options) for start in starts]
    return blocks[0] if len(blocks) == 1 else kind.columns.concatenate(blocks)


def _read_json_block(answers: Answers, rows: list[int], kind: _JsonKind, options: ReadOptions) -> Columns:
    """Decode rows; the decoder refuses whatever the schema refuses but order, range and limits.

    Those are looked for on the arrays, as are missing sizes of images, and the definition decides on each suspect.
    """
    limits, texts, decode = options.limits, answers.texts, _decoder(kind, options.dialect)
    longest, has_frames = limits.number_characters, kind.columns in _FRAME_COLUMNS
    whole = _whole_images(answers, rows, kind, options.dialect)
    values: list[Any] = []
    in_thousandths: list[int] = []
    for row in rows:
        text = texts[row]
        try:
            if len(text) > limits.answer_characters or (len(text) > longest and has_long_number(text, longest)):
                raise msgspec.ValidationError
            # The decoder takes the frame key "-0" for 0.
            if has_frames and ("-" in text or "\\" in text):
                raise msgspec.ValidationError
            values.append(decode(text))
        except _REFUSED:
            in_thousandths.append(len(values))
            values.append(_decode_by_definition(answers, row, kind, options))
    columns = _packed(values, kind, whole, in_thousandths)
    suspects = np.flatnonzero(~columns.are_valid(limits)).tolist()
    for index in suspects:
        values[index] = _decode_by_definition(answers, rows[index], kind, options)
    return _packed(values, kind, whole, [*in_thousandths, *suspects]) if suspects else columns


def _decoder(kind: _JsonKind, dialect: Dialect) -> Callable[[str], Any]:
    """Return the function from a text to a struct whose coordinates are in the dialect's unit."""
    if dialect.has_our_form(kind.schema):
        return kind.decode
    read, struct = dialect.decoder(kind.schema), type(kind.stand_in)
    read_quickly, takes_many = dialect.quick_reader(kind.schema), dialect.takes_many(kind.schema)

    def decode(text: str) -> Any:
        # The schema refuses a label with a lone surrogate, and so does this.
        text.encode()
        return msgspec.convert(read(text), struct, str_keys=True)

    if read_quickly is None:
        return decode

    def decode_quickly(text: str) -> Any:
        text.encode()
        try:
            items = read_quickly(text)
        except (ValueError, msgspec.DecodeError):
            return decode(text)
        if struct is DetectionStruct:
            return DetectionStruct([ObjectStruct(item.value, item.label or "") for item in items])
        if takes_many:
            return struct([item.value for item in items])
        (item,) = items
        return struct(item.value)

    return decode_quickly


def _whole_images(answers: Answers, rows: list[int], kind: _JsonKind, dialect: Dialect) -> Floats | None:
    """Return ``[N, 2]`` width and height of each row's image in the dialect's unit, NaN for one without a size.

    None where coordinates are in thousandths, or where there are none.
    """
    if dialect.needs_size(kind.schema):
        sizes = answers.sizes or [None] * len(answers.texts)
        return np.array([sizes[row] or _NO_SIZE for row in rows], dtype=np.float64).reshape(-1, 2)
    if dialect.coordinates in ("thousandths", "pixels"):
        return None
    return np.full((len(rows), 2), dialect.whole(None))


_NO_SIZE = (math.nan, math.nan)


def _packed(values: list[Any], kind: _JsonKind, whole: Floats | None, in_thousandths: list[int]) -> Any:
    """Return the columns of structs, all of whose coordinates are in thousandths then, not those of some rows alone."""
    columns = kind.columns.pack(values, kind.stand_in)
    if whole is None:
        return columns
    factor, divisor = np.full_like(whole, COORDINATE_MAX), whole.copy()
    factor[in_thousandths], divisor[in_thousandths] = 1.0, 1.0
    return columns.scaled(factor, divisor)


def _decode_by_definition(answers: Answers, row: int, kind: _JsonKind, options: ReadOptions) -> Any:
    answer = _by_definition(answers, row, kind.schema, options)
    if answer is None:
        return kind.stand_in
    return msgspec.convert(answer.model_dump(), type(kind.stand_in), strict=False)


_STAND_IN_TEXT = "-"


def _read_texts(answers: Answers, rows: list[int], schema: type[BaseModel], options: ReadOptions) -> TextColumns:
    """Read free text: everything that is not empty and not too long."""
    values: list[str] = []
    for row in rows:
        text = answers.texts[row].strip()
        if not text or len(text) > options.limits.answer_characters:
            # The definition of free text refuses no more than this.
            _by_definition(answers, row, schema, options)
            text = _STAND_IN_TEXT
        values.append(text)
    return TextColumns(text_array(values))


def _read_numbers(answers: Answers, rows: list[int], schema: type[BaseModel], options: ReadOptions) -> NumberColumns:
    """Read numbers: plain ones at once, all others by the definition."""
    values, written = np.zeros(len(rows)), ["0"] * len(rows)
    longest = options.limits.number_characters
    for index, row in enumerate(rows):
        text = answers.texts[row]
        # The common case of `exact_number`, without the model.
        if len(text) <= longest and not text.strip(PLAIN_CHARACTERS):
            try:
                number = float(text)
            except ValueError:
                number = math.inf
            if math.isfinite(number):
                values[index], written[index] = number, text
                continue
        number = exact_number(text, limits=options.limits) if answers.failure[row] is None else None
        if isinstance(number, ExactNumber) and len(text) <= options.limits.answer_characters:
            values[index], written[index] = number
        elif _by_definition(answers, row, schema, options) is not None and isinstance(
            repaired := repaired_number(text.strip(), options.limits)[0], ExactNumber
        ):
            values[index], written[index] = repaired
    return NumberColumns(values, text_array(written))


_LETTERS = {letter: ord(letter.upper()) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}


def _read_letters(answers: Answers, rows: list[int], schema: type[BaseModel], options: ReadOptions) -> LetterColumns:
    """Read option letters; with the options' texts given, exactly one option's text is its letter too."""
    letters, written = np.full(len(rows), ord("A")), [answers.texts[row] for row in rows]
    for index, (row, text) in enumerate(zip(rows, written, strict=True)):
        named = options.options[index] if options.options is not None else None
        letter = _LETTERS.get(text)
        if letter is not None and not (named and letter - ord("A") >= len(named)):
            letters[index] = letter
        elif answers.failure[row] is None:
            letters[index] = _read_letter(answers, row, named, index, options)
    return LetterColumns(letters, text_array(written))


def _read_letter(answers: Answers, row: int, named: Sequence[str] | None, index: int, options: ReadOptions) -> int:
    """Decide one text that is no letter alone; 0 where it is compared as text."""
    text = answers.texts[row].strip()
    if 0 < len(text) <= options.limits.answer_characters:
        letter = choice_letter(text, named)
        if letter is not None:
            return ord(letter)
        if options.any_text is not None and options.any_text[index]:
            return 0
    answer = _by_definition(answers, row, OptionLetter, options)
    letter = "A" if answer is None else str(answer)
    if named and ord(letter) - ord("A") >= len(named):
        detail = FaultDetail("", shortened(text), f"the letter of one of {len(named)} options")
        answers.fail(row, FailureCode.NO_OPTION_LETTER, detail)
    return ord(letter)


_TEXT_KINDS: dict[type[BaseModel], Callable[[Answers, list[int], type[BaseModel], ReadOptions], Columns]] = {
    Text: _read_texts,
    Number: _read_numbers,
    OptionLetter: _read_letters,
}


@dataclass(frozen=True, slots=True, repr=False)
class ModelColumns(Columns):
    """Columns of a schema without arrays: ``models`` ``[N]``, the pydantic models themselves."""

    models: NDArray[np.object_]


def _read_models(answers: Answers, rows: list[int], schema: type[BaseModel], options: ReadOptions) -> ModelColumns:
    """Read texts in any schema one by one; the first readable one is the stand-in for the others."""
    read = [_by_definition(answers, row, schema, options) for row in rows]
    stand_in = next((answer for answer in read if answer is not None), None)
    # One by one: a model that is a sequence itself must not be taken apart.
    models = np.fromiter((stand_in if answer is None else answer for answer in read), dtype=object, count=len(read))
    return ModelColumns(models)
