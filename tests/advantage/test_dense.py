"""Dense ids: nothing is read on the host, compiled, captured, the same each time."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from onethinker_rewards.advantage import (
    EmaGrpo,
    EmaRewardScaler,
    batch_std,
    dr_grpo,
    g2rpo,
    grpo,
    reinforce_plus_plus_baseline,
    rloo,
    task_batch_std,
)  # fmt: skip
from onethinker_rewards.errors import ArgumentError
from tests.advantage.batches import TASKS, assert_same, seeded

G, K = 12, 3
GUARDS = ["clip", "group_std", None]
BASELINES = [grpo, dr_grpo, rloo, batch_std, task_batch_std, reinforce_plus_plus_baseline, g2rpo]


def numbered(seed: int, dtype: torch.dtype = torch.float64, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    rewards, groups, tasks = seeded(seed, 8 * G, dtype)
    return rewards.to(device), groups.to(device), torch.tensor([TASKS.index(task) for task in tasks], device=device)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("variance", ["total", "within_group"])
def test_dense_ids_equal_labels(guard, variance: str, dtype: torch.dtype) -> None:
    dense = EmaGrpo(guard=guard, guard_limit=1.2, variance=variance, task_names=TASKS)
    labeled = EmaGrpo(guard=guard, guard_limit=1.2, variance=variance)
    for seed in range(3):
        advantages = dense(*numbered(seed, dtype), num_groups=G, num_tasks=K)
        assert_same(advantages, labeled(*seeded(seed, 8 * G, dtype)))
    dense.load_state_dict(labeled.state_dict())


@pytest.mark.parametrize("variance", ["total", "within_group"])
def test_the_numbers_of_groups_say_nothing_about_their_tasks(variance: str) -> None:
    """A table that is read along the wrong axis must not pass: group % K is another task than the row's."""
    rewards, groups, tasks = numbered(0)
    renumbered = (5 * groups + 2) % G
    assert (renumbered % K != tasks).any()
    dense, labeled = EmaGrpo(variance=variance), EmaGrpo(variance=variance)
    assert_same(dense(rewards, renumbered, tasks, num_groups=G, num_tasks=K), labeled(rewards, renumbered, tasks))
    assert_same(dense.state.values, labeled.state.values)


@pytest.mark.parametrize("baseline", BASELINES)
def test_dense_ids_equal_labels_for_baselines(baseline: Callable[..., Tensor]) -> None:
    assert_same(baseline(*numbered(1), num_groups=G, num_tasks=K), baseline(*seeded(1, 8 * G)))


@pytest.mark.parametrize("baseline", BASELINES)
def test_baselines_without_tasks(baseline: Callable[..., Tensor]) -> None:
    rewards, groups, _ = numbered(1)
    assert_same(baseline(rewards, groups, num_groups=G), baseline(rewards, groups))


def test_numbers_are_their_own_labels_without_names() -> None:
    estimator = EmaGrpo()
    estimator(*numbered(0), num_groups=G, num_tasks=K)
    assert estimator.state.labels == (0, 1, 2)


def test_fewer_tasks_than_names_leave_the_rest_alone() -> None:
    estimator = EmaGrpo(task_names=(*TASKS, "unused"))
    estimator(*numbered(0), num_groups=G, num_tasks=K)
    assert estimator.state.seen.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert set(estimator.statistics()) == set(TASKS)


def test_labels_and_numbers_may_alternate() -> None:
    mixed, labeled = EmaGrpo(task_names=TASKS), EmaGrpo()
    mixed(*seeded(0, 8 * G))
    mixed(torch.tensor([0.0, 1.0], dtype=torch.float64), [0, 0], ["extra", "extra"])
    labeled(*seeded(0, 8 * G))
    advantages = mixed(*numbered(1), num_groups=G, num_tasks=K)
    assert_same(advantages, labeled(*seeded(1, 8 * G)))
    assert mixed.state.labels == (*TASKS, "extra")


def test_numbers_after_labels_go_to_the_front() -> None:
    estimator = EmaGrpo()
    estimator(torch.tensor([0.0, 1.0]), [0, 0], ["extra", "extra"])
    estimator(*numbered(0), num_groups=G, num_tasks=K)
    assert estimator.state.labels == (0, 1, 2, "extra")
    assert estimator.state.first[3] == 0.5


def test_an_empty_batch_of_dense_ids() -> None:
    assert EmaGrpo()(torch.zeros(0), [], [], num_groups=1, num_tasks=1).shape == (0,)


def test_a_mask_needs_no_look_at_the_host_either() -> None:
    rewards, groups, tasks = numbered(0)
    mask = torch.arange(8 * G) % 3 > 0
    kept = mask.nonzero()[:, 0]
    advantages = EmaGrpo()(rewards, groups, tasks, mask=mask, num_groups=G, num_tasks=K)
    assert_same(advantages[kept], EmaGrpo()(rewards[kept], groups[kept], tasks[kept]))
    assert not advantages[~mask].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_input_gives_the_same_bits(dtype: torch.dtype) -> None:
    rewards, groups, tasks = seeded(0, 80_000, dtype)
    codes = torch.tensor([TASKS.index(task) for task in tasks])
    first, second = ([], [])
    for results in (first, second):
        estimator = EmaGrpo()
        results += [estimator(rewards, groups, codes, num_groups=10_000, num_tasks=K), estimator.state.values]
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


# Compiled and captured


@pytest.mark.parametrize("guard", GUARDS)
def test_one_graph_without_a_break(guard) -> None:
    """The whole call is one graph; run by the ahead-of-time backend, which needs no compiler."""
    eager, traced = EmaGrpo(guard=guard, task_names=TASKS), EmaGrpo(guard=guard, task_names=TASKS)
    call = torch.compile(lambda *rows: traced(*rows, num_groups=G, num_tasks=K), fullgraph=True, backend="aot_eager")
    for seed in range(3):
        assert_same(call(*numbered(seed)), eager(*numbered(seed), num_groups=G, num_tasks=K))
    assert_same(traced.state.values, eager.state.values)
    assert traced.statistics() == {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # PyTorch's own
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_compiled_equals_eager() -> None:
    eager, compiled = EmaGrpo(task_names=TASKS), EmaGrpo(task_names=TASKS)
    call = torch.compile(lambda *rows: compiled(*rows, num_groups=G, num_tasks=K), fullgraph=True)
    for seed in range(3):
        assert_same(call(*numbered(seed)), eager(*numbered(seed), num_groups=G, num_tasks=K))
    assert_same(compiled.state.values, eager.state.values)


@pytest.mark.gpu
@pytest.mark.parametrize("guard", GUARDS)
def test_a_captured_graph_replays_step_after_step(guard) -> None:
    eager, captured = EmaGrpo(guard=guard, task_names=TASKS), EmaGrpo(guard=guard, task_names=TASKS)
    static = [column.clone() for column in numbered(0, device="cuda")]
    fresh = captured.state_dict()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        captured(*static, num_groups=G, num_tasks=K)  # warm-up: allocations, and the state moves to the device
    torch.cuda.synchronize()
    captured.load_state_dict(fresh)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        advantages = captured(*static, num_groups=G, num_tasks=K)
    for seed in range(3):
        for column, new in zip(static, numbered(seed, device="cuda"), strict=True):
            column.copy_(new)
        graph.replay()
        assert_same(advantages, eager(*numbered(seed, device="cuda"), num_groups=G, num_tasks=K))
    assert_same(captured.state.values, eager.state.values)


@pytest.mark.gpu
@pytest.mark.parametrize("guard", GUARDS)
def test_no_synchronization_with_the_host(guard) -> None:
    estimator, batch = EmaGrpo(guard=guard, task_names=TASKS), numbered(0, device="cuda")
    estimator(*batch, num_groups=G, num_tasks=K)
    torch.cuda.set_sync_debug_mode("error")
    try:
        estimator(*batch, num_groups=G, num_tasks=K)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_gpu_equals_the_cpu(dtype: torch.dtype) -> None:
    on_gpu, on_cpu = EmaGrpo(task_names=TASKS), EmaGrpo(task_names=TASKS)
    for seed in range(3):
        advantages = on_gpu(*numbered(seed, dtype, "cuda"), num_groups=G, num_tasks=K)
        expected = on_cpu(*numbered(seed, dtype), num_groups=G, num_tasks=K)
        torch.testing.assert_close(advantages.cpu(), expected, atol=1e-6, rtol=1e-6)
        again = EmaGrpo(task_names=TASKS)
        again.load_state_dict(on_gpu.state_dict())
    assert on_gpu.state.values.is_cuda


@pytest.mark.gpu
def test_the_compiled_scalar_part_takes_at_most_twelve_kernels() -> None:
    from torch.profiler import ProfilerActivity, profile

    estimator = EmaGrpo(task_names=TASKS)
    call = torch.compile(lambda *rows: estimator(*rows, num_groups=G, num_tasks=K), fullgraph=True)
    batch = numbered(0, torch.float32, "cuda")
    for _ in range(3):
        call(*batch)
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        call(*batch)
        torch.cuda.synchronize()
    on_device = [event for event in recorded.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    kernels = [event for event in on_device if not event.name.startswith("Memset")]
    assert len(kernels) <= 12, [event.name for event in kernels]


# Mistakes


def test_ids_out_of_range_are_named_on_a_cpu() -> None:
    rewards, groups, tasks = numbered(0)
    with pytest.raises(ArgumentError, match=r"groups: dense ids must lie in 0…10, got 0…11"):
        EmaGrpo()(rewards, groups, tasks, num_groups=G - 1, num_tasks=K)
    with pytest.raises(ArgumentError, match=r"tasks: dense ids must lie in 0…1, got 0…2"):
        EmaGrpo()(rewards, groups, tasks, num_groups=G, num_tasks=K - 1)
    with pytest.raises(ArgumentError, match=r"groups: dense ids must lie in 0…11, got -1…10"):
        EmaGrpo()(rewards, groups - 1, tasks, num_groups=G, num_tasks=K)


def damaged(groups: Tensor, tasks: Tensor, wrong: str) -> tuple[Tensor, Tensor]:
    """Put one id out of range; group G of task 0 would be the place of group 0 of task 1."""
    row = int((tasks == 0).nonzero()[0])
    groups, tasks = groups.clone(), tasks.clone()
    if wrong == "groups":
        groups[row] = G
    else:
        tasks[row] = -1
    return groups, tasks


@pytest.mark.parametrize("wrong", ["groups", "tasks"])
def test_ids_out_of_range_never_reach_another_group_when_compiled(wrong: str) -> None:
    estimator = EmaGrpo(task_names=TASKS)
    call = torch.compile(lambda *rows: estimator(*rows, num_groups=G, num_tasks=K), fullgraph=True, backend="aot_eager")
    rewards, groups, tasks = numbered(0)
    bad = damaged(groups, tasks, wrong)
    with pytest.raises((RuntimeError, IndexError), match="out of"):
        call(rewards, *bad)


@pytest.mark.parametrize("wrong", ["groups", "tasks"])
def test_ids_out_of_range_stop_the_kernel_where_they_are_not_looked_at(
    wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of a GPU, taken on a CPU: the scatter itself refuses the index."""
    monkeypatch.setattr("torch.compiler.is_compiling", lambda: True)
    rewards, groups, tasks = numbered(0)
    assert_same(
        EmaGrpo()(rewards, groups, tasks, num_groups=G, num_tasks=K), EmaGrpo(task_names=TASKS)(*seeded(0, 8 * G))
    )
    bad = damaged(groups, tasks, wrong)
    with pytest.raises((RuntimeError, IndexError), match="out of"):
        EmaGrpo()(rewards, *bad, num_groups=G, num_tasks=K)


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("variance", ["total", "within_group"])
def test_nothing_is_read_back_from_the_device(guard, variance: str) -> None:
    """A tensor on the device "meta" has no values, so reading one raises; the state moves to the rewards' device."""
    estimator = EmaGrpo(guard=guard, variance=variance, task_names=TASKS)
    advantages = estimator(*(column.to("meta") for column in numbered(0)), num_groups=G, num_tasks=K)
    assert advantages.is_meta
    assert advantages.shape == (8 * G,)
    assert estimator.state.values.is_meta
    assert estimator.state.seen.is_meta


def test_dense_ids_must_be_whole_numbers() -> None:
    rewards, groups, tasks = numbered(0)
    with pytest.raises(ArgumentError, match="groups: dense ids must be integers"):
        EmaGrpo()(rewards, groups.float(), tasks, num_groups=G, num_tasks=K)


def test_tasks_without_groups_are_no_promise() -> None:
    with pytest.raises(ArgumentError, match="num_groups: missing"):
        grpo(torch.zeros(2), [0, 0], num_tasks=1)


def test_dense_ids_leave_no_room_for_families() -> None:
    with pytest.raises(ArgumentError, match="task_key"):
        EmaGrpo(task_key={"a": "b"})(*numbered(0), num_groups=G, num_tasks=K)


def test_more_tasks_than_names() -> None:
    with pytest.raises(ArgumentError, match="num_tasks: 3 is more than the 2 task_names"):
        EmaGrpo(task_names=TASKS[:2])(*numbered(0), num_groups=G, num_tasks=K)


def test_the_scaler_takes_dense_tasks() -> None:
    rewards, _, tasks = numbered(0)
    labels = seeded(0, 8 * G)[2]
    assert_same(EmaRewardScaler(task_names=TASKS)(rewards, tasks, num_tasks=K), EmaRewardScaler()(rewards, labels))
