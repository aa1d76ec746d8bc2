"""Grammars of whole responses, in the languages of the engines that guide decoding."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from onethinker_rewards._validation import check_choice
from onethinker_rewards.parsing import Think
from onethinker_rewards.tasks.names import spec_of
from onethinker_rewards.tasks.patterns import THINKING, text_pattern
from onethinker_rewards.tasks.reading import json_schema
from onethinker_rewards.tasks.spec import TaskSpec
from onethinker_rewards.tasks.table import TASKS

__all__ = ["Engine", "response_grammar"]

Engine = Literal["xgrammar", "llguidance"]

_AFTER_THINKING = "</think>\n{0,2}<answer>"
# All up to the answer is one pattern: an engine that reads greedily would let thinking swallow half of its closing tag.
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
    table: Mapping[str, TaskSpec] = TASKS,
) -> str:
    r"""Return a grammar of all that the model writes: thinking, then an answer in its task's schema.

    Every response of the grammar has the format, but for what the answer's schema or pattern cannot say: order
    within boxes and spans, and numbers beyond double range or the limit of digits.

    Args:
        task: A task's name.
        engine: ``xgrammar``: a structural tag, as JSON. ``llguidance``: a grammar in its dialect of Lark.
        think: Whether thinking is ``required``, begun by the prompt (``prefilled``) or not wanted (``none``).
        options: The options' texts; only as many letters are allowed. Not used but for multiple choice.
        table: The tasks.

    Raises:
        UnknownTaskError: If ``task`` is none.
        ArgumentError: If ``engine`` or ``think`` is none of the above, or there are too many options for letters.

    >>> print(response_grammar("multiple_choice", engine="llguidance", think="none", options=["a dog", "a cat"]))
    start: /<answer>[A-B]<\/answer>/
    """
    spec = spec_of(task, table)
    check_choice("think", think, _HEADS)
    check_choice("engine", engine, _WRITERS)
    return _WRITERS[engine](spec, _HEADS[think], options, table)


def _structural_tag(spec: TaskSpec, head: str, options: Sequence[str] | None, table: Mapping[str, TaskSpec]) -> str:
    if spec.is_json:
        elements: list[dict[str, Any]] = [
            {"type": "regex", "pattern": head},
            {"type": "json_schema", "json_schema": json_schema(spec.name, table=table)},
            {"type": "const_string", "value": _TAIL},
        ]
        form: dict[str, Any] = {"type": "sequence", "elements": elements}
    else:
        form = {"type": "regex", "pattern": head + text_pattern(spec, options) + _TAIL}
    return json.dumps({"type": "structural_tag", "format": form})


def _lark(spec: TaskSpec, head: str, options: Sequence[str] | None, table: Mapping[str, TaskSpec]) -> str:
    if not spec.is_json:
        return f"start: {_between_slashes(head + text_pattern(spec, options) + _TAIL)}"
    schema = json.dumps(json_schema(spec.name, table=table))
    return f'start: {_between_slashes(head)} answer "{_TAIL}"\nanswer: %json {schema}'


def _between_slashes(pattern: str) -> str:
    return "/" + pattern.replace("/", r"\/").replace("\n", r"\n") + "/"


_WRITERS = {"xgrammar": _structural_tag, "llguidance": _lark}
