"""How one scored answer is put into words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onethinker_rewards.codes import FailureCode, PenaltyCode, RepairCode
from onethinker_rewards.rewards.recipe import Recipe, find_recipe

_LONGEST = 300
_OPEN, _CLOSE = "<think>", "</think>"
_ANSWER, _ANSWER_END = "<answer>", "</answer>"


def shorten_response(response: str) -> str:
    """Return a response on one line: its thinking as a number of words, the rest without its middle if long.

    >>> shorten_response("<think>It is a dog.</think><answer>B</answer>")
    '<think>… 4 words …</think><answer>B</answer>'
    """
    start, end = response.find(_OPEN), response.rfind(_CLOSE)
    if not 0 <= start < end:
        return shorten_text(response)
    thinking = response[start + len(_OPEN) : end]
    shown = f"{_OPEN}… {len(thinking.split())} words …{_quoted_answer(thinking)}{_CLOSE}"
    return response[:start].replace("\n", " ") + shown + shorten_text(response[end + len(_CLOSE) :])


def shorten_text(text: str) -> str:
    """Return a text on one line, its middle left out where it is long: what matters is how it begins and ends."""
    text = text.replace("\n", " ")
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} … {text[-half:]}"


def rewards_in_words(row: Mapping[str, Any], recipe: str | Recipe = "paper") -> str:
    """Return the total as a sum of its terms, with the weights that the recipe gives them.

    >>> row = {"total": 1.5, "accuracy": 0.5, "normalized": 0.5, "format": 1.0, "structure": 0.0, "failure": None}
    >>> rewards_in_words(row | {"part/box_iou": 0.5})
    'total 1.50 = accuracy 0.50 (box_iou 0.50) + format 1.00'
    >>> rewards_in_words(row | {"total": 0.75, "part/soft_overlong": -0.75})
    'total 0.75 = accuracy 0.50 + format 1.00 - soft_overlong 0.75'
    >>> rewards_in_words(row | {"total": 1.05, "structure": 0.5}, "release")
    'total 1.05 = 0.9 · accuracy 0.50 + 0.1 · format 1.00 + structure 0.50'
    """
    if row["total"] is None:
        return "total NaN: there is no reward"
    by = find_recipe(recipe)
    parts = {name.removeprefix("part/"): value for name, value in row.items() if name.startswith("part/")}
    known = {name: value for name, value in parts.items() if value is not None}
    penalties = {code: known.pop(code) for code in PenaltyCode if code in known}
    terms = " + ".join(f"{name} {value:.2f}" for name, value in known.items())
    shown = f" ({terms})" if terms and row["failure"] is None else ""
    name, accuracy = "accuracy", row["accuracy"]
    if by.accuracy == "normalized":
        name, accuracy = "normalized accuracy", row["normalized"]
    total = f"total {row['total']:.2f} = {_weighted(by.accuracy_weight)}{name} {accuracy:.2f}{shown}"
    total += f" + {_weighted(by.format_weight)}format {row['format']:.2f}"
    total += f" + structure {row['structure']:.2f}" if by.structure is not None else ""
    return total + "".join(f" {'-' if value < 0 else '+'} {code} {abs(value):.2f}" for code, value in penalties.items())


def _weighted(weight: float) -> str:
    return "" if weight == 1.0 else f"{weight:g} · "


def codes_in_words(row: Mapping[str, Any], lenient: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what cost an answer its points under strict rules, or was repaired under lenient ones, with a heading."""
    failure, fault = row["failure"], row["format_fault"]
    if failure and failure == fault:
        yield "why both are 0", _explained(FailureCode(failure))
    elif failure:
        yield "why accuracy is 0", _explained(FailureCode(failure))
    if fault and fault != failure:
        yield "why format is 0", _explained(FailureCode(fault))
    for code in row["repairs"]:
        yield "repaired", _explained(RepairCode(code))
    if failure and lenient["failure"] is None:
        repairs = "; ".join(_explained(RepairCode(code)) for code in lenient["repairs"])
        yield "lenient rules", f"accuracy {lenient['accuracy']:.2f} after {repairs}"


def _quoted_answer(thinking: str) -> str:
    """Return what the thinking says between answer tags: the reader has to see that it does not count."""
    start = thinking.find(_ANSWER)
    end = thinking.find(_ANSWER_END, start)
    return f" {thinking[start : end + len(_ANSWER_END)]} …" if 0 <= start < end else ""


def _explained(code: FailureCode | RepairCode) -> str:
    return f"{code}: {code.meaning}"
