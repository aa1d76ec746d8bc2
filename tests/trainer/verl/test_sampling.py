"""Which groups our replay buffer throws away, on a stand-in for verl's; tests/trainer/run has verl's own."""

from __future__ import annotations

import math
from typing import Any

import pytest

from onethinker_rewards.trainer.verl.options import Filter
from onethinker_rewards.trainer.verl.sampling import NothingToLearnError, group_means, make_buffer
from tests.trainer.verl.stand_ins import Batch, info, queue_of

GROUPS = {"right": [1.0, 0.995], "wrong": [0.0, 0.01], "mixed": [1.0, 0.0], "even": [0.5, 0.5]}


def test_a_groups_mean_leaves_out_what_has_no_accuracy() -> None:
    rows = [("a", info("ocr", 1.0)), ("a", info("ocr", None)), ("b", info("math", None)), ("a", info("ocr", 0.0))]
    means = group_means(rows)
    assert means["a"] == ("ocr", 0.5)
    assert means["b"][0] == "math"
    assert math.isnan(means["b"][1])


def infos_of(groups: dict[str, list[float | None]]) -> dict[str, dict[str, Any]]:
    return {
        f"{name}_{place}_0": info("math", value)
        for name, values in groups.items()
        for place, value in enumerate(values)
    }


def buffer_with(batch: Batch, monkeypatch: pytest.MonkeyPatch, **limits: Any) -> Any:
    queue_of(monkeypatch, batch)
    made = make_buffer()(keep=Filter(**limits), train_batch_size=1)
    made.partitions = {"train": dict.fromkeys(batch.keys), "val": dict.fromkeys(batch.keys)}
    finished = {key.split("_")[0] for key in batch.keys}
    made.finished_keys = {"train": finished, "val": set(finished)}
    return made


def test_groups_nearly_always_right_or_wrong_are_dropped(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, metrics = buffer_with(Batch(infos_of(GROUPS)), monkeypatch).sample(1, "train", 2)
    assert kept == {"mixed", "even"}
    assert metrics == {"evicted": 2, "onethinker/math/filtered_groups": 2}


def test_a_group_is_looked_at_once_and_forgotten_when_gone(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = buffer_with(Batch(infos_of(GROUPS)), monkeypatch)
    buffer.sample(1, "train", 2)
    queue_of(monkeypatch, Batch({}))
    buffer.finished_keys["train"] = {"mixed"}
    assert buffer.sample(1, "train", 2)[0] == {"mixed"}
    assert list(buffer._means) == ["mixed"]


def test_validation_keeps_every_group(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, metrics = buffer_with(Batch(infos_of(GROUPS)), monkeypatch).sample(1, "val", 2)
    assert kept == set(GROUPS)
    assert metrics == {"evicted": 0}


def test_verls_table_gets_how_many_groups_have_which_mean(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = buffer_with(Batch(infos_of({"a": [1.0], "b": [0.9998], "c": [0.0]})), monkeypatch)
    assert buffer._dapo_filtered_keys("train") == ({"a", "b", "c"}, {1.0: 2, 0.0: 1})


def test_throwing_away_has_an_end_in_each_step(verl: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {"a": [1.0], "b": [1.0]}
    buffer = buffer_with(Batch(infos_of(groups)), monkeypatch, max_batches=2)
    for step in (1, 2):
        # Two are as many as two batches of one: the count begins anew with every step.
        assert buffer.sample(step, "train", 1)[1]["evicted"] == 2
    buffer = buffer_with(Batch(infos_of(groups)), monkeypatch, max_batches=1)
    with pytest.raises(NothingToLearnError, match=r"2 groups in step 3, more than 1 batches.*0\.01 and 0\.99"):
        buffer.sample(3, "train", 1)
