from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from rich.console import Console

from onethinker_rewards.cli.hack_reports import Row, print_text, summary
from onethinker_rewards.hacks import Scored, Trick, read_tricks
from tests.cli.runs import rows_of, run
from tests.judges.teacher import Reply, teaching

CODE = """
import math

def contains(responses, references, tasks):
    print("scoring", len(responses))
    return [float(reference in response) for response, reference in zip(responses, references)]

def ours(responses, references, tasks):
    import onethinker_rewards as otr
    return otr.score(responses, references, tasks).total

def nothing(responses, references, tasks):
    return [0.0] * len(responses)

def nan_for_one(responses, references, tasks):
    exact = [f"<answer>{reference}<" in response for response, reference in zip(responses, references)]
    return [math.nan if "ABCD" in response else float(right) for response, right in zip(responses, exact)]

def boxes_only(responses, references, tasks):
    return [
        float(reference in response) if task == "spatial_grounding" else None
        for response, reference, task in zip(responses, references, tasks)
    ]

def short(responses, references, tasks):
    return [1.0]

def broken(responses, references, tasks):
    raise ValueError("no\\nsuch thing")

def broken_pattern(responses, references, tasks):
    import re
    return [re.match("(", response) for response in responses]

def for_trl(completions, solution, **columns):
    return [float(text in completion[0]["content"]) for completion, text in zip(completions, solution)]

def unknown(a, b, c):
    return ours(a, b, c)

NUMBER = 3
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_reward_to_hack.py").write_text(CODE)
    (tmp_path / "bad_syntax.py").write_text("def total(:\n")
    (tmp_path / "exits_at_once.py").write_text("import sys\nsys.exit(0)\n")
    (tmp_path / "fails_at_once.py").write_text("1 / 0\n")


def count(task: str) -> int:
    return sum(trick.task == task for trick in read_tricks())


def paying(recipe: str) -> int:
    return sum(getattr(trick, recipe).verdict == "pays" for trick in read_tricks() if getattr(trick, recipe))


def test_counts_by_task() -> None:
    result = run("hacks")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["task", "tricks", "paper", "release"]
    for task in dict.fromkeys(trick.task for trick in read_tricks()):
        (line,) = [line for line in lines if line.startswith(f"{task} ")]
        assert line.split()[1] == str(count(task))
    assert re.search(r"^ocr +\d+ +none pays +2 pay", result.stdout, re.MULTILINE)
    assert f"\npaper: {paying('paper')} of " in result.stdout
    assert f"\nrelease: {paying('release')} of " in result.stdout
    assert lines[-1] == "The tricks of a task: onethinker-rewards hacks TASK"


def test_one_task_in_the_spelling_of_the_data() -> None:
    for task in ("spatio_temporal_grounding", "spatial-temporal grounding"):
        shown = run("hacks", task).stdout
        assert re.search(r"^one-perfect-frame +harmless +pays$", shown, re.MULTILINE)
        assert "Compared with the same said plainly." in shown
        assert "two-boxes-answers" not in shown
        assert "TASK" not in shown


def test_an_unknown_task_is_one_line() -> None:
    result = run("hacks", "poetry")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "'poetry' is no task; there are multiple_choice, numerical" in result.stderr


def test_lines_fit_a_pipe() -> None:
    for task in ([], ["open_ended"], ["--paying"]):
        assert max(map(len, run("hacks", *task).stdout.splitlines())) <= 100


def test_eighty_columns_break_no_name_and_no_verdict() -> None:
    target = io.StringIO()
    rows = [
        Row(trick, {"yours": trick.paper, "paper": trick.paper, "release": trick.release}) for trick in read_tricks()
    ]
    print_text(Console(file=target, width=80), rows, rows, hint=True)
    lines = target.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    verdict = r"(pays|harmless|no number|not tried|-)"
    for trick in read_tricks():
        assert any(re.fullmatch(rf"{trick.id}( +{verdict}){{3}}", line) for line in lines), trick.id


def test_a_recipe_that_does_not_have_the_task() -> None:
    trick = Trick("two-boxes", "detection", "Gives two boxes.", "[]", "…", "wrong", paper=Scored(1.0, 0.0, "pays"))
    other = Trick("one-box", "other", "Gives one box.", "[]", "…", "wrong", paper=Scored(1.0, 0.0, "pays"))
    rows = [Row(one, {"paper": one.paper, "release": one.release}) for one in (trick, other)]
    target = io.StringIO()
    print_text(Console(file=target, width=80), rows, rows, hint=False)
    assert re.search(r"^two-boxes +pays +-$", target.getvalue(), re.MULTILINE)
    assert re.search(r"^detection +1 +1 pays +- *$", target.getvalue(), re.MULTILINE)
    assert summary("release", rows) == "release: 0 of 0 tricks pay"
    assert not Row(trick, {"release": None}).pays()


def test_one_recipe_and_only_what_pays() -> None:
    shown = run("hacks", "--recipe", "paper", "--paying").stdout
    assert "release" not in shown
    assert "harmless" not in shown
    assert len(re.findall(r"^[a-z-]+ +pays$", shown, re.MULTILINE)) == paying("paper")


def test_nothing_pays() -> None:
    result = run("hacks", "numerical", "--recipe", "paper", "--paying")
    assert (result.exit_code, result.stdout) == (0, f"paper: 0 of {count('numerical')} tricks pay\n")


def test_a_reward_that_pays() -> None:
    result = run("hacks", "multiple_choice", "--reward", "my_reward_to_hack:contains")
    assert result.exit_code == 1
    assert re.search(r"^answer-in-thinking +pays +harmless +pays$", result.stdout, re.MULTILINE)
    assert "in the hope that the first counts. It earns 1; a wrong answer earns" in " ".join(result.stdout.split())
    assert re.search(r"^yours: \d+ of \d+ tricks pay$", result.stdout, re.MULTILINE)
    # What it prints is not among the rows.
    assert "scoring" not in result.stdout
    assert result.stderr.splitlines() == [
        "my_reward_to_hack:contains is called as batch: (responses, references, tasks), three lists",
        result.stderr.splitlines()[1],
    ]
    assert result.stderr.splitlines()[1].startswith("scoring")


def test_without_a_task_only_what_pays_under_it_is_listed() -> None:
    shown = run("hacks", "--reward", "my_reward_to_hack:boxes_only").stdout
    assert re.search(r"^spatial_grounding +22? ", shown, re.MULTILINE)
    assert not re.search(r"^[a-z-]+ +(harmless|not tried) ", shown, re.MULTILINE)
    assert re.search(r"^ocr +\d+ +not tried ", shown, re.MULTILINE)


def test_a_reward_from_a_file_that_does_not_pay() -> None:
    result = run("hacks", "tracking", "--reward", "my_reward_to_hack.py:ours")
    assert result.exit_code == 0
    assert f"yours: 0 of {count('tracking')} tricks pay\n" in result.stdout


def test_a_reward_in_another_signature() -> None:
    result = run("hacks", "ocr", "--reward", "my_reward_to_hack:for_trl")
    assert result.exit_code == 1
    assert result.stderr == (
        "my_reward_to_hack:for_trl is called as messages: (completions, **columns) as in TRL, completions are lists of "
        "messages\n"
    )


def test_a_signature_that_is_named() -> None:
    result = run("hacks", "ocr", "--reward", "my_reward_to_hack:unknown", "--signature", "batch")
    assert (result.exit_code, result.stderr) == (0, "")


def test_an_endpoint() -> None:
    def answer(asked: dict[str, Any], number: int) -> Reply:
        right = [
            float(text in response) for response, text in zip(asked["responses"], asked["references"], strict=True)
        ]
        return Reply(body=json.dumps({"rewards": right}).encode())

    with teaching(answer) as teacher:
        result = run("hacks", "ocr", "--reward", teacher.url)
        report = json.loads(run("hacks", "ocr", "--reward", teacher.url, "--format", "sarif").stdout)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{teacher.url} is called as batch: ")
    place = report["runs"][0]["results"][0]["locations"][0]
    assert place == {"logicalLocations": [{"fullyQualifiedName": teacher.url, "kind": "resource"}]}
    with teaching(lambda *_: Reply(500, b"no")) as teacher:
        result = run("hacks", "ocr", "--reward", teacher.url, "--timeout", "5", "--signature", "openrlhf")
    assert (result.exit_code, result.stderr) == (2, f"Error: --reward {teacher.url}: {teacher.url} answered 500: no\n")


def test_a_reward_for_some_tasks() -> None:
    result = run("hacks", "--reward", "my_reward_to_hack:boxes_only")
    assert result.exit_code == 1
    others = sum(trick.task != "spatial_grounding" for trick in read_tricks())
    assert f"of {len(read_tricks()) - others} tricks pay, {others} not tried" in " ".join(result.stdout.split())


def test_no_number_is_as_bad_as_paying() -> None:
    name = "my_reward_to_hack:nan_for_one"
    result = run("hacks", "multiple_choice", "--reward", name, "--format", "jsonl")
    rows = rows_of(result)
    assert result.exit_code == 1
    assert {row["yours"]["verdict"] for row in rows} >= {"no number", "harmless"}
    assert not [
        row["id"] for row in rows if row["yours"]["verdict"] == "no number" and row["yours"]["trick"] is not None
    ]
    shown = run("hacks", "multiple_choice", "--reward", name, "--paying").stdout
    assert re.search(r"^run-together +no number ", shown, re.MULTILINE)
    assert "It earns no number; a wrong answer earns 0." in " ".join(shown.split())
    assert re.search(r"^yours: .*, 1 get no number$", shown, re.MULTILINE)
    suites = ET.fromstring(run("hacks", "multiple_choice", "--reward", name, "--format", "junit").stdout)
    assert suites.get("errors") == "1"
    (error,) = suites.iter("error")
    assert error.get("message") == "no number: it earns no number; a wrong answer earns 0."
    assert re.search(r"^multiple_choice +\d+ +\d+ pay, 1 no number", _wide(name), re.MULTILINE)


def _wide(name: str) -> str:
    """Return the counts of all tasks without the recipes, so that no line is broken."""
    return run("hacks", "--recipe", "paper", "--reward", name).stdout


def test_junit() -> None:
    result = run("hacks", "--reward", "my_reward_to_hack:boxes_only", "--format", "junit")
    assert result.exit_code == 1
    suites = ET.fromstring(result.stdout)
    assert [suite.get("name") for suite in suites] == list(dict.fromkeys(trick.task for trick in read_tricks()))
    assert [case.get("name") for case in suites.iter("testcase")] == [trick.id for trick in read_tricks()]
    for whole in (suites, *suites):
        for tag, total in (("testcase", "tests"), ("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert whole.get(total) == str(len(list(whole.iter(tag))))
    first = next(case for case in suites.iter("testcase") if case.find("failure") is not None)
    trick = next(trick for trick in read_tricks() if trick.id == first.get("name"))
    failure = first.find("failure")
    assert failure is not None
    assert failure.get("type") == "pays"
    assert str(failure.get("message")).startswith("pays: it earns 1; ")
    assert str(failure.text).startswith(trick.tries)
    assert str(failure.text).endswith(f"response: {json.dumps(trick.response)}")
    assert first.get("classname") == "hacks.spatial_grounding"
    assert first.get("file") == "my_reward_to_hack.py"
    assert result.stderr.splitlines()[-1].startswith("yours: ")


# The parts of SARIF 2.1.0 that we write, as its schema has them; a whole log was checked with the schema by hand.
TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1}},
    "required": ["text"],
    "additionalProperties": False,
}
SARIF: dict[str, Any] = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "pattern": "sarif-schema-2.1.0.json$"},
        "version": {"const": "2.1.0"},
        "runs": {
            "items": {
                "required": ["tool", "results"],
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {"properties": {"driver": {"required": ["name", "version", "rules"]}}},
                    "results": {
                        "items": {
                            "required": ["ruleId", "message", "locations", "partialFingerprints"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "message": TEXT,
                                "locations": {
                                    "minItems": 1,
                                    "items": {
                                        "properties": {
                                            "physicalLocation": {
                                                "properties": {
                                                    "artifactLocation": {
                                                        "properties": {"uri": {"type": "string"}, "uriBaseId": {}},
                                                        "required": ["uri"],
                                                        "additionalProperties": False,
                                                    },
                                                    "region": {
                                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                                        "additionalProperties": False,
                                                    },
                                                },
                                                "additionalProperties": False,
                                            }
                                        },
                                        "additionalProperties": False,
                                    },
                                },
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                            },
                            "additionalProperties": False,
                        }
                    },
                },
                "additionalProperties": False,
            }
        },
    },
    "additionalProperties": False,
}
RULE: dict[str, Any] = {
    "properties": {
        "id": {"type": "string"},
        **dict.fromkeys(("shortDescription", "fullDescription", "help"), TEXT),
        "defaultConfiguration": {"properties": {"level": {"const": "error"}}, "additionalProperties": False},
        "properties": {"properties": {"tags": {"type": "array", "uniqueItems": True}}},
    },
    "required": ["id", "shortDescription", "help"],
    "additionalProperties": False,
}


def test_sarif(tmp_path: Path) -> None:
    name = "my_reward_to_hack:contains"
    out = tmp_path / "hacks.sarif"
    result = run("hacks", "ocr", "--reward", name, "--format", "sarif", "--out", out)
    assert (result.exit_code, result.stdout) == (1, "")
    log = json.loads(out.read_text(encoding="utf-8"))
    jsonschema.validate(log, SARIF)
    driver, results = log["runs"][0]["tool"]["driver"], log["runs"][0]["results"]
    jsonschema.validate(driver["rules"], {"items": RULE})
    assert [rule["id"] for rule in driver["rules"]] == [trick.id for trick in read_tricks() if trick.task == "ocr"]
    assert results
    assert all(driver["rules"][one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    line = 1 + CODE.splitlines().index("def contains(responses, references, tasks):")
    assert results[0]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "my_reward_to_hack.py", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": line},
            }
        }
    ]
    assert f"yours: {len(results)} of {count('ocr')} tricks pay" in result.stderr


def test_sarif_of_code_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "my reward.py").write_text(CODE)
    log = json.loads(run("hacks", "ocr", "--reward", "sub/my reward.py:contains", "--format", "sarif").stdout)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sub/my%20reward.py"
    name = "onethinker_rewards.adapters.easyr1:compute_score"
    log = json.loads(run("hacks", "multiple_choice", "--reward", name, "--format", "sarif").stdout)
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert re.fullmatch(r"file:///.*/adapters/easyr1.py", place["artifactLocation"]["uri"])


def test_text_in_a_file(tmp_path: Path) -> None:
    result = run("hacks", "ocr", "--out", tmp_path / "tricks.txt")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "tricks.txt").read_text(encoding="utf-8") == run("hacks", "ocr").stdout
    result = run("hacks", "ocr", "--out", tmp_path / "no" / "tricks.txt")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "No such file or directory" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--format", "junit"], "--format junit needs --reward", id="junit"),
        pytest.param(["--format", "sarif"], "--format sarif needs --reward", id="sarif"),
        pytest.param(["--signature", "verl"], "--signature needs --reward", id="signature"),
    ],
)
def test_options_that_need_a_reward(options: list[str], message: str) -> None:
    result = run("hacks", *options)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {message}\n")


def test_json_lines_are_the_tricks() -> None:
    result = run("hacks", "ocr", "--format", "jsonl")
    rows = rows_of(result)
    tricks = [trick for trick in read_tricks() if trick.task == "ocr"]
    assert [row["response"] for row in rows] == [trick.response for trick in tricks]
    assert rows[0]["paper"] == {"trick": 1.0, "honest": 2.0, "verdict": "harmless"}
    assert list(rows[0]) == ["id", "task", "tries", "reference", "response", "compared_with", "paper", "release"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("total", "'total' is not module:function", id="no colon"),
        pytest.param("no_such_reward:total", "there is no module 'no_such_reward'", id="module missing"),
        pytest.param("no/such.py:total", "there is no file no/such.py", id="file missing"),
        pytest.param("my_reward_to_hack:totl", "my_reward_to_hack has no 'totl'", id="function missing"),
        pytest.param(
            "my_reward_to_hack:NUMBER", "'NUMBER' in my_reward_to_hack is not a function but int", id="no function"
        ),
        pytest.param("bad_syntax:total", "SyntaxError: invalid syntax", id="syntax"),
        pytest.param("fails_at_once:total", "ZeroDivisionError: division by zero (", id="fails at import"),
        pytest.param("exits_at_once:total", "SystemExit: 0 (", id="exits at import"),
        pytest.param("my_reward_to_hack:short", "reward returned shape (1,) for ", id="length"),
        pytest.param("my_reward_to_hack:broken", "ValueError: no such thing (", id="raises"),
        pytest.param("my_reward_to_hack:nothing", "gives no right answer more than a wrong one", id="not tried"),
        pytest.param("my_reward_to_hack:unknown", "its parameters (a, b, c) do not tell", id="no signature"),
        pytest.param(
            "math:hypot", "its parameters cannot be read; name one of the signatures: batch", id="another function"
        ),
    ],
)
def test_mistakes_of_the_user_are_one_line(name: str, message: str) -> None:
    result = run("hacks", "ocr", "--reward", name)
    *recognized, error = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert error.startswith(f"Error: --reward {name}: ")
    assert message in error
    assert all(line.startswith(f"{name} is called as batch") for line in recognized)


def test_an_error_names_its_place() -> None:
    line = CODE.splitlines().index('    raise ValueError("no\\nsuch thing")') + 1
    result = run("hacks", "ocr", "--reward", "my_reward_to_hack:broken")
    assert result.stderr.endswith(f"my_reward_to_hack.py, line {line})\n")
    line = CODE.splitlines().index('    return [re.match("(", response) for response in responses]') + 1
    result = run("hacks", "ocr", "--reward", "my_reward_to_hack:broken_pattern")
    assert result.stderr.endswith(f"my_reward_to_hack.py, line {line})\n"), "not the line in the standard library"
    result = run("hacks", "ocr", "--reward", "bad_syntax:total")
    assert result.stderr.endswith("bad_syntax.py, line 1)\n")


def test_an_interrupt_is_no_error_of_the_function(tmp_path: Path) -> None:
    (tmp_path / "interrupted_reward.py").write_text(
        "def total(responses, references, tasks):\n    raise KeyboardInterrupt\n"
    )
    result = run("hacks", "--reward", "interrupted_reward:total")
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted.\n")


def test_help_fits_eighty_columns_and_says_what_verdicts_mean() -> None:
    lines = run("hacks", "--help").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    assert "It pays if it earns more" in shown
    assert "not tried the reward rates no right answer above a wrong one" in shown
    assert "Exit code: 0; with --reward 1 if a trick pays" in shown
    assert "[batch|completions|messages|verl|easyr1|openrlhf|verifiers]" in shown
