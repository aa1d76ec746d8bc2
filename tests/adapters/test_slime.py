"""slime's reward, post-processing, data source and log, with a stand-in for slime."""

from __future__ import annotations

import asyncio
import math
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.adapters import Columns, slime
from onethinker_rewards.adapters.slime import custom_rm, log_rollout, make_ema_grpo, make_reward
from onethinker_rewards.advantage import EmaGrpo
from tests.adapters import slime_stand_in
from tests.adapters.judges import OPEN_ENDED, DownJudge
from tests.adapters.pages import block
from tests.adapters.rows import Rows, shared_rows
from tests.adapters.slime_stand_in import RolloutManager, Sample


def arguments(folder: Path | None = None, **changes: Any) -> Namespace:
    """The options that the page shows, and what a run has beside them."""
    words = block("slime", "sh").replace("\\", "").split()
    options = {flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(*[iter(words)] * 2, strict=True)}
    given = {
        **options,
        "group_rm": False,
        "save": str(folder),
        "load": None,
    }
    return Namespace(**{**given, **changes})


BARE = arguments(reward_key=None)


def samples_of(rows: Rows) -> list[Sample]:
    """The reference is the label; all else is metadata."""
    made = []
    for row_index, (response, row) in enumerate(zip(rows.responses, rows.mappings(), strict=True)):
        label = row.pop("solution")
        made.append(Sample(group_index=row_index // 4, index=row_index, response=response, label=label, metadata=row))
    return made


def grouped_by_task(rows: Rows) -> list[Sample]:
    """In groups that are not of one each, as the rows of the released code are among the shared ones."""
    samples = samples_of(rows)
    for sample, task in zip(samples, rows.tasks, strict=True):
        sample.group_index = rows.tasks.index(task)
    return samples


def rewarded(samples: list[Sample], reward: Any = custom_rm, args: Namespace = BARE) -> list[Any]:
    async def run() -> list[Any]:
        return await asyncio.gather(*(reward(args, sample) for sample in samples))

    return asyncio.run(run())


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module as a new process has it."""
    monkeypatch.setitem(sys.modules, "slime.rollout.data_source", slime_stand_in)
    renew(monkeypatch)
    return


def renew(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_ema_grpo()
    monkeypatch.setattr(slime, "post_process_rewards", made)
    monkeypatch.setattr(slime, "data_source", made.data_source)


def test_the_shared_rows_get_the_totals_of_score_one_by_one() -> None:
    rows = shared_rows()
    assert rewarded(samples_of(rows)) == rows.batch().total.tolist()


def test_the_shared_rows_get_the_totals_of_score_as_a_group() -> None:
    rows = shared_rows()
    assert asyncio.run(custom_rm(BARE, samples_of(rows))) == rows.batch().total.tolist()


def test_with_a_reward_key_the_reward_is_a_dictionary() -> None:
    rows = shared_rows().take(range(8))
    alone = rewarded(samples_of(rows), args=arguments())
    group = asyncio.run(custom_rm(arguments(), samples_of(rows)))
    assert [row["total"] for row in alone] == [row["total"] for row in group] == rows.batch().total.tolist()
    assert alone[4]["failure"] == rows.batch().failure[4]


def test_the_reference_may_stand_in_the_metadata() -> None:
    sample = Sample(response="<answer>1</answer>", metadata={"task": "numerical", "gold": "1"})
    assert rewarded([sample], make_reward(columns=Columns(reference="gold"))) == [1.0]
    sample = Sample(response="<answer>1</answer>", metadata={"task": "numerical", "answer": "<answer>1</answer>"})
    assert rewarded([sample]) == [1.0]


@pytest.mark.parametrize(
    ("sample", "error"),
    [
        pytest.param(Sample(label="one", metadata={"task": "numerical"}), otr.BadReferenceError, id="reference"),
        pytest.param(Sample(label="1", metadata={"task": "sudoku"}), otr.UnknownTaskError, id="task"),
        pytest.param(Sample(label="1"), otr.ArgumentError, id="no metadata"),
        pytest.param(Sample(label="1", metadata=None), otr.ArgumentError, id="metadata None"),  # type: ignore[arg-type]
    ],
)
@pytest.mark.parametrize("group", [False, True], ids=["alone", "group"])
def test_an_error_is_raised(sample: Sample, error: type[Exception], *, group: bool) -> None:
    with pytest.raises(error):
        asyncio.run(custom_rm(BARE, [sample] if group else sample))


def test_a_judge_that_fails_leaves_a_gap_that_the_advantage_leaves_out() -> None:
    reward = make_reward(judge=DownJudge())
    metadata = {name: OPEN_ENDED[name] for name in ("task", "question")}
    samples = [Sample(0, n, response="<answer>A cat.</answer>", label="A cat.", metadata=metadata) for n in range(3)]
    (samples[0].reward,) = rewarded(samples[:1], reward)
    assert math.isnan(samples[0].reward)
    samples[1].reward, samples[2].reward = 1.0, 0.0
    _, advantages = make_ema_grpo()(BARE, samples)
    assert advantages == pytest.approx([0.0, 1.0, -1.0], abs=1e-4)


def test_the_advantage_is_ema_grpo_step_after_step() -> None:
    rows = shared_rows()
    own, made = EmaGrpo(decay=0.9), make_ema_grpo(decay=0.9)
    groups = [row_index // 4 for row_index in range(len(rows))]
    for part in (rows.batch().total, rows.batch("release").total):
        samples = samples_of(rows)
        for sample, total in zip(samples, part.tolist(), strict=True):
            sample.reward = total
        raw, advantages = made(BARE, [samples[:100], samples[100:]])
        assert raw == part.tolist()
        assert advantages == own(part.tolist(), groups, rows.tasks).tolist()


def test_a_sample_without_a_group_is_an_error() -> None:
    sample = Sample(response="", label="1", reward=1.0, metadata={"task": "numerical"})
    with pytest.raises(otr.ArgumentError, match="sample 0 has no group_index"):
        make_ema_grpo()(BARE, [sample])


def test_the_log_has_a_curve_for_each_task() -> None:
    samples = samples_of(shared_rows())
    for sample, reward in zip(samples, rewarded(samples, args=arguments()), strict=True):
        sample.reward = reward
    metrics: dict[str, float] = {"rollout/dropped": 1.0}
    assert log_rollout(3, arguments(), samples, metrics, 1.0) is False
    summary = shared_rows().batch().summary()
    assert metrics["rollout/dropped"] == 1.0
    assert metrics["onethinker/tracking/total"] == pytest.approx(summary["tracking"]["total"])
    assert log_rollout(3, arguments(), samples, None, 1.0) is False


def test_the_log_of_bare_numbers_is_an_error() -> None:
    with pytest.raises(otr.ArgumentError, match="--reward-key total"):
        log_rollout(3, BARE, [Sample(reward=1.0)], {}, 1.0)


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("group_rm", [False, True])
def test_a_run_of_slime(tmp_path: Path, *, group_rm: bool) -> None:
    rows = shared_rows()
    samples = samples_of(rows)
    manager = RolloutManager(arguments(tmp_path, group_rm=group_rm))
    train, logged = manager.generate(0, [samples[row_index : row_index + 4] for row_index in range(0, len(samples), 4)])
    groups = [row_index // 4 for row_index in range(len(rows))]
    assert train["raw_reward"] == rows.batch().total.tolist()
    assert train["rewards"] == EmaGrpo()(train["raw_reward"], groups, rows.tasks).tolist()
    assert logged["rollout/step"] == 0
    assert logged["onethinker/ocr/rows"] == rows.tasks.count("ocr")


@pytest.mark.usefixtures("fresh")
def test_a_resumed_run_goes_on_as_the_one_that_was_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = shared_rows().take(range(100)), shared_rows().take(range(100, 200))

    manager = RolloutManager(arguments(tmp_path))
    manager.load(-1)
    manager.generate(0, [grouped_by_task(first)])
    manager.data_source.sample_offset = 25
    manager.save(0)
    unbroken, _ = manager.generate(1, [grouped_by_task(second)])

    renew(monkeypatch)
    resumed = RolloutManager(arguments(tmp_path, load=str(tmp_path)))
    resumed.load(0)
    again, _ = resumed.generate(1, [grouped_by_task(second)])
    assert resumed.data_source.sample_offset == 25
    assert again == unbroken

    renew(monkeypatch)
    forgetful = RolloutManager(arguments(tmp_path))
    forgetful.load(0)
    assert forgetful.generate(1, [grouped_by_task(second)])[0] != unbroken


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("rollout_id", [None, -1], ids=["none", "before the first"])
def test_where_there_is_nothing_to_resume_nothing_is_loaded(tmp_path: Path, rollout_id: int | None) -> None:
    RolloutManager(arguments(tmp_path, load=str(tmp_path))).load(rollout_id)


@pytest.mark.usefixtures("fresh")
def test_a_checkpoint_without_statistics_is_an_error(tmp_path: Path) -> None:
    manager = RolloutManager(arguments(tmp_path, load=str(tmp_path)))
    with pytest.raises(FileNotFoundError):
        manager.load(4)
