"""Continuous integration: its commands are targets of the Makefile, which other tests and people run."""

from __future__ import annotations

import re
import tomllib
from itertools import product
from typing import Any

import pytest
import yaml

from tests.test_repository import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def jobs(name: str) -> dict[str, dict[str, Any]]:
    (path,) = (path for path in WORKFLOWS if path.stem == name)
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def filled(job: dict[str, Any], text: str) -> list[str]:
    """Return a text for each value of the job's matrix that it names."""
    names = list(dict.fromkeys(re.findall(r"\$\{\{ matrix\.(\w+) \}\}", text)))
    texts: list[str] = []
    for values in product(*(job["strategy"]["matrix"][name] for name in names)):
        texts.append(text)
        for name, value in zip(names, values, strict=True):
            texts[-1] = texts[-1].replace(f"${{{{ matrix.{name} }}}}", value)
    return texts


def commands() -> list[str]:
    """Return every command of every workflow, and those of `.ci/run`."""
    steps = [
        (job, step["run"])
        for path in WORKFLOWS
        for job in jobs(path.stem).values()
        for step in job["steps"]
        if "run" in step
    ]
    local = re.findall(r"^make .*", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    return [*(command for job, text in steps for command in filled(job, text)), *local]


def test_there_are_workflows() -> None:
    assert [path.stem for path in WORKFLOWS] == ["release", "test"]
    assert {"make check", "make test-fast", "make test", "make test-wheel"} <= set(commands())


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_every_command_is_a_target_of_the_makefile(command: str) -> None:
    words = command.split()
    assert words[0] == "make"
    assert words[1] in TARGETS
    assert all(re.fullmatch(r'[A-Z]+="\S+"', word) for word in words[2:])


def test_everything_that_is_run_here_is_run_there() -> None:
    local = {command for command in commands() if command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")}
    there = {command for job in jobs("test").values() for step in job["steps"] for command in
             filled(job, step.get("run", ""))}  # fmt: skip
    assert local <= there


def test_every_python_that_the_package_declares_is_tested_on_linux_and_macos() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {found[1] for line in project["classifiers"] if (found := re.fullmatch(r".* :: (3\.\d+)", line))}
    matrix = jobs("test")["fast"]["strategy"]["matrix"]
    assert set(matrix["python"]) == declared
    assert set(matrix["os"]) == {"ubuntu-latest", "macos-latest"}


def test_actions_are_those_of_a_major_version() -> None:
    used = [
        step["uses"] for path in WORKFLOWS for job in jobs(path.stem).values() for step in job["steps"]
        if "uses" in step
    ]  # fmt: skip
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v\d+)", action) for action in used), used


def test_the_index_is_given_no_password() -> None:
    publish = jobs("release")["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert all("with" not in step or "password" not in step["with"] for step in publish["steps"])
    assert publish["needs"] == "wheel"
