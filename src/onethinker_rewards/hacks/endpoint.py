"""A reward function behind an HTTP endpoint.

Two requests are known. ``batch`` is our own, with up to 64 rows::

    > POST {"responses": [...], "references": [...], "tasks": [...]}
    < {"rewards": [1.0, null, ...]}

``openrlhf`` is what OpenRLHF sends to its ``remote_rm_url``, one row a request::

    > POST {"query": ["..."], "prompts": [""], "labels": ["<the reference>"]}
    < {"rewards": [1.0]}

Source: ``openrlhf/utils/agent.py`` of openrlhf 0.11.2. Needs the extra ``filter``, for its HTTP client.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError
from onethinker_rewards.hacks.signatures import Signature, UserReward

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 60.0
_ROWS = 64
_SHOWN = 200
_KNOWN = (Signature.BATCH, Signature.OPENRLHF)


class EndpointError(OneThinkerRewardsError):
    """An endpoint could not be reached, or did not answer with rewards."""


def endpoint_reward(url: str, signature: str | None = None, *, timeout: float = TIMEOUT) -> UserReward:
    """Return the reward function behind an endpoint.

    Args:
        url: ``http://`` or ``https://``, the whole address.
        signature: ``batch``, the default, or ``openrlhf``.
        timeout: Seconds that a request may take to connect, and between two pieces of its reply.

    Raises:
        ArgumentError: If the signature is another one, or the extra ``filter`` is not installed.
        EndpointError: When it is called, if the endpoint cannot be reached or does not answer with rewards.
    """
    chosen = Signature.BATCH if signature is None else signature
    if chosen not in _KNOWN:
        raise ArgumentError(f"signature: an endpoint is called as {' or '.join(_KNOWN)}, not as {signature}")
    try:
        import httpx2  # noqa: F401, PLC0415  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise ArgumentError("an endpoint needs httpx2: pip install 'onethinker-rewards[filter]'") from None
    return UserReward(url, Signature(chosen), partial(_ask, url, Signature(chosen), timeout))


def _ask(
    url: str, signature: Signature, timeout: float, responses: list[str], references: list[str], tasks: list[str]
) -> list[Any]:
    import httpx2  # noqa: PLC0415 - an extra

    rewards: list[Any] = []
    with httpx2.Client(timeout=timeout) as client:
        for rows, body in _requests(signature, responses, references, tasks):
            rewards += _rewards(url, _post(client, url, body), rows)
    return rewards


def _requests(
    signature: Signature, responses: list[str], references: list[str], tasks: list[str]
) -> Iterator[tuple[int, dict[str, list[str]]]]:
    """Yield how many rows a request has, and its body."""
    if signature is Signature.OPENRLHF:
        for response, reference in zip(responses, references, strict=True):
            yield 1, {"query": [response], "prompts": [""], "labels": [reference]}
        return
    for first in range(0, len(responses), _ROWS):
        rows = slice(first, first + _ROWS)
        body = {"responses": responses[rows], "references": references[rows], "tasks": tasks[rows]}
        yield len(body["tasks"]), body


def _post(client: httpx2.Client, url: str, body: dict[str, list[str]]) -> str:
    import httpx2  # noqa: PLC0415 - an extra

    try:
        reply = client.post(url, json=body)
    except httpx2.TimeoutException:
        raise EndpointError(f"{url} did not answer in {client.timeout.read:g} s") from None
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        raise EndpointError(f"{url} could not be reached: {type(error).__name__}: {error}".rstrip(": ")) from None
    if not reply.is_success:
        raise EndpointError(f"{url} answered {reply.status_code}: {_quoted(reply.text)}".rstrip(": "))
    return reply.text


def _rewards(url: str, reply: str, rows: int) -> list[Any]:
    try:
        # Not msgspec: Python's servers write NaN, which is no JSON.
        found = json.loads(reply)
    except ValueError:
        raise EndpointError(f"{url} answered no JSON: {_quoted(reply)}") from None
    rewards = found.get("rewards") if isinstance(found, dict) else None
    if not isinstance(rewards, list):
        raise EndpointError(f'{url} answered without a list "rewards": {_quoted(reply)}')
    if len(rewards) != rows:
        raise EndpointError(f"{url} answered {len(rewards)} rewards to {rows} rows")
    return rewards


def _quoted(text: str) -> str:
    line = " ".join(text[: 4 * _SHOWN].split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"
