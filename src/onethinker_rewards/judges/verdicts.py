"""How a judge that writes says its verdict, and how that is read: labels, a scale, JSON, criteria.

Each form has the words that ask for it, which end the judge's instructions, and reads a score in [0, 1]. A judge often
repeats what it judges. So a verdict is a line that holds nothing else, and two lines that say different things are no
verdict.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from onethinker_rewards.codes import FailureCode, shortened
from onethinker_rewards.errors import ArgumentError


class NoVerdictError(Exception):
    """A row gets no score.

    Attributes:
        code: Why, a code that begins with ``judge_``.
        reason: Why, in words.
        status: The HTTP status, if it was the server's; else None.
    """

    def __init__(self, code: FailureCode, reason: str, status: int | None = None) -> None:
        super().__init__(code, reason, status)
        self.code, self.reason, self.status = code, reason, status


def unreadable(text: str, expected: str) -> NoVerdictError:
    """Return the error of a text without a verdict."""
    return NoVerdictError(FailureCode.JUDGE_UNREADABLE, f"expected {expected}, got {shortened(text[-200:], 200)!r}")


class VerdictForm(Protocol):
    """How a verdict is said and read."""

    @property
    def instruction(self) -> str:
        """The words that ask for a verdict of this form."""
        ...

    @property
    def response_format(self) -> Mapping[str, object] | None:
        """The key of this name in requests, for servers that decode by a JSON Schema; None for none."""
        ...

    def score(self, text: str) -> float:
        """Return the score that a text says, in [0, 1], or raise `NoVerdictError`."""
        ...


def without_thinking(text: str) -> str:
    """Return what follows the last ``</think>``."""
    return text.rpartition("</think>")[2]


# What may surround a verdict on its line.
_DRESS = " \t\r*_`#>\"'“”[]().:!。\uff1a"
_WORD_BEFORE = re.compile(r"(?:final )?(?:verdict|score|rating|grade|answer)\s*[:\uff1a=]\s*", re.IGNORECASE)


def _bare_lines(text: str) -> Iterator[str]:
    for line in without_thinking(text).splitlines():
        bare = line.strip(_DRESS)
        begin = _WORD_BEFORE.match(bare)
        yield bare[begin.end() :].strip(_DRESS) if begin else bare


def _json_verdict(text: str) -> Iterator[str]:
    """Yield the verdict or score of a text that is a JSON object and nothing else: some models always write JSON."""
    text = without_thinking(text).strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        said = (cast("dict[str, object]", found).get(name) for name in ("verdict", "score"))
        yield from (str(verdict) for verdict in said if isinstance(verdict, str | int | float))


@dataclass(frozen=True, init=False)
class Labels:
    r"""One of several words, the best first, each a step of equal size below the one before: yes is 1 and no is 0.

    The last line that is a label is the verdict; if another line is another label, there is none. A reply that is a
    JSON object with ``verdict`` is read too.

    >>> Labels("yes", "no").score("The reference says five; so does the answer.\n**Yes**")
    1.0
    >>> Labels("right", "partly", "wrong").score("Verdict: partly")
    0.5
    """

    labels: tuple[str, ...]

    def __init__(self, *labels: str) -> None:
        if len({label.casefold() for label in labels}) != len(labels) or len(labels) < 2:
            raise ArgumentError(f"labels: two or more different ones, not {labels}")
        if any(label != label.strip(_DRESS) or not label or "\n" in label for label in labels):
            raise ArgumentError(f"labels: words without quotes, stops and spaces around them, not {labels}")
        object.__setattr__(self, "labels", labels)

    def __repr__(self) -> str:
        return f"Labels({', '.join(map(repr, self.labels))})"

    @property
    def instruction(self) -> str:
        """The words that ask for it."""
        words = " or ".join(self.labels)
        return f"First give your reason in one sentence. Then end with a line that holds your verdict alone: {words}."

    @property
    def response_format(self) -> None:
        """None: the reply is text."""
        return

    @property
    def schema(self) -> dict[str, object]:
        """A label as JSON."""
        return {"enum": list(self.labels)}

    def score(self, text: str) -> float:
        """Return 1 for the first label, 0 for the last."""
        folded = [label.casefold() for label in self.labels]
        lines = [*_bare_lines(text), *_json_verdict(text)]
        said = [folded.index(line.casefold()) for line in lines if line.casefold() in folded]
        if len(set(said)) != 1:
            raise unreadable(text, f"one line with {' or '.join(self.labels)}")
        return 1.0 - said[-1] / (len(folded) - 1)


YES_NO = Labels("yes", "no")
"""Labels for a judge that is asked whether an answer is right."""

_NUMBER = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,9})?)(?:\s*(?:/|out of|of)\s*(\d{1,9}))?")


@dataclass(frozen=True)
class Scale:
    r"""A number from ``lowest`` to ``highest``, which become 0 and 1.

    The last line that is a number is the verdict; if another line is another number, there is none. A reply that is a
    JSON object with ``verdict`` or ``score`` is read too.

    >>> Scale(1, 10).score("The color is missing.\nScore: 7/10").__round__(3)
    0.667
    """

    lowest: float = 1
    highest: float = 10

    def __post_init__(self) -> None:
        if not -math.inf < self.lowest < self.highest < math.inf:
            raise ArgumentError(f"a scale rises from a number to a number, not from {self.lowest} to {self.highest}")

    @property
    def instruction(self) -> str:
        """The words that ask for it."""
        ends = f"from {self.lowest:g} (worst) to {self.highest:g} (best)"
        return f"First give your reason in one sentence. Then end with a line that holds your score alone, {ends}."

    @property
    def response_format(self) -> None:
        """None: the reply is text."""
        return

    @property
    def schema(self) -> dict[str, object]:
        """A score as JSON."""
        return {"type": "number", "minimum": self.lowest, "maximum": self.highest}

    def score(self, text: str) -> float:
        """Return (number − lowest) / (highest − lowest)."""
        lines = [*_bare_lines(text), *_json_verdict(text)]
        said = {self._number(found, text) for line in lines if (found := _NUMBER.fullmatch(line))}
        if len(said) != 1:
            raise unreadable(text, f"one line with a number from {self.lowest:g} to {self.highest:g}")
        return (said.pop() - self.lowest) / (self.highest - self.lowest)

    def _number(self, found: re.Match[str], text: str) -> float:
        number, out_of = float(found[1]), found[2]
        if not self.lowest <= number <= self.highest or (out_of is not None and float(out_of) != self.highest):
            raise unreadable(text, f"a number from {self.lowest:g} to {self.highest:g}")
        return number


@dataclass(frozen=True)
class JsonVerdict:
    """A JSON object ``{"reason": …, "verdict": …}`` with a label or a number.

    Objects without both keys are passed over; if two have different verdicts, there is none.

    Attributes:
        of: What the verdict is.
        is_guided: Whether requests ask the server to decode by a JSON Schema, which not every server can.

    >>> JsonVerdict(Labels("yes", "no")).score('{"reason": "Both say five.", "verdict": "yes"}')
    1.0
    """

    of: Labels | Scale
    is_guided: bool = False

    @property
    def instruction(self) -> str:
        """The words that ask for it."""
        if isinstance(self.of, Labels):
            verdict = " or ".join(f'"{label}"' for label in self.of.labels)
        else:
            verdict = f"a number from {self.of.lowest:g} (worst) to {self.of.highest:g} (best)"
        return (
            'Reply with one JSON object and nothing else. It has two keys: "reason", your reason in one sentence, and '
            f'"verdict", which is {verdict}.'
        )

    @property
    def response_format(self) -> Mapping[str, object] | None:
        """The schema, if decoding is guided by it."""
        return _json_schema({"reason": _TEXT, "verdict": self.of.schema}) if self.is_guided else None

    def score(self, text: str) -> float:
        """Return the verdict's score."""
        said = {
            self.of.score(str(found["verdict"]))
            for found in _objects(text)
            if set(found) == {"reason", "verdict"} and isinstance(found["verdict"], str | int | float)
        }
        if len(said) != 1:
            raise unreadable(text, "one JSON object with reason and verdict")
        return said.pop()


@dataclass(frozen=True)
class Criterion:
    """One question of a rubric.

    Attributes:
        name: A short name, the criterion's key in the reply.
        question: What the judge is to decide.
        weight: Its share of the score, above 0; only the ratio to the other weights counts.
        choices: The possible answers, the best first.
    """

    name: str
    question: str
    weight: float = 1.0
    choices: Sequence[str] = ("yes", "no")

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ArgumentError(f"criterion {self.name!r}: the weight is above 0, not {self.weight}")
        Labels(*self.choices)


@dataclass(frozen=True)
class RubricVerdict:
    """A JSON object with a reason and a choice for each criterion; the score is their weighted mean.

    A criterion without one of its choices leaves the whole row without a score.

    Attributes:
        criteria: In the order in which the judge reads and answers them.
        is_guided: As in `JsonVerdict`.
    """

    criteria: tuple[Criterion, ...]
    is_guided: bool = False

    @property
    def instruction(self) -> str:
        """The criteria, and the words that ask for them."""
        lines = [f"- {one.name}: {one.question} ({', '.join(one.choices)})" for one in self.criteria]
        form = '{"<criterion>": {"reason": "<one sentence>", "verdict": "<one of its choices>"}, …}'
        return "\n".join(
            [
                "Judge the answer by each of these criteria, alone and in this order. The choices are in brackets.",
                *lines,
                f"Reply with one JSON object and nothing else, with one key for each criterion: {form}",
            ]
        )

    @property
    def response_format(self) -> Mapping[str, object] | None:
        """The schema, if decoding is guided by it."""
        if not self.is_guided:
            return None
        return _json_schema(
            {one.name: _closed({"reason": _TEXT, "verdict": {"enum": list(one.choices)}}) for one in self.criteria}
        )

    def score(self, text: str) -> float:
        """Return Σ weight · score / Σ weight."""
        names = {one.name for one in self.criteria}
        said = {self._score(found, text) for found in _objects(text) if set(found) == names}
        if len(said) != 1:
            raise unreadable(text, f"one JSON object with {', '.join(one.name for one in self.criteria)}")
        return said.pop()

    def _score(self, found: Mapping[str, Any], text: str) -> float:
        total = 0.0
        for one in self.criteria:
            entry: object = found[one.name]
            choice = cast("dict[str, object]", entry).get("verdict") if isinstance(entry, dict) else None
            if not isinstance(choice, str):
                raise unreadable(text, f"a verdict on {one.name}")
            total += one.weight * Labels(*one.choices).score(choice)
        return total / sum(one.weight for one in self.criteria)


_TEXT: Mapping[str, object] = {"type": "string"}


def _closed(properties: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _json_schema(properties: Mapping[str, object]) -> dict[str, object]:
    schema = {"name": "verdict", "strict": True, "schema": _closed(properties)}
    return {"type": "json_schema", "json_schema": schema}


# So many beginnings of an object are tried: a text of nothing but brackets is no verdict.
_MAX_OBJECTS = 100


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a text that are not inside of another one."""
    text = without_thinking(text)
    decoder = json.JSONDecoder()
    end = 0
    for _ in range(_MAX_OBJECTS):
        begin = text.find("{", end)
        if begin < 0:
            return
        try:
            found, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            end = begin + 1
        else:
            yield found
