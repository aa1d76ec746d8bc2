"""The released code's way of finding an answer, kept for comparing runs; see the docs for what is wrong with it.

White space around every ``<``, ``>`` and ``/`` is taken out of the whole response first, the first
``<answer>…</answer>`` counts wherever it is, and a response without one is the answer itself. No schema is used: a
formula gets texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson
from pydantic import BaseModel

from onethinker_rewards.answers.batch import Answers, Reader, ReadOptions
from onethinker_rewards.answers.columns import Integers, text_array
from onethinker_rewards.answers.dialects import Size
from onethinker_rewards.answers.read import Parsed, is_plain_text
from onethinker_rewards.answers.schemas import Number
from onethinker_rewards.answers.tags import CLOSE_ANSWER, OPEN_ANSWER, find_answer
from onethinker_rewards.answers.text import TextColumns
from onethinker_rewards.codes import FailureCode


class ReleaseResponse(NamedTuple):
    """A response as the released code sees it.

    Attributes:
        compared: The text that is compared with the reference.
        well_formed: Whether the tags earn the format reward.
    """

    compared: str
    well_formed: bool


def find_release_answer(response: str) -> ReleaseResponse:
    """Find the answer as the released code does, in time linear in the response."""
    # Equal to substituting r"\s*(<|>|/)\s*" by the character, which is quadratic in runs of white space.
    for mark in "<>/":
        pieces = response.split(mark)
        if len(pieces) > 1:
            response = mark.join([pieces[0].rstrip(), *map(str.strip, pieces[1:-1]), pieces[-1].lstrip()])
    response = response.strip()
    return ReleaseResponse(_first_answer(response) or response, _is_well_formed(response))


def _first_answer(text: str) -> str | None:
    start = text.find(OPEN_ANSWER)
    end = text.find(CLOSE_ANSWER, start + len(OPEN_ANSWER)) if start >= 0 else -1
    return text[start + len(OPEN_ANSWER) : end].strip() if end >= 0 else None


def _is_well_formed(text: str) -> bool:
    if not (text.startswith("<think>") and text.endswith(CLOSE_ANSWER)):
        return False
    # The last tag cannot overlap these two, which end in "<answer>".
    return text.find("</think>" + OPEN_ANSWER, len("<think>")) >= 0


def _format_fault(response: str, found: ReleaseResponse) -> FailureCode | None:
    if found.well_formed:
        return None
    return find_answer(response).format_fault or FailureCode.TEXT_OUTSIDE_TAGS


def load_json(text: str) -> object:
    """Decode JSON; None if it is not JSON, as with non-finite numbers."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def to_number(text: str) -> float | None:
    """Return what Python's ``float`` makes of a text without its commas; None if it is not a number."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


@dataclass(frozen=True)
class ReleaseReader(Reader):
    """Reads as the released code does; its columns are texts, whatever the schema is."""

    reads_schema = False

    def find(self, responses: Sequence[str], options: ReadOptions) -> Answers:
        """Find the answer of each response; the format is decided by the tags alone."""
        found = [find_release_answer(response) for response in responses]
        answers = Answers.of_texts([response.compared for response in found])
        answers.format_fault = list(map(_format_fault, responses, found))
        return answers

    def bare_reference(self, text: str) -> str:
        """Return the text between a reference's answer tags, where there are any."""
        return _first_answer(text) or text

    def read(self, answers: Answers, rows: Integers, schema: type[BaseModel], options: ReadOptions) -> TextColumns:
        """Return the texts as they are."""
        return TextColumns(text_array([answers.texts[row] for row in rows.tolist()]))

    def read_references(self, references: Answers, schema: type[BaseModel], options: ReadOptions) -> TextColumns:
        """Return the texts as they are; those that the released code could not use have failed."""
        for row, text in enumerate(references.texts):
            if issubclass(schema, Number):
                is_readable = to_number(text) is not None
            else:
                is_readable = bool(text.strip()) if is_plain_text(schema) else isinstance(load_json(text), dict)
            if not is_readable:
                references.failure[row] = FailureCode.BAD_REFERENCE
        return TextColumns(text_array(references.texts))

    def parse(self, response: str, schema: type[BaseModel], options: ReadOptions, size: Size | None = None) -> Parsed:
        """Return the text or JSON value that is compared."""
        found = find_release_answer(response)
        parsed = self.parse_answer(found.compared, schema, options)
        return replace(parsed, format_fault=_format_fault(response, found))

    def parse_answer(
        self, text: str, schema: type[BaseModel], options: ReadOptions, size: Size | None = None
    ) -> Parsed:
        """Return the text or JSON value that is compared."""
        text = text.strip()
        if is_plain_text(schema):
            return Parsed(None, text, None, None)
        try:
            return Parsed(None, orjson.loads(text), None, None)
        except orjson.JSONDecodeError:
            return Parsed(None, None, FailureCode.INVALID_JSON, None)
