"""Why a row cannot be trained on."""

from __future__ import annotations

from enum import StrEnum, unique

__all__ = ["BadRowError", "Fault"]


@unique
class Fault(StrEnum):
    """The kinds of bad rows, as they are counted."""

    NOT_JSON = "not_json"
    COLUMNS = "columns"
    TASK = "task"
    REFERENCE = "reference"
    PLACEHOLDERS = "placeholders"
    MEDIA = "media"
    RESPONSE = "response"
    ENDPOINT = "endpoint"


class BadRowError(ValueError):
    """A row that cannot be trained on.

    Attributes:
        fault: The kind.
        why: The reason, in one line.
    """

    def __init__(self, fault: Fault, why: str) -> None:
        self.fault = fault
        self.why = why
        super().__init__(fault, why)

    def __str__(self) -> str:
        return self.why
