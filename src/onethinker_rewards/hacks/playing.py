"""Play tricks on a reward function: a Python function, one that a user names, or a recipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.hacks.tricks import Trick, plain_response, read_tricks
from onethinker_rewards.hacks.verdict import Rewards, Verdict, judge
from onethinker_rewards.rewards import Recipe, score

# Responses, references and task names, one per row, to one number per row; None where there is no reward.
Reward = Callable[[list[str], list[str], list[str]], Sequence[float | None]]


@dataclass(frozen=True, slots=True)
class Played:
    """One trick under one reward function.

    Attributes:
        trick: The trick.
        rewards: The function's rewards of the trick and of what it is compared with.
    """

    trick: Trick
    rewards: Rewards

    @property
    def verdict(self) -> Verdict:
        """Whether the trick pays."""
        return judge(self.rewards)


def play(reward: Reward, tricks: Iterable[Trick] | None = None) -> list[Played]:
    """Play tricks on a reward function.

    Args:
        reward: Called once, with three lists: all responses, their references and tasks. It returns one number per row,
            as a list or an array; None and NaN mean no reward.
        tricks: All by default.

    Returns:
        One result per trick, in the same order.

    Raises:
        ArgumentError: If the function does not return one number per row. What it raises itself is not caught.

    >>> played = play(lambda responses, references, tasks: [float(len(response)) for response in responses])
    >>> sum(result.verdict == "pays" for result in played) > 10
    True
    """
    chosen = list(read_tricks() if tricks is None else tricks)
    questions = [
        (response, trick.reference, trick.task)
        for trick in chosen
        for response in (
            trick.response,
            *(plain_response(trick, kind) for kind in (trick.compared_with, "right", "wrong")),
        )
    ]
    # Many tricks share their counterparts: score each question once.
    rows = list(dict.fromkeys(questions))
    responses, references, tasks = ([row[column] for row in rows] for column in range(3))
    reward_of = dict(zip(rows, _numbers(reward(responses, references, tasks), len(rows)), strict=True))
    rewards = [reward_of[question] for question in questions]
    # Four rewards in a row belong to one trick.
    return [Played(trick, Rewards(*rewards[4 * row : 4 * row + 4])) for row, trick in enumerate(chosen)]


def _numbers(rewards: object, count: int) -> list[float]:
    """Return rewards as floats, None as NaN."""
    try:
        # Tensors of any device have `tolist`.
        values = rewards.tolist() if hasattr(rewards, "tolist") else rewards  # pyright: ignore[reportAttributeAccessIssue]
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"reward returned {type(rewards).__name__}, not one number per row") from None
    if numbers.shape != (count,):
        raise ArgumentError(f"reward returned shape {numbers.shape} for {count} responses, not one number per row")
    return numbers.tolist()


def recipe_reward(recipe: str | Recipe) -> Reward:
    """Return the totals of a recipe as a reward function.

    >>> recipe_reward("paper")(["<think>…</think><answer>B</answer>"], ["B"], ["multiple_choice"])
    [2.0]
    """
    return lambda responses, references, tasks: score(responses, references, tasks, recipe=recipe).total.tolist()


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
        module, _, inside = name.rpartition(":")
        raise ArgumentError(f"{inside!r} in {module} is not a function but {type(found).__name__}")
    return found


def find_object(name: str) -> object:
    """Return what ``module:name`` names.

    Args:
        name: A module, searched for in the current directory first, or the path of a ``.py`` file; a colon; the
            object's name in it.

    Raises:
        ArgumentError: If the module, file or object does not exist. What the module itself raises is not caught.
    """
    module, _, inside = name.rpartition(":")
    if not module or not inside:
        raise ArgumentError(f"{name!r} is not module:function, such as my_rewards:total or path/to/file.py:total")
    found = getattr(_from_file(Path(module)) if module.endswith(".py") else _imported(module), inside, None)
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
