"""TRL's and ms-swift's reward functions for length and repetition, read from their files without importing either."""

from __future__ import annotations
import __future__

import ast
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

TRL = Path(sys.prefix) / "peers/trl/rewards/other_rewards.py"
SWIFT = Path(sys.prefix) / "frameworks/swift"


@cache
def trl() -> dict[str, Any]:
    return _definitions(TRL, "make .venv/.peers")


@cache
def swift() -> dict[str, Any]:
    """Return the classes ``SoftOverlong``, ``RepetitionPenalty`` and ``CosineReward`` by name."""
    paths = sorted(SWIFT.glob("lib/python*/site-packages/swift/rewards/orm.py"))
    return _definitions(paths[0] if paths else SWIFT, "make .venv/.frameworks")


def swift_rewards(name: str, completions: list[str], ids: list[list[int]], right: list[bool], **settings: Any) -> Any:
    """Return what a class of ms-swift gives, made with these settings of its command line."""
    options = {} if name != "CosineReward" else {"accuracy_orm": lambda *_, **__: [float(value) for value in right]}
    reward = swift()[name](SimpleNamespace(**settings), **options)
    return reward(completions, response_token_ids=ids, **({"solution": [""] * len(ids)} if options else {}))


def _definitions(path: Path, cure: str) -> dict[str, Any]:
    """Run the classes and functions of a file that need nothing but the standard library."""
    if not path.is_file():
        pytest.skip(f"{path} is not there: {cure}")
    wanted = {"ORM", "CosineReward", "RepetitionPenalty", "SoftOverlong"} if path.name == "orm.py" else None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: list[ast.stmt] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and (wanted is None or node.name in wanted)
    ]
    scope: dict[str, Any] = {}
    # Annotations name types of packages that are not installed: they are not evaluated.
    flag = __future__.annotations.compiler_flag
    exec(compile(ast.Module(found, type_ignores=[]), str(path), "exec", flags=flag), scope)
    return scope
