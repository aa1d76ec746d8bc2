"""Whether a Ray cluster that was started elsewhere has what a run needs: verl would wait for it without an end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from onethinker_rewards.trainer.config.reading import Settings
from onethinker_rewards.trainer.config.rl import RlSettings

__all__ = ["cluster_faults"]


_SECONDS = 5.0


def cluster_faults(settings: Settings) -> Iterator[str]:
    """Yield what the cluster lacks; connects to it, and leaves it again, if the run needs one."""
    run, address = settings.run, os.environ.get("RAY_ADDRESS", "")
    if not isinstance(settings, RlSettings) or run.device == "cpu" or (run.nodes == 1 and not address):
        return
    if ":" in address and not _answers(address):
        yield f"RAY_ADDRESS: nothing answers at {address}"
        return
    ray: Any = import_module("ray")
    try:
        # The address is that of RAY_ADDRESS, or of the cluster that was started on this machine.
        ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        why = str(error).partition("\n")[0]
        yield f"run.nodes: no Ray cluster for {run.nodes} nodes; run `ray start` on each first ({why})"
        return
    try:
        counts = [int(node["Resources"].get("GPU", 0)) for node in ray.nodes() if node["Alive"]]
    finally:
        ray.shutdown()
    # As verl does: whole nodes, each with so many GPUs.
    found = sum(count >= run.gpus_per_node for count in counts)
    if found < run.nodes:
        yield f"run.nodes: {run.nodes} of {run.gpus_per_node} GPUs wanted, {found} in the Ray cluster"


def _answers(address: str) -> bool:
    """Tell whether anyone listens there: Ray tries for minutes."""
    try:
        place = urlsplit(address if "//" in address else f"//{address}")
        socket.create_connection((place.hostname or "", place.port or 0), timeout=_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True
