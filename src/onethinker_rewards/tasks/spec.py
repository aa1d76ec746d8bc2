"""What a task is: a schema, a formula, its parts and constants, and what to tell the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards.answers import Booleans, Floats, Integers, Size, is_plain_text
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.workers import Pool


class Judge(Protocol):
    """Scores free text against a reference, as a reward model does."""

    def __call__(
        self, questions: Sequence[str | None], answers: Sequence[str], references: Sequence[str]
    ) -> Sequence[float | None]:
        """Return one score in [0, 1] a row; None or NaN where it has none.

        Raises:
            JudgeError: If no row can be scored. An ``OSError``, such as a refused connection, has the same effect.
        """
        ...


class Segmenter(Protocol):
    """Draws masks from prompts."""

    def __call__(
        self, images: Sequence[Any], boxes: Floats, positive_points: Floats, negative_points: Floats
    ) -> Sequence[NDArray[np.bool_]]:
        """Return one ``[H, W]`` mask a row, as large as the row's image.

        Args:
            images: ``[N]`` what the segmenter takes for an image; rollouts of a group share one object.
            boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
            positive_points: ``[N, K, 2]`` x, y on the object, in thousandths.
            negative_points: ``[N, K, 2]`` x, y off the object, in thousandths.

        Raises:
            BadImageError: Naming all rows whose image or prompt is unusable, before anything is drawn.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Context:
    """What a formula may use apart from answers and references; columns have one entry a row, or are None.

    Attributes:
        questions: The questions' texts.
        options: The options' texts.
        sizes: Width and height of the images in pixels, for answers that may be in pixels.
        images: Images as the segmenter takes them, or a `Clip` of them for a video.
        masks: What segmentation should give, as `onethinker_rewards.answers.masks.read_mask` takes it; for a video one
            for each frame of its clip, None where the object is not visible.
        valid: ``[N]`` whether both answer and reference could be read. The other rows hold stand-ins, and whatever a
            formula gives for them becomes 0; None means that all are valid.
        constants: The task's constants by name, as its recipe sets them.
        judge: Scores free text.
        segmenter: Draws masks.
        pool: Workers for computations that can hang; None uses the process's shared ones.
    """

    questions: Sequence[str] | None = None
    options: Sequence[Sequence[str] | None] | None = None
    sizes: Sequence[Size | None] | None = None
    images: Sequence[Any] | None = None
    masks: Sequence[Any] | None = None
    valid: Booleans | None = None
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    judge: Judge | None = None
    segmenter: Segmenter | None = None
    pool: Pool | None = None

    def __repr__(self) -> str:
        values = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        given = [name for name, value in values.items() if value is not None and name != "constants"]
        return f"Context({', '.join(given)})"

    def columns(self) -> dict[str, Sequence[Any]]:
        """Return the caller's columns that are given, by name."""
        given = {name: getattr(self, name) for name in ("questions", "options", "sizes", "images", "masks")}
        return {name: values for name, values in given.items() if values is not None}

    def of_rows(self, rows: list[int]) -> Context:
        """Return the context of these rows."""
        columns = {name: [values[row] for row in rows] for name, values in self.columns().items()}
        return replace(self, **columns) if columns else self

    def valid_rows(self, count: int) -> Integers:
        """Return the indices of those of ``count`` rows whose answer and reference could be read."""
        return np.arange(count) if self.valid is None else np.flatnonzero(self.valid)


@dataclass(frozen=True, slots=True, repr=False)
class Scores:
    """What a formula gives.

    Attributes:
        accuracy: ``[N]`` from 0 to the task's maximum.
        parts: The formula's terms by name, ``[N]`` each.
        failures: Rows that turned out unreadable while they were compared; their accuracy has to be 0.
        bad_references: What is wrong with a row's reference, image or mask, by row: the caller's mistake.
    """

    accuracy: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    failures: Mapping[int, FailureCode] = field(default_factory=dict[int, FailureCode])
    bad_references: Mapping[int, str] = field(default_factory=dict[int, str])

    def __repr__(self) -> str:
        rows = f"{np.size(self.accuracy)} rows, parts={tuple(self.parts)}"
        return f"Scores({rows}, {len(self.failures)} failures, {len(self.bad_references)} bad references)"


Formula = Callable[[Any, Any, Context], Scores]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskSpec:
    """A task as data.

    Attributes:
        name: Canonical name.
        schema: What an answer has to be.
        reference_schema: What a reference has to be; the answer's schema by default.
        accuracy: The formula: from columns of answers and of references, N rows each, to scores.
        parts: Names of the terms that ``accuracy`` may give.
        maximum: Largest accuracy.
        constants: Numbers that the formula takes from its context, by name; a recipe may set others.
        instruction: The paragraph of the prompt that says how to answer.
        example: An answer of the right form, shown in the prompt.
        reference_fault: Returns why a reference that is in the schema is unusable all the same, or None. The task's own
            formula judges such rows again, and names those that it cannot compare in its failures.
    """

    name: str
    schema: type[BaseModel]
    accuracy: Formula
    parts: tuple[str, ...] = ()
    maximum: float = 1.0
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    instruction: str = ""
    example: str = ""
    reference_fault: Callable[[str], FailureCode | None] | None = None
    reference_schema: type[BaseModel] | None = None

    @property
    def references_in(self) -> type[BaseModel]:
        """The schema of references."""
        return self.schema if self.reference_schema is None else self.reference_schema

    @property
    def is_json(self) -> bool:
        """Whether answers are JSON objects, not plain text."""
        return not is_plain_text(self.schema)

    def __repr__(self) -> str:
        constants = f", constants={dict(self.constants)}" if self.constants else ""
        schema = f"schema={self.schema.__name__}"
        return f"TaskSpec({self.name!r}, {schema}, parts={self.parts}, maximum={self.maximum}{constants})"


class TaskTable(Mapping[str, TaskSpec]):
    """Tasks by name, read-only, in the order in which they are shown.

    >>> TaskTable([TaskSpec(name="count", schema=BaseModel, accuracy=lambda *_: Scores(np.zeros(1)))])
    TaskTable(count)
    """

    def __init__(self, specs: Sequence[TaskSpec]) -> None:
        self._specs = {spec.name: spec for spec in specs}

    def __getitem__(self, name: str) -> TaskSpec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        return f"TaskTable({', '.join(self)})"
