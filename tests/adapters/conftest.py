"""What tests of adapters share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="module")
def ray_cluster() -> None:
    """A local Ray, which takes seconds to start: it stays for the tests that come, and ends with the process."""
    import ray

    # Ray shall not report its use.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not ray.is_initialized():
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
