"""What is drawn once for all tests of the trainer's data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.examples import draw


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a video and its frames; read it only."""
    return draw(tmp_path_factory.mktemp("drawn"))
