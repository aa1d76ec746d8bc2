"""What a report says and draws of one row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import Parsed
from onethinker_rewards.codes import FailureCode, FaultDetail, PenaltyCode, RepairCode
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.report.pictures import FRAME_SIDE, Media, Picture, Pictures
from onethinker_rewards.report.scored import RowReader, ScoredRow
from onethinker_rewards.report.shapes import Role, Shape, Shapes, overlaps, shapes_of, some_seconds
from onethinker_rewards.report.text import ResponseText, response_text, shown
from onethinker_rewards.report.totals import number
from onethinker_rewards.rewards import Recipe, fault_offset, parse, parse_reference
from onethinker_rewards.tasks import TaskSpec

# Sides of a drawing without a picture, in pixels.
_EMPTY = 384
_FRAMES, _GLIMPSES = 8, 4
_LONGEST_QUESTION, _LONGEST_REFERENCE = 600, 1500
_ANSWER_MASKS = ("predicted_masks", "predicted_mask", "answer_masks", "answer_mask")
_KINDS = (FailureCode, RepairCode, PenaltyCode)
_MEANINGS = {str(code): code.meaning for kind in _KINDS for code in kind}
_SEGMENT = 0.4


@dataclass(slots=True)
class Figure:
    """A picture, or an empty area, of ``width`` by ``height`` pixels, with shapes and masks over it, by role."""

    width: int
    height: int
    caption: str
    layers: dict[Role, list[Shape]]
    picture: Picture | None = None
    masks: list[Picture] = field(default_factory=list[Picture])

    def scaled(self, shape: Shape) -> list[tuple[float, float]]:
        """Return the points of a shape in pixels of the figure."""
        return [(round(x * self.width / 1000, 1), round(y * self.height / 1000, 1)) for x, y in shape.points]


@dataclass(slots=True)
class Bar:
    """A span on a clip's time axis: where it begins and how long it is, in per cent; seconds are in the title."""

    start: float
    width: float
    title: str


@dataclass(slots=True)
class Card:
    """All that a report says of a row."""

    row: ScoredRow
    stratum: str
    response: ResponseText
    question: str
    options: list[str]
    references: list[str]
    answer: str | None
    codes: list[tuple[str, str]]
    where: str | None
    other: ScoredRow | None
    other_answer: str | None
    figures: list[Figure] = field(default_factory=list[Figure])
    frames: list[Figure] = field(default_factory=list[Figure])
    duration: float = 0.0
    spans: list[tuple[Role, list[Bar]]] = field(default_factory=list[tuple[Role, list[Bar]]])
    overlaps: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class CardMaker:
    """Makes the cards of a report.

    Attributes:
        reader: Reads rows.
        recipe: How responses and references are read.
        table: The tasks, None for `TASKS`.
        pictures: Makes the pictures.
        characters: How much of a response is shown.
    """

    reader: RowReader
    recipe: Recipe
    table: Mapping[str, TaskSpec] | None
    pictures: Pictures
    characters: int

    def card(self, row: ScoredRow, stratum: str, other: ScoredRow | None = None) -> Card:
        """Return the card of a row, maybe with the same row of another file."""
        notes: list[str] = []
        parsed = self._parsed(row, notes)
        theirs = None if other is None else self._parsed(other, [])
        place, detail = self._fault(row, parsed)
        columns = self.reader.columns
        card = Card(
            row,
            stratum,
            response_text(row.response, place, self.characters),
            shown(columns.value("question", row.columns) or "", _LONGEST_QUESTION),
            _options(columns, row.columns),
            [shown(_text(reference), _LONGEST_REFERENCE) for reference in row.references],
            None if parsed is None or parsed.answer is None else shown(_written(parsed.answer), _LONGEST_REFERENCE),
            [(code, _MEANINGS[code]) for code in row.codes],
            None if detail is None else detail.message,
            other,
            None if other is None else shown(_rest(other.response), _LONGEST_REFERENCE),
            notes=notes,
        )
        # What is drawn last covers what is under it: the reference is dashed, so that an equal answer shows through.
        shapes: dict[Role, Shapes] = {} if theirs is None else {"other": shapes_of(theirs.answer)}
        shapes["answer"] = Shapes() if parsed is None else shapes_of(parsed.answer)
        shapes["reference"] = self._reference_shapes(row, notes)
        self._draw(card, shapes)
        return card

    def _parsed(self, row: ScoredRow, notes: list[str]) -> Parsed | None:
        try:
            return parse(row.response, row.task, recipe=self.recipe, table=self.table, size=self.reader.size(row))
        except ArgumentError as error:
            notes.append(f"the answer is not drawn: {error}")
            return None

    def _fault(self, row: ScoredRow, parsed: Parsed | None) -> tuple[int | None, FaultDetail | None]:
        """Return the place and the detail of a fault that the file has too: it may be scored by another recipe."""
        if parsed is None or str(parsed.failure or parsed.format_fault) not in row.faults:
            return None, None
        return fault_offset(row.response, parsed, recipe=self.recipe), parsed.detail

    def _reference_shapes(self, row: ScoredRow, notes: list[str]) -> Shapes:
        if len(row.references) > 1:
            notes.append(f"the first of {len(row.references)} references is drawn")
        for reference in row.references[:1]:
            try:
                read = parse_reference(
                    reference,
                    row.task,
                    limits=self.recipe.limits,
                    dialect=self.recipe.reference_dialect,
                    table=self.table,
                    size=self.reader.size(row),
                )
            except BadReferenceError as error:
                notes.append(f"the reference cannot be read: {error.reasons[0]}")
            except ArgumentError as error:
                notes.append(f"the reference is not drawn: {error}")
            else:
                return shapes_of(read)
        return Shapes()

    def _draw(self, card: Card, shapes: dict[Role, Shapes]) -> None:
        media = self.pictures.media_of(card.row.columns, self.reader.columns)
        card.notes.extend(media.notes)
        self._draw_still(card, shapes, media)
        seconds: list[int] | list[float] = some_seconds(*shapes.values(), most=_FRAMES)
        if not seconds and not card.figures:
            seconds = _glimpses(media, card.row)
        for second in seconds:
            layers: dict[Role, list[Shape]] = {role: each.frames.get(int(second), []) for role, each in shapes.items()}
            picture = self._frame(card, media, second, FRAME_SIDE, len(seconds))
            card.frames.append(self._figure(card.row, f"{second:g} s", layers, picture))
        card.overlaps = overlaps(shapes["answer"], shapes["reference"])
        # The reference is the first bar.
        roles = reversed(shapes)
        times: dict[Role, list[tuple[float, float]]] = {role: shapes[role].times() for role in roles}
        if any(times.values()):
            ends = [end for spans in times.values() for _, end in spans]
            card.duration = max(number(card.row.columns.get("duration")) or 0.0, *ends, 1e-9)
            card.spans = [(role, [_bar(span, card.duration) for span in spans]) for role, spans in times.items()]

    def _draw_still(self, card: Card, shapes: Mapping[Role, Shapes], media: Media) -> None:
        moments = [each.moment for each in (shapes["answer"], shapes["reference"]) if each.moment is not None]
        layers: dict[Role, list[Shape]] = {role: each.still for role, each in shapes.items()}
        masks = self._masks(card)
        if media.image is None and not masks and not any(layers.values()):
            return
        picture, caption = None, ""
        if media.is_video and moments:
            picture, caption = self._frame(card, media, moments[0]), f"at {moments[0]:g} s"
        elif media.image is not None:
            try:
                picture = self.pictures.image(media.image)
            except ArgumentError as error:
                _note(card, f"no picture: {error}")
        figure = self._figure(card.row, caption, layers, picture)
        figure.masks = masks
        card.figures.append(figure)

    def _frame(
        self, card: Card, media: Media, second: float, side: int | None = None, parts: int = 1
    ) -> Picture | None:
        if not media.is_video:
            return None
        try:
            return self.pictures.frame(media, second, *(() if side is None else (side,)), parts=parts)
        except ArgumentError as error:
            _note(card, f"no frame: {error}")
            return None

    def _figure(self, row: ScoredRow, caption: str, layers: dict[Role, list[Shape]], picture: Picture | None) -> Figure:
        if picture is not None:
            return Figure(picture.width, picture.height, caption, layers, picture)
        width, height = self.reader.size(row) or (1, 1)
        scale = _EMPTY / max(width, height)
        return Figure(max(1, round(width * scale)), max(1, round(height * scale)), caption, layers)

    def _masks(self, card: Card) -> list[Picture]:
        row = card.row.columns
        masks = {
            "reference": self.reader.columns.value("masks", row),
            "answer": next((row[name] for name in _ANSWER_MASKS if row.get(name) is not None), None),
        }
        found: list[Picture] = []
        for role, mask in masks.items():
            first = _first_mask(mask)
            if first is not None:
                try:
                    found.append(self.pictures.mask(first, role))
                except ArgumentError as error:
                    _note(card, f"no mask of the {role}: {error}")
        return found


def _glimpses(media: Media, row: ScoredRow) -> list[float]:
    """Return some times of a video on which nothing is drawn; none where its length is not known."""
    length = number(row.columns.get("duration")) or len(media.frames) / media.fps
    return [length * (index + 0.5) / _GLIMPSES for index in range(_GLIMPSES)] if media.is_video and length > 0 else []


def _note(card: Card, text: str) -> None:
    """Add a note once: the frames of a missing video are missing for one reason."""
    if text not in card.notes:
        card.notes.append(text)


def _first_mask(masks: Any) -> Any:
    """Return a mask, or the first of a list of masks that there is; rows of pixels are no list of masks."""
    if isinstance(masks, list) and not any(isinstance(entry, list) for entry in cast("list[Any]", masks)):
        return next((mask for mask in cast("list[Any]", masks) if mask is not None), None)
    return masks


def _bar(span: tuple[float, float], duration: float) -> Bar:
    start, end = span
    left = 100 * start / duration
    # A moment has no length and is drawn as a thin bar that stays inside.
    width = max(_SEGMENT, 100 * (end - start) / duration)
    return Bar(min(left, 100 - width), width, f"{start:g} s" if start == end else f"{start:g} to {end:g} s")


def _options(columns: Columns, row: Mapping[str, Any]) -> list[str]:
    options = columns.value("options", row)
    if not isinstance(options, list | tuple):
        return []
    return [shown(option, _LONGEST_QUESTION) for option in cast("Sequence[Any]", options)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _written(answer: Any) -> str:
    return _text(answer.model_dump() if hasattr(answer, "model_dump") else answer)


def _rest(response: str) -> str:
    return response.rpartition("</think>")[2]
