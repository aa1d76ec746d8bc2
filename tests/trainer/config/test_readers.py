"""What may keep videos from being read."""

from __future__ import annotations

from typing import Any

import pytest

from onethinker_rewards.trainer.config import readers
from onethinker_rewards.trainer.config.readers import reader_fault


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand in for packages that are installed, each with what importing it raises."""
    monkeypatch.delenv("FORCE_QWENVL_VIDEO_READER", raising=False)

    def of(**packages: Exception | None) -> list[str]:
        loaded: list[str] = []

        def load(name: str) -> None:
            loaded.append(name)
            error = packages[name.partition(".")[0]]
            if error is not None:
                raise error

        monkeypatch.setattr(readers, "find_spec", lambda name: name if name in packages else None)
        monkeypatch.setattr(readers, "import_module", load)
        return loaded

    return of


@pytest.mark.parametrize(
    ("packages", "loaded"),
    [
        ({"torchcodec": None}, ["torchcodec.decoders"]),
        ({"decord": None}, ["decord"]),
        ({"decord": ImportError("never asked"), "torchcodec": None}, ["torchcodec.decoders"]),
    ],
    ids=["torchcodec", "decord", "both"],
)
def test_a_reader_is_there(installed: Any, packages: Any, loaded: list[str]) -> None:
    asked = installed(**packages)
    assert reader_fault() is None
    assert asked == loaded


def test_no_reader(installed: Any) -> None:
    installed()
    assert reader_fault() == (
        "video files are read with torchcodec or decord, and neither is installed; or prepare frames"
    )


@pytest.mark.parametrize("kind", [ImportError, OSError, RuntimeError])
def test_a_reader_that_cannot_be_loaded(installed: Any, kind: type[Exception]) -> None:
    said = (
        "video files are read with torchcodec, which is installed but cannot be loaded: Could not load libtorchcodec."
    )
    broken = kind("Could not load libtorchcodec.\nLikely causes: FFmpeg")
    installed(torchcodec=broken)
    assert reader_fault() == said
    # qwen-vl-utils does not go on to the next one by itself.
    installed(torchcodec=broken, decord=None)
    assert reader_fault() == f"{said}; FORCE_QWENVL_VIDEO_READER=decord takes that instead"


def test_what_is_chosen_is_not_looked_at(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    installed()
    monkeypatch.setenv("FORCE_QWENVL_VIDEO_READER", "torchvision")
    assert reader_fault() is None
