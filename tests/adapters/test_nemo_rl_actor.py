"""The environment as what NeMo RL makes of it: an actor of Ray, which is real here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import onethinker_rewards as otr
from onethinker_rewards.adapters.nemo_rl import make_reward
from tests.adapters import nemo_rl_stand_in
from tests.adapters.nemo_rl_stand_in import calculate_rewards
from tests.adapters.rows import framework, shared_rows

framework("ray")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
    pytest.mark.filterwarnings(r"ignore::FutureWarning:ray\."),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Waiting:
    """An actor whose calls wait for their results."""

    def __init__(self, actor: Any) -> None:
        self.step = self
        self._actor = actor

    def remote(self, *arguments: Any) -> Any:
        import ray

        return ray.get(self._actor.step.remote(*arguments))


@pytest.fixture(scope="module")
def env(ray_cluster: None) -> Iterator[Waiting]:
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "nemo_rl.environments.interfaces", nemo_rl_stand_in)
        yield Waiting(ray.remote(make_reward()).remote({}))


def logs(responses: list[str]) -> list[Any]:
    return [[{"role": "user", "content": "?"}, {"role": "assistant", "content": text}] for text in responses]


def test_the_shared_rows_get_the_totals_of_score(env: Waiting) -> None:
    rows = shared_rows()
    rewards = calculate_rewards(logs(rows.responses), rows.mappings(), env)
    assert torch.equal(rewards, torch.tensor(rows.batch().total).float())


def test_an_error_of_ours_comes_out_of_the_actor(env: Waiting) -> None:
    with pytest.raises(otr.BadReferenceError, match="row 0"):
        calculate_rewards(logs(["<answer>1</answer>"]), [{"task": "numerical", "reference": "one"}], env)
