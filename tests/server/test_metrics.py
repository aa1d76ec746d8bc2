"""What Prometheus gets, where that needs no server; what is counted is in test_gate and test_run."""

from __future__ import annotations

from pathlib import Path

import pytest

from onethinker_rewards.server.metrics import Metrics


def test_several_processes_are_read_from_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    metrics.add_seconds("/score", 1.0)
    assert b'onethinker_request_seconds_count{path="/score"} 1.0' in metrics.text()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    # No process has written into it.
    assert metrics.text() == b""


def test_what_the_scorer_holds_is_counted_by_name() -> None:
    metrics = Metrics()
    metrics.set_counts({"judge/calls": 2.0})
    assert b'onethinker_held{name="judge/calls"} 2.0' in metrics.text()
