"""Commands, options and make targets that pages name exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from onethinker_rewards.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
COMMAND = re.compile(r"onethinker-rewards (\w[\w-]*)([^\n`#)]*)")
TARGET = re.compile(r"(?:`|^    )make ([a-z-]+)", re.MULTILINE)


def lines() -> list[tuple[str, str]]:
    return [found for page in PAGES for found in COMMAND.findall(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", sorted({name for name, _ in lines()}))
def test_commands_and_options_exist(name: str) -> None:
    assert isinstance(main, click.Group)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    rests = [rest for command_name, rest in lines() if command_name == name]
    named = {option for rest in rests for option in re.findall(r"--[\w-]+", rest)}
    assert named <= known


def test_make_targets_exist() -> None:
    named = {target for page in PAGES for target in TARGET.findall(page.read_text(encoding="utf-8"))}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
