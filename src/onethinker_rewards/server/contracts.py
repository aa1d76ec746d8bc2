"""What each framework sends for a reward, and what it expects back.

A reader takes the body of a request, and returns the rows that are scored and a function from their results to the
reply. It knows nothing of HTTP but its statuses.

Sources: ``openrlhf/utils/agent.py`` of openrlhf 0.11.2; ``rollout/rm_hub`` of slime and miles;
``nemo_gym/base_resources_server.py`` of nemo-gym 0.7.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean
from typing import Any, TypeAlias, cast

import msgspec

from onethinker_rewards._validation import is_too_deep
from onethinker_rewards.adapters import Columns, nemo_gym
from onethinker_rewards.adapters._shared import Info
from onethinker_rewards.adapters.columns import Row
from onethinker_rewards.adapters.microbatch import Call
from onethinker_rewards.adapters.openrlhf import response_of
from onethinker_rewards.codes import FailureCode, shortened
from onethinker_rewards.errors import ArgumentError, JudgeError, OneThinkerRewardsError, UnknownTaskError

JsonObject: TypeAlias = dict[str, Any]
# What scoring gives for a row: its rewards, or why it cannot be scored.
Result: TypeAlias = Info | OneThinkerRewardsError

# What `/reward?key=` may ask for.
NUMBERS = ("total", "accuracy", "normalized", "format", "structure")
_LONGEST_REASON = 300
_NO_PREFIX = (
    "the query does not begin with its prompt, so the beginning of the response is unknown; "
    "was the prompt truncated to the maximum length?"
)


class RefusedError(Exception):
    """A request that is not answered with rewards.

    Attributes:
        status: The HTTP status.
        kind: Why, in one word, for metrics.
        message: Why, in one line, without any response's text.
        rows: Which rows, from 0, are the cause, and the reason of each.
        retry_after: Seconds after which another attempt may succeed; None if it would fail too.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        rows: Sequence[tuple[int, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message
        self.rows, self.retry_after = rows, retry_after

    def body(self) -> JsonObject:
        """Return the body of the reply."""
        rows = [{"row": row, "reason": shortened(reason, _LONGEST_REASON)} for row, reason in self.rows]
        return {"error": shortened(self.message, _LONGEST_REASON)} | ({"rows": rows} if rows else {})


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Rows to score, by which recipe and dialects, and how the reply is made of their rewards.

    Attributes:
        calls: Response and columns of each row.
        reply: From the rewards of all rows to the body of the reply.
        names: The recipe and the dialects that the request asks for, as keywords of `RowScorer.with_recipe`.
        needs_rewards: Whether the contract has no value for a missing reward.
    """

    calls: list[Call]
    reply: Callable[[list[Info]], object]
    names: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    needs_rewards: bool = True


class _Names(msgspec.Struct):
    recipe: str | None = None
    dialect: str | None = None
    reference_dialect: str | None = None


class _Rows(_Names, forbid_unknown_fields=True):
    rows: list[JsonObject] = []


class _OpenRlhf(msgspec.Struct):
    query: list[str]
    prompts: list[str]
    labels: list[str]


class _Slime(msgspec.Struct):
    response: str
    label: str | JsonObject


class _Verify(msgspec.Struct):
    response: JsonObject


class _Aggregate(msgspec.Struct):
    verify_responses: list[JsonObject]


def read_score(body: bytes, columns: Columns, query: Mapping[str, str]) -> ScoreRequest:
    """Read our own contract: ``{"rows": [...], "recipe"?, "dialect"?}``, or one row alone."""
    sent = _decoded_object(body)
    names = _converted(sent, _Names)
    rows = _converted(sent, _Rows).rows if "rows" in sent else [sent]
    calls = _calls([(columns.value("response", row), row) for row in rows])
    reply = _score_reply if "rows" in sent else partial(_lone_reply, _score_row)
    return ScoreRequest(calls, reply, msgspec.structs.asdict(names), needs_rewards=False)


def read_openrlhf(body: bytes, columns: Columns, query: Mapping[str, str]) -> ScoreRequest:
    """Read OpenRLHF's ``{"query": [...], "prompts": [...], "labels": [...]}``; a label is a JSON object of columns."""
    sent = _converted(_decoded_object(body), _OpenRlhf)
    if not len(sent.query) == len(sent.prompts) == len(sent.labels):
        counts = f"{len(sent.query)}, {len(sent.prompts)} and {len(sent.labels)}"
        raise RefusedError(422, "invalid", f"query, prompts and labels differ in length: {counts}")
    labels = _labels(sent.labels)
    responses = [_without_prompt(*texts) for texts in zip(sent.query, sent.prompts, strict=True)]
    _refuse_rows([(row, _NO_PREFIX) for row, response in enumerate(responses) if response is None])
    return ScoreRequest(_calls([*zip(responses, labels, strict=True)]), _openrlhf_reply)


def read_slime(body: bytes, columns: Columns, query: Mapping[str, str]) -> ScoreRequest:
    """Read slime's and miles's ``{"prompt", "response", "label"}``; ``?key=total`` asks for the number alone."""
    sent = _converted(_decoded_object(body), _Slime)
    key = query.get("key")
    if key is not None and key not in NUMBERS:
        raise RefusedError(422, "invalid", f"key: expected one of {', '.join(NUMBERS)}, got {shortened(key)}")
    row = sent.label if isinstance(sent.label, dict) else _labels([sent.label])[0]
    shown = _score_row if key is None else partial(_number, key)
    return ScoreRequest(_calls([(sent.response, row)]), partial(_lone_reply, shown))


def read_nemo_gym(body: bytes, columns: Columns, query: Mapping[str, str]) -> ScoreRequest:
    """Read NeMo-Gym's request to verify: the columns are the fields of the row next to what the framework adds."""
    sent = _decoded_object(body)
    _converted(sent, _Verify)
    call = nemo_gym.call_of(sent, columns)
    return ScoreRequest(_calls([call]), partial(_lone_reply, partial(_verify_reply, sent)), needs_rewards=False)


def nemo_gym_session(body: bytes) -> JsonObject:
    """Return what opening and closing a session reply; a reward keeps no state, so it is the session's id at most."""
    sent = _decoded_object(body)
    return {name: sent[name] for name in ("resources_session_id",) if name in sent}


def aggregate_metrics(body: bytes) -> JsonObject:
    """Return the means of all numbers of NeMo-Gym's ``{"verify_responses": [...]}``, as its base class names them."""
    rows = _converted(_decoded_object(body), _Aggregate).verify_responses
    names = dict.fromkeys(name for row in rows for name in row if not name.startswith("_"))
    means = {f"mean/{name}": mean for name in names if (mean := _mean(row.get(name) for row in rows)) is not None}
    return {"group_level_metrics": [], "agent_metrics": means, "key_metrics": means, "repeat_level_metrics": []}


def rewards_of(request: ScoreRequest, results: Sequence[Result]) -> list[Info]:
    """Return the rewards of all rows.

    Raises:
        RefusedError: Naming the rows that cannot be scored; or those without a judgement, where the contract has no
            value for a missing reward.
    """
    if any(isinstance(result, JudgeError) for result in results):
        raise RefusedError(503, "judge", "the judge gave no score, and 0 would be a wrong reward", retry_after=1)
    _refuse_rows([(row, _reason(result)) for row, result in enumerate(results) if isinstance(result, Exception)])
    infos = cast("list[Info]", results)
    missing = [(row, str(info["failure"])) for row, info in enumerate(infos) if math.isnan(info["total"])]
    if missing and request.needs_rewards:
        code, count = missing[0][1], len(missing)
        message = f"the judge gave no score for {count} of {len(infos)} rows ({code}), and 0 would be a wrong reward"
        raise RefusedError(503, "judge", message, missing, retry_after=1)
    return infos


def _decoded_object(body: bytes) -> JsonObject:
    try:
        value: object = msgspec.json.decode(body)
    except msgspec.MsgspecError as error:
        raise RefusedError(400, "invalid", f"not JSON: {error}") from None
    except RecursionError:
        raise RefusedError(400, "invalid", "not JSON: nested too deeply") from None
    if not isinstance(value, dict):
        raise RefusedError(422, "invalid", "the body is not a JSON object")
    if is_too_deep(value):
        raise RefusedError(422, "invalid", "the body is nested too deeply")
    return cast("JsonObject", value)


def _converted(value: JsonObject, kind: type[Any]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise RefusedError(422, "invalid", str(error)) from None


def _labels(labels: Sequence[str]) -> list[JsonObject]:
    """Return the columns that labels hold as JSON text."""
    rows: list[JsonObject] = []
    faults: list[tuple[int, str]] = []
    for row, label in enumerate(labels):
        try:
            rows.append(_decoded_object(label.encode()))
        except RefusedError:
            faults.append((row, 'the label is not a JSON object of columns, such as {"task": …, "reference": …}'))
    _refuse_rows(faults)
    return rows


def _calls(pairs: Sequence[tuple[object, Row]]) -> list[Call]:
    """Return responses with their columns; a row whose response is no text is refused before it reaches a batch."""
    faults: list[tuple[int, str]] = []
    for row, (response, _) in enumerate(pairs):
        if response is None:
            faults.append((row, "no response"))
        elif not isinstance(response, str):
            faults.append((row, f"response: expected text, got {type(response).__name__}"))
    _refuse_rows(faults)
    return cast("list[Call]", pairs)


def _refuse_rows(faults: Sequence[tuple[int, str]]) -> None:
    if not faults:
        return
    row, reason = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise RefusedError(422, "invalid", f"row {row}{more}: {reason}", faults)


def _reason(error: OneThinkerRewardsError) -> str:
    """Return the reason of a row's error; the row was scored alone, so what the error calls row 0 is that row."""
    if isinstance(error, UnknownTaskError):
        return f"unknown task: {error.reasons[0]}"
    reasons: Sequence[str] = getattr(error, "reasons", ())
    return f"unreadable reference: {reasons[0]}" if reasons else str(error).replace(" in row 0", "")


def _without_prompt(query: str, prompt: str) -> str | None:
    try:
        return response_of(query, prompt)
    except ArgumentError:
        # Its message quotes the query.
        return None


def _score_row(info: Info) -> JsonObject:
    """Return a row as `RewardBatch.to_rows` has it."""
    lists = {name: info[name].split(",") if info[name] else [] for name in ("repairs", "penalties")}
    return info | lists


def _score_reply(infos: list[Info]) -> JsonObject:
    return {"rows": [_score_row(info) for info in infos]}


def _lone_reply(shown: Callable[[Info], object], infos: list[Info]) -> object:
    return shown(infos[0])


def _number(key: str, info: Info) -> float:
    return info[key]


def _openrlhf_reply(infos: list[Info]) -> JsonObject:
    logs = {name: [info[name] for info in infos] for name in ("accuracy", "normalized", "format")}
    logs["failed"] = [float(bool(info["failure"])) for info in infos]
    return {
        "rewards": [info["total"] for info in infos],
        # OpenRLHF filters groups by these.
        "scores": [info["normalized"] for info in infos],
        "extra_logs": {f"onethinker_{name}": values for name, values in logs.items()},
    }


def _verify_reply(sent: JsonObject, info: Info) -> JsonObject:
    has_reward = not math.isnan(info["total"])
    return nemo_gym.verified(sent, info) if has_reward else nemo_gym.masked(sent, str(info["failure"]))


def _mean(values: Iterable[object]) -> float | None:
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return fmean(numbers) if numbers else None


def row_code(info: Info) -> str:
    """Return the code by which a row is counted: why it failed, or ``ok``."""
    code: FailureCode | str | None = info["failure"]
    return str(code) if code else "ok"
