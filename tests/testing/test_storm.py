"""The storm in small: 20,000 responses of a fixed seed break nothing; and the storm finds what is planted."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scripts import storm as storms
from scripts.storm_inputs import RECIPES, TURNS, Shower, hail, showers

import onethinker_rewards as otr
from onethinker_rewards.testing.hostile import LONG

PAGE = Path(__file__).parents[2] / "docs" / "internals" / "storm.md"


def test_twenty_thousand_responses() -> None:
    """Time is left to the whole run: a test does not time on a machine with other work."""
    scorers = {name: otr.Scorer(recipe=recipe) for name, recipe in RECIPES.items()}
    storm = storms.Storm(scorers, seconds=60.0)
    for shower in showers(20_000, 20_000, 64):
        storm.hold(shower)
    assert [str(finding) for finding in storm.findings] == []
    assert sum(storm.rows.values()) == 20_000
    assert set(storm.rows) == set(TURNS)
    assert {task for task, _ in TURNS} == set(otr.TASKS)
    assert {recipe for _, recipe in TURNS} == set(RECIPES)
    assert storm.failures["scored"] > 5_000
    assert len(storm.failures) > 15


def test_hail_is_every_long_text_in_every_task_and_recipe() -> None:
    fallen = list(hail())
    assert len(fallen) == len(LONG) * len(TURNS)
    assert {len(finding.responses) for finding in fallen} == {1}


def test_a_shower_comes_again() -> None:
    first, again = (list(showers(5, 2_000, 64)) for _ in range(2))
    assert first == again
    assert first[:3] == list(showers(5, 192, 64))
    assert [len(finding.responses) for finding in first] == [64] * 31 + [16]
    assert list(showers(6, 64, 64)) != first[:1]


class Clock:
    """Takes the place of processor time: only what a test says takes any, in this process or in a worker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.worked, self.worked_elsewhere = 0.0, 0.0
        shown = SimpleNamespace(process_time=lambda: self.worked, sleep=lambda seconds: None)
        monkeypatch.setattr(storms, "time", shown)
        monkeypatch.setattr(storms, "_spent_with_workers", lambda: self.worked + self.worked_elsewhere)


class Faulty:
    """A scorer that has a fault for one response."""

    def __init__(self, fault: str, scorer: otr.Scorer, clock: Clock) -> None:
        self.fault, self.scorer, self.clock = fault, scorer, clock

    def score(self, responses: list[str], references: list[str], task: str) -> otr.RewardBatch:
        batch = self.scorer.score(responses, references, task)
        for row, response in enumerate(responses):
            if response == "bad":
                self.spoil(batch, row)
        return batch

    def spoil(self, batch: otr.RewardBatch, row: int) -> None:
        match self.fault:
            case "exception":
                raise IndexError("planted")
            case "not a number":
                batch.total[row] = np.nan
            case "out of range":
                batch.total[row] = 2.5
            case _:
                self.clock.worked += 0.02


@pytest.mark.parametrize("kind", ["exception", "not a number", "out of range", "slow"])
@pytest.mark.parametrize("task", ["ocr", "math"])
def test_a_planted_fault_is_found(kind: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storms, "_in_fresh_workers", lambda shower: 0.02)
    scorers: dict[str, Any] = {"paper": Faulty(kind, otr.Scorer(), Clock(monkeypatch))}
    storm = storms.Storm(scorers, seconds=0.01)
    sound = "<think>x</think><answer>7</answer>"
    responses = [sound] * 40
    responses[23] = "bad"
    storm.hold(Shower(task, "paper", responses, ["7"] * 40))
    assert [(finding.kind, finding.response, finding.task) for finding in storm.findings] == [(kind, "bad", task)]
    assert storms.report(storm, 40, 1, 1.0).count("| 1 |") >= 1
    assert str(storm.findings[0]).startswith(f"{kind}: {task}, paper: ")


@pytest.mark.parametrize(("recipe", "kind"), [("release", storms.MATH_VERIFY), ("paper", "slow")])
def test_time_in_a_worker_is_math_verify_s_under_release(
    recipe: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Waiting(Faulty):
        def spoil(self, batch: otr.RewardBatch, row: int) -> None:
            self.clock.worked_elsewhere += 0.03

    monkeypatch.setattr(storms, "_in_fresh_workers", lambda shower: 0.03)
    scorers: dict[str, Any] = {recipe: Waiting("", otr.Scorer(recipe=RECIPES[recipe]), Clock(monkeypatch))}
    storm = storms.Storm(scorers, seconds=0.02)
    storm.hold(Shower("math", recipe, ["bad"], ["7"]))
    assert [finding.kind for finding in storm.findings] == [kind]
    assert f"Not counted there: {int(recipe == 'release')} of" in storms.report(storm, 1, 1, 1.0)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "storm.md"
    monkeypatch.setattr(sys, "argv", ["storm", "64", "--seed", "2", "--out", str(page)])
    assert storms.main() == 0
    assert "64 generated and mutated responses" in page.read_text()
    assert "64 rows, 0 findings" in capsys.readouterr().out


def test_the_page_is_of_a_million() -> None:
    """Its promises are kept; which responses are slow in math-verify is said there."""
    page = PAGE.read_text(encoding="utf-8")
    total = re.search(r"^([0-9,]+) generated and mutated responses", page, re.MULTILINE)
    assert total is not None
    assert int(total[1].replace(",", "")) >= 1_000_000
    broken = Counter(dict(re.findall(r"^\| (no(?:ne)? .+?) \| (\d+) \|$", page, re.MULTILINE)))
    assert set(broken.values()) == {"0"}
    assert len(broken) == 4
