"""Responses without end for the storm: sampled, mutated, spliced, hostile; from a seed, and cheap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import onethinker_rewards as otr
from onethinker_rewards.testing.hostile import HOSTILE, LONG
from onethinker_rewards.testing.invalid import MATH_MISSES, ODD_KEYS, ODD_NUMBERS, PLAIN_MISSES, RAW_NUMBERS
from onethinker_rewards.testing.pairs import CONSTANTS, as_text, honest_answer, respond, sample
from onethinker_rewards.testing.response_texts import FRAGMENTS

__all__ = ["RECIPES", "TURNS", "Shower", "hail", "showers"]

RECIPES = {
    "paper": otr.RECIPES["paper"],
    "normalized": otr.Recipe(name="normalized", accuracy="normalized"),
    "lenient": otr.Recipe(name="lenient", rules="lenient"),
    "prefilled": otr.Recipe(name="prefilled", think="prefilled"),
    "none": otr.Recipe(name="none", think="none"),
    "release": otr.RECIPES["release"],
}

# Each task by each recipe; the release has no formula for tasks beyond the paper.
TURNS = [
    (task, name)
    for name, recipe in RECIPES.items()
    for task in otr.TASKS
    if recipe.reader.reads_schema or task in recipe.tasks
]

_REFERENCES = 8
_NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*")
_NOISE = [*"{}[]\",:.-+eE0123456789 \n'\\<>/\x00\ud800\ufeffé\u0663AaBb_%*()$^=|\u200b\u202e\u0301"]
# Pieces of LaTeX that mutations put together: small powers, so that no answer is a tower.
_LATEX = (
    "\\frac \\sqrt { } ^ _ ( ) + - / * = \\pi x y 2 3 ! | , \\cdot \\sin \\log \\sum \\int \\infty \\left( \\right)"
).split()
_ODD = [*RAW_NUMBERS, *map(repr, ODD_NUMBERS)]
_MISSES = [text for texts in PLAIN_MISSES.values() for text in texts] + MATH_MISSES
_CONSTANTS = [text for texts in CONSTANTS.values() for text in texts]


class Shower(NamedTuple):
    """Rows of one task and recipe."""

    task: str
    recipe: str
    responses: list[str]
    references: list[str]


def showers(seed: int, rows: int, size: int) -> Iterator[Shower]:
    """Yield ``rows`` rows in all, ``size`` at a time, over all tasks and recipes by turns."""
    done = 0
    while done < rows:
        # A shower's seed is its place alone, so that any one can be had again by itself.
        random = Random(f"{seed}/{done}")
        task, recipe = TURNS[done // size % len(TURNS)]
        count = min(size, rows - done)
        yield Shower(task, recipe, *_rows(task, recipe, count, random))
        done += count


def hail() -> Iterator[Shower]:
    """Yield every long text as the answer of every task and recipe, one at a time."""
    for task, recipe in TURNS:
        reference = as_text(sample(task, Random(0)))
        for text in LONG.values():
            yield Shower(task, recipe, [respond(text, RECIPES[recipe].think)], [reference])


def _rows(task: str, recipe: str, count: int, random: Random) -> tuple[list[str], list[str]]:
    values = [sample(task, random) for _ in range(_REFERENCES)]
    responses: list[str] = []
    references: list[str] = []
    for _ in range(count):
        value = random.choice(values)
        sound = respond(as_text(honest_answer(value, random)), RECIPES[recipe].think)
        responses.append(random.choices(_MAKERS, _WEIGHTS)[0](sound, random))
        references.append(as_text(value))
    return responses, references


def _sound(response: str, random: Random) -> str:
    return response


def _noisy(response: str, random: Random) -> str:
    """Delete, insert, replace and repeat a few pieces."""
    for _ in range(random.randint(1, 6)):
        start = random.randint(0, len(response))
        end = min(len(response), start + random.randint(0, 4))
        pool = random.choice((_NOISE, _NOISE, FRAGMENTS, _LATEX))
        middle = random.choice(("", random.choice(pool), response[start:end] * 2))
        response = response[:start] + middle + response[end:]
    return response


def _numbers(response: str, random: Random) -> str:
    """Replace one number in three by an odd one."""
    return _NUMBER.sub(lambda found: random.choice(_ODD) if random.random() < 0.33 else found[0], response)


def _keys(response: str, random: Random) -> str:
    """Replace one string in three."""
    return re.sub(
        r'"[^"]*"', lambda found: f'"{random.choice(ODD_KEYS)}"' if random.random() < 0.33 else found[0], response
    )


def _spliced(response: str, random: Random) -> str:
    """Cut out, double, or put behind each other, parts of a response."""
    first, second = sorted(random.randint(0, len(response)) for _ in range(2))
    return random.choice(
        (
            response[:first] + response[second:],
            response[:second] + response[first:],
            response[first:] + response[:second],
        )
    )


def _soup(response: str, random: Random) -> str:
    return "".join(random.choices(FRAGMENTS, k=random.randint(0, 12)))


def _another(response: str, random: Random) -> str:
    """Put another answer between the tags: a near miss, a constant, text of pieces of LaTeX, hostile text."""
    latex = "".join(random.choices(_LATEX, k=random.randint(1, 8)))
    answer = random.choice((random.choice(_MISSES), random.choice(_CONSTANTS), latex, latex))
    return _between(response, answer)


def _hostile(response: str, random: Random) -> str:
    return _somewhere(response, HOSTILE[random.choice(list(HOSTILE))], random)


def _long(response: str, random: Random) -> str:
    return _somewhere(response, LONG[random.choice(list(LONG))], random)


def _somewhere(response: str, text: str, random: Random) -> str:
    """Put text in place of the response, in place of the answer, before it, behind it, or into it."""
    offset = random.randint(0, len(response))
    return random.choice(
        (text, _between(response, text), text + response, response + text, response[:offset] + text + response[offset:])
    )


def _between(response: str, answer: str) -> str:
    start, end = response.find("<answer>") + len("<answer>"), response.find("</answer>")
    return response[:start] + answer + response[end:]


_MAKERS: list[Callable[[str, Random], str]] = [
    _sound, _noisy, _numbers, _keys, _spliced, _soup, _another, _hostile, _long,
]  # fmt: skip
_WEIGHTS = [20, 30, 14, 6, 10, 6, 12, 2, 0.05]
