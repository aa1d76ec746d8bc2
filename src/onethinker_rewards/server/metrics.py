"""What Prometheus collects: rows by task and code, seconds, requests in flight or refused, the judge's counters."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from onethinker_rewards.adapters._shared import Info
from onethinker_rewards.server.contracts import row_code

# Where the counters of several processes are put together; Prometheus's client reads it when it is imported.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The counters of one application."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._rows = prometheus_client.Counter(
            "onethinker_rows_total", "Rows scored.", ["task", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            "onethinker_request_seconds", "Seconds of a request.", ["path"], registry=self._registry, buckets=_SECONDS
        )
        self._refused = prometheus_client.Counter(
            "onethinker_refused_total", "Requests refused.", ["path", "reason"], registry=self._registry
        )
        self.in_flight = Gauge(
            "onethinker_in_flight", "Requests in flight.", registry=self._registry, multiprocess_mode="livesum"
        )

        self._held = Gauge(
            "onethinker_held",
            "What judge and segmenter count.",
            ["name"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def set_counts(self, counts: Mapping[str, float]) -> None:
        """Note the counters of what the scorer holds, such as ``judge/calls``."""
        for name, count in counts.items():
            self._held.labels(name).set(count)

    def add_rows(self, infos: Sequence[Info]) -> None:
        """Count scored rows by task and code; the code of a row without a failure is ``ok``."""
        for (task, code), count in Counter((info["task"], row_code(info)) for info in infos).items():
            self._rows.labels(task, code).inc(count)

    def add_seconds(self, path: str, seconds: float) -> None:
        """Count what a request took."""
        self._seconds.labels(path).observe(seconds)

    def add_refusal(self, path: str, reason: str) -> None:
        """Count a request that was refused, by the word for why."""
        self._refused.labels(path, reason).inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format, of all processes where there are several."""
        registry = self._registry
        if os.environ.get(FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return prometheus_client.generate_latest(registry)
