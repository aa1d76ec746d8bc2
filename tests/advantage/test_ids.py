"""Ids of every kind give the same advantages."""

from __future__ import annotations

import math
from enum import Enum
from uuid import UUID

import numpy as np
import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.advantage import EmaGrpo, EmaRewardScaler, grpo
from onethinker_rewards.advantage.labels import canonical, encode
from onethinker_rewards.errors import ArgumentError
from tests.advantage.batches import assert_same, seeded

CPU = torch.device("cpu")


class Kind(str, Enum):  # noqa: UP042  the older form, of which a label's str() is not its value
    MATH = "math"
    OCR = "ocr"
    TRACKING = "tracking"


def uuids(numbers: list[int]) -> list[UUID]:
    return [UUID(int=number * 7919) for number in numbers]


GROUP_FORMS = {
    "list": list,
    "strings": lambda ids: [f"prompt-{number}" for number in ids],
    "uuids": uuids,
    "uuid_array": lambda ids: np.array(uuids(ids), dtype=object),
    "string_array": lambda ids: np.array([f"p{number}" for number in ids]),
    "int_array": lambda ids: np.array(ids, dtype=np.int32) - 5,
    "float_array": lambda ids: np.array(ids) / 2,
    "tensor": torch.tensor,
    "small_tensor": lambda ids: torch.tensor(ids, dtype=torch.uint8),
    "mixed": lambda ids: [f"p{number}" if number % 2 else number for number in ids],
    "tuples": lambda ids: [("set", number) for number in ids],
    "iterator": iter,
}


@pytest.mark.parametrize("form", GROUP_FORMS.values(), ids=GROUP_FORMS)
def test_groups_of_any_kind(form) -> None:
    rewards, groups, tasks = seeded(3)
    expected = EmaGrpo()(rewards, groups, tasks)
    assert_same(EmaGrpo()(rewards, form(groups.tolist()), tasks), expected)


TASK_FORMS = {
    "array": np.array,
    "object_array": lambda labels: np.array(labels, dtype=object),
    "enum": lambda labels: [Kind(label) for label in labels],
    "numbers": lambda labels: [{"math": 0, "ocr": 7, "tracking": -3}[label] for label in labels],
    "tensor": lambda labels: torch.tensor([{"math": 0, "ocr": 7, "tracking": -3}[label] for label in labels]),
    "numpy_scalars": lambda labels: [np.str_(label) for label in labels],
    "uuids": lambda labels: [UUID(int=hash(label) % 2**64) for label in labels],
    "pairs": lambda labels: [(label, "video") for label in labels],
    "with_none": lambda labels: [None if label == "ocr" else label for label in labels],
    "spelt_freely": lambda labels: [f"Segmentation/{label} \N{SNOWMAN}" for label in labels],
}


@pytest.mark.parametrize("form", TASK_FORMS.values(), ids=TASK_FORMS)
def test_tasks_of_any_kind(form) -> None:
    rewards, groups, tasks = seeded(4)
    assert torch.equal(EmaGrpo()(rewards, groups, form(tasks)), EmaGrpo()(rewards, groups, tasks))


def test_a_group_is_a_pair_of_group_and_task() -> None:
    rewards = torch.tensor([0.0, 1.0, 5.0, 7.0], dtype=torch.float64)
    advantages = grpo(rewards, [1, 1, 1, 1], ["a", "a", "b", "b"], eps=0.0, unbiased=False)
    assert advantages.tolist() == [-1.0, 1.0, -1.0, 1.0]


def test_a_group_is_a_pair_also_within_a_family() -> None:
    rewards = torch.tensor([0.0, 1.0, 5.0, 6.0], dtype=torch.float64)
    estimator = EmaGrpo(task_key=lambda label: "family", guard=None)
    advantages = estimator(rewards, [1, 1, 1, 1], ["a", "a", "b", "b"])
    assert estimator.state.labels == ("family",)
    assert advantages[0] == advantages[2] == -advantages[1] == -advantages[3]


@pytest.mark.parametrize(
    "task_key", [{"a": "x", "b": "x"}, lambda label: "x" if label in "ab" else label], ids=["mapping", "function"]
)
def test_families_share_a_sigma(task_key) -> None:
    rewards, groups, _ = seeded(5, 24)
    tasks = ["abc"[group % 3] for group in groups.tolist()]
    estimator = EmaGrpo(task_key=task_key)
    joined = EmaGrpo()(rewards, groups, ["x" if task in "ab" else task for task in tasks])
    assert torch.equal(estimator(rewards, groups, tasks), joined)
    assert set(estimator.state.labels) == {"x", "c"}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (Kind.OCR, "ocr"),
        (np.str_("x"), "x"),
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), 1),
        (True, 1),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ((np.int64(1), "b"), (1, "b")),
        (None, None),
        (2.5, 2.5),
    ],
    ids=repr,
)
def test_canonical_labels_are_plain_built_ins(label, expected) -> None:
    plain = canonical(label)
    assert plain == expected
    assert type(plain) is type(expected)


@pytest.mark.parametrize("label", [float("nan"), np.float64("nan"), object(), (1, float("nan"))], ids=repr)
def test_a_label_that_no_state_can_hold(label) -> None:
    with pytest.raises(ArgumentError, match="tasks: a label must be"):
        canonical(label)


NAN_FORMS = {
    "list": list,
    "objects": lambda ids: np.array(ids, dtype=object),
    "array": np.array,
    "tensor": torch.tensor,
    "distinct": lambda ids: [float(str(number)) for number in ids],
}


@pytest.mark.parametrize("form", NAN_FORMS.values(), ids=NAN_FORMS)
def test_nan_is_no_id(form) -> None:
    ids = [0.0, math.nan, 0.0, *[math.nan] * 6]
    for name, groups, tasks in (("groups", form(ids), ["a"] * 9), ("tasks", [0] * 9, form(ids))):
        with pytest.raises(ArgumentError, match=f"{name}: NaN is no id, in rows 1, 3, 4, 5, 6 and 2 more$"):
            EmaGrpo()(torch.zeros(9), groups, tasks)


def test_the_same_id_in_two_types_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"groups: rows 1 and 2 have the same id in two types, '1' and 1$"):
        grpo(torch.zeros(3), ["0", "1", 1])
    one = UUID(int=1)
    with pytest.raises(ArgumentError, match="tasks: rows 0 and 1 have the same id in two types"):
        grpo(torch.zeros(2), [0, 0], [one, str(one)])


def test_two_spellings_are_two_tasks_unless_a_key_makes_them_one() -> None:
    rewards, groups = torch.tensor([0.0, 1.0, 0.0, 3.0]), [0, 0, 1, 1]
    spelled = ["temporal grounding"] * 2 + ["temporal_grounding"] * 2
    two, one = EmaGrpo(), EmaGrpo(task_key=otr.task_name)
    two(rewards, groups, spelled)
    assert two.state.labels == ("temporal grounding", "temporal_grounding")
    advantages = one(rewards, groups, spelled)
    assert one.state.labels == ("temporal_grounding",)
    assert torch.equal(advantages, EmaGrpo()(rewards, groups, ["temporal_grounding"] * 4))


@pytest.mark.parametrize("counts", [{}, {"num_groups": 12}, {"num_groups": 12, "num_tasks": 1}], ids=str)
def test_without_tasks_all_rows_are_one_task(counts: dict) -> None:
    rewards, groups, _ = seeded(0)
    estimator, scaler = EmaGrpo(), EmaRewardScaler()
    assert_same(estimator(rewards, groups, **counts), EmaGrpo()(rewards, groups, ["all"] * len(groups)))
    scaler(rewards)
    assert estimator.state.labels == scaler.state.labels == (None,)
    named = EmaGrpo(task_names=["all"])
    named(rewards, groups, None, num_groups=12)
    assert named.state.labels == ("all",)


def test_codes_name_their_ids() -> None:
    for ids in (["b", "a", "b"], np.array([5, -1, 5]), torch.tensor([5, -1, 5])):
        codes, distinct = encode(ids, "groups", CPU)
        assert [distinct[code] for code in codes.tolist()] == (ids if isinstance(ids, list) else ids.tolist())
        assert codes.dtype == torch.int64
