"""The worker's program, run in this process where it can be looked at."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from pathlib import Path

import pytest

from onethinker_rewards.workers import Pool, child


def serve(*jobs: dict[str, object], memory_limit: int | None = None) -> tuple[list[dict[str, object]], list[int]]:
    requests = io.BytesIO(b"".join(json.dumps(job).encode() + b"\n" for job in jobs))
    replies, ends = io.BytesIO(), []
    child.serve(requests, replies, memory_limit, ends.append)
    return [json.loads(line) for line in replies.getvalue().splitlines()], ends


@pytest.fixture(autouse=True)
def no_limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr("resource.setrlimit", lambda kind, limits: found.append((kind, limits[0])))
    return found


def job(function: str, *items: tuple[object, ...]) -> dict[str, object]:
    return {"function": function, "items": items, "timeout": 3.0}


def test_one_reply_an_item_then_the_end() -> None:
    replies, ends = serve(job("math:gcd", (4, 6), (9, 6)))
    assert replies[:2] == [{"ready": True}, {"imported": True}]
    assert replies[2:] == [{"value": 2, "retire": False}, {"value": 3, "retire": False}]
    assert ends == [0]


@pytest.mark.parametrize(
    "item", [pytest.param(("grow", 1 << 60), id="memory"), pytest.param(("descend", 0), id="stack")]
)
def test_exhausted(item: tuple[str, int]) -> None:
    replies, ends = serve(job(f"tests.workers.tasks:{item[0]}", item[1:]), job("math:gcd", (4, 6)))
    assert replies[2:] == [{"exhausted": True}]
    assert 0 in ends


def test_a_process_that_has_grown_says_so() -> None:
    replies, _ = serve(job("math:gcd", (4, 6)), memory_limit=1)
    assert replies[-1] == {"value": 2, "retire": True}


def test_the_kernel_ends_what_outlives_its_deadline(no_limits: list[tuple[int, int]]) -> None:
    import resource

    serve(job("math:gcd", (4, 6)))
    ((kind, seconds),) = no_limits
    assert kind == resource.RLIMIT_CPU
    assert 3 <= seconds < 10**6


@pytest.mark.parametrize(("hard", "expected"), [(-1, 100), (1000, 100), (50, 50)])
def test_a_limit_stays_below_the_hard_one(
    hard: int, expected: int, no_limits: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda kind: (hard, hard))
    child._lower(7, 100)
    assert no_limits == [(7, expected)]


def test_without_resource_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "resource", None)
    monkeypatch.setattr(child, "_STATUS", Path("/nowhere"))
    child._limit_memory(1)
    replies, _ = serve(job("math:gcd", (4, 6)), memory_limit=1)
    assert replies[-1] == {"value": 2, "retire": False}


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 1), ("linux", 1024)])
def test_the_unit_of_memory(platform: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(child, "_STATUS", Path("/nowhere"))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert child._has_grown(used)
    assert not child._has_grown(16 * used)


def test_the_memory_of_the_parent_does_not_count() -> None:
    """Linux hands a fresh process its parent's peak; a trainer's is gigabytes."""
    block = bytearray(700 << 20)
    block[::4096] = b"x" * len(block[::4096])
    with Pool(size=1) as pool:
        pids = [pool.run("tests.workers.tasks:process_after", [(0,)], timeout=60.0)[0].value for _ in range(2)]
    assert pids[0] == pids[1]


def test_bounds(no_limits: list[tuple[int, int]]) -> None:
    import resource

    child._limit_memory(1 << 30)
    child._limit_memory(None)
    assert no_limits == [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, 1 << 30), (resource.RLIMIT_CORE, 0)]


def test_a_bug_is_reported() -> None:
    replies = io.BytesIO()
    error = ZeroDivisionError("x")
    child._report_bug(replies, ZeroDivisionError, error, None)
    assert json.loads(replies.getvalue()) == {"error": "ZeroDivisionError: x\n"}


def test_main_keeps_the_channels_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[object] = []
    silenced: list[int] = []
    monkeypatch.setattr(os, "dup2", lambda _, descriptor: silenced.append(descriptor))
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(child, "serve", lambda requests, replies, limit, end: served.extend([requests, replies, limit]))
    try:
        child.main(None)
    finally:
        logging.disable(logging.NOTSET)
    requests, replies, limit = served
    assert silenced == [0, 1, 2]
    assert limit is None
    requests.close()
    replies.close()
