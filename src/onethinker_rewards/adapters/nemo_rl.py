"""An environment for NeMo RL.

In the script of a run, before it makes its environments:

    from onethinker_rewards.adapters import nemo_rl

    nemo_rl.register()

and in the configuration ``env: {onethinker: {recipe: paper}}``, with ``env_name: onethinker`` for the data.
"""

# NeMo RL is not installed where types are checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from onethinker_rewards.adapters._shared import Info, RowScorer, Settings, checked_totals, extra_info
from onethinker_rewards.adapters._shared import log_items as log_items
from onethinker_rewards.adapters.columns import Row
from onethinker_rewards.errors import ArgumentError

NAME = "onethinker"
_FROM_CONFIG = ("recipe", "dialect", "reference_dialect", "workers")


def make_reward(**settings: Unpack[Settings]) -> type[Any]:
    """Return an environment class: one turn, rewarded by the total. NeMo RL runs it as a Ray actor.

    The columns are the row's ``extra_env_info``. `OneThinkerEnvironment` of this module is the actor with the default
    settings.

    Args:
        settings: Those of `RowScorer`; ``recipe``, ``dialect``, ``reference_dialect`` and ``workers`` of the
            configuration override them.
    """
    from nemo_rl.environments.interfaces import EnvironmentInterface, EnvironmentReturn  # noqa: PLC0415

    class OneThinkerEnvironment(EnvironmentInterface):
        """One answer, one reward."""

        def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
            chosen: dict[str, Any] = {**settings}
            chosen |= {name: value for name, value in (cfg or {}).items() if name in _FROM_CONFIG}
            self._scorer = RowScorer(**chosen)
            self._infos: list[Info] = []

        def step(self, message_log_batch: Sequence[Sequence[Mapping[str, Any]]], metadata: Sequence[Row]) -> Any:
            """Reward the last answers; what `RowScorer.score` raises stops the run."""
            import torch  # noqa: PLC0415 - the adapter is imported without torch

            texts = [_response_of(log, row) for row, log in enumerate(message_log_batch)]
            self._infos = extra_info(self._scorer.score_rows(texts, metadata))
            count = len(self._infos)
            return EnvironmentReturn(
                observations=[{"role": "environment", "content": ""} for _ in range(count)],
                metadata=list(metadata),
                next_stop_strings=[None] * count,
                rewards=torch.tensor(checked_totals(self._infos), dtype=torch.float32),
                terminateds=torch.ones(count, dtype=torch.bool),
                answers=None,
            )

        def global_post_process_and_metrics(self, batch: object) -> tuple[object, dict[str, float]]:
            """Return the batch unchanged, and the curves of each task in the last step."""
            return batch, log_items(self._infos)

        def shutdown(self) -> None:
            """End the environment's own worker processes."""
            self._scorer.close()

    return OneThinkerEnvironment


def register(name: str = NAME, path: str = f"{__name__}.OneThinkerEnvironment") -> None:
    """Register the environment with NeMo RL, to run in the Python that NeMo RL itself runs in.

    Args:
        name: Its name in ``env`` and ``env_name`` of the configuration.
        path: The import path of the actor's class; for other settings ``ray.remote(make_reward(...))`` in your module.
    """
    from nemo_rl.distributed.ray_actor_environment_registry import ACTOR_ENVIRONMENT_REGISTRY  # noqa: PLC0415
    from nemo_rl.distributed.virtual_cluster import PY_EXECUTABLES  # noqa: PLC0415
    from nemo_rl.environments.utils import register_env  # noqa: PLC0415

    register_env(name, path)
    # NeMo RL refuses an actor without a registered Python.
    ACTOR_ENVIRONMENT_REGISTRY[path] = PY_EXECUTABLES.SYSTEM


def _response_of(log: Sequence[Mapping[str, Any]], row: int) -> str:
    for message in reversed(log):
        if message["role"] == "assistant":
            return message["content"]
    raise ArgumentError(f"message_log_batch: no message of the assistant in row {row}")


def __getattr__(name: str) -> object:
    # Created when NeMo RL asks for it, because its base class is NeMo RL's, and as an actor of Ray.
    if name == "OneThinkerEnvironment":
        import ray  # noqa: PLC0415

        globals()[name] = ray.remote(make_reward())
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
