"""Rewards for verl 0.9: a reward function, sync and async, and a reward manager that scores in batches.

    reward.custom_reward_function.path=pkg://onethinker_rewards.adapters.verl

or, for the manager:

    reward.reward_manager.source=importlib
    reward.reward_manager.name=RewardManager
    reward.reward_manager.module.path=pkg://onethinker_rewards.adapters.verl

verl asks for one response at a time. The async function and the manager score the calls in flight as one batch; the
manager also decodes in the thread that scores. For other settings, write a module with
``compute_score = make_reward(…)`` or ``RewardManager = make_reward_manager(…)`` and name that module.
"""

# verl is not installed where types are checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias, Unpack

from onethinker_rewards.adapters import _shared
from onethinker_rewards.adapters._shared import Each, Info, RowScorer, Settings, checked_totals
from onethinker_rewards.adapters.columns import Columns, Row
from onethinker_rewards.adapters.microbatch import Call, MicroBatcher, batch_calls
from onethinker_rewards.errors import ArgumentError, OneThinkerRewardsError
from onethinker_rewards.rewards import RewardBatch
from onethinker_rewards.tasks import TaskSpec

# A row's columns are its extra info, its data source and its ground truth. An extra info often holds a worked solution
# under "answer", so only the ground truth is the reference.
COLUMNS = Columns(task=("task", "problem_type", "data_source"), reference=("ground_truth",))

_LOGGER = logging.getLogger("onethinker_rewards.verl")


class ComputeScore:
    """A reward function of verl, with settings of `RowScorer`; the columns are `COLUMNS` by default."""

    def __init__(self, **settings: Unpack[Settings]) -> None:
        settings.setdefault("columns", COLUMNS)
        self.scorer = RowScorer(**settings)

    def __call__(
        self,
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Row | None = None,
        *,
        recipe: str | None = None,
        dialect: str | None = None,
        reference_dialect: str | None = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: object = None,
    ) -> Info:
        """Score one response.

        Args:
            data_source: The task, where the extra info names none.
            solution_str: The response.
            ground_truth: The reference.
            extra_info: The row's other columns.
            recipe: Another recipe, by name: ``reward_kwargs`` of the configuration.
            dialect: How the model writes, by name; likewise.
            reference_dialect: The same of references.
            reward_router_address: Where verl serves its reward model: it takes the place of this word in the judge's
                ``url``, as in ``ChatJudge("http://reward_router_address/v1", model=…)``.
            reward_model_tokenizer: verl's; not used.

        Returns:
            ``score`` and the numbers and codes of `onethinker_rewards.adapters.extra_info`, always with the same keys;
            the task is ``scored_as``. None for a part that the task does not have.

        Raises:
            BadReferenceError: If the reference is unreadable.
            UnknownTaskError: If the task is unknown.
            MissingColumnError: If nothing names the task.
            JudgeError: If a judge gave no score.
        """
        row = _row_of(data_source, ground_truth, extra_info)
        scorer = self.scorer.with_recipe(
            recipe, dialect=dialect, reference_dialect=reference_dialect, judge_address=reward_router_address
        )
        with _errors_logged(row):
            return _verl_info(_shared.extra_info(scorer.score_rows([solution_str], [row]))[0])


def make_async_reward(**settings: Unpack[Settings]) -> Callable[..., Coroutine[None, None, Info]]:
    """Return an async ``compute_score``: the calls in flight are scored together."""
    scorer = ComputeScore(**settings).scorer
    # By the scorer that each belongs to; a scorer keeps its variants, so there are as many as settings.
    batchers: dict[RowScorer, MicroBatcher[Call, Info]] = {}

    async def compute_score_async(
        data_source: str,
        solution_str: str,
        ground_truth: str,
        extra_info: Row | None = None,
        *,
        recipe: str | None = None,
        dialect: str | None = None,
        reference_dialect: str | None = None,
        reward_router_address: str | None = None,
        reward_model_tokenizer: object = None,
    ) -> Info:
        """Score one response, together with the others in flight; see `ComputeScore.__call__`."""
        chosen = scorer.with_recipe(
            recipe, dialect=dialect, reference_dialect=reference_dialect, judge_address=reward_router_address
        )
        batcher = batchers.get(chosen)
        if batcher is None:
            batcher = batchers.setdefault(chosen, batch_calls(chosen))
        row = _row_of(data_source, ground_truth, extra_info)
        with _errors_logged(row):
            return _verl_info(await batcher((solution_str, row)))

    return compute_score_async


make_reward = ComputeScore
compute_score = make_reward()
compute_score_async = make_async_reward()

# The tokens of a response, a tensor, and its row.
_TokenCall: TypeAlias = tuple[Any, Row]


def make_reward_manager(**settings: Unpack[Settings]) -> type[Any]:
    """Return a reward manager class for ``reward.reward_manager``, with settings of `RowScorer`.

    ``reward.reward_kwargs`` of the configuration, such as ``recipe``, overrides the settings.
    """
    from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase  # noqa: PLC0415

    settings.setdefault("columns", COLUMNS)

    class RewardManager(RewardManagerBase):
        """Scores the calls in flight together."""

        def __init__(
            self,
            config: Any,
            tokenizer: Any,
            compute_score: object,
            reward_router_address: str | None = None,
            reward_model_tokenizer: object = None,
        ) -> None:
            """Take what verl gives every manager; ``compute_score`` and the reward model's tokenizer are not used."""
            super().__init__(config, tokenizer, compute_score)
            if config.reward.custom_reward_function.get("path"):
                raise ArgumentError(
                    "this reward manager scores by itself: remove reward.custom_reward_function.path, or the manager"
                )
            chosen: dict[str, Any] = dict(settings) | dict(config.reward.get("reward_kwargs") or {})
            self._scorer = RowScorer(**chosen).with_recipe(None, judge_address=reward_router_address)
            self._decode = tokenizer.decode
            self._batcher: MicroBatcher[_TokenCall, Info] = MicroBatcher(self._score)

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
            extra_info = {**columns, **(columns.get("extra_info") or {})}
            row = _row_of(columns["data_source"], columns["reward_model"]["ground_truth"], extra_info)
            with _errors_logged(row):
                info = _verl_info(await self._batcher((tokens[:length], row)))
            return {"reward_score": info["score"], "reward_extra_info": info}

        def _score(self, calls: list[_TokenCall]) -> list[Each]:
            responses = [self._decode(tokens, skip_special_tokens=True) for tokens, _ in calls]
            return self._scorer.score_each(responses, [{**row, "completion_ids": tokens} for tokens, row in calls])

    return RewardManager


@cache
def _default_manager() -> type[Any]:
    return make_reward_manager()


def __getattr__(name: str) -> type[Any]:
    """Create ``RewardManager`` when verl asks for it, because its base class is verl's."""
    if name == "RewardManager":
        return _default_manager()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def log_items(
    infos: RewardBatch | Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]],
    prefix: str = "onethinker",
    *,
    table: Mapping[str, TaskSpec] | None = None,
) -> dict[str, float]:
    """Return the curves of a batch for verl's ``Tracking.log``; see `onethinker_rewards.adapters.log_items`.

    Args:
        infos: Rewards, or ``reward_extra_info`` of rows: one mapping a row, or a list for each key, as
            ``reward_extra_infos_dict`` has them.
        prefix: The beginning of each key.
        table: As there.
    """
    if isinstance(infos, RewardBatch):
        return _shared.log_items(infos, prefix, table=table)
    if isinstance(infos, Mapping):
        infos = [dict(zip(infos, values, strict=True)) for values in zip(*infos.values(), strict=True)]
    rows = [{**info, "task": info["scored_as"], "total": info["score"]} for info in infos]
    return _shared.log_items(rows, prefix, table=table)


def _row_of(data_source: str, reference: object, extra_info: Row | None) -> Row:
    return {**(extra_info or {}), "data_source": data_source, "ground_truth": reference}


def _verl_info(info: Info) -> Info:
    """Return the extra info for verl, which averages numbers, skips texts and None, and must not find ``task``.

    There is no key ``acc``: if it existed, verl's validation would count rows that it lost as accuracy 0.
    """
    (total,) = checked_totals([info])
    rest = {key: value for key, value in info.items() if key not in {"task", "total"}}
    return {"score": total, "scored_as": info["task"]} | {
        key: None if isinstance(value, float) and math.isnan(value) else value for key, value in rest.items()
    }


@contextmanager
def _errors_logged(row: Row) -> Generator[None, None, None]:
    """Log an error before verl handles it: its V1 trainer drops the row and goes on."""
    try:
        yield
    except OneThinkerRewardsError as error:
        _LOGGER.critical("%s (row with index %s of %s)", error, row.get("index"), row.get("data_source"))
        raise
