"""Judges of free text, behind a server: reward models, language models, and mixtures of them.

A judge goes to `onethinker_rewards.Scorer`. Importing this package imports no HTTP client: that is the extra ``judge``.

>>> Scale(1, 10).score("Score: 10")
1.0
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from onethinker_rewards.judges.verdicts import YES_NO, Criterion, JsonVerdict, Labels, Scale
from onethinker_rewards.tasks.judging import JudgeRow, RowJudge, Verdict

if TYPE_CHECKING:
    from onethinker_rewards.judges.calibration import Calibration, calibrate
    from onethinker_rewards.judges.chat import ChatJudge, RubricJudge
    from onethinker_rewards.judges.combine import Blend, grouped
    from onethinker_rewards.judges.reward_models import ClassifierJudge, PolarJudge, pack_polar

__all__ = [
    "YES_NO",
    "Blend",
    "Calibration",
    "ChatJudge",
    "ClassifierJudge",
    "Criterion",
    "JsonVerdict",
    "JudgeRow",
    "Labels",
    "PolarJudge",
    "RowJudge",
    "RubricJudge",
    "Scale",
    "Verdict",
    "calibrate",
    "grouped",
    "pack_polar",
]

# Where the names are that need an extra.
_MODULES = {
    "Blend": "combine",
    "Calibration": "calibration",
    "ChatJudge": "chat",
    "ClassifierJudge": "reward_models",
    "PolarJudge": "reward_models",
    "RubricJudge": "chat",
    "calibrate": "calibration",
    "grouped": "combine",
    "pack_polar": "reward_models",
}


def __getattr__(name: str) -> object:
    """Import the names that need an HTTP client when they are first used."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if missing := [package for package in ("anyio", "httpx2") if find_spec(package) is None]:
        raise ImportError(f"{name} needs {' and '.join(missing)}: pip install 'onethinker-rewards[judge]'")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
