"""A task's page names every code that an answer to the task can earn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import onethinker_rewards as otr

PAGES = Path(__file__).resolve().parents[2] / "docs" / "tasks"
NAMED = re.compile(r"`([a-z]\w+)`")
HEADINGS = ["## Formula", "## Cases", "## When it fails", "## What `release` does"]

_BOX = "[0, 0, 9, 9]"
_POINTS = '"positive_points": [[1, 1], [2, 2], [3, 3]], "negative_points": [[1, 1], [2, 2], [3, 3]]'
_BOXES = [
    _BOX,
    "[9, 9, 0, 0]",
    "[0, 0, 9]",
    '["0", 0, 9, 9]',
    "[-1, 0, 9, 9]",
    "{}",
    f'{{"1": {_BOX}}}',
    f'{{"01": {_BOX}}}',
    f'{{"1234567890": {_BOX}}}',
    '{"1": [9, 0, 0, 9]}',
    '{"1": [0, 0, 9]}',
]
_TIMES = ["4", "-1", "true", "[1, 2]", "[2, 1]", "[-1, 2]", "[1]", '["1", 2]', "[1, NaN]"]
_TEXTS = ["[1]", "{", "{}", "A or B", "12 cm", "1" * 500, "the answer is unclear"]
_LONG_TRACK = "{" + ", ".join(f'"{second}": {_BOX}' for second in range(otr.Limits().track_boxes + 1)) + "}"


def broken_answers() -> Iterator[str]:
    yield from _TEXTS
    for boxes in _BOXES:
        for time in _TIMES:
            for points in (_POINTS, _POINTS.replace("[1, 1], ", ""), None):
                pieces = [f'"time": {time}', f'"boxes": {boxes}', points]
                yield "{" + ", ".join(piece for piece in pieces if piece) + "}"
                yield "{" + ", ".join(piece for piece in pieces[1:] if piece) + "}"
        yield f'{{"boxes": {boxes}, "note": 1}}'
    yield from (f'{{"time": {time}}}' for time in _TIMES)


def earned(task: str) -> set[str]:
    """Return the codes that broken answers earn, where the long track goes to tasks with tracks alone."""
    answers = [*broken_answers()]
    if "track" in otr.TASKS[task].schema.__name__.lower():
        answers += [f'{{"boxes": {_LONG_TRACK}}}', f'{{"time": [1, 2], "boxes": {_LONG_TRACK}}}']
    parsed = [otr.parse_answer(answer, task) for answer in answers]
    return {str(code) for answer in parsed for code in (answer.failure, *answer.repairs) if code is not None}


@pytest.mark.parametrize("task", otr.TASKS)
def test_page_names_every_code_that_answers_earn(task: str) -> None:
    page = (PAGES / f"{task}.md").read_text(encoding="utf-8")
    fails = page.partition("## When it fails")[2].partition("\n## ")[0]
    elsewhere = {"clipped"}  # told once, with the boxes
    assert earned(task) - elsewhere <= set(NAMED.findall(fails))


@pytest.mark.parametrize("task", otr.TASKS)
def test_page_has_the_same_sections(task: str) -> None:
    page = (PAGES / f"{task}.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("task", otr.TASKS)
def test_pages_name_only_codes_that_exist(task: str) -> None:
    page = (PAGES / f"{task}.md").read_text(encoding="utf-8")
    fails = page.partition("## When it fails")[2].partition("\n## ")[0]
    known = {str(code) for code in (*otr.FailureCode, *otr.RepairCode)} | {"judge", "rouge", "bbox_2d"}
    assert set(NAMED.findall(fails)) <= known
