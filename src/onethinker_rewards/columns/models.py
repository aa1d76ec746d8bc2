"""Columns of a schema that has no arrays of its own: the pydantic models themselves, a row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards.columns.arrays import ArrayColumns
from onethinker_rewards.columns.reading import STRICT, Faults, Reading, Request, read_slowly

__all__ = ["ModelColumns", "ModelReader"]

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelColumns(ArrayColumns):
    """``models``: ``[N]`` pydantic models."""

    models: NDArray[np.object_]


class ModelReader(Generic[ModelT]):
    """Reads texts in any schema, one by one: slower than arrays, and all that a new task needs."""

    def __init__(self, schema: type[ModelT]) -> None:
        self._schema = schema

    def __call__(self, texts: Sequence[str], request: Request = STRICT) -> Reading[ModelColumns]:
        """Return the models of the readable texts."""
        faults = Faults()
        answers = [read_slowly(position, text, self._schema, request, faults) for position, text in enumerate(texts)]
        rows = np.array([row for row, answer in enumerate(answers) if answer is not None], dtype=np.int64)
        # One by one: a model that is a sequence itself must not be taken apart.
        models = np.fromiter((answer for answer in answers if answer is not None), dtype=object, count=len(rows))
        return Reading(ModelColumns(models), rows, faults)
