"""N ranks equal one process on the joined batch; nobody waits for ever."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist

from onethinker_rewards import advantage
from onethinker_rewards.advantage import EmaGrpo, EmaRewardScaler
from onethinker_rewards.errors import ArgumentError
from tests.advantage import team
from tests.advantage.batches import TASKS, assert_same, seeded
from tests.advantage.team import Team

STEPS = 3
ROWS = 96


@pytest.fixture(scope="module", params=[2, 4])
def ranks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    crew = Team(request.param, tmp_path_factory.mktemp("ranks"))
    yield crew
    crew.close()


def joined_steps(count: int = STEPS, *, broken: bool = True) -> list[tuple[list[float], list[int], list[str]]]:
    steps = []
    for seed in range(count):
        rewards, groups, tasks = seeded(seed, ROWS)
        values = rewards.tolist()
        if broken:
            values[5], values[17] = math.nan, math.inf
        steps.append((values, groups.tolist(), tasks))
    return steps


def shares(steps: list[tuple], world: int, *, span: bool) -> list[list[list[int]]]:
    """Rows of each rank at each step: uneven, whole groups unless they may span; rank 0 has none at the second."""
    chosen = []
    for number, (_, groups, _) in enumerate(steps):
        draw = random.Random(number)
        home = {group: draw.randrange(world) for group in sorted(set(groups))}
        owner = [draw.randrange(world) if span else home[group] for group in groups]
        if number == 1:
            owner = [max(1, rank) for rank in owner]
        chosen.append([[row for row, rank in enumerate(owner) if rank == mine] for mine in range(world)])
    return chosen


def cut(steps: list[tuple], rows: list[list[list[int]]], rank: int) -> list[tuple]:
    return [
        tuple([column[row] for row in part[rank]] for column in step) for step, part in zip(steps, rows, strict=True)
    ]


def same(expected: list[float]) -> list[float]:
    return pytest.approx(expected, rel=1e-12, abs=1e-12)


def assemble(results: list[dict], rows: list[list[list[int]]], step: int) -> list[float]:
    size = sum(map(len, rows[step]))
    joined = [math.nan] * size
    for rank, result in enumerate(results):
        for row, value in zip(rows[step][rank], result["advantages"][step], strict=True):
            joined[row] = value
    return joined


OPTIONS = {
    "default": {},
    "group_std": {"guard": "group_std", "guard_limit": 1.2},
    "within_group": {"variance": "within_group"},
    "after_use": {"update_first": False, "decay": 0.7},
}


@pytest.mark.parametrize("span", [False, True], ids=["whole_groups", "groups_span_ranks"])
@pytest.mark.parametrize("dense", [False, True], ids=["labels", "dense"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_ranks_equal_one_process(ranks: Team, options: dict, dense: bool, span: bool) -> None:
    steps, counts = joined_steps(), None
    if dense:
        counts = {"num_groups": ROWS // 8, "num_tasks": len(TASKS)}
        steps = [(rewards, groups, [TASKS.index(task) for task in tasks]) for rewards, groups, tasks in steps]
    rows = shares(steps, ranks.world, span=span)
    shared = options | {"groups_span_ranks": span}
    results = ranks.run(team.ema, [(cut(steps, rows, rank), shared, "float64", counts) for rank in range(ranks.world)])
    alone = EmaGrpo(**options)
    for number, (rewards, groups, tasks) in enumerate(steps):
        expected = alone(torch.tensor(rewards, dtype=torch.float64), groups, tasks, **counts or {}).tolist()
        assert assemble(results, rows, number) == same(expected)
    moments = {label: pair for label, *pair in zip(alone.state.labels, *alone.state.values.tolist(), strict=True)}
    for result in results:
        assert result["labels"] == results[0]["labels"]
        assert result["values"] == results[0]["values"]
        for label, *pair in zip(result["labels"], *result["values"], strict=True):
            assert pair == same(moments[label])


def test_float32_ranks_equal_one_process(ranks: Team) -> None:
    steps = joined_steps()
    rows = shares(steps, ranks.world, span=False)
    results = ranks.run(team.ema, [(cut(steps, rows, rank), {}, "float32") for rank in range(ranks.world)])
    alone = EmaGrpo()
    for number, (rewards, groups, tasks) in enumerate(steps):
        expected = alone(torch.tensor(rewards, dtype=torch.float32), groups, tasks)
        torch.testing.assert_close(torch.tensor(assemble(results, rows, number)), expected, atol=1e-6, rtol=1e-6)


def test_ranks_that_hold_different_tasks(ranks: Team) -> None:
    """Each rank has a task of its own, and none has a row at the last step."""
    steps = [
        [([0.0, 1.0 + rank], [0, 0], [f"task-{rank}"] * 2), ([2.0, 3.0], [0, 0], ["shared"] * 2), ([], [], [])]
        for rank in range(ranks.world)
    ]
    # A group of the same name on two ranks is two groups here: they do not span ranks.
    results = ranks.run(team.ema, [(own, {}) for own in steps])
    for rank, result in enumerate(results):
        assert set(result["labels"]) == {*(f"task-{other}" for other in range(ranks.world)), "shared"}
        assert result["labels"] == results[0]["labels"]
        assert result["advantages"][0] == pytest.approx([-1.0, 1.0], abs=1e-5)
        assert result["advantages"][1] == pytest.approx([-1.0, 1.0], abs=1e-5)
        assert result["advantages"][2] == []
        assert result["values"][0][result["labels"].index(f"task-{rank}")] == (1.0 + rank) / 2


def test_a_group_that_spans_ranks_has_one_mean(ranks: Team) -> None:
    steps = [[([float(rank)], ["g"], ["a"])] for rank in range(ranks.world)]
    spanning = ranks.run(team.ema, [(own, {"groups_span_ranks": True, "eps": 0.0}) for own in steps])
    apart = ranks.run(team.ema, [(own, {"eps": 0.0}) for own in steps])
    center = (ranks.world - 1) / 2
    spread = math.sqrt((ranks.world**2 - 1) / 12)
    for rank in range(ranks.world):
        assert spanning[rank]["advantages"][0] == pytest.approx([(rank - center) / spread], abs=1e-12)
        assert apart[rank]["advantages"][0] == [0.0]


def test_the_scaler_over_ranks(ranks: Team) -> None:
    steps = joined_steps(broken=False)
    rows = shares(steps, ranks.world, span=True)
    results = ranks.run(team.scaler, [(cut(steps, rows, rank),) for rank in range(ranks.world)])
    alone = EmaRewardScaler()
    for number, (rewards, _, tasks) in enumerate(steps):
        expected = alone(torch.tensor(rewards, dtype=torch.float64), tasks).tolist()
        assert assemble(results, rows, number) == same(expected)


BASELINES = "grpo dr_grpo rloo batch_std task_batch_std reinforce_plus_plus_baseline gdpo".split()


@pytest.mark.parametrize("span", [False, True], ids=["whole_groups", "groups_span_ranks"])
@pytest.mark.parametrize("name", BASELINES)
def test_baselines_over_ranks(ranks: Team, name: str, span: bool) -> None:
    rewards, groups, tasks = joined_steps(1)[0]
    values = [[value, value**2] for value in rewards] if name == "gdpo" else rewards
    rows = shares([(values, groups, tasks)], ranks.world, span=span)
    each = [cut([(values, groups, tasks)], rows, rank)[0] for rank in range(ranks.world)]
    results = ranks.run(team.baseline, [(name, own, {"groups_span_ranks": span}) for own in each])
    expected = getattr(advantage, name)(torch.tensor(values, dtype=torch.float64), groups, tasks).tolist()
    assert assemble([{"advantages": [result]} for result in results], rows, 0) == same(expected)


def test_none_never_communicates(ranks: Team) -> None:
    answers = ranks.run(team.only_rank_zero, [(joined_steps(1)[0],)] * ranks.world)
    assert len(answers[0]) == ROWS
    assert answers[1:] == [None] * (ranks.world - 1)


def test_none_calls_nothing_of_torch_distributed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("all_reduce", "all_gather", "all_gather_object", "broadcast", "barrier", "get_world_size"):
        monkeypatch.setattr(dist, name, lambda *_, **__: pytest.fail("communicated"))
    rewards, groups, tasks = seeded(0)
    for estimator in (EmaGrpo(), EmaGrpo(groups_span_ranks=True), EmaGrpo(guard="group_std", variance="within_group")):
        estimator(rewards, groups, tasks)
        estimator.statistics()
    for name in BASELINES[:-1]:
        getattr(advantage, name)(rewards, groups, tasks)


def test_statistics_are_one_ranks_own_business(ranks: Team) -> None:
    step = joined_steps(1)[0]
    rows = shares([step], ranks.world, span=True)
    answers = ranks.run(team.statistics_on_rank_zero, [(cut([step], rows, rank)[0],) for rank in range(ranks.world)])
    assert sum(of_task.rows for of_task in answers[0].values()) <= len(rows[0][0])


def test_ranks_cannot_be_ranked_apart() -> None:
    with pytest.raises(ArgumentError, match="process_group: g2rpo"):
        advantage.g2rpo(torch.zeros(2), [0, 0], process_group=object())


@pytest.mark.gpu
def test_nccl_equals_one_process(tmp_path) -> None:
    """As many ranks as there are devices, one on a machine with one."""
    from tests.advantage.team_nccl import run_nccl

    steps = joined_steps(broken=False)
    world = torch.cuda.device_count()
    rows = shares(steps, world, span=True)
    results = run_nccl([cut(steps, rows, rank) for rank in range(world)], tmp_path)
    alone = EmaGrpo()
    for number, (rewards, groups, tasks) in enumerate(steps):
        expected = alone(torch.tensor(rewards, dtype=torch.float64), groups, tasks).tolist()
        assert assemble(results, rows, number) == same(expected)


@pytest.fixture
def lonely(tmp_path) -> Iterator[None]:
    """A process group of this process alone."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'rendezvous'}", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize("span", [False, True], ids=["whole_groups", "groups_span_ranks"])
@pytest.mark.usefixtures("lonely")
def test_a_rank_of_its_own_equals_no_rank(span: bool) -> None:
    rewards, groups, tasks = seeded(0)
    own = EmaGrpo(process_group=dist.group.WORLD, groups_span_ranks=span)
    assert_same(own(rewards, groups, tasks), EmaGrpo()(rewards, groups, tasks))
