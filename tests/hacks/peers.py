"""Rewards as others have them, in the form that tricks are played on: ``--reward tests.hacks.peers:trl``.

TRL's functions are read out of its files; the others are written from what their projects document.
"""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_TO_THE_LAST = re.compile(r"<answer>(.*)</answer>", re.DOTALL)
_THINK = re.compile(r"<think>.*</think>", re.DOTALL)
_R1V_FORMAT = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
_LEAST_AREA = 1e-3

Rewards = list[float | None]


def trl(responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    """TRL's accuracy_reward and think_format_reward, added; none but for mathematics."""
    scope = _trl()
    completions = [[{"content": response}] for response in responses]
    rows = [row for row, task in enumerate(tasks) if task == "math"]
    accuracy = scope["accuracy_reward"]([completions[row] for row in rows], [references[row] for row in rows])
    shape = scope["think_format_reward"](completions)
    rewards: Rewards = [None] * len(tasks)
    for row, value in zip(rows, accuracy, strict=True):
        rewards[row] = None if value is None else value + shape[row]
    return rewards


@cache
def _trl() -> dict[str, Callable[..., Any]]:
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse, verify

    from tests.advantage.peers import functions

    scope: dict[str, Any] = {
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
    accuracy = functions("trl/rewards/accuracy_rewards.py", ("accuracy_reward",), **scope)
    shape = functions("trl/rewards/format_rewards.py", ("think_format_reward",), **scope)
    return {name: scope[name] for scope in (accuracy, shape) for name in scope if name.endswith("_reward")}


def math_verify(responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    """math-verify with its defaults on the whole response; none but for mathematics."""
    return [
        _verified(response, reference) if task == "math" else None
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]


@cache
def _verified(response: str, reference: str) -> float:
    from math_verify import parse, verify

    return float(verify(parse(reference), parse(response)))


def giou(responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    """Generalized IoU as NeMo RL's bbox_giou_reward has it, with its defaults; none but for one box.

    The answer is what stands between the first ``<answer>`` and the last ``</answer>``; four numbers between commas
    are a box, brackets do not count, anything else earns 0. Areas keep the sign of their sides, and union and hull
    are at least 0.001. Our key is taken off first, for boxes stand there without one.
    """
    return [
        _box_reward(_TO_THE_LAST.search(response), reference) if task == "spatial_grounding" else None
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]


def _box_reward(answer: re.Match[str] | None, reference: str) -> float:
    predicted = _box(answer[1]) if answer else None
    wanted = _box(reference)
    return 0.0 if predicted is None or wanted is None else _generalized(predicted, wanted)


def _box(text: str) -> list[float] | None:
    bare = re.sub(r'[{}\[\]]|"boxes":', "", text)
    try:
        numbers = [float(number) for number in bare.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == 4 else None


def _generalized(predicted: list[float], reference: list[float]) -> float:
    width = min(predicted[2], reference[2]) - max(predicted[0], reference[0])
    height = min(predicted[3], reference[3]) - max(predicted[1], reference[1])
    shared = max(0.0, width) * max(0.0, height)
    union = max(_LEAST_AREA, _area(predicted) + _area(reference) - shared)
    hull = _area([*map(min, predicted[:2], reference[:2]), *map(max, predicted[2:], reference[2:])])
    hull = max(_LEAST_AREA, hull)
    return shared / union - (hull - union) / hull


def _area(box: list[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def nemo_exact(responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    """Exact answers and the format as NeMo RL rewards them, four to one; none where the answer is JSON or mathematics.

    An answer is exact if its letters and digits are the reference's, whatever stands between them. Thinking tags
    anywhere earn a quarter of the format, answer tags anywhere the rest.
    """
    plain = {"multiple_choice", "numerical", "ocr", "open_ended", "regression"}
    return [
        0.8 * _alphanumeric(response, reference) + 0.2 * _loose_format(response) if task in plain else None
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]


def _alphanumeric(response: str, reference: str) -> float:
    answer = _TO_THE_LAST.search(response)
    return float(answer is not None and _letters(answer[1]) == _letters(reference))


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).lower()


def _loose_format(response: str) -> float:
    return 0.25 * bool(_THINK.search(response)) + 0.75 * bool(_TO_THE_LAST.search(response))


def r1v(responses: list[str], references: list[str], tasks: list[str]) -> Rewards:
    """Accuracy and format as R1-V has them, added.

    Accuracy is 1 if math-verify finds the response equal to the reference, or else if the text of the first answer,
    or the whole response where there is none, is the reference's. The format is one pattern for all.
    """
    return [
        max(_verified(response, reference), _same_text(response, reference)) + bool(_R1V_FORMAT.fullmatch(response))
        for response, reference in zip(responses, references, strict=True)
    ]


def _same_text(response: str, reference: str) -> float:
    answer = _ANSWER.search(response)
    return float((answer[1] if answer else response).strip() == reference.strip())


PEERS = {
    "TRL": trl,
    "math-verify": math_verify,
    "NeMo RL, GIoU": giou,
    "NeMo RL, exact": nemo_exact,
    "R1-V": r1v,
}
