"""Paths of a configuration."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["whole_path"]


def whole_path(name: str) -> str:
    """Return a path from the root: workers do not start in this folder."""
    return str(Path(os.path.expanduser(name)).absolute())  # noqa: PTH111 - a Path raises where there is no such user
