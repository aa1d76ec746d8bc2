"""Judges from settings."""

from __future__ import annotations

import json
from collections import UserDict, UserList
from typing import Any

import pytest

from onethinker_rewards import ArgumentError, judges
from onethinker_rewards.judges.settings import make_judge


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"url": "http://h/v1", "model": "m"}, "ChatJudge"),
        ({"url": "http://h/v1/", "model": "m", "kind": None}, "ChatJudge"),
        ({"url": "http://h"}, "PolarJudge"),
        ({"url": "http://h/v1", "kind": "classifier"}, "ClassifierJudge"),
    ],
)
def test_the_kind_follows_from_the_url(settings: dict[str, Any], kind: str) -> None:
    assert type(make_judge(settings)).__name__ == kind


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({}, "judge: url is missing"),
        ({"url": "http://h", "kind": "oracle"}, "judge: no kind 'oracle'; there are chat, polar, classifier"),
        ({"url": "http://h", "tires": 3}, "judge: PolarJudge has no 'tires'; did you mean 'tries'?"),
        ({"url": "http://h", "concurrency": "many"}, "judge: '<' not supported"),
    ],
)
def test_settings_that_do_not_fit(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ArgumentError, match="^" + why.replace("?", r"\?")):
        make_judge(settings)


def test_the_mappings_of_a_configuration_become_plain() -> None:
    body = UserDict({"stop": UserList(["x"]), "extra": UserDict(a=1)})
    judge: Any = make_judge({"url": "http://h/v1", "model": "m", "body": body})
    assert json.dumps(judge.body) == '{"stop": ["x"], "extra": {"a": 1}}'


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=r"judge: PolarJudge needs anyio and httpx2: pip install"):
        make_judge({"url": "http://h"})
