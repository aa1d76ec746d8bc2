"""What tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.serving import running


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server with the default settings."""
    with running() as address:
        yield address
