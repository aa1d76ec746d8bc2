"""What of NeMo RL touches an adapter, written anew: the package on the index is empty.

From NVIDIA-NeMo/RL 0.5.0: `nemo_rl/environments/interfaces.py` (``EnvironmentReturn``, ``EnvironmentInterface``),
`nemo_rl/environments/utils.py` (``register_env``, ``create_env``), `nemo_rl/distributed/virtual_cluster.py`
(``PY_EXECUTABLES``), `nemo_rl/distributed/ray_actor_environment_registry.py` and `nemo_rl/experience/rollouts.py`
(``calculate_rewards``).
"""

from __future__ import annotations

import abc
import importlib
from typing import Any, NamedTuple

import torch


class EnvironmentReturn(NamedTuple):
    observations: list[dict[str, str]]
    metadata: list[Any]
    next_stop_strings: list[list[str] | None]
    rewards: torch.Tensor
    terminateds: torch.Tensor
    answers: list[str | None] | None = None


class EnvironmentInterface(abc.ABC):
    @abc.abstractmethod
    def step(self, message_log_batch: list[Any], metadata: list[Any]) -> EnvironmentReturn: ...

    @abc.abstractmethod
    def global_post_process_and_metrics(self, batch: Any) -> tuple[Any, dict[str, Any]]: ...


class Actor:
    """A class made remote by `ray.remote`, but run in this process."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def options(self, **_: Any) -> Actor:
        return self

    def remote(self, *arguments: Any, **named: Any) -> Any:
        made = self._wrapped(*arguments, **named)
        return Actor(made) if isinstance(self._wrapped, type) else made

    def __getattr__(self, name: str) -> Actor:
        return Actor(getattr(self._wrapped, name))


class PY_EXECUTABLES:  # noqa: N801 - its name in NeMo RL
    SYSTEM = "python"


ENV_REGISTRY: dict[str, str] = {}
ACTOR_ENVIRONMENT_REGISTRY: dict[str, str] = {}


def register_env(env_name: str, actor_class_fqn: str) -> None:
    if env_name in ENV_REGISTRY:
        raise ValueError(f"Env name {env_name} already registered")
    ENV_REGISTRY[env_name] = actor_class_fqn


def create_env(env_name: str, env_configs: dict[str, dict[str, Any]]) -> Any:
    """Find the actor's class by its name, and start it with its part of the configuration."""
    path = ENV_REGISTRY[env_name]
    module, _, name = path.rpartition(".")
    if path not in ACTOR_ENVIRONMENT_REGISTRY:
        raise ValueError(f"No actor environment registered for {path}.")
    # With a Python of another environment Ray would install it; the one that runs is enough here.
    return getattr(importlib.import_module(module), name).options(runtime_env={}).remote(env_configs[env_name])


def calculate_rewards(message_logs: list[Any], extra_env_info: list[Any], env: Any) -> torch.Tensor:
    """Ask the environment once for all rows of its task, and take its answer apart."""
    stripped = [[{key: turn[key] for key in ("role", "content")} for turn in log] for log in message_logs]
    observations, metadata, stop_strings, rewards, terminateds, answers = env.step.remote(stripped, extra_env_info)
    rows = range(len(message_logs))
    assert all(observations[row]["content"] is not None and terminateds[row] for row in rows)
    assert [metadata[row] for row in rows] == extra_env_info
    assert [stop_strings[row] for row in rows] == [None] * len(message_logs)
    assert answers is None
    return torch.stack([rewards[row] for row in rows])
