"""What the docs say that the public rewards pay is what they pay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scripts.hack_tables import HACK_BLOCKS
from scripts.hacks import PUBLIC_NUMBERS, numbers_of

from onethinker_rewards.hacks import read_tricks
from tests.hacks.public_rewards import PUBLIC_REWARDS, PUBLIC_TASKS

WRITTEN = json.loads(PUBLIC_NUMBERS.read_text(encoding="utf-8"))
PAGE = Path(__file__).resolve().parents[2] / "docs" / "public-rewards.md"


@pytest.mark.parametrize("name", PUBLIC_REWARDS)
def test_numbers_have_not_drifted(name: str) -> None:
    assert numbers_of(PUBLIC_REWARDS[name], read_tricks()) == WRITTEN[name], "run `make generate`"


def test_every_reward_has_a_say_on_each_of_its_tasks() -> None:
    task_of = {trick.id: trick.task for trick in read_tricks()}
    assert {name: {task_of[key] for key in rows} for name, rows in WRITTEN.items()} == {
        name: set(tasks) for name, tasks in PUBLIC_TASKS.items()
    }


def test_the_tables_show_every_trick_and_reward() -> None:
    counts, tricks = HACK_BLOCKS["public_counts"](PAGE), HACK_BLOCKS["public_tricks"](PAGE)
    assert all(f"| {name} |" in counts for name in PUBLIC_REWARDS)
    assert all(f"| `{trick.id}` |" in tricks for trick in read_tricks() if trick.id in WRITTEN["Vero"])


def test_the_page_names_a_source_for_every_reward() -> None:
    text = PAGE.read_text(encoding="utf-8")
    formulas = text[text.index("## The formulas") : text.index("## What stands out")]
    assert all(f"| {name.partition(',')[0]}" in formulas for name in PUBLIC_REWARDS)


@pytest.mark.parametrize(
    ("name", "trick", "reward", "honest"),
    [
        ("Vero", "junk-after-the-right-box", 1.0, 1.0),
        ("Rex-Omni", "right-box-a-hundred-times", 1.0, 1.0),
        ("Rex-Omni", "copies-drown-a-mistake", 0.9756, 0.6667),
        ("VLM-R1, od", "fifty-boxes-after-the-right-one", 1.0, 1.0),
        ("VLM-R1, od", "fifty-boxes-before-the-right-one", 0.0196, 1.0),
        ("VLM-R1, od", "objects-with-nan", 1.0, 0.0),
        ("V-Triune, IoU first", "as-many-boxes-as-objects", 1.0, 0.156),
        ("V-Triune, IoU first", "wrong-labels", 0.3, 0.0),
    ],
)
def test_what_the_page_says_stands_out(name: str, trick: str, reward: float, honest: float) -> None:
    assert WRITTEN[name][trick][:2] == [reward, honest]


def test_candidates_pay_under_every_public_reward_for_boxes() -> None:
    boxes = [name for name, tasks in PUBLIC_TASKS.items() if "detection" in tasks]
    assert {WRITTEN[name]["five-boxes-around-a-guess"][3] for name in boxes} == {"pays"}
