"""What the extra ``sam2`` lends, or one clear line where it is not installed."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["module", "torch"]


def module(name: str, install: str = "'onethinker-rewards[sam2]'") -> Any:
    """Return a module that is imported only where it is needed.

    Raises:
        ImportError: If its package is not installed; says what to install.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        raise ImportError(f"Sam2Segmenter needs {package}: pip install {install}") from None


module("torch")
import torch  # noqa: E402 - where it is missing, the line above says so
