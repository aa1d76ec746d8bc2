"""All tasks, in the order in which they are shown, and the labels that data sets use for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from onethinker_rewards._validation import check_text
from onethinker_rewards.errors import ArgumentError, UnknownTaskError
from onethinker_rewards.tasks import grounding, objects, ranking, segmentation, text
from onethinker_rewards.tasks.spec import TaskSpec, TaskTable

TASKS = TaskTable(
    [
        text.MULTIPLE_CHOICE,
        text.NUMERICAL,
        text.REGRESSION,
        text.MATH,
        text.OCR,
        text.OPEN_ENDED,
        grounding.TEMPORAL_GROUNDING,
        grounding.SPATIAL_GROUNDING,
        grounding.SPATIO_TEMPORAL_GROUNDING,
        grounding.TRACKING,
        segmentation.IMAGE_SEGMENTATION,
        segmentation.VIDEO_SEGMENTATION,
        objects.DETECTION,
        objects.POINTING,
        objects.GUI_CLICK,
        objects.ROTATED_BOX,
        grounding.TEMPORAL_SEGMENTS,
        grounding.POINT_TRACKING,
        ranking.IMAGE_QUALITY,
        ranking.ORDERING,
    ]
)
"""The tasks that ship with the package, by name."""

_SEPARATORS = re.compile(r"[\s_\-/]+")
# Other spellings, with separators as one underscore and in lower case.
_ALIASES = {
    "spatial_temporal_grounding": "spatio_temporal_grounding",
    "spatiotemporal_grounding": "spatio_temporal_grounding",
    **dict.fromkeys(
        "caption captioning image_caption image_captioning video_caption video_captioning free_form".split(),
        "open_ended",
    ),
    "segmentation_image": "image_segmentation",
    "segmentation_video": "video_segmentation",
    "object_detection": "detection",
    "gui_grounding": "gui_click",
    "highlights": "temporal_segments",
    "image_quality_assessment": "image_quality",
}
_SEGMENTATION = "segmentation"


def task_name(problem_type: str, data_type: str | None = None, *, table: Mapping[str, TaskSpec] | None = None) -> str:
    """Return our name for a data set's ``problem_type`` and ``data_type``.

    Args:
        problem_type: For example ``"spatial-temporal grounding"``, ``"OCR"``, or one of our own names.
        data_type: ``"image"`` or ``"video"``; only ``"segmentation"`` needs it.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If it is not a text.

    >>> task_name("spatial-temporal grounding", "video"), task_name("segmentation", "image")
    ('spatio_temporal_grounding', 'image_segmentation')
    """
    check_text("problem_type", problem_type)
    table = TASKS if table is None else table
    name = _known_name(problem_type, data_type, table)
    if name is None:
        raise UnknownTaskError((), (_why_unknown(problem_type, data_type, table),))
    return name


def spec_of(task: str, table: Mapping[str, TaskSpec] | None = None) -> TaskSpec:
    """Return a task by any of its names.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If its example is not an answer that its schema allows.
    """
    check_text("task", task)
    table = TASKS if table is None else table
    spec = table[task_name(task, table=table)]
    spec.check_example()
    return spec


def resolve_tasks(labels: Sequence[str], table: Mapping[str, TaskSpec]) -> list[str]:
    """Return the task name of each row.

    Raises:
        UnknownTaskError: Naming all rows whose label is no task.
    """
    names = {label: _known_name(label, None, table) for label in set(labels)}
    unknown = [row for row, label in enumerate(labels) if names[label] is None] if None in names.values() else []
    if unknown:
        why = {label: _why_unknown(label, None, table) for label in dict.fromkeys(labels[row] for row in unknown)}
        raise UnknownTaskError(unknown, [why[labels[row]] for row in unknown])
    return [names[label] or label for label in labels]


def check_names(name: str, keys: Iterable[str], table: Mapping[str, TaskSpec]) -> None:
    """Raise an `ArgumentError` where a key is not the name of a task, as the table has it."""
    for key in keys:
        if key not in table:
            raise ArgumentError(f"{name}: {_why_unknown(key, None, table)}")


def _known_name(problem_type: str, data_type: str | None, table: Mapping[str, TaskSpec]) -> str | None:
    if problem_type in table:
        return problem_type
    name = _spelled(problem_type)
    if name == _SEGMENTATION and data_type:
        name = f"{data_type.strip().casefold()}_{_SEGMENTATION}"
    name = _ALIASES.get(name, name)
    return name if name in table else None


def _spelled(problem_type: str) -> str:
    return _SEPARATORS.sub("_", problem_type.strip().casefold())


def _why_unknown(problem_type: str, data_type: str | None, table: Mapping[str, TaskSpec]) -> str:
    name = _spelled(problem_type)
    if name == _SEGMENTATION:
        why = f"{problem_type!r} needs the data type image or video, not {data_type!r}"
        return f"{why}; or write image_segmentation or video_segmentation"
    close = get_close_matches(name, table, n=1)
    meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(table)}" if table else "the table is empty"
    return f"{problem_type!r} is no task; {meant}"
