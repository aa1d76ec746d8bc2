"""The trainer in verl 0.9.1 with vLLM on a CPU: fine-tuned; trained; trained, killed after a checkpoint, resumed."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from tests.adapters.rows import framework
from tests.rewards.cases import REFERENCES
from tests.trainer.run import commands, dataset
from tests.trainer.run.story import rollouts

framework("verl", "vllm", "ray", "verl_cpu_platform", target="test-trainer")
# What verl and the packages under it warn of is theirs to mend.
pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.slow]

STEPS = range(1, commands.STEPS + 1)
BROKEN_AT = dataset.BROKEN // commands.BATCH + 1


def task_of(row: dict[str, Any]) -> str:
    """Return the task of a row by its reference, which no two tasks share."""
    (task,) = (task for task in dataset.WRONG if same(row["gts"], REFERENCES[task]))
    return task


def same(first: str, second: str) -> bool:
    return re.sub(r"\s", "", first) == re.sub(r"\s", "", second)


def checkpoint(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"global_step_{step}"


def load_state(run: Path, step: int) -> dict[str, Any]:
    import torch

    return torch.load(checkpoint(run, step) / "onethinker_ema.pt", weights_only=True)


def load_weights(run: Path, step: int) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(checkpoint(run, step) / "actor" / "huggingface" / "model.safetensors")


def test_fine_tuning_learned(story: Any) -> None:
    losses = story.losses()
    assert len(losses) >= 30
    assert losses[-1] < losses[0] / 4


def test_it_was_killed_after_a_checkpoint_and_went_on_there(story: Any) -> None:
    assert 1 <= story.killed_at < commands.STEPS
    assert "Resuming from" in (story.folder / "resumed.log").read_text("utf-8", errors="replace")
    assert sorted(story.curves()) == list(STEPS)
    tracker = story.broken / "checkpoints" / "latest_checkpointed_iteration.txt"
    assert tracker.read_text("utf-8") == str(commands.STEPS)


def test_rows_got_the_totals_of_score(story: Any) -> None:
    for step in STEPS:
        rows = rollouts(story.broken, step)
        batch = otr.score([row["output"] for row in rows], [row["gts"] for row in rows], list(map(task_of, rows)))
        assert [row["score"] for row in rows] == pytest.approx(batch.total.tolist(), abs=1e-6)


def test_a_killed_run_goes_on_as_the_one_that_nobody_killed(story: Any) -> None:
    """Hold two real runs to each other: every response, the statistics of EMA-GRPO to the last bit, the weights.

    Each response has a seed of its own, made of step, row and number, so a step that is done again is sampled as it
    was; vLLM computes one sequence at a time, and rows are trained on in the order of the data. Weights may differ by
    as much as one rounding of bfloat16, should a library split a sum otherwise.
    """
    import torch

    for step in STEPS:
        responses = [sorted(map(said, rollouts(run, step))) for run in (story.whole, story.broken)]
        assert responses[0] == responses[1]
        states = [load_state(run, step) for run in (story.whole, story.broken)]
        assert same_values(*states)
        torch.testing.assert_close(*(load_weights(run, step) for run in (story.whole, story.broken)))


def test_no_two_responses_to_a_prompt_have_one_seed(story: Any) -> None:
    for step in STEPS:
        outputs: dict[str, set[str]] = {}
        for row in rollouts(story.whole, step):
            outputs.setdefault(row["uid"].rsplit("_", 2)[0], set()).add(row["output"])
        assert max(map(len, outputs.values())) > 1


def said(row: dict[str, Any]) -> tuple[str, str, float]:
    return row["input"], row["output"], row["score"]


def same_values(first: Any, second: Any) -> bool:
    """Tell whether two states are one, tensors to the last bit."""
    import torch

    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same_values(first[key], second[key]) for key in first)
    return first == second


def test_the_statistics_are_those_of_the_logged_rewards(story: Any) -> None:
    import torch

    from onethinker_rewards.advantage import EmaGrpo

    alone = EmaGrpo()
    for step in STEPS:
        rows = rollouts(story.broken, step)
        totals = torch.tensor([row["score"] for row in rows])
        alone(totals, [row["uid"].rsplit("_", 2)[0] for row in rows], list(map(task_of, rows)))
        restored = EmaGrpo()
        restored.load_state_dict(load_state(story.broken, step))
        # The order of a batch's rows is another, so the last digit may be.
        assert moments(restored) == pytest.approx(moments(alone), rel=1e-12, abs=1e-15)


def moments(estimator: Any) -> dict[tuple[Any, int], float]:
    state = estimator.state
    return {
        (label, place): column[number].item()
        for number, label in enumerate(state.labels)
        for place, column in enumerate((*state.values, state.seen))
    }


def test_rollout_and_actor_agree(story: Any) -> None:
    # With verl's own loop videos pull it down to 0.998: see onethinker_rewards.trainer.verl.rollout.
    assert all(one["training/rollout_actor_probs_pearson_corr"] > 0.999 for one in story.curves().values())


def test_the_log_has_every_task(story: Any) -> None:
    lost = (BROKEN_AT, list(dataset.WRONG)[dataset.BROKEN % len(dataset.WRONG)])
    for step, shown in story.curves().items():
        # Its only prompt in that step.
        tasks = [task for task in dataset.WRONG if (step, task) != lost]
        for task in tasks:
            for name in ("total", "format", "accuracy", "failed", "rows"):
                assert 0 <= shown[f"onethinker/{task}/{name}"] <= commands.BATCH * commands.EACH, (step, task, name)
            assert shown[f"advantage/{task}/sigma"] >= 0
        shares = [shown[f"advantage/{task}/gradient_share"] for task in tasks]
        assert math.isclose(sum(shares), 1.0, abs_tol=1e-6)
        # The seconds of a step's rewards, beside those of its rollout.
        assert 0 < shown["onethinker/reward_seconds/mean"] <= shown["onethinker/reward_seconds/max"] < 60
        assert shown["timing_s/gen"] > 0
    names = {name for shown in story.curves().values() for name in shown}
    assert any("/part/" in name for name in names)
    assert any("/failure/" in name for name in names)


def test_a_broken_row_is_lost_and_no_other(story: Any) -> None:
    lost = {step: shown["onethinker/lost_rows"] for step, shown in story.curves().items()}
    assert lost == {step: commands.EACH * (step == BROKEN_AT) for step in STEPS}
    for step in STEPS:
        groups = Counter(row["uid"].rsplit("_", 2)[0] for row in rollouts(story.broken, step))
        assert set(groups.values()) == {commands.EACH}
        assert len(groups) == commands.BATCH - (step == BROKEN_AT)


def test_the_weights_changed(story: Any) -> None:
    from safetensors.torch import load_file

    start = load_file(story.start / "model.safetensors")
    first, last = (load_weights(story.broken, step) for step in (1, 3))
    assert start.keys() == first.keys() == last.keys()
    for before, after in ((start, first), (first, last)):
        assert any(not before[name].equal(after[name]) for name in before)


def test_no_process_is_left(story: Any) -> None:
    assert story.left == []


def test_what_was_read_was_prepared(story: Any) -> None:
    import pyarrow.parquet as pq

    table = pq.read_table(story.folder / "rl.parquet")
    assert len(table) == len(dataset.WRONG) * dataset.EACH
    videos = [bool(row) for row in table.column("videos").to_pylist()]
    assert sum(videos) == 2 * dataset.EACH
    (file,) = {video["video"] for row in table.column("videos").to_pylist() for video in row}
    assert file.endswith("moving.mp4")
    for log in ("sft", "whole"):
        said_there = (story.folder / f"{log}.log").read_text("utf-8", errors="replace")
        assert "qwen-vl-utils using decord to read video" in said_there
    assert json.loads((story.folder / "sft.json").read_text("utf-8"))
