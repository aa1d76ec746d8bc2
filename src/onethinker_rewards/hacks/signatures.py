"""Reward functions in the signatures of trainers, called as the trainers call them.

Our own form takes three lists. Every other signature is recognized by the names of its parameters and wrapped:

===============  =====================================================================================
``batch``        ``(responses, references, tasks)``, three lists; one number per row
``completions``  ``(completions, **columns)`` of TRL with plain prompts, and of ms-swift
``messages``     the same with each completion as a list of messages: TRL with conversational prompts
``verl``         ``compute_score(data_source, solution_str, ground_truth, extra_info)``, one row a call
``easyr1``       ``compute_score(reward_inputs)``, a list of rows; one dictionary with ``overall`` each
``openrlhf``     ``reward_func(queries, prompts, labels)``; a dictionary with ``rewards``, or a tensor
``verifiers``    a ``Rubric``, one of its functions (``completion``, ``answer``, …), or one of a ``trace``
===============  =====================================================================================

A reference is the text of the trick's reference under whatever name the signature has for it. Functions may be async.

Source: the callers of trl 1.16.0 (``GRPOTrainer``), ms-swift 4.6.0, verl 0.9.1 (``reward_loop``), EasyR1,
openrlhf 0.11.2, and verifiers 0.3.1 (``legacy/rubrics``) and 0.4.0 (``v1/task.py``).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from onethinker_rewards.errors import ArgumentError

# How many calls of an async function are under way at a time.
_CONCURRENCY = 32
_PROBE = ("<think>It barks.</think><answer>B</answer>", "B", "multiple_choice")
# Parameters of verifiers' functions that score a whole group, as its `Rubric` recognizes them.
_GROUP = frozenset({"states", "prompts", "completions", "answers", "tasks", "infos"})


class Signature(StrEnum):
    """How a reward function is called; the module has the parameters of each."""

    BATCH = "batch"
    COMPLETIONS = "completions"
    MESSAGES = "messages"
    VERL = "verl"
    EASYR1 = "easyr1"
    OPENRLHF = "openrlhf"
    VERIFIERS = "verifiers"


FORMS: Mapping[Signature, str] = {
    Signature.BATCH: "(responses, references, tasks), three lists",
    Signature.COMPLETIONS: "(completions, **columns) as in TRL and ms-swift, completions are texts",
    Signature.MESSAGES: "(completions, **columns) as in TRL, completions are lists of messages",
    Signature.VERL: "compute_score(data_source, solution_str, ground_truth, extra_info), a row a call",
    Signature.EASYR1: "compute_score(reward_inputs), a list of rows",
    Signature.OPENRLHF: "reward_func(queries, prompts, labels), three lists",
    Signature.VERIFIERS: "a rubric of verifiers, or one of its functions, a row a call",
}
"""How each signature is called, in words."""

# What each is recognized by: all of these parameters, in this order of signatures.
_RECOGNIZED: tuple[tuple[Signature, frozenset[str]], ...] = (
    (Signature.BATCH, frozenset({"responses", "references"})),
    (Signature.EASYR1, frozenset({"reward_inputs"})),
    (Signature.VERL, frozenset({"solution_str"})),
    (Signature.OPENRLHF, frozenset({"queries", "labels"})),
    (Signature.COMPLETIONS, frozenset({"completions"})),
    (Signature.VERIFIERS, frozenset({"completion"})),
    (Signature.VERIFIERS, frozenset({"trace"})),
)


class Source(NamedTuple):
    """Where a function is defined: its file and the line, from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class UserReward:
    """A reward in our form, made from one in another signature.

    Attributes:
        name: What the user calls it.
        signature: How it is called.
        call: Takes responses, references and tasks, ``[N]`` each, and returns the rewards.
        source: Where it is defined; None if it has no Python source, as an endpoint.
    """

    name: str
    signature: Signature
    call: Callable[[list[str], list[str], list[str]], Any]
    source: Source | None = None

    def __call__(self, responses: list[str], references: list[str], tasks: list[str]) -> Any:
        """Return ``[N]`` rewards."""
        return self.call(responses, references, tasks)


def as_reward(function: Any, signature: str | None = None, *, name: str | None = None) -> UserReward:
    """Return a reward function in our form.

    A function of ``completions`` is called once with one row, to find out whether it takes texts or messages.

    Args:
        function: A function, an object that can be called, a class of such objects that needs no arguments, or a
            `Rubric` of verifiers.
        signature: A `Signature`; by default it is recognized by the names of the parameters.
        name: What to call it; its own name by default.

    Raises:
        ArgumentError: If the signature is unknown, cannot be recognized, or has parameters that tricks have no value
            for. What the function raises itself is not caught.

    >>> def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    ...     return {"score": float(ground_truth in solution_str)}
    >>> reward = as_reward(compute_score)
    >>> reward.signature, reward(["It is B.", "It is C."], ["B", "B"], ["multiple_choice"] * 2)
    (<Signature.VERL: 'verl'>, [1.0, 0.0])
    """
    # `dir` of a class has what its objects have.
    if inspect.isclass(function) and "__call__" in dir(function):
        function = function()
    chosen = signature_of(function) if signature is None else _named(signature)
    if signature is None and chosen is Signature.COMPLETIONS and _wants_messages(function):
        chosen = Signature.MESSAGES
    shown = name or getattr(function, "__name__", type(function).__name__)
    return UserReward(shown, chosen, partial(_CALLS[chosen], function), source_of(function))


def _named(signature: str) -> Signature:
    try:
        return Signature(signature)
    except ValueError:
        raise ArgumentError(f"signature: there is no {signature!r}; there are {', '.join(Signature)}") from None


def signature_of(function: Any) -> Signature:
    """Return the signature that the names of a function's parameters tell.

    Raises:
        ArgumentError: If they tell none.

    >>> signature_of(lambda completions, solution, **columns: [])
    <Signature.COMPLETIONS: 'completions'>
    """
    if is_rubric(function):
        return Signature.VERIFIERS
    names = [name for name in _parameters(function) if name != "self"]
    for signature, parameters in _RECOGNIZED:
        if parameters <= set(names):
            return signature
    raise ArgumentError(
        f"its parameters ({', '.join(names)}) do not tell how it is called; name one of the signatures: "
        f"{', '.join(Signature)}"
    )


def source_of(function: Any) -> Source | None:
    """Return where a function, a callable object or the first function of a rubric is defined; None if unknown."""
    if is_rubric(function):
        function = next((function for function, *_ in _rubric_functions(function)), function)
    while isinstance(function, partial):
        function = function.func
    if not hasattr(function, "__code__") and not hasattr(function, "__wrapped__"):
        function = getattr(type(function), "__call__", function)  # noqa: B004
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Source(str(Path(code.co_filename).absolute()), code.co_firstlineno)


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise ArgumentError(
            f"its parameters cannot be read; name one of the signatures: {', '.join(Signature)}"
        ) from None


def _arguments(function: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a function has parameters for; all of them if it takes any keyword."""
    parameters = _parameters(function).values()
    any_keyword = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    needed = [parameter.name for parameter in parameters if _is_needed(parameter)]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ArgumentError(f"it needs {', '.join(missing)}, which tricks do not have; they have {', '.join(values)}")
    if any_keyword:
        return {name: value for name, value in values.items() if name != "self" or name in needed}
    return {parameter.name: values[parameter.name] for parameter in parameters if parameter.name in values}


def _is_needed(parameter: inspect.Parameter) -> bool:
    several = {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
    return parameter.default is parameter.empty and parameter.kind not in several


def _resolved(result: Any) -> Any:
    """Return a result, waiting for it if the function is async."""
    return asyncio.run(_wait(result)) if inspect.isawaitable(result) else result


async def _wait(result: Awaitable[Any]) -> Any:
    return await result


def _each(function: Any, rows: Sequence[dict[str, Any]]) -> list[Any]:
    """Call a function with the arguments of each row; an async one with some rows at a time."""
    if not rows:
        return []
    first = function(**rows[0])
    if inspect.isawaitable(first):
        return asyncio.run(_each_async(first, function, rows[1:]))
    return [first, *(function(**row) for row in rows[1:])]


async def _each_async(first: Awaitable[Any], function: Any, rows: Sequence[dict[str, Any]]) -> list[Any]:
    slots = asyncio.Semaphore(_CONCURRENCY)

    async def result_of(row: dict[str, Any]) -> Any:
        async with slots:
            return await function(**row)

    return [await first, *await asyncio.gather(*map(result_of, rows))]


def _batch(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> Any:
    return _resolved(function(responses, references, tasks))


def _completions(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> Any:
    return _with_columns(function, list(responses), [""] * len(tasks), references, tasks)


def _messages(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> Any:
    completions = [[{"role": "assistant", "content": response}] for response in responses]
    prompts = [[{"role": "user", "content": ""}] for _ in responses]
    return _with_columns(function, completions, prompts, references, tasks)


def _with_columns(
    function: Any, completions: list[Any], prompts: list[Any], references: list[str], tasks: list[str]
) -> Any:
    values = {
        "prompts": prompts,
        "completions": completions,
        "completion_ids": [[] for _ in completions],
        **{name: list(tasks) for name in ("task", "problem_type")},
        **{name: list(references) for name in ("reference", "solution", "answer", "ground_truth")},
        "trainer_state": None,
        "log_extra": _ignore,
        "log_metric": _ignore,
    }
    return _resolved(function(**_arguments(function, values)))


def _ignore(*_: Any) -> None:
    """Log nothing."""


def _wants_messages(function: Any) -> bool:
    """Return whether a function of completions fails on texts and not on messages."""
    row = [[value] for value in _PROBE]
    for call in (_completions, _messages):
        try:
            call(function, *row)
        except (TypeError, AttributeError):
            continue
        return call is _messages
    return False


def _verl(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> list[Any]:
    rows = [
        {
            "data_source": task,
            "solution_str": response,
            "ground_truth": reference,
            "extra_info": {"task": task, "index": index},
        }
        for index, (response, reference, task) in enumerate(zip(responses, references, tasks, strict=True))
    ]
    return [_of_key(result, "score") for result in _each(function, [_arguments(function, row) for row in rows])]


def _of_key(result: Any, key: str) -> Any:
    if not isinstance(result, Mapping):
        return result
    if key not in result:
        raise ArgumentError(f"it returned a dictionary without {key!r}: {', '.join(map(str, result))}")
    return result[key]


def _easyr1(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> list[Any]:
    rows = [
        {"response": response, "response_length": len(response), "ground_truth": reference, "problem_type": task}
        for response, reference, task in zip(responses, references, tasks, strict=True)
    ]
    results = _resolved(function(rows))
    if not isinstance(results, Sequence):
        raise ArgumentError(f"it returned {type(results).__name__}, not one dictionary per row")
    return [_of_key(result, "overall") for result in results]


def _openrlhf(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> Any:
    return _of_key(_resolved(function(list(responses), [""] * len(tasks), list(references))), "rewards")


class _Message(dict[str, Any]):
    """A message of verifiers: up to 0.3 its keys are read, since 0.4 its attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def is_rubric(function: Any) -> bool:
    """Return whether an object is a `Rubric` of verifiers, or a group of them."""
    return not callable(function) and (hasattr(function, "funcs") or hasattr(function, "rubrics"))


def _rubric_functions(rubric: Any) -> Iterator[tuple[Any, float, Mapping[str, Any]]]:
    """Yield the functions of a rubric, or of a group of rubrics, with their weight, which is not 0, and objects."""
    for part in getattr(rubric, "rubrics", ()):
        yield from _rubric_functions(part)
    for function, weight in zip(getattr(rubric, "funcs", ()), getattr(rubric, "weights", ()), strict=True):
        if weight:
            yield function, weight, getattr(rubric, "class_objects", {})


def _verifiers(function: Any, responses: list[str], references: list[str], tasks: list[str]) -> list[Any]:
    rows = [_rollout(*row) for row in zip(responses, references, tasks, strict=True)]
    weighted = list(_rubric_functions(function)) if is_rubric(function) else [(function, 1.0, {})]
    totals = [0.0] * len(rows)
    for scorer, weight, objects in weighted:
        if is_rubric(function) and _GROUP & _parameters(scorer).keys():
            raise ArgumentError(f"its function {scorer.__name__} scores whole groups; a trick is one row")
        results = _each(scorer, [_arguments(scorer, row | dict(objects)) for row in rows])
        totals = [total + weight * _total(result) for total, result in zip(totals, results, strict=True)]
    return totals


def _total(result: Any) -> float:
    """Return a reward, the sum of several with names, or NaN for None."""
    values = list(result.values()) if isinstance(result, Mapping) else [result]
    if any(value is None for value in values):
        return float("nan")
    try:
        return sum(map(float, values))
    except (TypeError, ValueError):
        raise ArgumentError(f"it returned {type(result).__name__}, not a number") from None


def _rollout(response: str, reference: str, task: str) -> dict[str, Any]:
    """Return what verifiers offers to a function of one rollout, up to 0.3 and since 0.4."""
    prompt = [_Message(role="user", content="")]
    completion = [_Message(role="assistant", content=response, reasoning_content=None)]
    info = {"task": task}
    state = {"prompt": prompt, "completion": completion, "answer": reference, "task": task, "info": info}
    data = _Message(task=task, problem_type=task, reference=reference, solution=reference, answer=reference, prompt="")
    trace = SimpleNamespace(
        task=SimpleNamespace(data=data),
        assistant_messages=completion,
        messages=[*prompt, *completion],
        last_message=completion[-1],
        last_reply=response.strip(),
        info=dict(info),
        record_metric=_ignore,
        record_metrics=_ignore,
    )
    return {
        "self": SimpleNamespace(data=data),
        "prompt": prompt,
        "completion": completion,
        "answer": reference,
        "task": task,
        "info": info,
        "state": state | {"trajectory": []},
        "trace": trace,
    }


_CALLS: Mapping[Signature, Callable[[Any, list[str], list[str], list[str]], Any]] = {
    Signature.BATCH: _batch,
    Signature.COMPLETIONS: _completions,
    Signature.MESSAGES: _messages,
    Signature.VERL: _verl,
    Signature.EASYR1: _easyr1,
    Signature.OPENRLHF: _openrlhf,
    Signature.VERIFIERS: _verifiers,
}
