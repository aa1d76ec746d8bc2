"""The table of settings for each model names dialects, ways to think and recipes that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import onethinker_rewards as otr
from onethinker_rewards.answers import Think

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "train.md"


def test_the_settings_exist() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Which settings for which model")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    rows = [[set(re.findall(r"`([^`]+)`", cell)) for cell in row] for row in rows]
    assert len(rows) >= 8
    for _, dialects, think, recipes in rows:
        assert dialects <= {*otr.DIALECTS, "response_grammar"}
        assert think - {"<think>", "response_grammar"} <= set(get_args(Think))
        assert recipes - {"format_weight=0"} <= set(otr.RECIPES)
    assert otr.Recipe(format_weight=0).format_weight == 0
