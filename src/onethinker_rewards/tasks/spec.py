"""What a task is: a schema, a formula, its parts, and what to tell the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from onethinker_rewards.codes import FailureCode
from onethinker_rewards.columns import Floats, Reader, reader_of
from onethinker_rewards.schemas import Number, OptionLetter, Text

__all__ = [
    "Context",
    "Formula",
    "Judge",
    "ReleasedFormula",
    "ReleasedScores",
    "Scores",
    "Segmenter",
    "TaskSpec",
]


class Judge(Protocol):
    """Scores free text against a reference, as a reward model does."""

    def __call__(
        self, questions: Sequence[str | None], answers: Sequence[str], references: Sequence[str]
    ) -> Sequence[float | None]:
        """Return one score in [0, 1] a row; None or NaN where it has none.

        Raises:
            JudgeError: If no row can be scored; so does any ``OSError``, such as a refused connection.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a formula may use beside answers and references; one entry a row, or None where not given.

    Attributes:
        questions: The questions' texts.
        options: The options' texts.
        images: Images as the segmenter takes them, or a `Clip` of them for a video.
        masks: What segmentation should give, as `onethinker_rewards.columns.read_mask` takes it; for a video one for
            each frame of its clip, None where the object is not to be seen.
        judge: Scores free text.
        segmenter: Draws masks.
        pool: Workers for what can hang; None is the process's own.
    """

    questions: Sequence[str] | None = None
    options: Sequence[Sequence[str] | None] | None = None
    images: Sequence[Any] | None = None
    masks: Sequence[Any] | None = None
    judge: Judge | None = None
    segmenter: Segmenter | None = None
    pool: Any = None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a formula gives.

    Attributes:
        accuracy: ``[N]`` from 0 to the task's maximum.
        parts: The formula's terms by name, ``[N]`` each.
        failures: Rows that turned out unreadable while they were compared; their accuracy has to be 0.
        bad_references: What is wrong with what a row was to be compared with, by row: its caller's mistake.
    """

    accuracy: Floats
    parts: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    failures: Mapping[int, FailureCode] = field(default_factory=dict[int, FailureCode])
    bad_references: Mapping[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class ReleasedScores:
    """What the released code gives for one row: accuracy in [0, 1], structure in [0, 0.5], parts, failure."""

    accuracy: float
    structure: float = 0.5
    parts: Mapping[str, float] = field(default_factory=dict[str, float])
    failure: FailureCode | None = None


Formula = Callable[[Any, Any, Context], Scores]
ReleasedFormula = Callable[[Sequence[str], Sequence[str], Sequence[str], Context], Sequence[ReleasedScores]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A task as data.

    Attributes:
        name: Canonical name.
        schema: What an answer has to be.
        accuracy: From columns of answers and references, row by row beside each other, to scores.
        parts: Names of the terms that ``accuracy`` may give.
        maximum: Largest accuracy.
        instruction: The paragraph of the prompt that says how to answer.
        example: An answer of the right form, shown in the prompt.
        reader: From texts to the columns that ``accuracy`` takes; by default the schema's.
        reference_fault: Why a reference that is in the schema is unusable all the same, None where it is not.
        released: The released code's accuracy and structure; None where the release has no such task.
    """

    name: str
    schema: type[BaseModel]
    accuracy: Formula
    parts: tuple[str, ...] = ()
    maximum: float = 1.0
    instruction: str = ""
    example: str = ""
    reader: Reader[Any] | None = None
    reference_fault: Callable[[str], FailureCode | None] | None = None
    released: ReleasedFormula | None = None

    @property
    def is_json(self) -> bool:
        """Whether answers are JSON objects, not plain text."""
        return not issubclass(self.schema, OptionLetter | Number | Text)

    @property
    def read(self) -> Reader[Any]:
        """The reader of this task's answers."""
        return self.reader or reader_of(self.schema)
