"""What a Ray cluster may lack."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from onethinker_rewards.trainer.config import read_config
from onethinker_rewards.trainer.preflight import cluster_faults
from tests.adapters.stand_ins import stand_in

Calls = list[str]


def faults(config: str, *changes: str) -> list[str]:
    run = read_config(config, changes)
    return list(cluster_faults(run.options, run.verl))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for a cluster whose nodes have so many GPUs; a negative number is a node that is lost."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def of(*gpus: int, fails: Exception | None = None) -> Calls:
        calls: Calls = []
        nodes = [
            {"Alive": count >= 0, "Resources": {"CPU": 4.0} | ({"GPU": float(abs(count))} if count else {})}
            for count in gpus
        ]

        def init(**settings: Any) -> None:
            calls.append(settings["address"])
            if fails is not None:
                raise fails

        stand_in(monkeypatch, "ray", init=init, nodes=lambda: nodes, shutdown=lambda: calls.append("left"))
        return calls

    return of


def test_a_cluster_that_has_all_is_left_again(cluster: Any) -> None:
    calls = cluster(8, 8, 8, 8)
    assert faults("h800-4x8") == []
    assert calls == ["auto", "left"]


@pytest.mark.parametrize(
    ("gpus", "found"), [((8, 8, 8), 3), ((8, 8, 8, 4, 4), 3), ((0, 16, 16), 2), ((8, 8, 8, -8), 3), ((), 0)]
)
def test_too_few_nodes(cluster: Any, gpus: tuple[int, ...], found: int) -> None:
    cluster(*gpus)
    assert faults("h800-4x8") == [f"trainer.nnodes: 4 of 8 GPUs wanted, {found} in the Ray cluster"]


def test_no_cluster(cluster: Any) -> None:
    cluster(fails=ConnectionError("Could not find any running Ray instance.\nMore."))
    (said,) = faults("h800-4x8")
    assert said.endswith("for 4 nodes; run `ray start` on each first (Could not find any running Ray instance.)")


def test_one_node_starts_its_own(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = cluster()
    assert faults("h800-1x8") == []
    assert faults("h800-4x8", "trainer.device=cpu") == []
    assert faults("sft-h800-1x8") == []
    assert calls == []


def test_fine_tuning_on_several_nodes_is_not_started_from_one(cluster: Any) -> None:
    calls = cluster()
    (said,) = faults("sft-h800-4x8")
    assert said.startswith("trainer.nnodes: fine-tuning on 4 nodes is started with torchrun on each of them")
    assert calls == []


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_one_node_of_a_cluster(cluster: Any, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    cluster(4)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("RAY_ADDRESS", f"{scheme}127.0.0.1:{server.getsockname()[1]}")
        assert faults("h800-1x8") == ["trainer.nnodes: 1 of 8 GPUs wanted, 0 in the Ray cluster"]
        assert faults("h800-1x8", "trainer.n_gpus_per_node=4") == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "no.such.host.invalid:6379", "a:b", ":"])
def test_an_address_where_nobody_is(cluster: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    calls = cluster(8, 8, 8, 8)
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert faults("h800-4x8") == [f"RAY_ADDRESS: nothing answers at {address}"]
    assert calls == []
