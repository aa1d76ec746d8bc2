"""The lines of the page get the replies that it shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from onethinker_rewards.server.app import CONTRACTS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "how-to" / "serve.md").read_text(encoding="utf-8")
SHOWN: dict[str, Any] = {
    "/score": {"rows": [{"task": "numerical", "total": 2.0, "accuracy": 1.0, "format": 1.0, "failure": None}]},
    "/get_reward": {"rewards": [2.0], "scores": [1.0]},
    "/reward?key=total": 2.0,
    "/verify": {"reward": 2.0, "reference": "7"},
}


def contains(given: Any, shown: Any) -> bool:
    """Tell whether all that is shown is there."""
    if isinstance(shown, dict):
        return all(contains(given[name], value) for name, value in shown.items())
    if isinstance(shown, list):
        return all(contains(*pair) for pair in zip(given, shown, strict=False))
    return given == shown


def test_each_curl_line_gets_what_is_shown(url: str) -> None:
    asked: set[str] = set()
    for line in re.findall(r"^curl .*$", PAGE, re.MULTILINE):
        _, address, flag, body = shlex.split(line)
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        # What curl sends without further options.
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        response = httpx2.post(url + path, content=body, headers=form)
        assert (flag, response.status_code) == ("-d", 200), response.text
        assert contains(response.json(), SHOWN[path])
        asked.add(parts.path)
    assert asked == set(CONTRACTS)


def test_each_status_of_the_page_and_each_metric(url: str) -> None:
    named = {name for name in re.findall(r"`(onethinker_\w+)`", PAGE) if not name.endswith("accuracy")}
    collected = re.findall(r"^# TYPE (\w+)", httpx2.get(f"{url}/metrics").text, re.MULTILINE)
    assert named == {name for name in collected if not name.endswith("_created")}


def test_the_example_is_json() -> None:
    # The dots stand for more of the same.
    text = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)[0].replace(", …}, …]", "}]")
    assert contains(json.loads(text), SHOWN["/score"])
