"""Find the reward function that a user names: in a module, in a file, or behind an endpoint."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.hacks.endpoint import TIMEOUT, endpoint_reward
from onethinker_rewards.hacks.signatures import UserReward, as_reward, is_rubric


def load_reward(name: str, signature: str | None = None, *, timeout: float = TIMEOUT) -> UserReward:
    """Return the reward function that a name stands for, in our form.

    Args:
        name: ``module:function``, as in `find_object`; or the address of an endpoint, as in `endpoint_reward`.
        signature: A `Signature`; by default it is recognized as in `as_reward`.
        timeout: Seconds for an endpoint.

    Raises:
        ArgumentError: If it does not exist, or its signature is not known. What the user's code raises is not caught.

    >>> load_reward("onethinker_rewards.adapters.verl:compute_score").signature
    <Signature.VERL: 'verl'>
    """
    if name.startswith(("http://", "https://")):
        return endpoint_reward(name, signature, timeout=timeout)
    found = find_object(name)
    if not callable(found) and not is_rubric(found):
        raise _not_a_function(name, found)
    return as_reward(found, signature, name=name)


def find_reward(name: str) -> Callable[..., Any]:
    """Return the function that ``module:function`` names.

    Args:
        name: As in `find_object`.

    Raises:
        ArgumentError: If it does not exist or is no function. What the module itself raises is not caught.

    >>> find_reward("math:hypot")(3.0, 4.0)
    5.0
    """
    found = find_object(name)
    if not callable(found):
        raise _not_a_function(name, found)
    return found


def _not_a_function(name: str, found: object) -> ArgumentError:
    module, _, inside = name.rpartition(":")
    return ArgumentError(f"{inside!r} in {module} is not a function but {type(found).__name__}")


def find_object(name: str) -> object:
    """Return what ``module:name`` names.

    Args:
        name: A module, searched for in the current directory first, or the path of a ``.py`` file; a colon; the
            object's name in it, with dots for what is inside of a class.

    Raises:
        ArgumentError: If the module, file or object does not exist. What the module itself raises is not caught.
    """
    module, _, inside = name.rpartition(":")
    if not module or not inside:
        raise ArgumentError(f"{name!r} is not module:function, such as my_rewards:total or path/to/file.py:total")
    found: object = _from_file(Path(module)) if module.endswith(".py") else _imported(module)
    for part in inside.split("."):
        found = getattr(found, part, None)
        if found is None:
            raise ArgumentError(f"{module} has no {inside!r}")
    return found


def _imported(module: str) -> ModuleType:
    _search(Path.cwd())
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # If the module exists and cannot import another one, that error is its own.
        if not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ArgumentError(f"there is no module {error.name!r}") from None


def _from_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ArgumentError(f"there is no file {path}")
    # The file can import others of its folder, as if Python had been started with it.
    _search(path.resolve().parent)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    # Dataclasses look up their module by name.
    sys.modules.setdefault(path.stem, module)
    SourceFileLoader(path.stem, str(path)).exec_module(module)
    return module


def _search(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
