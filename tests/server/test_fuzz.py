"""Whatever is sent, the status is one of a few, and never 500."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.gym_requests import verify
from tests.server.serving import GOOD, OPEN_ENDED, TOKEN, openrlhf, running, slime

STATUSES = {200, 400, 401, 404, 405, 413, 422}
BODIES: dict[str, Any] = {
    "/score": {"rows": [GOOD, OPEN_ENDED | {"options": ["a", "b"], "size": [10, 10]}], "recipe": "lenient"},
    "/get_reward": openrlhf([GOOD, OPEN_ENDED]),
    "/reward": slime(GOOD),
    "/verify": verify(GOOD, thinking="Seven."),
    "/seed_session": {},
    "/close_session": {"resources_session_id": "a"},
    "/aggregate_metrics": {"verify_responses": [{"reward": 1.0}]},
}
GETS = ["/health", "/ready", "/metrics", "/reverify_mode", "/schema/ocr", "/schema/", "/", "/t", "/t/", "//", "/%00"]
KEYS = ["task", "reference", "references", "response", "size", "images", "masks", "label", "recipe", "dialect", "input"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["numerical", "ocr", "open_ended", "spatial_grounding", "B", '{"boxes": [1, 2, 3, 4]}', "molmo"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def changed(body: Any, data: st.DataObject) -> Any:
    """Return a body with another value at some place in it."""
    if isinstance(body, dict) and body and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(body)) | st.sampled_from(KEYS))
        return body | {key: changed(body.get(key), data)}
    if isinstance(body, list) and body and data.draw(st.integers(0, 4)):
        index = data.draw(st.integers(0, len(body) - 1))
        return [*body[:index], changed(body[index], data), *body[index + 1 :]]
    return data.draw(VALUES)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=url, timeout=60) as made:
        yield made


@settings(max_examples=200)
@given(data=st.data())
def test_bodies_that_are_nearly_right(client: httpx2.Client, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(BODIES)))
    response = client.post(path, json=changed(BODIES[path], data))
    assert response.status_code in STATUSES, response.text
    assert response.status_code == 200 or response.json()["error"]


@settings(max_examples=50)
@given(path=st.sampled_from(sorted(BODIES)), body=st.binary(max_size=200))
def test_bodies_of_any_bytes(client: httpx2.Client, path: str, body: bytes) -> None:
    for content in (body, json.dumps(BODIES[path]).encode()[: len(body)] + body):
        assert client.post(path, content=content).status_code in STATUSES


@settings(max_examples=80)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH"]),
    path=st.sampled_from([*BODIES, *GETS]),
    more=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=10),
    query=st.dictionaries(st.sampled_from(["key", "reference", "dialect"]), st.text(max_size=5), max_size=2),
)
def test_any_path_and_method(
    url: str, client: httpx2.Client, method: str, path: str, more: str, query: dict[str, str]
) -> None:
    for asked in (path, path + more):
        # The client would take what follows two slashes as a host.
        address = f"{url}{quote(asked, safe='/%')}"
        response = client.request(method, address, params=query, json=BODIES.get(path))
        assert response.status_code in STATUSES, response.text


def test_any_authorization_and_path_without_the_token() -> None:
    with running(tokens=[TOKEN], body_limit=10_000) as url, httpx2.Client(base_url=url, timeout=60) as client:

        @settings(max_examples=50)
        @given(
            header=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0")),
            scheme=st.sampled_from(["", "Bearer ", "Basic ", "bearer "]),
            path=st.sampled_from([*BODIES, "/t/a/score", "/t//t//score", f"/t/{TOKEN}x/score", "/metrics", "/nothing"]),
        )
        def refused(header: str, scheme: str, path: str) -> None:
            value = (scheme + header).strip().encode("latin-1")
            response = client.post(path, json=GOOD, headers={"Authorization": value})
            assert response.status_code == 401

        refused()
