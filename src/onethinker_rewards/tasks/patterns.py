r"""Regular expressions of what stands between the tags, for guided decoding of answers in plain text.

They keep to what Python, Rust and the grammar engines all read: no look-ahead, no ``\s``. A text is free of a set
of tags exactly if what follows each ``<`` begins none of them, and that needs no look-ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.schemas import Number, OptionLetter
from onethinker_rewards.tasks.names import spec_of
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.table import TASKS

__all__ = ["THINKING", "answer_pattern", "text_pattern"]

_NUMBER = (
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?)"  # digits, or thousands
    r"(?:[eE][+-]?[0-9]+)?"
)
# The characters that `str.strip` takes off.
_SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_THINK_TAGS = ("think>", "/think>")
_ALL_TAGS = (*_THINK_TAGS, "answer>", "/answer>")
_MOST_OPTIONS = 26


def answer_pattern(task: str, options: Sequence[str] | None = None, *, table: Mapping[str, TaskSpec] = TASKS) -> str:
    """Return a regular expression that the whole answer of a task in plain text matches.

    What matches is read by strict rules, but for numbers beyond double range or the limit of digits. The other way
    round, what strict rules read from a response matches once white space around it is off, except for option
    letters: those are read in many dresses, and the pattern is the letter alone.

    Args:
        task: A task's name.
        options: The options' texts; only as many letters match. Not used but for multiple choice.
        table: The tasks.

    Raises:
        UnknownTaskError: If ``task`` is none.
        ArgumentError: If its answers are JSON, or ``options`` are none or more than there are letters.

    >>> answer_pattern("multiple_choice", options=["a dog", "a cat", "a cow"])
    '[A-C]'
    """
    spec = spec_of(task, table)
    if spec.is_json:
        raise ArgumentError(f"task: answers of {spec.name} are JSON; json_schema describes them")
    return text_pattern(spec, options)


def text_pattern(spec: TaskSpec, options: Sequence[str] | None) -> str:
    """Return the pattern of a task whose answers are no JSON."""
    if issubclass(spec.schema, OptionLetter):
        return _letters(options)
    return _NUMBER if issubclass(spec.schema, Number) else _TEXT


def _letters(options: Sequence[str] | None) -> str:
    count = _MOST_OPTIONS if options is None else len(options)
    if not 0 < count <= _MOST_OPTIONS:
        raise ArgumentError(f"options: from 1 to {_MOST_OPTIONS} of them have letters, not {count}")
    return f"[A-{chr(ord('A') + count - 1)}]"


def _beginning_no(tags: Sequence[str]) -> str:
    """Return the pattern of a text without ``<`` that begins with none of these tags; they stand without their ``<``.

    It leaves the tags letter by letter: at each one, any other character ends the danger.
    """
    firsts = "".join(sorted({tag[0] for tag in tags}))
    ways = [f"[^<{firsts}][^<]*"]
    for first in firsts:
        rest = [tag[1:] for tag in tags if tag[0] == first]
        if "" not in rest:
            ways.append(first + _beginning_no(rest))
    return f"(?:{'|'.join(ways)})?"


def _lessers(tags: Sequence[str]) -> str:
    return f"<{_beginning_no(tags)}"


# Thinking may quote the answer's tags, not its own; an answer quotes none, and begins with no white space.
THINKING = f"[^<]*(?:{_lessers(_THINK_TAGS)})*"
_TEXT = f"(?:[^<{_SPACE}][^<]*|{_lessers(_ALL_TAGS)})(?:{_lessers(_ALL_TAGS)})*"
