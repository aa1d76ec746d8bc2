"""What the tasks in this folder call: lmms-eval loads this file by its path."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onethinker_rewards import evaluation
from onethinker_rewards.errors import ArgumentError, BadReferenceError
from onethinker_rewards.tasks import prompt, task_name

# The folder that paths in the data start from; the current one by default.
MEDIA = "OTR_MEDIA"
_IMAGES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_PLACEHOLDER = re.compile(r"<(?:image|video)>\s*")


def doc_to_visual(doc: Mapping[str, Any]) -> list[Any]:
    """Return the row's images as Pillow images, and its videos as paths."""
    paths = [doc[name] for name in ("path", "additional_path") if doc.get(name)]
    return [_visual(Path(os.environ.get(MEDIA, "")) / path) for path in paths]


def _visual(path: Path) -> Any:
    if path.suffix.lower() not in _IMAGES:
        return str(path)
    from PIL import Image  # noqa: PLC0415 - lmms-eval has it

    with Image.open(path) as image:
        return image.convert("RGB")


def doc_to_text(doc: Mapping[str, Any], lmms_eval_specific_kwargs: object = None) -> str:
    """Return OneThinker's prompt. Placeholders are removed, for lmms-eval puts images and videos before the text."""
    question = _PLACEHOLDER.sub("", doc["problem"])
    return prompt(_task(doc), question, doc.get("options") or None)


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Return the scores of one response by official rules, in [0, 1], and whether it could not be read.

    The mean of a score over the rows is the benchmark's number.

    Raises:
        ArgumentError: Naming the row, if its reference cannot be read.
    """
    row = {
        "task": _task(doc), "response": results[0], "reference": doc["solution"], "options": doc.get("options") or None
    }  # fmt: skip
    try:
        (scored,) = evaluation.evaluate([row]).benchmarks
    except BadReferenceError as error:
        raise ArgumentError(f"row {doc.get('problem_id')!r}: {error.reasons[0]}") from None
    return scored.scores | {"unreadable": float(bool(scored.unreadable))}


def _task(doc: Mapping[str, Any]) -> str:
    return task_name(doc["problem_type"], doc.get("data_type"))
