"""Rewards as others have them, in the form in which tricks are tried on one: ``--reward tests.hacks.peers:trl``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def _content(response: str) -> str:
    found = _ANSWER.search(response)
    return found[1] if found else response


def trl(responses: Sequence[str], references: Sequence[str], tasks: Sequence[str]) -> list[float | None]:
    """TRL's rewards of format and of mathematics, added; None where it has no reward for the task."""
    scope = _trl()
    completions = [[{"content": response}] for response in responses]
    accuracy: list[float | None] = [None] * len(tasks)
    rows = [row for row, task in enumerate(tasks) if task == "math"]
    given = scope["accuracy_reward"]([completions[row] for row in rows], [references[row] for row in rows])
    for row, one in zip(rows, given, strict=True):
        accuracy[row] = one
    shape = scope["think_format_reward"](completions)
    return [None if one is None else one + two for one, two in zip(accuracy, shape, strict=True)]


def _trl() -> dict[str, Any]:
    import logging
    import threading

    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    from tests.advantage.peers import functions

    given = {
        "re": re,
        "math": math,
        "logging": logging,
        "threading": threading,
        "NormalizationConfig": NormalizationConfig,
        "LatexExtractionConfig": LatexExtractionConfig,
        "parse": parse,
        "verify": verify,
        "is_math_verify_available": lambda: True,
    }
    names = {"accuracy_rewards": "accuracy_reward", "format_rewards": "think_format_reward"}
    return {name: functions(f"trl/rewards/{module}.py", (name,), **given)[name] for module, name in names.items()}


def math_verify(responses: Sequence[str], references: Sequence[str], tasks: Sequence[str]) -> list[float | None]:
    """math-verify with its own defaults on what stands between the answer tags."""
    from math_verify import parse, verify

    return [
        float(verify(parse(reference), parse(_content(response)))) if task == "math" else None
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]


def giou(responses: Sequence[str], references: Sequence[str], tasks: Sequence[str]) -> list[float | None]:
    """Generalised IoU of the first four numbers in the answer, as rewards of grounding are written; -1 to 1."""
    return [
        _generalised(_first_box(_content(response)), _first_box(reference)) if task == "spatial_grounding" else None
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]


def _first_box(text: str) -> list[float] | None:
    numbers = [float(number) for number in _NUMBER.findall(text)]
    return numbers[:4] if len(numbers) >= 4 else None


def _generalised(predicted: list[float] | None, reference: list[float] | None) -> float:
    if predicted is None or reference is None:
        return 0.0
    width = min(predicted[2], reference[2]) - max(predicted[0], reference[0])
    height = min(predicted[3], reference[3]) - max(predicted[1], reference[1])
    shared = max(0.0, width) * max(0.0, height)
    union = _area(predicted) + _area(reference) - shared
    hull = _area([*map(min, predicted[:2], reference[:2]), *map(max, predicted[2:], reference[2:])])
    return shared / union - (hull - union) / hull if union and hull else 0.0


def _area(box: list[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
