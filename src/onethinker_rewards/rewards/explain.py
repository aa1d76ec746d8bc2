"""Why one response got what it got: what was read, where reading stopped, what else would have read it, each number."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import wrap
from typing import Any, get_args

from pydantic import BaseModel

from onethinker_rewards._validation import check_text
from onethinker_rewards.answers import DIALECTS, AnyDialect, Dialect, Parsed, find_answer, find_dialect
from onethinker_rewards.answers.dialects import Coordinates
from onethinker_rewards.codes import FailureCode, FaultDetail, RepairCode
from onethinker_rewards.rewards.comparison import Line, compared
from onethinker_rewards.rewards.parse import parse, parse_reference
from onethinker_rewards.rewards.recipe import Recipe, changed_recipe, find_recipe
from onethinker_rewards.rewards.score import score, task_table
from onethinker_rewards.rewards.validate import validate
from onethinker_rewards.rewards.wording import rewards_in_words, shorten_text
from onethinker_rewards.tasks import TASKS, TaskSpec, resolve_tasks

_WIDTH = 100
_LABEL = 11
# Columns of the text that a caret points into, and how many of them are before it at most.
_WINDOW, _BEFORE = 80, 50
# Faults of the tags, whose place is in the response and not in the answer.
_TAGS = {
    FailureCode.MISSING_ANSWER, FailureCode.UNCLOSED_ANSWER, FailureCode.SEVERAL_ANSWERS, FailureCode.TAG_IN_ANSWER,
    FailureCode.EMPTY_ANSWER, FailureCode.MISSING_THINK, FailureCode.SEVERAL_THINKS, FailureCode.TEXT_OUTSIDE_TAGS,
}  # fmt: skip
# Faults of a key, not of what is under it.
_OF_KEYS = {FailureCode.UNKNOWN_KEY, FailureCode.BAD_FRAME_KEY}
# What is missing has its place in what it is missing from.
_MISSING = {FailureCode.MISSING_KEY, FailureCode.WRONG_LENGTH}
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
# Our own form in other units: what is in none of the dialects by name.
_UNITS = {unit: Dialect(unit, coordinates=unit) for unit in get_args(Coordinates) if unit != "thousandths"}
# Of the accuracy's maximum: another way of reading that earns less may do so by chance.
_WORTH_A_LINE = 0.5


def explain(
    response: str,
    task: str,
    reference: Any = None,
    *,
    recipe: str | Recipe = "paper",
    dialect: AnyDialect | None = None,
    options: Sequence[str] | None = None,
    size: tuple[float, float] | None = None,
    table: Mapping[str, TaskSpec] | None = None,
) -> str:
    """Say for a person why a response got its reward.

    Args:
        response: All that the model wrote.
        task: A task's name, ours or the data set's.
        reference: What is right; without one, only how the answer is read is explained.
        recipe: ``"paper"``, ``"release"``, ``"lenient"`` or a recipe of your own.
        dialect: How boxes, points and times are written; the recipe's by default.
        options: The options' texts of a multiple-choice question.
        size: Width and height of the image in pixels, for answers in pixels.
        table: The tasks, `TASKS` by default.

    Returns:
        Lines of at most 100 columns: thinking and answer, what is at fault with a caret under its place, what lenient
        rules or another dialect would read, and the terms of the total.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If there is no such recipe or dialect, the response is not a text, or an answer in pixels has no
            size.

    >>> print(explain('<think>I see it.</think><answer>{"time": [1, "8"]}</answer>', "temporal_grounding"))
    temporal_grounding by the recipe paper
    think      3 words: I see it.
    answer     {"time": [1, "8"]}
    failure    wrong_type: a value of the wrong type, such as a string or boolean for a number
    where      time.1: found "8", expected a valid number
               {"time": [1, "8"]}
                            ^
    """
    check_text("response", response)
    by = changed_recipe(recipe, dialect=dialect)
    specs = task_table(by, TASKS if table is None else table)
    spec = specs[resolve_tasks([task], specs)[0]]
    one = _Question(response, spec, {spec.name: spec}, _reference(reference), by, options, size)
    return "\n".join(_page(one.lines()))


def _reference(reference: Any) -> Any:
    """Return a reference as text, where it is one or can be written as one."""
    if isinstance(reference, BaseModel):
        return reference.model_dump_json()
    if isinstance(reference, Mapping | list | tuple | int | float):
        return json.dumps(reference, ensure_ascii=False)
    return reference


def fault_offset(response: str, parsed: Parsed, *, recipe: str | Recipe = "paper") -> int | None:
    """Return the character of a response at which its fault is, as `explain` marks it.

    Args:
        response: All that the model wrote.
        parsed: How `parse` reads it.
        recipe: The recipe by which it was read.

    Returns:
        An offset from 0 to the length of the response; None without a fault, or where it has no place in the text.

    >>> text = '<think></think><answer>{"time": [1, "8"]}</answer>'
    >>> text[fault_offset(text, parse(text, "temporal_grounding")) :]
    '"8"]}</answer>'
    """
    code = parsed.failure or parsed.format_fault
    if code is None or parsed.detail is None:
        return None
    if code in _TAGS:
        return _place(response, parsed.detail, code)
    answer = _answer_text(response, find_recipe(recipe)) or ""
    place = _place(answer, parsed.detail, code)
    return None if place is None else response.find(answer, max(0, response.rfind("<answer>"))) + place


@dataclass(frozen=True, slots=True)
class _Question:
    """What is explained: one response, and how it is read and scored."""

    response: str
    spec: TaskSpec
    table: Mapping[str, TaskSpec]
    reference: Any
    recipe: Recipe
    options: Sequence[str] | None
    size: tuple[float, float] | None

    def lines(self) -> Iterator[Line]:
        """Yield all that there is to say."""
        parsed, row, detail = self.parsed(), *self.row()
        dialect = find_dialect(self.recipe.dialect)
        how = "" if dialect.is_ours else f" in the dialect {dialect.name}"
        yield "", f"{self.spec.name} by the recipe {self.recipe.name}{how}"
        yield "think", "none" if parsed.think is None else _thinking(parsed.think)
        answer = _answer_text(self.response, self.recipe)
        yield "answer", "none" if answer is None else shorten_text(answer)
        yield from self._fault_lines(row, answer, detail)
        if parsed.answer is not None and not _is_written_so(answer or "", parsed.answer):
            yield "read as", shorten_text(_written(parsed.answer))
        for code in row["repairs"]:
            yield "repaired", f"{code}: {RepairCode(code).meaning}"
        yield from self._other_ways(parsed, row)
        if self.reference is not None and row["failure"] != FailureCode.BAD_REFERENCE:
            yield "reference", shorten_text(str(self.reference))
            yield from self._comparison(parsed, row)
            name, _, terms = rewards_in_words(row, self.recipe).partition(" ")
            yield name, terms

    def parsed(self) -> Parsed:
        """Return how the response is read."""
        return parse(self.response, self.spec.name, recipe=self.recipe, table=self.table, size=self.size)

    def row(self) -> tuple[dict[str, Any], FaultDetail | None]:
        """Return rewards and codes, and where the fault is; without a reference, only the codes."""
        tasks, options, sizes = [self.spec.name], [self.options], [self.size]
        if self.reference is not None:
            batch = score(
                [self.response],
                [self.reference],
                tasks,
                recipe=self.recipe,
                table=self.table,
                options=options,
                sizes=sizes,
                on_bad_reference="skip",
            )
            return batch.to_rows()[0], batch.details[0]
        read = validate(
            [self.response], tasks, recipe=self.recipe, table=self.table, options=options, sizes=sizes
        ).answers
        codes = {"failure": read.failure[0], "format_fault": read.format_fault[0], "repairs": read.repairs[0]}
        return codes, read.details.get(0)

    def _fault_lines(self, row: Mapping[str, Any], answer: str | None, detail: FaultDetail | None) -> Iterator[Line]:
        failure, fault = row["failure"], row["format_fault"]
        code = failure or fault
        if code is None:
            return
        if failure == FailureCode.BAD_REFERENCE:
            yield "reference", f"cannot be read, so there is no reward: {detail.found if detail else self.reference}"
            return
        if failure is not None:
            yield "failure", f"{failure}: {FailureCode(failure).meaning}"
        if fault is not None and fault != failure:
            yield "format", f"is 0: {fault}: {FailureCode(fault).meaning}"
        if detail is not None:
            yield "where", detail.message
            text = self.response if code in _TAGS else answer or ""
            place = _place(text, detail, FailureCode(code))
            if place is not None:
                yield from (("", line) for line in _caret(text, place))

    def _other_ways(self, parsed: Parsed, row: Mapping[str, Any]) -> Iterator[Line]:
        """Say what lenient rules, another dialect or unit would read of an answer that failed or is far off."""
        if not self.recipe.reader.reads_schema or row["failure"] == FailureCode.BAD_REFERENCE:
            return
        ways: dict[str, dict[str, Any]] = {}
        if self.recipe.rules == "strict":
            ways["lenient rules would read"] = {"rules": "lenient"}
        if self.spec.is_json:
            ways |= {f"the dialect {name} would read": {"dialect": dialect} for name, dialect in DIALECTS.items()}
            ways |= {f"with coordinates in {unit} it is": {"dialect": dialect} for unit, dialect in _UNITS.items()}
        for name, changes in ways.items():
            other = replace(self, recipe=replace(self.recipe, **changes))
            if find_dialect(other.recipe.dialect).coordinates == "pixels" and self.size is None:
                continue
            read, (earned, detail) = other.parsed(), other.row()
            if read.answer is not None and read.answer != parsed.answer:
                if parsed.answer is None or _is_much_better(earned, row):
                    yield "instead", f"{name} {_what_is_read(read, earned)}"
            elif "rules" in changes and detail is not None and read.failure not in (None, parsed.failure):
                yield "instead", f"lenient rules would find {read.failure}: {detail.message}"

    def _comparison(self, parsed: Parsed, row: Mapping[str, Any]) -> Iterator[Line]:
        if parsed.answer is None or not isinstance(self.reference, str) or not self.recipe.reader.reads_schema:
            return
        dialect = find_dialect(self.recipe.reference_dialect)
        right = parse_reference(
            self.reference, self.spec.name, limits=self.recipe.limits, dialect=dialect, table=self.table, size=self.size
        )
        yield from compared(self.spec, self.recipe, parsed.answer, right, row["accuracy"])


def _answer_text(response: str, recipe: Recipe) -> str | None:
    """Return the answer as it was written, also where it was never closed; None without one."""
    if not recipe.reader.reads_schema:
        return recipe.reader.find([response], recipe.read_options).texts[0]
    found = find_answer(response, think=recipe.think, limits=recipe.limits, end_tokens=tuple(recipe.end_tokens))
    return found.answer


def _thinking(think: str) -> str:
    words = len(think.split())
    return shorten_text(f"{words:,} word{'' if words == 1 else 's'}: {think.strip()}")


def _what_is_read(read: Parsed, row: Mapping[str, Any]) -> str:
    """Return an answer with its repairs, and its accuracy where there is a reference."""
    after = f" (after {', '.join(map(str, row['repairs']))})" if row["repairs"] else ""
    accuracy = f", accuracy {row['accuracy']:.2f}" if "accuracy" in row else ""
    return shorten_text(_written(read.answer)) + after + accuracy


def _is_much_better(earned: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    now, then = row.get("normalized") or 0.0, earned.get("normalized") or 0.0
    return then > max(now, _WORTH_A_LINE)


def _value(answer: Any) -> Any:
    return answer.model_dump() if isinstance(answer, BaseModel) else answer


def _written(answer: Any) -> str:
    """Return what was read as text: plain, or as JSON."""
    value = _value(answer)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_written_so(text: str, answer: Any) -> bool:
    """Return whether an answer says no more than its text does."""
    if _written(answer) == text:
        return True
    try:
        return json.loads(text) == json.loads(_written(answer))
    except ValueError:
        return False


def _place(text: str, detail: FaultDetail, code: FailureCode) -> int | None:
    """Return the character at which a fault is, or None where it has no place in the text."""
    offset = re.fullmatch("character ([0-9]+)", detail.where)
    if offset is not None:
        return min(int(offset[1]), len(text))
    start = re.search(r"[\[{]", text)
    if not detail.where or start is None:
        return None
    key = value = start.start()
    steps = detail.where.split(".")
    for index, step in enumerate(steps):
        children = _children(text, value)
        if step not in children:
            is_last = index == len(steps) - 1
            return value if is_last and code in _MISSING else None
        key, value = children[step]
    return key if code in _OF_KEYS else value


def _children(text: str, start: int) -> dict[str, tuple[int, int]]:
    """Return where the keys and values of the object at an offset begin, or those of an array; the last of a key."""
    found: dict[str, tuple[int, int]] = {}
    opening, at = text[start], _behind_marks(text, start + 1)
    try:
        # Past the end of the text is an empty text, which is in this one too.
        while opening in "{[" and text[at : at + 1] not in "]}":
            key_at, name = at, str(len(found))
            if opening == "{":
                name, at = _DECODER.raw_decode(text, at)
                at = _behind_marks(text, at)
            found[str(name)] = key_at, at
            at = _behind_marks(text, _DECODER.raw_decode(text, at)[1])
    except (json.JSONDecodeError, RecursionError):
        # What follows was repaired before it was read; what is there has its place.
        pass
    return found


def _behind_marks(text: str, at: int) -> int:
    """Return where the next key or value begins."""
    while text[at : at + 1] in tuple(" \t\r\n,:"):
        at += 1
    return at


def _caret(text: str, place: int) -> tuple[str, str]:
    """Return the part of a text around a place, on one line, and a caret under it."""
    shown = list(map(_visible, text[max(0, place - _BEFORE) : place + _WINDOW]))
    before, behind = shown[: min(place, _BEFORE)], shown[min(place, _BEFORE) :]
    while _columns(before) > _BEFORE:
        before = before[1:]
    is_cut = len(before) < place
    before = ["…", *before] if is_cut else before
    while _columns(before) + _columns(behind) > _WINDOW:
        behind = behind[:-1]
    is_cut = place + len(behind) < len(text)
    return "".join([*before, *behind]) + ("…" if is_cut else ""), " " * _columns(before) + "^"


def _visible(character: str) -> str:
    if character == "\n":
        return "⏎"
    return character if character.isprintable() else " " if character == "\t" else "\ufffd"


def _columns(characters: Iterable[str]) -> int:
    """Return how many columns of a terminal characters take."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in characters
    )


def _page(lines: Iterator[Line]) -> Iterator[str]:
    """Yield the lines, labels before them, wrapped where they are words and as they are where they are aligned."""
    title = True
    for label, text in lines:
        if title or not label:
            yield (text if title else " " * _LABEL + text)[:_WIDTH]
            title = False
            continue
        shown = "".join(map(_visible, text))
        yield from wrap(shown, _WIDTH, initial_indent=label.ljust(_LABEL), subsequent_indent=" " * _LABEL)
