"""What the tests share: the runs are made once."""

from __future__ import annotations

from typing import Any

import pytest

# Only verl and vLLM can import the shims.
collect_ignore = ["cpu"]


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Fine-tuned, trained in one go, trained and killed, resumed."""
    from tests.trainer.run.story import live

    return live(tmp_path_factory.mktemp("run"))
