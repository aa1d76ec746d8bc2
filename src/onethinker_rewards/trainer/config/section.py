"""What a key is: a pydantic field that says what it does and where its value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["OWN", "PAPER", "RELEASE", "VERL", "Section", "key", "keys_of"]

PAPER = "paper"
RELEASE = "release"
VERL = "verl"
OWN = "ours"


class Section(BaseModel):
    """Keys that belong together; any other is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def key(default: Any, source: str, description: str, **limits: Any) -> Any:
    """Return a field with its default, where that comes from, what it does, and pydantic's limits on it."""
    return Field(default, description=description, json_schema_extra={"source": source}, **limits)


def keys_of(settings: type[BaseModel]) -> Iterator[tuple[str, Any, str, str]]:
    """Yield each key of a configuration with its default, description and source, sections in order."""
    for section, holder in settings.model_fields.items():
        if isinstance(holder.annotation, type) and issubclass(holder.annotation, Section):
            for name, field in holder.annotation.model_fields.items():
                extra: Any = field.json_schema_extra
                yield f"{section}.{name}", field.default, field.description or "", extra["source"]
