"""The state: a value that is saved by label and resumed to the bit."""

from __future__ import annotations

import io
import math
import re
from uuid import UUID

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onethinker_rewards.advantage import BatchMoments, EmaGrpo, EmaRewardScaler, Moments, sigma, update
from onethinker_rewards.errors import ArgumentError
from tests.advantage.batches import TASKS, seeded


def through_a_file(state: dict) -> dict:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def by_label(estimator: EmaGrpo) -> dict:
    state = estimator.state
    return {label: moments for label, *moments in zip(state.labels, *state.values.tolist(), strict=True)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "names", [None, TASKS, TASKS[::-1], (*TASKS[:1], "new")], ids="free same reordered other".split()
)
@pytest.mark.parametrize("variance", ["total", "within_group"])
@pytest.mark.parametrize("initial", ["first_batch", "debiased"])
def test_a_resumed_run_equals_one_that_never_stopped(names, initial: str, variance: str, dtype: torch.dtype) -> None:
    steps = [seeded(seed, dtype=dtype) for seed in range(6)]
    whole = EmaGrpo(variance=variance, initial=initial)
    expected = [whole(*step) for step in steps]
    first = EmaGrpo(variance=variance, initial=initial)
    for step in steps[:3]:
        first(*step)
    resumed = EmaGrpo(variance=variance, initial=initial, task_names=names)
    resumed.load_state_dict(through_a_file(first.state_dict()))
    for step, advantages in zip(steps[3:], expected[3:], strict=True):
        assert torch.equal(resumed(*step), advantages)
    kept = by_label(resumed)
    assert {label: kept[label] for label in TASKS} == by_label(whole)


def test_tasks_may_be_added_and_removed_between_runs() -> None:
    rewards = torch.tensor([0.0, 1.0], dtype=torch.float64)
    first = EmaGrpo()
    first(rewards, [0, 0], ["old", "old"])
    second = EmaGrpo(task_names=["new"])
    second.load_state_dict(first.state_dict())
    second(rewards * 3, [0, 0], ["new", "new"])
    assert second.state.labels == ("new", "old")
    assert second.state.first.tolist() == [1.5, 0.5]
    third = EmaGrpo()
    third.load_state_dict(through_a_file(second.state_dict()))
    assert third.state.labels == ("new", "old")


def test_a_task_without_a_batch_is_still_new_after_a_file() -> None:
    estimator, resumed = EmaGrpo(task_names=["a", "b"]), EmaGrpo()
    estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"])
    resumed.load_state_dict(through_a_file(estimator.state_dict()))
    resumed(torch.tensor([2.0, 4.0]), [0, 0], ["b", "b"])
    assert resumed.state.first.tolist() == [0.5, 3.0]


def test_every_kind_of_label_survives_a_file() -> None:
    labels = ["text", 3, ("segmentation", "video"), UUID(int=5), None, 0.5]
    estimator = EmaGrpo()
    estimator(torch.arange(6.0), range(6), labels)
    other = EmaGrpo()
    other.load_state_dict(through_a_file(estimator.state_dict()))
    assert other.state.labels == ("text", 3, ("segmentation", "video"), str(UUID(int=5)), None, 0.5)


def test_differs_the_state_survives_its_process() -> None:
    """The moments are saved and resumed by label; the release's are gone with their process."""
    estimator, fresh = EmaGrpo.as_released(), EmaGrpo.as_released()
    estimator(*seeded(0))
    resumed = EmaGrpo.as_released()
    resumed.load_state_dict(through_a_file(estimator.state_dict()))
    expected = estimator(*seeded(1))
    assert torch.equal(resumed(*seeded(1)), expected)
    assert not torch.equal(fresh(*seeded(1)), expected)


def test_the_saved_state_is_a_copy() -> None:
    estimator = EmaGrpo()
    estimator(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"])
    saved, seen = estimator.state_dict(), estimator.state
    estimator(torch.tensor([5.0, 9.0]), [0, 0], ["a", "a"])
    assert saved["first"].tolist() == seen.first.tolist() == [0.5]
    estimator.load_state_dict(saved)
    estimator(torch.tensor([5.0, 9.0]), [0, 0], ["a", "a"])
    assert saved["first"].tolist() == [0.5]


def test_loading_equal_labels_keeps_the_tensors() -> None:
    """A captured graph goes on with the tensors it knows."""
    estimator = EmaGrpo(task_names=["a"])
    tensor = estimator._state.values
    estimator.load_state_dict(estimator.state_dict() | {"first": torch.tensor([3.0])})
    assert estimator._state.values is tensor
    assert tensor[0].tolist() == [3.0]


def test_scaler_and_estimator_read_each_other() -> None:
    scaler, estimator = EmaRewardScaler(), EmaGrpo()
    rewards, _, tasks = seeded(1)
    scaler(rewards, tasks)
    estimator.load_state_dict(scaler.state_dict())
    assert torch.equal(estimator.state.values, scaler.state.values)
    scaler.load_state_dict(estimator.state_dict())
    assert torch.equal(estimator.state.values, scaler.state.values)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version": 3}, "version 3 is neither 1 nor 2"),
        ({"variance": "within_group"}, "variance='within_group'"),
        ({"labels": ["a", "b"]}, "differ in length"),
        ({"labels": ["a", "a"], "first": torch.zeros(2), "second": torch.zeros(2), "seen": torch.zeros(2)}, "twice"),
        ({"seen": torch.zeros(3, dtype=torch.bool)}, "differ in length"),
        ({"first": torch.tensor([math.nan])}, "a moment of 'a' is not finite"),
        ({"second": torch.tensor([math.inf])}, "a moment of 'a' is not finite"),
        ({"second": torch.tensor([-1.0])}, "or its variance is negative"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_state_that_does_not_fit_is_refused(change: dict, named: str) -> None:
    estimator = EmaGrpo(task_names=["a"])
    with pytest.raises(ArgumentError, match=named):
        estimator.load_state_dict(estimator.state_dict() | change)


def test_a_state_that_lacks_parts_is_refused() -> None:
    with pytest.raises(ArgumentError, match="state: lacks first, seen"):
        EmaGrpo().load_state_dict({"version": 1, "variance": "total", "labels": [], "second": torch.zeros(0)})


def old_state(first: list[float], second: list[float], variance: str = "total") -> dict:
    """A state of version 1, with m₂ = mean R²; its second task was not seen."""
    return {
        "version": 1, "variance": variance, "labels": ["a", "b"], "seen": torch.tensor([True, False]),
        "first": torch.tensor(first, dtype=torch.float64), "second": torch.tensor(second, dtype=torch.float64),
    }  # fmt: skip


@pytest.mark.parametrize("initial", ["first_batch", "debiased"])
def test_tasks_of_an_old_state_go_on_with_the_weight_they_had(initial: str) -> None:
    estimator = EmaGrpo(decay=0.9, initial=initial)
    estimator.load_state_dict(old_state([0.5, 0.0], [0.5, 0.0]))
    assert estimator.state.values.tolist() == [[0.5], [0.25]]
    estimator(torch.tensor([1.0, 1.0, 0.0, 4.0]), [0, 0, 1, 1], ["a", "a", "b", "b"])
    # m₁ = m₂ = .55 for the old task; the one that is new takes its batch.
    assert estimator.state.first.tolist() == pytest.approx([0.55, 2.0], abs=1e-15)
    assert estimator.state.second.tolist() == pytest.approx([0.55 - 0.55**2, 4.0], abs=1e-15)


def test_an_old_state_of_the_variance_within_groups_keeps_its_second_moment() -> None:
    estimator = EmaGrpo(variance="within_group")
    estimator.load_state_dict(old_state([0.5, 0.0], [0.04, 0.0], "within_group"))
    assert estimator.state.values.tolist() == [[0.5], [0.04]]


def test_an_old_variance_that_float64_has_made_negative_is_0() -> None:
    estimator = EmaGrpo()
    estimator.load_state_dict(old_state([1e8, 0.0], [1e16 - 2.0, 0.0]))
    assert estimator.state.second.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"decay": 0.9}, "decay=0.99, now 0.9"),
        ({"initial": "debiased"}, "initial='first_batch', now 'debiased'"),
        ({"min_std": 0.1, "eps": 0.0}, "min_std=0.001, now 0.1; eps=1e-06, now 0.0"),
        ({"update_first": False}, "update_first=True, now False"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_resume_with_other_options_says_which(changed: dict, named: str) -> None:
    saved = EmaGrpo(initial="first_batch")
    saved(torch.tensor([0.0, 1.0]), [0, 0], ["a", "a"])
    state = through_a_file(saved.state_dict())
    resumed = EmaGrpo(**{"initial": "first_batch"} | changed)
    with pytest.warns(UserWarning, match=re.escape(f"the state of EMA-GRPO was saved with {named}")):
        resumed.load_state_dict(state)
    assert torch.equal(resumed.state.values, saved.state.values)


# The pure functions underneath


def batch_of(count: list[float], first: list[float], second: list[float]) -> BatchMoments:
    return BatchMoments(torch.tensor(count).double(), torch.tensor([first, second], dtype=torch.float64))


def test_update_leaves_its_arguments_alone() -> None:
    state = Moments(("a", "b"), torch.tensor([[1.0, 2.0], [3.0, 9.0]]).double(), torch.tensor([1.0, 0.0]).double())
    before = state.clone()
    after = update(state, batch_of([2, 0], [3.0, 5.0], [5.0, 7.0]), decay=0.75, initial="first_batch")
    assert torch.equal(state.values, before.values)
    assert torch.equal(state.seen, before.seen)
    # v = .75 · 3 + .25 · 5 + .25 · .75 · (3 − 1)².
    assert after.values.tolist() == [[1.5, 2.0], [4.25, 9.0]]
    assert after.seen.tolist() == [2.0, 0.0]


def test_update_of_the_variance_within_groups_has_no_term_for_the_mean() -> None:
    state = Moments(("a",), torch.tensor([[1.0], [3.0]]).double(), torch.ones(1).double())
    batch = batch_of([2], [3.0], [5.0])
    after = update(state, batch, decay=0.75, initial="first_batch", variance="within_group")
    assert after.values.tolist() == [[1.5], [3.5]]


@pytest.mark.parametrize("initial", ["first_batch", "debiased"])
def test_update_of_a_new_task_takes_its_batch(initial: str) -> None:
    after = update(Moments.unseen(("a",)), batch_of([1], [0.3], [0.7]), decay=0.99, initial=initial)
    assert after.values.tolist() == [[0.3], [0.7]]
    assert after.seen.tolist() == [1.0]


@given(decay=st.floats(0.0, 1.0), means=st.lists(st.floats(-9.0, 9.0), min_size=1, max_size=6), debiased=st.booleans())
def test_update_gives_the_moments_of_the_weighted_batches(decay: float, means: list[float], debiased: bool) -> None:
    state = Moments.unseen(("a",))
    weights = []
    for number, mean in enumerate(means):
        initial = "debiased" if debiased else "first_batch"
        state = update(state, batch_of([4], [mean], [1.0]), decay=decay, initial=initial)
        # Each batch makes the earlier ones lighter; only a biased first batch starts with all the weight.
        newest = 1.0 if number == 0 and not debiased else 1.0 - decay
        weights = [decay * weight for weight in weights] + [newest]
    total = math.fsum(weights)
    if total < 1e-9:  # decay = 1
        weights, total = [1.0] * len(means), len(means)
    first = math.fsum(w * mean for w, mean in zip(weights, means, strict=True)) / total
    second = 1.0 + math.fsum(w * (mean - first) ** 2 for w, mean in zip(weights, means, strict=True)) / total
    assert state.values.tolist() == [[pytest.approx(first, abs=1e-6)], [pytest.approx(second, abs=1e-6)]]


def test_sigma_is_the_root_of_the_running_variance() -> None:
    state = Moments(("a", "b"), torch.tensor([[1.0, 3.0], [0.0, 16.0]]).double(), torch.ones(2).double())
    assert sigma(state).tolist() == [0.0, 4.0]


def test_extended_keeps_known_moments_under_their_labels() -> None:
    state = Moments(("a", "b"), torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double(), torch.ones(2).double())
    longer = state.extended(("c", "b"))
    assert longer.labels == ("c", "b", "a")
    assert longer.values.tolist() == [[0.0, 2.0, 1.0], [0.0, 4.0, 3.0]]
    assert longer.seen.tolist() == [0.0, 1.0, 1.0]
