"""An environment for NeMo RL.

In the script of a run, before it makes its environments:

    from onethinker_rewards.adapters import nemo_rl

    nemo_rl.register()

and in the configuration ``env: {onethinker: {recipe: paper}}``, with ``env_name: onethinker`` for the data.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from onethinker_rewards.adapters.gather import whole_totals
from onethinker_rewards.adapters.logs import extra_info, log_items
from onethinker_rewards.adapters.scoring import RowScorer
from onethinker_rewards.errors import ArgumentError

__all__ = ["NAME", "log_items", "make_reward", "register"]

NAME = "onethinker"

_ASSISTANT = "assistant"
_SETTINGS = ("recipe", "workers")


def make_reward(**settings: Any) -> type[Any]:
    """Return an environment class: one turn, rewarded by the total. NeMo RL runs it as a Ray actor.

    The columns are the row's ``extra_env_info``. `OneThinkerEnvironment` of this module is the actor with the default
    settings.

    Args:
        settings: Those of `RowScorer`; ``recipe`` and ``workers`` of the configuration win over them.
    """
    interfaces: Any = importlib.import_module("nemo_rl.environments.interfaces")

    class OneThinkerEnvironment(interfaces.EnvironmentInterface):  # pyright: ignore[reportUntypedBaseClass]
        """One answer, one reward."""

        def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
            given = {name: value for name, value in (cfg or {}).items() if name in _SETTINGS}
            self._scorer = RowScorer(**{**settings, **given})
            self._rows: list[dict[str, Any]] = []

        def step(self, message_log_batch: Sequence[Any], metadata: Sequence[Mapping[str, Any]]) -> Any:
            """Reward the last answers; errors are those of `RowScorer.score`, and the run stops."""
            import torch  # noqa: PLC0415 - the adapter is imported without torch

            texts = [_response_of(log, place) for place, log in enumerate(message_log_batch)]
            self._rows = extra_info(self._scorer.score_rows(texts, metadata))
            count = len(self._rows)
            return interfaces.EnvironmentReturn(
                observations=[{"role": "environment", "content": ""} for _ in range(count)],
                metadata=list(metadata),
                next_stop_strings=[None] * count,
                rewards=torch.tensor(whole_totals(self._rows), dtype=torch.float32),
                terminateds=torch.ones(count, dtype=torch.bool),
                answers=None,
            )

        def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, float]]:
            """Leave the batch as it is, and return the curves of each task in the last step."""
            return batch, log_items(self._rows)

        def shutdown(self) -> None:
            """End worker processes of its own."""
            self._scorer.close()

    return OneThinkerEnvironment


def register(name: str = NAME, path: str = f"{__name__}.OneThinkerEnvironment") -> None:
    """Tell NeMo RL the environment, and that it runs in the Python that NeMo RL itself runs in.

    Args:
        name: What ``env`` and ``env_name`` of the configuration call it.
        path: Where the actor's class stands; one of your own is ``ray.remote(make_reward(...))`` in a module of yours.
    """
    importlib.import_module("nemo_rl.environments.utils").register_env(name, path)
    # An actor whose Python is not told is refused.
    python: str = importlib.import_module("nemo_rl.distributed.virtual_cluster").PY_EXECUTABLES.SYSTEM
    registry: Any = importlib.import_module("nemo_rl.distributed.ray_actor_environment_registry")
    registry.ACTOR_ENVIRONMENT_REGISTRY[path] = python


def _response_of(log: Sequence[Mapping[str, Any]], place: int) -> str:
    for message in reversed(log):
        if message["role"] == _ASSISTANT:
            return message["content"]
    raise ArgumentError(f"message_log_batch: no message of the assistant in row {place}")


def __getattr__(name: str) -> Any:
    # Made when NeMo RL looks for it: its base class is NeMo RL's, and it takes an actor.
    if name == "OneThinkerEnvironment":
        ray: Any = importlib.import_module("ray")
        globals()[name] = ray.remote(make_reward())
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
