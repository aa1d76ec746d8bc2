r"""What makes a model write the form that is read: its prompt, the schema or pattern of an answer, and grammars.

Patterns keep to what Python, Rust and the grammar engines all read: no look-ahead, no ``\s``. A text is free of a set
of tags exactly if what follows each ``<`` begins none of them, and that needs no look-ahead.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

from onethinker_rewards._validation import MOST_OPTIONS, check_choice, option_texts
from onethinker_rewards.answers import AnyDialect, Dialect, Number, OptionLetter, Syntax, Think, find_dialect
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.table import spec_of

_QUESTION = """\
{question}

Look at the visual content and reason about it step by step between <think> and </think>. Then give your final \
answer between <answer> and </answer>, and write nothing outside these two blocks.
{instruction}{example}"""
_EXAMPLE = "\nFor example: <answer>{}</answer>"


def prompt(
    task: str,
    question: str,
    options: Sequence[str] | None = None,
    *,
    dialect: AnyDialect = "onethinker",
    table: Mapping[str, TaskSpec] | None = None,
) -> str:
    """Return the text that asks ``question`` as ``task``.

    Args:
        task: A task's name.
        question: The question, with its ``<image>`` and ``<video>`` placeholders if it has any.
        options: The options' texts, listed below the question; labeled A, B, C unless they already are.
        dialect: How the model is to write boxes, points and times.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If there is no such dialect, or it is a function and has no instruction.
    """
    spec, written = spec_of(task, table), find_dialect(dialect)
    options = option_texts(options)
    if options:
        question = "\n".join([question, "Options:", *map(_labeled, range(len(options)), options)])
    instruction, example = spec.instruction, spec.example
    if spec.is_json and not written.is_ours:
        instruction, example = _instruction_in(written, spec), _example_in(written, spec)
    shown = "" if example is None else _EXAMPLE.format(example)
    return _QUESTION.format(question=question, instruction=instruction, example=shown)


_UNITS = {
    "thousandths": "thousandths of the image's width and height",
    "unit": "fractions of the image's width and height, from 0 to 1",
    "percent": "per cent of the image's width and height",
    "pixels": "pixels of the image",
}
_OUR_UNIT = re.compile(r"thousandths of the \w+'s width and height")


def _instruction_in(dialect: Dialect, spec: TaskSpec) -> str:
    """Say how to answer in a dialect: in its own words, or in ours with its unit."""
    syntax, unit = dialect.syntax(spec.schema), _UNITS[dialect.coordinates]
    if dialect.instruction:
        return dialect.instruction
    if syntax is not None and syntax.instruction:
        return syntax.instruction.format(unit=unit)
    return _OUR_UNIT.sub(unit, spec.instruction)


def _example_in(dialect: Dialect, spec: TaskSpec) -> str | None:
    """Return the task's example in a dialect; None of a function, which only reads, but has its instruction."""
    if dialect.instruction and not dialect.can_write(spec.schema):
        return None
    # Of a square image of 1000 pixels, where the dialect needs a size.
    return dialect.write(json.loads(spec.example), spec.schema, (1000.0, 1000.0))


def _labeled(index: int, option: str) -> str:
    letter = chr(ord("A") + index)
    is_labeled = option.startswith((f"{letter}.", f"{letter})", f"({letter})", f"{letter}:"))
    return option if is_labeled else f"{letter}. {option}"


def json_schema(
    task: str,
    *,
    reference: bool = False,
    dialect: AnyDialect = "onethinker",
    table: Mapping[str, TaskSpec] | None = None,
) -> dict[str, Any]:
    """Return the JSON Schema of a task's answer, or of its reference.

    Args:
        task: A task's name.
        reference: Whether the schema of references is asked for, which a few tasks have of their own.
        dialect: How the model writes boxes, points and times.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If answers in the dialect are no JSON; `answer_pattern` describes them.
    """
    spec, written = spec_of(task, table), find_dialect(dialect)
    model = spec.references_in if reference else spec.schema
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    if written.is_ours or not spec.is_json:
        return {**head, **model.model_json_schema()}
    return {**head, **_schema_in(written, model)}


def _schema_in(dialect: Dialect, model: type[BaseModel]) -> dict[str, Any]:
    syntax = dialect.syntax(model)
    if dialect.translate is not None or (syntax is not None and syntax.item_schema is None):
        raise ArgumentError(f"dialect: answers in {dialect.name} are no JSON; answer_pattern describes them")
    if syntax is None:
        return _in_unit(model.model_json_schema(), dialect)
    count = {} if dialect.takes_many(model) else {"minItems": 1, "maxItems": 1}
    return {"type": "array", "items": _in_unit(syntax.item_schema, dialect), **count}


_WHOLES = {"thousandths": 1000.0, "unit": 1.0, "percent": 100.0}


def _in_unit(schema: Any, dialect: Dialect) -> Any:
    """Return a schema of ours with coordinates in a dialect's unit, and times as it writes them."""
    if isinstance(schema, list):
        return [_in_unit(item, dialect) for item in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _in_unit(value, dialect) for key, value in schema.items()}
    if changed.get("maximum") == _WHOLES["thousandths"]:
        whole = _WHOLES.get(dialect.coordinates)
        changed = {key: value for key, value in changed.items() if key != "maximum"}
        changed |= {} if whole is None else {"maximum": whole}
    times = dialect.times
    if isinstance(times, Syntax) and times.moment is not None and "time" in changed.get("properties", {}):
        time = changed["properties"]["time"]
        text = {"type": "string", "pattern": f"^{times.moment_pattern}$"}
        count = {"minItems": 2, "maxItems": 2}
        changed["properties"]["time"] = {"type": "array", "items": text, **count} if time["type"] == "array" else text
    return changed


_NUMBER = (
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?)"  # digits, or thousands
    r"(?:[eE][+-]?[0-9]+)?"
)
# The characters that `str.strip` takes off.
_SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_THINK_TAGS = ("think>", "/think>")
_ALL_TAGS = (*_THINK_TAGS, "answer>", "/answer>")


def answer_pattern(
    task: str,
    options: Sequence[str] | None = None,
    *,
    dialect: AnyDialect = "onethinker",
    table: Mapping[str, TaskSpec] | None = None,
) -> str:
    """Return a regular expression that the whole answer of a task in plain text matches.

    What matches is read by strict rules, but for numbers beyond double range or the limit of digits. The other way
    round, what strict rules read from a response matches once white space around it is off, except for option
    letters, numbers and dialects: those are read in many forms, and the pattern is the plainest alone.

    Args:
        task: A task's name.
        options: The options' texts; only as many letters match. Used for multiple choice only.
        dialect: How the model writes boxes, points and times.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If its answers are JSON, or there are no ``options`` or more than there are letters.

    >>> answer_pattern("multiple_choice", options=["a dog", "a cat", "a cow"])
    '[A-C]'
    """
    spec, written = spec_of(task, table), find_dialect(dialect)
    pattern = _dialect_pattern(spec, written)
    if pattern is not None:
        return pattern
    if spec.is_json:
        raise ArgumentError(f"task: answers of {spec.name} are JSON; json_schema describes them")
    return text_pattern(spec, options)


def _dialect_pattern(spec: TaskSpec, dialect: Dialect) -> str | None:
    """Return the pattern of answers that a dialect writes as text, or None where they are JSON or ours."""
    return dialect.pattern(spec.schema) if spec.is_json else None


def text_pattern(spec: TaskSpec, options: Sequence[str] | None) -> str:
    """Return the pattern of a task whose answers are no JSON."""
    if issubclass(spec.schema, OptionLetter):
        return _letters(options)
    return _NUMBER if issubclass(spec.schema, Number) else _TEXT


def _letters(options: Sequence[str] | None) -> str:
    texts = option_texts(options)
    count = MOST_OPTIONS if texts is None else len(texts)
    if not count:
        raise ArgumentError("options: at least one is needed")
    return f"[A-{chr(ord('A') + count - 1)}]"


def _beginning_no(tags: Sequence[str]) -> str:
    """Return the pattern of a text without ``<`` that begins with none of these tags, given without their ``<``.

    It follows the tags letter by letter; any other character means that no tag begins here.
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

Engine = Literal["xgrammar", "llguidance"]

_AFTER_THINKING = "</think>\n{0,2}<answer>"
# Everything up to the answer is one pattern: an engine that reads greedily would let thinking swallow half of its
# closing tag.
_HEADS: Mapping[str, str] = {
    "required": f"<think>{THINKING}{_AFTER_THINKING}",
    "prefilled": f"{THINKING}{_AFTER_THINKING}",
    "none": "<answer>",
}
_TAIL = "</answer>"


def response_grammar(
    task: str,
    *,
    engine: Engine,
    think: Think = "required",
    options: Sequence[str] | None = None,
    dialect: AnyDialect = "onethinker",
    table: Mapping[str, TaskSpec] | None = None,
) -> str:
    r"""Return a grammar of all that the model writes: thinking, then an answer in its task's schema.

    Every response of the grammar has the format, but for what the answer's schema or pattern cannot say: order
    within boxes and spans, and numbers beyond double range or the limit of digits.

    Args:
        task: A task's name.
        engine: ``xgrammar``: a structural tag, as JSON. ``llguidance``: a grammar in its dialect of Lark.
        think: Whether thinking is ``required``, begun by the prompt (``prefilled``) or not wanted (``none``).
        options: The options' texts; only as many letters are allowed. Used for multiple choice only.
        dialect: How the model writes boxes, points and times.
        table: The tasks, `TASKS` by default.

    Raises:
        UnknownTaskError: If there is no such task.
        ArgumentError: If ``engine`` or ``think`` is not one of those above, or there are more options than letters.

    >>> print(response_grammar("multiple_choice", engine="llguidance", think="none", options=["a dog", "a cat"]))
    start: /<answer>[A-B]<\/answer>/
    """
    spec, written = spec_of(task, table), find_dialect(dialect)
    check_choice("think", think, _HEADS)
    check_choice("engine", engine, _WRITERS)
    pattern = _dialect_pattern(spec, written)
    if pattern is None and not spec.is_json:
        pattern = text_pattern(spec, options)
    schema = json_schema(spec.name, dialect=written, table=table) if pattern is None else None
    return _WRITERS[engine](_HEADS[think], pattern, schema)


def _structural_tag(head: str, pattern: str | None, schema: dict[str, Any] | None) -> str:
    form: dict[str, Any] = {"type": "regex", "pattern": head + str(pattern) + _TAIL}
    if schema is not None:
        elements: list[dict[str, Any]] = [
            {"type": "regex", "pattern": head},
            {"type": "json_schema", "json_schema": schema},
            {"type": "const_string", "value": _TAIL},
        ]
        form = {"type": "sequence", "elements": elements}
    return json.dumps({"type": "structural_tag", "format": form})


def _lark(head: str, pattern: str | None, schema: dict[str, Any] | None) -> str:
    if schema is None:
        return f"start: {_between_slashes(head + str(pattern) + _TAIL)}"
    return f'start: {_between_slashes(head)} answer "{_TAIL}"\nanswer: %json {json.dumps(schema)}'


def _between_slashes(pattern: str) -> str:
    return "/" + pattern.replace("/", r"\/").replace("\n", r"\n") + "/"


_WRITERS = {"xgrammar": _structural_tag, "llguidance": _lark}
