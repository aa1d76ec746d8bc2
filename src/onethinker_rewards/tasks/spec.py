"""What a task is: a schema, a formula, its parts and constants, and what to tell the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards._validation import check_positive
from onethinker_rewards.answers import Booleans, Floats, Integers, Size, is_plain_text, read_answer
from onethinker_rewards.codes import FailureCode
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks.judging import Judge, JudgeRow
from onethinker_rewards.workers import Pool


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


_COLUMNS = ("questions", "options", "sizes", "images", "masks", "groups", "tokens")


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
        groups: Which rows answer the same prompt: their ids are equal. A task's formula gets the task's rows alone.
        tokens: The token ids of the responses, or only how many there are.
        progress: How far training is, from 0 to 1.
        valid: ``[N]`` whether both answer and reference could be read. The other rows hold stand-ins, and whatever a
            formula gives for them becomes 0; None means that all are valid.
        constants: The task's constants by name, as its recipe sets them.
        judge: Scores free text; a formula does not call it, but names rows in ``Scores.to_judge``.
        segmenter: Draws masks.
        pool: Workers for computations that can hang; None uses the process's shared ones.
    """

    questions: Sequence[str | None] | None = None
    options: Sequence[Sequence[str] | None] | None = None
    sizes: Sequence[Size | None] | None = None
    images: Sequence[Any] | None = None
    masks: Sequence[Any] | None = None
    groups: Sequence[Hashable] | None = None
    tokens: Sequence[Sequence[int] | int | None] | None = None
    progress: float | None = None
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
        given = {name: getattr(self, name) for name in _COLUMNS}
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
        parts: The formula's terms by name, ``[N]`` each; a single NaN for a term that does not apply.
        failures: Rows that turned out unreadable while they were compared; their accuracy has to be 0.
        bad_references: What is wrong with a row's reference, image or mask, by row: the caller's mistake.
        to_judge: Rows whose accuracy, and part ``judge``, the judge decides; here both are 0.
    """

    accuracy: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    failures: Mapping[int, FailureCode] = field(default_factory=dict[int, FailureCode])
    bad_references: Mapping[int, str] = field(default_factory=dict[int, str])
    to_judge: Mapping[int, JudgeRow] = field(default_factory=dict[int, JudgeRow])

    def __repr__(self) -> str:
        rows = f"{np.size(self.accuracy)} rows, parts={tuple(self.parts)}"
        return f"Scores({rows}, {len(self.failures)} failures, {len(self.bad_references)} bad references)"


# What a formula gives for a part that does not apply.
DOES_NOT_APPLY: Floats = np.array(math.nan)

Formula = Callable[[Any, Any, Context], Scores]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TaskSpec:
    """A task as data.

    Attributes:
        name: Canonical name.
        schema: What an answer has to be: an object, or with pydantic's ``RootModel`` an array or any other JSON.
        reference_schema: What a reference has to be; the answer's schema by default.
        accuracy: The formula: from columns of answers and of references, N rows each, to scores.
        parts: Names of the terms that ``accuracy`` gives, all of them each time.
        maximum: Largest accuracy; None if there is none. Then ``normalized`` is NaN.
        constants: Numbers that the formula takes from its context, by name; a recipe may set others.
        instruction: The paragraph of the prompt that says how to answer.
        example: An answer of the right form, shown in the prompt.
        reference_fault: Returns why a reference that is in the schema is unusable all the same, or None. The task's own
            formula judges such rows again, and names those that it cannot compare in its failures.

    Raises:
        ArgumentError: If a field has another type, ``maximum`` is not positive and finite, or a constant is not finite.
    """

    name: str
    schema: type[BaseModel]
    accuracy: Formula
    parts: tuple[str, ...] = ()
    maximum: float | None = 1.0
    constants: Mapping[str, float] = field(default_factory=dict[str, float])
    instruction: str = ""
    example: str = ""
    reference_fault: Callable[[str], FailureCode | None] | None = None
    reference_schema: type[BaseModel] | None = None
    # Whether the example is known to be right: it is read at the task's first use, not when the package is imported.
    _is_checked: bool = field(default=False, init=False, compare=False)

    def __post_init__(self) -> None:
        name: Any = self.name
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"a task's name is a text, not {name!r}")
        for setting in ("schema", "reference_schema"):
            schema = getattr(self, setting)
            if not _is_schema(schema) and not (schema is None and setting == "reference_schema"):
                raise ArgumentError(
                    f"{name}: {setting} is a class that derives from pydantic.BaseModel, not {schema!r}"
                )
        if not callable(self.accuracy):
            raise ArgumentError(f"{name}: accuracy is a function, not {self.accuracy!r}")
        parts: Any = self.parts
        if (
            isinstance(parts, str)
            or not isinstance(parts, Sequence)
            or not all(isinstance(part, str) for part in parts)
        ):
            raise ArgumentError(f"{name}: parts are a tuple of names, not {parts!r}")
        if self.maximum is not None:
            check_positive(f"{name}: maximum", self.maximum)
        constants: Any = self.constants
        if not isinstance(constants, Mapping):
            raise ArgumentError(f"{name}: constants are a mapping from names to numbers, not {constants!r}")
        for constant, value in self.constants.items():
            if not isinstance(value, Real) or not math.isfinite(value):
                raise ArgumentError(f"{name}: the constant {constant} is a finite number, not {value!r}")

    @property
    def references_in(self) -> type[BaseModel]:
        """The schema of references."""
        return self.schema if self.reference_schema is None else self.reference_schema

    @property
    def is_json(self) -> bool:
        """Whether answers are JSON, not plain text."""
        return not is_plain_text(self.schema)

    def check_example(self) -> None:
        """Read the example at the first use of this task; later calls return at once.

        Raises:
            ArgumentError: If strict rules do not read it as it is.
        """
        if self._is_checked:
            return
        if self.example:
            read = read_answer(self.example, self.schema)
            fault = read.schema_fault or next(iter(read.repairs), None)
            if fault is not None:
                raise ArgumentError(f"{self.name}: its example is not a right answer: {fault} for {self.example!r}")
        object.__setattr__(self, "_is_checked", True)

    def check_parts(self, parts: Mapping[str, Any]) -> None:
        """Raise an `ArgumentError` where a formula's parts are not those that this task declares."""
        if set(parts) == set(self.parts):
            return
        unknown = [name for name in parts if name not in self.parts]
        missing = [name for name in self.parts if name not in parts]
        fault = f"gave the part {unknown[0]!r}, which" if unknown else f"did not give the part {missing[0]!r}, which"
        declared = "is not among its parts" if unknown else "is among its parts"
        raise ArgumentError(f"the formula of {self.name} {fault} {declared}; parts={self.parts!r}")

    def __repr__(self) -> str:
        constants = f", constants={dict(self.constants)}" if self.constants else ""
        schema = f"schema={self.schema.__name__}"
        return f"TaskSpec({self.name!r}, {schema}, parts={self.parts}, maximum={self.maximum}{constants})"


def _is_schema(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


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
