"""The README is also the page of a package index: its links are absolute, and its numbers are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

import onethinker_rewards as otr
from onethinker_rewards.hacks import read_tricks
from tests.docs.test_links import LINK, REPOSITORY, anchors

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKS = sorted(set(LINK.findall(README)))


@pytest.mark.parametrize("link", LINKS)
def test_links_are_absolute_and_lead_to_files_of_the_repository(link: str) -> None:
    assert link.startswith("https://")
    if found := REPOSITORY.fullmatch(link):
        target = ROOT / found[1]
        assert target.is_file()
        assert found[2] is None or found[2] in anchors(target)
    else:
        assert link.startswith(("https://arxiv.org/", "https://huggingface.co/"))


def paying(recipe: str) -> int:
    return sum(getattr(trick, recipe).verdict == "pays" for trick in read_tricks() if getattr(trick, recipe))


def test_its_numbers_are_those_of_the_code() -> None:
    tricks = read_tricks()
    free_text = sum(trick.task == "open_ended" and trick.paper.verdict == "pays" for trick in tricks)
    recorded = (ROOT / "tests" / "golden" / "release_rewards.jsonl").read_text(encoding="utf-8").count("\n")
    prose = " ".join(README.split())
    assert f"{len(tricks)} tricks" in prose
    assert f"{paying('paper')} pay under `paper`: {free_text} of them on free text" in prose
    applicable = sum(trick.release is not None for trick in tricks)
    assert f"Of the {applicable} that apply to the released rewards, {paying('release')} pay there" in prose
    assert f"on {recorded:,} recorded responses" in prose
    assert f"Each of {len(otr.FailureCode)} [failure codes]" in prose
    assert len(otr.DIALECTS) == 8
    assert "Eight [dialects]" in prose
    assert len(otr.RECIPES["release"].tasks) == 12
    assert "the twelve tasks of [OneThinker]" in prose
    assert len(otr.TASKS) == 12 + 8
