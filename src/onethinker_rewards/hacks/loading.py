"""Finding a reward function of the user's own by its name."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from onethinker_rewards.errors import ArgumentError

__all__ = ["find_reward"]


def find_reward(name: str) -> Any:
    """Return the function that ``module:function`` names.

    Args:
        name: A module, looked for in the current directory first, or the path of a ``.py`` file; a colon; the
            function's name in it.

    Raises:
        ArgumentError: If there is no such module, file or function. What the module raises itself is not caught.

    >>> find_reward("math:hypot")(3.0, 4.0)
    5.0
    """
    module, _, function = name.rpartition(":")
    if not module or not function:
        raise ArgumentError(f"{name!r} is not module:function, such as my_rewards:total or path/to/file.py:total")
    found = getattr(_from_file(Path(module)) if module.endswith(".py") else _imported(module), function, None)
    if found is None:
        raise ArgumentError(f"{module} has no {function!r}")
    if not callable(found):
        raise ArgumentError(f"{function!r} in {module} is no function but {type(found).__name__}")
    return found


def _imported(module: str) -> ModuleType:
    _search(Path.cwd())
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # A module that is there and misses another one says so itself.
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ArgumentError(f"there is no module {error.name!r}") from None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}")
    # A file imports its neighbours, as if Python had been started with it.
    _search(path.resolve().parent)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    # Dataclasses look a module up by its name.
    sys.modules.setdefault(path.stem, module)
    SourceFileLoader(path.stem, str(path)).exec_module(module)
    return module


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
