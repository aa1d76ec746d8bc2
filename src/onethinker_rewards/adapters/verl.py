"""Rewards for verl 0.9: a reward function, sync and async, and a reward manager that scores in batches.

    reward.custom_reward_function.path=pkg://onethinker_rewards.adapters.verl

or, for the manager:

    reward.reward_manager.source=importlib
    reward.reward_manager.name=RewardManager
    reward.reward_manager.module.path=pkg://onethinker_rewards.adapters.verl

verl asks for one response at a time. The async function and the manager gather what is in flight into one batch; the
manager leaves decoding to the same thread. For settings of your own, put ``compute_score = make_reward(…)`` or
``RewardManager = make_reward_manager(…)`` into a module of yours and name that.
"""

from __future__ import annotations

import importlib
import logging
import math
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from onethinker_rewards.adapters import logs
from onethinker_rewards.adapters.columns import Columns
from onethinker_rewards.adapters.gather import Call, Gatherer, gather_calls, whole_totals
from onethinker_rewards.adapters.scoring import RecipeScorers
from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError
from onethinker_rewards.rewards import RewardBatch
from onethinker_rewards.tasks import TaskSpec

__all__ = [
    "COLUMNS",
    "ComputeScore",
    "compute_score",
    "compute_score_async",
    "log_items",
    "make_async_reward",
    "make_reward",
    "make_reward_manager",
]

# A row's columns are its extra info, its data source and its ground truth. An extra info often holds a worked solution
# under "answer", so the reference is what verl says it is, and nothing else.
COLUMNS = Columns(task=("task", "problem_type", "data_source"), reference=("ground_truth",))

_LOGGER = logging.getLogger("onethinker_rewards.verl")


class ComputeScore:
    """A reward function of verl; make it with `make_reward`."""

    def __init__(self, **settings: Any) -> None:
        self.scorers = RecipeScorers(**{"columns": COLUMNS, **settings})

    def __call__(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Mapping[str, Any] | None = None,
        *,
        recipe: str | None = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> dict[str, Any]:
        """Score one response.

        Args:
            data_source: The task, where the extra info names none.
            solution_str: The response.
            ground_truth: The reference.
            extra_info: The row's other columns.
            recipe: Another recipe, by name: ``reward_kwargs`` of the configuration.
            reward_router_address: verl's; not used.
            reward_model_tokenizer: verl's; not used.

        Returns:
            ``score`` and the numbers and codes of `onethinker_rewards.adapters.logs.extra_info`, the same keys every
            time; the task is ``scored_as``. None for a part that the task has not.

        Raises:
            BadReferenceError: If the reference is unreadable.
            UnknownTaskError: If the task is unknown.
            MissingColumnError: If nothing names the task.
            JudgeError: If a judge gave no score.
        """
        response, row = _call(data_source, solution_str, ground_truth, extra_info)
        with _errors_logged(row):
            return _info_of(logs.extra_info(self.scorers[recipe].score_rows([response], [row]))[0])


def make_reward(**settings: Any) -> ComputeScore:
    """Return a ``compute_score`` with settings of `RowScorer`; columns are those of `COLUMNS` if not given."""
    return ComputeScore(**settings)


def make_async_reward(**settings: Any) -> Callable[..., Coroutine[Any, Any, dict[str, Any]]]:
    """Return an async ``compute_score``: the calls in flight are scored together."""
    made = make_reward(**settings)
    gatherers: dict[str | None, Gatherer[Call, dict[str, Any]]] = {}

    async def compute_score_async(
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Mapping[str, Any] | None = None,
        *,
        recipe: str | None = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> dict[str, Any]:
        """Score one response, together with the others in flight; see `ComputeScore.__call__`."""
        gather = gatherers.get(recipe)
        if gather is None:
            gather = gatherers.setdefault(recipe, gather_calls(made.scorers[recipe]))
        call = _call(data_source, solution_str, ground_truth, extra_info)
        with _errors_logged(call[1]):
            return _info_of(await gather(call))

    return compute_score_async


compute_score = make_reward()
compute_score_async = make_async_reward()


class _Manager:
    """What our reward manager does; the class that verl loads also derives from verl's base."""

    settings: Mapping[str, Any] = {}

    def __init__(
        self,
        config: Any,
        tokenizer: Any,
        compute_score: Any,
        reward_router_address: str | None = None,
        reward_model_tokenizer: Any = None,
    ) -> None:
        """Take what verl gives every manager; only configuration and tokenizer are used."""
        super().__init__(config, tokenizer, compute_score)  # pyright: ignore[reportCallIssue] - verl's base is next
        if config.reward.custom_reward_function.get("path"):
            raise ArgumentError(
                "this reward manager scores by itself: take reward.custom_reward_function.path away, or the manager"
            )
        chosen = dict(config.reward.get("reward_kwargs") or {})
        self._scorer = RecipeScorers(**{"columns": COLUMNS, **self.settings, **chosen})[None]
        self._decode = tokenizer.decode
        self._gather: Gatherer[tuple[Any, Mapping[str, Any]], dict[str, Any]] = Gatherer(self._score)

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Score the last sequence of a trajectory, together with the others in flight.

        Returns:
            ``reward_score`` and ``reward_extra_info``, which has the keys of `ComputeScore.__call__`.

        Raises:
            OneThinkerRewardsError: As `ComputeScore.__call__`.
        """
        item = data[-1:][0]
        tokens = item.batch["responses"]
        length = int(item.batch["attention_mask"][-tokens.shape[-1] :].sum())
        columns = item.non_tensor_batch
        row = {
            **columns,
            **(columns.get("extra_info") or {}),
            "data_source": columns["data_source"],
            "ground_truth": columns["reward_model"]["ground_truth"],
        }
        with _errors_logged(row):
            info = _info_of(await self._gather((tokens[:length], row)))
        return {"reward_score": info["score"], "reward_extra_info": info}

    def _score(self, calls: list[tuple[Any, Mapping[str, Any]]]) -> list[dict[str, Any] | OneThinkerRewardsError]:
        responses = [self._decode(tokens, skip_special_tokens=True) for tokens, _ in calls]
        return self._scorer.score_each(responses, [row for _, row in calls])


def make_reward_manager(**settings: Any) -> type[Any]:
    """Return a reward manager class for ``reward.reward_manager``, with settings of `RowScorer`.

    ``reward.reward_kwargs`` of the configuration, such as ``recipe``, goes before the settings.
    """
    base = importlib.import_module("verl.experimental.reward_loop.reward_manager.base").RewardManagerBase
    return type("RewardManager", (_Manager, base), {"settings": settings, "__module__": __name__})


@cache
def _default_manager() -> type[Any]:
    return make_reward_manager()


def __getattr__(name: str) -> Any:
    """Make ``RewardManager`` when verl asks for it: its base class is verl's."""
    if name == "RewardManager":
        return _default_manager()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def log_items(
    infos: RewardBatch | Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
    prefix: str = "onethinker",
    *,
    table: Mapping[str, TaskSpec] | None = None,
) -> dict[str, float]:
    """Return the curves of a batch for verl's ``Tracking.log``; see `onethinker_rewards.adapters.logs.log_items`.

    Args:
        infos: Rewards, or ``reward_extra_info`` of rows: one mapping a row, or a list for each key, as
            ``reward_extra_infos_dict`` has them.
        prefix: What each key begins with.
        table: As there.
    """
    if isinstance(infos, RewardBatch):
        return logs.log_items(infos, prefix, table=table)
    if isinstance(infos, Mapping):
        infos = [dict(zip(infos, values, strict=True)) for values in zip(*infos.values(), strict=True)]
    rows = [{**info, "task": info["scored_as"], "total": info["score"]} for info in infos]
    return logs.log_items(rows, prefix, table=table)


def _call(data_source: str, response: str, reference: Any, extra_info: Mapping[str, Any] | None) -> Call:
    return response, {**(extra_info or {}), "data_source": data_source, "ground_truth": reference}


def _info_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the extra info of a row: verl averages numbers, leaves texts and None out, and must not find ``task``.

    There is no key ``acc``: where there is one, verl's validation counts rows it has lost as accuracy 0.
    """
    (total,) = whole_totals([row])
    renamed = {"score": total, "scored_as": row["task"]}
    rest = {key: value for key, value in row.items() if key not in {"task", "total"}}
    return renamed | {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in rest.items()
    }


@contextmanager
def _errors_logged(row: Mapping[str, Any]) -> Generator[None, None, None]:
    """Log an error before verl sees it: its V1 trainer drops the row and goes on."""
    try:
        yield
    except OneThinkerRewardsError as error:
        _LOGGER.critical("%s (row with index %s of %s)", error, row.get("index"), row.get("data_source"))
        raise
