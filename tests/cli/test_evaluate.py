"""The command ``evaluate``: every kind of file, what it prints, what it says of rows that it cannot read."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import lines, run

REFERENCE = '<answer>{"time": [0, 10]}</answer>'


def answered(answer: str) -> str:
    return f"<think>So it is.</think><answer>{answer}</answer>"


def span(number: int, end: int = 10) -> dict[str, Any]:
    """Return a row as the release writes it."""
    return {
        "problem_id": number, "problem_type": "temporal grounding", "data_type": "video", "solution": REFERENCE,
        "output": answered(f'{{"time": [0, {end}]}}'), "prediction": "left alone", "accuracy": 0.0,
    }  # fmt: skip


def release_file(folder: Path, name: str, rows: list[Any]) -> Path:
    path = folder / name
    path.write_text(json.dumps({"results": rows, "metrics": {"overall/acc": 0.1}, "meta": {}}, indent=2))
    return path


def shown(*arguments: Any, code: int = 0) -> str:
    """Return what a run prints, with single spaces."""
    result = run("evaluate", *map(str, arguments))
    assert result.exit_code == code, result.stderr
    return " ".join(result.stdout.split())


def as_json(*arguments: Any) -> Any:
    result = run("evaluate", "--json", *map(str, arguments))
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_the_releases_output(tmp_path: Path) -> None:
    charades = release_file(tmp_path, "eval_charades.json", [span(1), span(2, 5), span(3) | {"output": "no tags"}])
    activitynet = release_file(tmp_path, "eval_activitynet.json", [span(1), span(2)])
    printed = shown(charades, activitynet)
    assert "charades 3 0 1 0 mIoU 50.0 0.0 to 100.0 activitynet 2 0 0 0 mIoU 100.0 100.0 to 100.0 45.9" in printed
    assert "mean of temporal grounding 5 75.0" in printed
    assert "R@0.5 66.7 68.3" in printed
    assert "charades missing_answer 1 33.3" in printed


def test_rules_of_the_release(tmp_path: Path) -> None:
    rows = [span(1) | {"output": 'first <answer>{"time": ["0", 10]}</answer>, then <answer>x</answer>'}]
    path = release_file(tmp_path, "eval_charades.json", rows)
    assert as_json(path)["benchmarks"][0]["scores"]["mIoU"] == 0.0
    assert as_json(path, "--rules", "release")["benchmarks"][0]["scores"]["mIoU"] == 1.0


def test_what_sam_2_adds(tmp_path: Path) -> None:
    base = {"problem_type": "segmentation", "data_type": "image", "solution": "{}", "output": ""}
    rows = [base | {"problem_id": 1, "reward": {"IoU": 0.5, "inter": 5, "union": 10}, "status": "ok"}]
    rows.append(base | {"problem_id": 2, "reward": None, "status": "no-prompts"})
    path = release_file(tmp_path, "eval_seg_refcoco_sam2.json", rows)
    printed = shown(path)
    assert "seg_refcoco 2 0 1 0 cIoU 50.0" in printed
    assert "seg_refcoco: 1 rows without a mask have no 'segmentation_output'" in printed
    assert "seg_refcoco: 1 row left out, as the rules have it" in shown(path, "--rules", "release")


def test_samples_of_lmms_eval(tmp_path: Path) -> None:
    path = tmp_path / "20261130_samples_mmmu_val.jsonl"
    rows: list[Any] = [{"doc_id": 0, "target": "B", "filtered_resps": [answered("B")], "input": "?"}]
    rows.append({"doc_id": 1, "target": "B", "resps": [[answered("A")]], "filtered_resps": ["A"]})
    path.write_bytes(lines(*rows))
    (found,) = as_json(path, "--task", "multiple_choice")["benchmarks"]
    assert (found["benchmark"], found["table"], found["scores"]["accuracy"]) == ("mmmu_val", "image QA", 0.5)


def test_spans_of_lmms_eval(tmp_path: Path) -> None:
    path = tmp_path / "20261130_samples_charades.jsonl"
    targets = ["[0, 10]", [0.0, 10.0], REFERENCE, "[0, ", "[0]"]
    resps = [[answered('{"time": [0, 5]}')]]
    path.write_bytes(
        lines(*({"doc_id": index, "target": target, "resps": resps} for index, target in enumerate(targets)))
    )
    result = run("evaluate", path, "--task", "temporal_grounding")
    assert "charades 3 0 0 0 mIoU 50.0" in " ".join(result.stdout.split())
    assert "row 4: invalid_json" in result.stderr
    assert "2 rows could not be read" in result.stderr


QUESTIONS = [
    {"index": 1, "question": "?", "answer": "A", "prediction": answered("A"), "A": "red", "B": "blue"},
    {"index": 2, "question": "?", "answer": "B", "prediction": answered("A"), "A": "red", "B": 7},
]


def test_tables_of_vlmevalkit(tmp_path: Path) -> None:
    path = tmp_path / "model_MMStar.tsv"
    path.write_text(
        "\n".join("\t".join(map(str, row)) for row in [[*QUESTIONS[0]], *(row.values() for row in QUESTIONS)])
    )
    (found,) = as_json(path)["benchmarks"]
    assert (found["benchmark"], found["scores"]["accuracy"]) == ("model_MMStar", 0.5)
    path = tmp_path / "model_MMStar.json"
    path.write_text(json.dumps(QUESTIONS))
    assert as_json(path)["benchmarks"][0]["scores"]["accuracy"] == 0.5


def test_spreadsheets_of_vlmevalkit(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [[*QUESTIONS[0]], *([*row.values()] for row in QUESTIONS), [None] * 6]:
        book.active.append(row)
    path = tmp_path / "model_MMStar.xlsx"
    book.save(path)
    (found,) = as_json(path)["benchmarks"]
    assert (found["rows"], found["scores"]["accuracy"]) == (2, 0.5)


def test_spreadsheets_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "x.xlsx"
    assert "No such file" in run("evaluate", str(path)).stderr
    path.write_text("no archive")
    assert "is no Excel file that can be read" in run("evaluate", str(path)).stderr
    openpyxl.Workbook().save(path)
    assert "there is no row to evaluate" in run("evaluate", str(path)).stderr
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = members["xl/worksheets/sheet1.xml"][:-20] + b"<row"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert "is no Excel file that can be read" in run("evaluate", str(path)).stderr
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    result = run("evaluate", str(path))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "needs openpyxl: pip install 'onethinker-rewards[xlsx]'" in result.stderr


def test_missing_rows(tmp_path: Path) -> None:
    answers = release_file(tmp_path, "eval_charades.json", [span(1), span(2)])
    expected = tmp_path / "all.json"
    wanted = [{name: value for name, value in span(number).items() if name != "output"} for number in range(1, 5)]
    expected.write_text(json.dumps(wanted))
    printed = shown(answers, "--expected", expected)
    assert "charades 4 2 0 0 mIoU 50.0" in printed
    assert "charades: 2 missing rows counted 0" in printed


def test_a_baseline(tmp_path: Path) -> None:
    ours = release_file(tmp_path, "eval_charades.json", [span(number, 8 + number % 3) for number in range(6)])
    base = release_file(tmp_path, "base.json", [span(number, 5 + number % 2) for number in range(1, 7)])
    printed = shown(ours, "--baseline", base)
    assert "charades 5 2 +36.0" in printed
    alone = release_file(tmp_path, "one.json", [span(1, 5)])
    assert "charades 1 5 +40.0 - - 1 0 -" in shown(ours, "--baseline", alone)
    nobody = release_file(tmp_path, "none.json", [span(99)])
    assert "unpaired" not in shown(ours, "--baseline", nobody)


def test_types_of_questions_and_videos(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"response": "5", "reference": "5", "task": "regression", "question_type": name, "kind": 1} for name in "ab"
    ]
    path.write_bytes(lines(*rows))
    assert as_json(path, "--answers", "vsi-bench")["benchmarks"][0]["scores"]["mean of types"] == 1.0
    assert "accuracy, 1" in as_json(path, "--type", "kind")["benchmarks"][0]["scores"]
    spans = release_file(tmp_path, "eval_anet_rtl.json", [span(1) | {"path": "a"}, span(2, 5) | {"path": "b"}] * 2)
    (found,) = as_json(spans, "--mean", "video", "--cluster", "path")["benchmarks"]
    assert (found["table"], found["estimate"]["clusters"]) == ("temporal grounding", 2)
    assert "needs cluster" in run("evaluate", spans, "--mean", "video").stderr


def test_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    out.write_text("of an earlier run")
    result = run("evaluate", "-", "--out", out, stdin=lines({"response": "", "reference": "A", "task": "ocr"}))
    assert "stdin 1 0 1 0 accuracy 0.0" in " ".join(result.stdout.split())
    assert json.loads(out.read_text())["place"] == "<stdin>, row 1"


def test_the_score_of_each_row(tmp_path: Path) -> None:
    path = release_file(tmp_path, "eval_charades.json", [span(1, 5), span(2) | {"solution": "?"}])
    out = tmp_path / "rows.jsonl"
    result = run("evaluate", str(path), "--out", str(out))
    assert result.exit_code == 2
    assert "eval_charades.json, row 2: invalid_json for temporal_grounding: '?'" in result.stderr
    assert result.stderr.endswith("1 row could not be read\n")
    second, first = map(json.loads, out.read_text().splitlines())
    assert first == {
        "place": f"{path}, row 1", "benchmark": "charades", "id": "1", "task": "temporal_grounding", "value": 0.5,
        "failure": None, "missing": False,
    }  # fmt: skip
    assert "error" in second


def test_scores_for_inspect_ai(tmp_path: Path) -> None:
    rows = [span(1, 5), span(2) | {"output": "?"}, span(1), span(3) | {"solution": "?"}]
    path = release_file(tmp_path, "eval_charades.json", rows)
    expected = tmp_path / "all.json"
    expected.write_text(json.dumps([{"problem_id": 9, "problem_type": "temporal grounding", "solution": REFERENCE}]))
    out = tmp_path / "scores.jsonl"
    result = run("evaluate", path, "--inspect", out, "--expected", expected)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 2)
    metadata = {"benchmark": "charades", "task": "temporal_grounding", "failure": None, "missing": False}
    failed, missing = {"failure": "missing_answer"}, {"missing": True}
    assert sorted(map(json.loads, out.read_text().splitlines()), key=lambda row: (row["id"], row["epoch"])) == [
        {"id": "1", "epoch": 1, "value": 0.5, "answer": '{"time": [0, 5]}', "explanation": None, "metadata": metadata},
        {"id": "1", "epoch": 2, "value": 1.0, "answer": '{"time": [0, 10]}', "explanation": None, "metadata": metadata},
        {"id": "2", "epoch": 1, "value": 0.0, "answer": None, "explanation": "missing_answer",
         "metadata": metadata | failed},
        {"id": "9", "epoch": 1, "value": 0.0, "answer": None, "explanation": "no answer",
         "metadata": metadata | failed | missing},
    ]  # fmt: skip


def test_what_inspect_ai_does_not_take(tmp_path: Path) -> None:
    paths = [release_file(tmp_path, f"eval_{name}.json", [span(1)]) for name in ("charades", "activitynet")]
    result = run("evaluate", *paths, "--inspect", tmp_path / "scores.jsonl")
    assert "inspect_ai takes the scores of one benchmark, not of charades and activitynet" in result.stderr
    assert "ends in .jsonl" in run("evaluate", *paths, "--inspect", tmp_path / "scores.json").stderr
    both = tmp_path / "scores.jsonl"
    assert "give two files" in run("evaluate", *paths, "--inspect", both, "--out", both).stderr
    path = release_file(tmp_path, "eval_charades.json", [span(1) | {"problem_id": None}])
    assert "no column tells questions apart" in run("evaluate", path, "--inspect", tmp_path / "scores.jsonl").stderr


def test_columns_of_ones_own(tmp_path: Path) -> None:
    rows = [{"said": answered("B"), "gold": "B", "benchmark": "mine", "scene": f"s{index % 2}"} for index in range(4)]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(*rows))
    columns = "--column", "response=said", "--column", "reference=gold", "--task", "multiple_choice"
    (found,) = as_json(path, *columns, "--cluster", "scene")["benchmarks"]
    assert (found["benchmark"], found["table"], found["estimate"]["clusters"]) == ("mine", "multiple_choice", 2)


BAD = [
    pytest.param({"response": 5, "reference": "A", "task": "math"}, "row 1: response: expected text", id="response"),
    pytest.param({"response": "A", "reference": "A"}, "row 1: no column 'task'", id="task"),
]


@pytest.mark.parametrize(("row", "message"), BAD)
def test_rows_that_cannot_be_read_are_named(tmp_path: Path, row: Any, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines(row, {"response": "", "reference": "A", "task": "ocr"}, "no object"))
    result = run("evaluate", str(path))
    assert result.exit_code == 2
    assert message in result.stderr
    assert "2 rows could not be read" in result.stderr
    assert "rows 1 0 1 0 accuracy 0.0" in " ".join(result.stdout.split())


def test_the_best_of_several_references(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines({"response": answered("a cat"), "references": ["a dog", "a cat"], "task": "ocr"}))
    assert as_json(path)["benchmarks"][0]["scores"]["accuracy"] == 1.0


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(lines({"response": "", "reference": "A", "task": "ocr"}))
    for arguments, message in [
        ([str(tmp_path / "no.json")], "No such file"),
        ([str(path), "--baseline", str(path)], "no column tells questions apart: id or problem_id"),
        (
            [str(path), "--id", "name", "--baseline", str(path)],
            "no column tells questions apart: name; name it with --id",
        ),
        ([str(path), "--out", str(tmp_path / "no" / "rows")], "No such file"),
        ([str(path), "--out", "-"], "--out needs a file"),
        ([str(path), "--table", "onethinker_rewards:TASKS"], "evaluate has rules for our own tasks alone"),
        ([str(path), "--out", str(path)], "is an input, and would be overwritten"),
        ([str(path), "--cluster", "video"], "row 1: no 'video'"),
    ]:
        result = run("evaluate", *arguments)
        assert result.exit_code == 2
        assert message in result.stderr
        assert "Traceback" not in result.stderr
    path.write_text("")
    assert "there is no row to evaluate" in run("evaluate", str(path)).stderr


def test_tasks_of_one_file_have_names_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    rows = [("multiple_choice", "B"), ("numerical", "7")]
    texts = [json.dumps({"task": task, "response": f"<answer>{it}</answer>", "reference": it}) for task, it in rows]
    file.write_text("\n".join(texts))
    shown = run("evaluate", file).stdout
    assert [line.split("  ")[0] for line in shown.splitlines()[2:4]] == ["all multiple_choice", "all numerical"]
