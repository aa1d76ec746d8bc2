"""Print the oldest versions that pyproject.toml allows, of the core and of ``testing``, as requirements of pip."""

from __future__ import annotations

import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def oldest() -> list[str]:
    """Return ``name==version`` for each lower bound."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [
        requirement.replace(">=", "==")
        for requirement in (*project["dependencies"], *project["optional-dependencies"]["testing"])
    ]


if __name__ == "__main__":
    print(*oldest(), sep="\n")
