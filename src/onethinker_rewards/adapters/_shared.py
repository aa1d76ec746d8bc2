"""The parts of every adapter: a scorer for rows of a data set, and what is logged about the rows it scored."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import is_dataclass, replace
from typing import Any, TypeAlias, TypedDict, TypeVar, cast

from onethinker_rewards.adapters.columns import Columns, Row, Table, columns_of, rows_text
from onethinker_rewards.answers import AnyDialect
from onethinker_rewards.codes import FailureCode, PenaltyCode
from onethinker_rewards.errors import JudgeError, OneThinkerRewardsError
from onethinker_rewards.rewards import Recipe, RewardBatch, Scorer
from onethinker_rewards.rewards.judging import counts_of
from onethinker_rewards.rewards.recipe import find_recipe
from onethinker_rewards.tasks import TASKS, Judge, Segmenter, TaskSpec

# The numbers and codes of one response; see `extra_info`.
Info: TypeAlias = dict[str, Any]
Given = TypeVar("Given")
Made = TypeVar("Made")

# In the url of a judge that the trainer serves, as verl does: its address is known only when the reward is called.
JUDGE_ADDRESS = "reward_router_address"

_log = logging.getLogger("onethinker_rewards.adapters")
# So many batches at the start are looked at for warnings, and then every so many.
_EVERY_BATCH = 100
_MEANS = ("total", "accuracy", "normalized", "format", "structure")
_CODES = ("failure", "format_fault")
_PART = "part/"
_PENALTY_PARTS = {f"{_PART}{code}": code for code in PenaltyCode}


class Settings(TypedDict, total=False):
    """The keywords of `RowScorer`, which ``make_reward`` of each adapter takes."""

    recipe: str | Recipe
    dialect: AnyDialect | None
    reference_dialect: AnyDialect | None
    columns: Columns | None
    table: Mapping[str, TaskSpec] | None
    judge: Judge | Mapping[str, Any] | None
    segmenter: Segmenter | None
    workers: int | None


class RowScorer:
    """Scores responses with the columns of a data set.

    Trainers copy their reward to other processes and call it from several threads. So the scorer inside is created at
    the first use, and is left out when this object is pickled.

    Args:
        recipe: ``"paper"``, ``"lenient"``, ``"release"`` or a `Recipe`.
        columns: Which column holds what.
        table: The tasks, `TASKS` by default.
        judge: Scores open-ended answers; without one they get ROUGE. As a mapping it has the settings of a judge, for
            configurations: `onethinker_rewards.judges.settings.make_judge`.
        segmenter: Draws masks, for tasks whose formula uses them.
        workers: Number of processes for mathematics; None uses the process's shared ones.
        dialect: How the model writes boxes, points and times, in place of what the recipe says.
        reference_dialect: The same of references.

    Raises:
        ArgumentError: If there is no such recipe or dialect, or the recipe knows no dialects.

    >>> scorer = RowScorer()
    >>> columns = {"problem_type": ["numerical"], "answer": ["<answer>7</answer>"]}
    >>> scorer.score(["<think>…</think><answer>7.0</answer>"], columns).total.tolist()
    [2.0]
    """

    def __init__(
        self,
        recipe: str | Recipe = "paper",
        columns: Columns | None = None,
        table: Mapping[str, TaskSpec] | None = None,
        judge: Judge | Mapping[str, Any] | None = None,
        segmenter: Segmenter | None = None,
        workers: int | None = None,
        dialect: AnyDialect | None = None,
        reference_dialect: AnyDialect | None = None,
    ) -> None:
        self.columns = columns or Columns()
        self.table = TASKS if table is None else table
        self._dialects = {"dialect": dialect, "reference_dialect": reference_dialect}
        self._recipe = replace(find_recipe(recipe), **_given(self._dialects))
        self._judge = self._recipe.judge if judge is None else _judge_of(judge)
        self._segmenter = segmenter
        self._workers = workers
        self._variants: dict[tuple[str | None, ...], RowScorer] = {}
        self._logged: set[tuple[str, str]] = set()
        self._batches = 0
        self._reset()

    @property
    def scorer(self) -> Scorer:
        """The scorer inside, created at the first use."""
        with self._lock:
            if self._scorer is None:
                self._scorer = Scorer(self._recipe, self.table, self._judge, self._segmenter, self._workers)
            return self._scorer

    @property
    def counts(self) -> dict[str, float]:
        """The counters of the segmenter and its cache, and of the judge, for logs; empty without one that counts."""
        return counts_of(self._segmenter, self._judge)

    def with_recipe(
        self,
        recipe: str | None,
        *,
        dialect: str | None = None,
        reference_dialect: str | None = None,
        judge_address: str | None = None,
    ) -> RowScorer:
        """Return the scorer that differs only in what is given: its recipe and its dialects, by name, and its judge.

        ``judge_address`` takes the place of `JUDGE_ADDRESS` in the judge's ``url``; other judges stay as they are.

        Raises:
            ArgumentError: If one of them is unknown, or the recipe knows no dialects.
        """
        judge = _judge_at(self._judge, judge_address)
        names = (recipe, dialect, reference_dialect, None if judge is self._judge else judge_address)
        if not any(names):
            return self
        if names not in self._variants:
            dialects = self._dialects | _given({"dialect": dialect, "reference_dialect": reference_dialect})
            variant = RowScorer(
                self._recipe if recipe is None else recipe,
                self.columns,
                self.table,
                judge,
                self._segmenter,
                self._workers,
                **dialects,
            )
            # If two threads create one at the same time, both use the first that is stored.
            self._variants.setdefault(names, variant)
        return self._variants[names]

    def score(
        self,
        responses: Sequence[str],
        columns: Table,
        *,
        groups: Sequence[Hashable] | None = None,
        progress: float | None = None,
    ) -> RewardBatch:
        """Score N responses with columns of N values each.

        Args:
            responses: ``[N]`` all that the model wrote.
            columns: The data set's columns.
            groups: ``[N]`` ids of the prompts, where whole groups are scored at a time; None where they are not.
            progress: How far training is, from 0 to 1; None where it is unknown.

        Raises:
            MissingColumnError: If a required column is missing.
            BadReferenceError: Naming all rows whose reference is unreadable.
            UnknownTaskError: Naming all rows whose task is unknown.
            ArgumentError: If lengths differ or a value has the wrong type.
        """
        batch = self.scorer.score(responses, **self._score_arguments(responses, columns, groups, progress))
        self._log_warnings(batch)
        return batch

    def _score_arguments(
        self,
        responses: Sequence[str],
        columns: Table,
        groups: Sequence[Hashable] | None = None,
        progress: float | None = None,
    ) -> dict[str, Any]:
        inputs = self.columns.take(columns, rows=len(responses), table=self.table)
        return {
            "references": inputs.references,
            "tasks": inputs.tasks,
            # A row without a question gives its judge None.
            "questions": inputs.questions,
            "options": inputs.options,
            "sizes": inputs.sizes,
            "images": inputs.images,
            "masks": inputs.masks,
            "groups": groups,
            "tokens": inputs.tokens,
            "progress": progress,
        }

    def _log_warnings(self, batch: RewardBatch) -> None:
        """Log each kind of warning once. After the first batches only some are looked at: the scale rarely changes."""
        self._batches += 1
        if self._batches > _EVERY_BATCH and self._batches % _EVERY_BATCH:
            return
        for task, kind, text in batch.find_warnings():
            if (task, kind) not in self._logged:
                self._logged.add((task, kind))
                _log.warning("%s", text)

    def score_rows(self, responses: Sequence[str], rows: Sequence[Row]) -> RewardBatch:
        """Score N responses with one mapping of columns each; raises what `score` raises."""
        return self.score(responses, columns_of(rows))

    def score_each(self, responses: Sequence[str], rows: Sequence[Row]) -> list[Each]:
        """Score N responses of independent callers.

        Returns:
            For each response its row of `extra_info`; of a row that waits for a judge the future row; or the error of
            that row alone: an error of one caller does not lose the results of the others.
        """
        with suppress(OneThinkerRewardsError):
            return self._submit(responses, rows)
        return [self._submit_alone(response, row) for response, row in zip(responses, rows, strict=True)]

    def _submit_alone(self, response: str, row: Row) -> Each:
        try:
            return self._submit([response], [row])[0]
        except OneThinkerRewardsError as error:
            return error

    def _submit(self, responses: Sequence[str], rows: Sequence[Row]) -> list[Each]:
        submitted = self.scorer.submit(responses, **self._score_arguments(responses, columns_of(rows)))
        self._log_warnings(submitted.batch)
        each: dict[int, Each] = dict(zip(submitted.rows, extra_info(submitted.batch), strict=True))
        each |= {row: chained(batch, _only_info) for row, batch in submitted.waiting.items()}
        return [each[row] for row in range(len(responses))]

    def close(self) -> None:
        """End the worker processes, and the calls to the judge, that belong to this scorer alone."""
        with self._lock:
            if self._scorer is not None:
                self._scorer.close()
            self._scorer = None

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name not in {"_scorer", "_lock"}}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._scorer: Scorer | None = None
        self._lock = threading.Lock()


def _judge_of(given: Judge | Mapping[str, Any]) -> Judge:
    if not isinstance(given, Mapping):
        return given
    from onethinker_rewards.judges.settings import make_judge  # noqa: PLC0415 - few need it

    return make_judge(given)


def _judge_at(judge: Judge | None, address: str | None) -> Judge | None:
    """Return the judge with the address that a trainer gives its reward server."""
    url: object = getattr(judge, "url", None)
    if address is None or not is_dataclass(judge) or not isinstance(url, str) or JUDGE_ADDRESS not in url:
        return judge
    return cast("Judge", replace(judge, url=url.replace(JUDGE_ADDRESS, address)))  # pyright: ignore[reportArgumentType]


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def extra_info(batch: RewardBatch, *, absent: float | None = math.nan) -> list[Info]:
    """Return a dictionary of plain values a row, always with the same keys.

    Args:
        batch: N rewards.
        absent: The value of a missing number: a part that the task does not have, and all numbers where a judge failed.

    Returns:
        ``[N]`` of ``task``; the numbers ``total``, ``accuracy``, ``normalized``, ``format``, ``structure`` and
        ``part/<name>`` for each part of the table; ``failure`` and ``format_fault``, each a code or None; ``repairs``
        and ``penalties``, texts of codes with commas between them.
    """
    rows = batch.to_rows()
    for row in rows:
        for key, value in row.items():
            if value is None and key not in _CODES:
                row[key] = absent
        for name in ("repairs", "penalties"):
            row[name] = ",".join(row[name])
    return rows


# A row, the row that a judge is asked about, or an error.
Each: TypeAlias = Info | Future[Info] | OneThinkerRewardsError


def _only_info(batch: RewardBatch) -> Info:
    (info,) = extra_info(batch)
    return info


def chained(future: Future[Given], make: Callable[[Given], Made], into: Future[Made] | None = None) -> Future[Made]:
    """Return the future of what ``make`` makes of a result; an exception goes on as it is."""
    made = Future[Made]() if into is None else into

    def settle(done: Future[Given]) -> None:
        error = JudgeError("the scorer was closed") if done.cancelled() else done.exception()
        if error is not None:
            made.set_exception(error)
        else:
            made.set_result(make(done.result()))

    future.add_done_callback(settle)
    return made


def checked_totals(rows: Sequence[Info]) -> list[float]:
    """Return the totals of rows as `extra_info` gives them, all of them numbers.

    Raises:
        JudgeError: If a judge gave no score: NaN would spoil the mean of its group, and 0 would be a wrong reward.
    """
    totals = [float(row["total"]) for row in rows]
    missing = [row for row, total in enumerate(totals) if math.isnan(total)]
    if missing:
        raise JudgeError(
            f"the judge gave no score for {rows_text(missing)}, and this trainer has no value for a missing reward"
        )
    return totals


def log_items(
    batch: RewardBatch | Sequence[Mapping[str, Any]],
    prefix: str = "onethinker",
    *,
    table: Mapping[str, TaskSpec] | None = None,
) -> dict[str, float]:
    """Return the curves of a batch as a flat dictionary, which every logger takes.

    Args:
        batch: Rewards, or rows of them as `extra_info` and `RewardBatch.to_rows` give.
        prefix: The beginning of each key; may be empty.
        table: If given, each of its tasks has all its keys in every batch, NaN without rows: for loggers that need the
            same keys on every rank and step.

    Returns:
        ``<prefix>/<task>/`` with ``rows``; the means of ``total``, ``accuracy``, ``normalized``, ``format`` (the
        format rate), ``structure`` and ``part/<name>``; the shares of rows ``failed`` and
        ``failure/<code>``, ``format_fault/<code>``, and of a recipe with penalties ``penalty/<code>``. Means leave
        rows without a number out. Without ``table`` only tasks, parts and codes that occur have keys.

    >>> import onethinker_rewards as otr
    >>> batch = otr.score(["<answer>B</answer>"], ["B"], "multiple_choice")
    >>> items = log_items(batch, "train")
    >>> items["train/multiple_choice/total"], items["train/multiple_choice/format_fault/missing_think"]
    (1.0, 1.0)
    """
    rows = batch.to_rows() if isinstance(batch, RewardBatch) else batch
    by_task: dict[str, list[Mapping[str, Any]]] = {task: [] for task in table or ()}
    for row in rows:
        by_task.setdefault(row["task"], []).append(row)
    start = f"{prefix}/" if prefix else ""
    # The recipe is the same for all rows, and so are its penalties.
    penalties = {key: code for key, code in _PENALTY_PARTS.items() if rows and key in rows[0]}
    return {
        f"{start}{task}/{key}": value
        for task, of_task in by_task.items()
        for key, value in _items_of_task(of_task, None if table is None else table.get(task), penalties).items()
    }


def _items_of_task(
    rows: Sequence[Mapping[str, Any]], spec: TaskSpec | None, penalties: Mapping[str, PenaltyCode]
) -> dict[str, float]:
    parts = sorted({key for row in rows for key in row if key.startswith(_PART)})
    means = {key: _mean([row.get(key) for row in rows]) for key in (*_MEANS, *parts)}
    kept = {*_MEANS, *(_PART + name for name in (spec.parts if spec else ())), *penalties}
    items = {"rows": float(len(rows))}
    items |= {key: value for key, value in means.items() if key in kept or not math.isnan(value)}
    items |= dict.fromkeys(sorted(kept - items.keys()), math.nan)
    items["failed"] = _mean([float(bool(row["failure"])) for row in rows])
    items |= {
        f"penalty/{code}": _mean([float(code in row["penalties"]) for row in rows]) for code in penalties.values()
    }
    for kind in _CODES:
        counts = Counter(row[kind] for row in rows if row[kind])
        codes = dict.fromkeys([*FailureCode, *counts] if spec else counts)
        items |= {f"{kind}/{code}": counts[code] / len(rows) if rows else math.nan for code in codes}
    return items


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
