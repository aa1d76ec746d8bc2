"""What is generated is what is checked in: `make generate` changes nothing."""

from __future__ import annotations

from pathlib import Path

from scripts.examples import CASES, LETTERS
from scripts.generate import ROOT, write

import onethinker_rewards as otr


def test_nothing_has_drifted(tmp_path: Path) -> None:
    write(tmp_path)
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    drifted = [str(path) for path in written if (tmp_path / path).read_bytes() != _checked_in(path)]
    assert not drifted, "run `make generate`"


def test_there_is_one_schema_a_task_and_one_of_references_where_they_differ() -> None:
    own = {f"{task}.reference" for task, spec in otr.TASKS.items() if spec.reference_schema is not None}
    assert {path.stem for path in (ROOT / "schemas").iterdir()} == {*otr.TASKS, *own}


def test_every_task_has_a_page_with_its_blocks() -> None:
    for task in otr.TASKS:
        page = (ROOT / "docs" / "tasks" / f"{task}.md").read_text(encoding="utf-8")
        assert "<!-- generated: facts -->" in page
        assert "<!-- generated: cases -->" in page


def test_examples_cover_the_tasks_and_enough_letters() -> None:
    assert set(CASES) == set(otr.TASKS)
    assert len(set(LETTERS)) == len(LETTERS) >= 20


def _checked_in(path: Path) -> bytes | None:
    return (ROOT / path).read_bytes() if (ROOT / path).exists() else None
