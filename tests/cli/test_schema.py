from __future__ import annotations

import json
from pathlib import Path

import onethinker_rewards as otr
from onethinker_rewards.cli.schema import write_schemas
from tests.cli.runs import run


def test_one_task() -> None:
    for task in ("tracking", "spatial-temporal grounding"):
        result = run("schema", task)
        assert (result.exit_code, json.loads(result.stdout)) == (0, otr.json_schema(task))
        assert result.stdout.endswith("}\n")


def test_all_tasks_as_one_object() -> None:
    shown = json.loads(run("schema").stdout)
    assert list(shown) == list(otr.TASKS)
    assert shown["ocr"] == otr.json_schema("ocr")


def test_an_unknown_task_is_one_line() -> None:
    result = run("schema", "poetry")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "'poetry' is no task; there are multiple_choice, numerical" in result.stderr


def test_out_writes_a_file_a_task(tmp_path: Path) -> None:
    result = run("schema", "--out", tmp_path / "deep" / "er")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"Wrote 25 schemas to {tmp_path}/deep/er\n"
    for task in otr.TASKS:
        text = (tmp_path / "deep" / "er" / f"{task}.json").read_text(encoding="utf-8")
        assert text == json.dumps(otr.json_schema(task), indent=2, ensure_ascii=False) + "\n"


def test_write_schemas_returns_its_files(tmp_path: Path) -> None:
    written = write_schemas(str(tmp_path))
    assert [path.name for path in written if ".reference" not in path.name] == [f"{task}.json" for task in otr.TASKS]
    own = [task for task, spec in otr.TASKS.items() if spec.reference_schema is not None]
    assert [path.name for path in written if ".reference" in path.name] == [f"{task}.reference.json" for task in own]
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path: path.read_bytes() for path in write_schemas(tmp_path)} == before


def test_a_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("schema", "--out", tmp_path / "file")
    assert (result.exit_code, result.stderr) == (2, f"Error: {tmp_path}/file: File exists\n")


def test_the_schema_of_references() -> None:
    shown = json.loads(run("schema", "gui_click", "--reference").stdout)
    assert shown == otr.json_schema("gui_click", reference=True)
    assert shown["title"] == "ClickTarget"
    every = json.loads(run("schema", "--reference").stdout)
    assert every["gui_click"] == shown
    assert every["ocr"] == otr.json_schema("ocr")


def test_task_and_out_exclude_each_other(tmp_path: Path) -> None:
    result = run("schema", "ocr", "--out", tmp_path / "x")
    assert result.exit_code == 2
    assert "Give a TASK or --out, not both." in result.stderr
    assert not (tmp_path / "x").exists()
