"""EMA-GRPO's statistics in a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from onethinker_rewards.adapters.ema_state import load_state, save_state


class Estimator:
    """Something with statistics."""

    def __init__(self, state: dict[str, object]) -> None:
        self.state = state

    def state_dict(self) -> dict[str, object]:
        return self.state

    def load_state_dict(self, state: dict[str, object]) -> None:
        self.state = state


def test_statistics_come_back(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed here: make test")
    from onethinker_rewards.advantage import EmaGrpo

    estimator, other = EmaGrpo(), EmaGrpo()
    estimator([1.0, 2.0, 0.5, 0.0], ["a", "a", "b", "b"], ["ocr"] * 4)
    path = save_state(estimator, tmp_path / "step 1")
    assert [*path.parent.iterdir()] == [path]
    load_state(other, path.parent)
    assert str(other.state_dict()) == str(estimator.state_dict())


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed here: make test")
    save_state(Estimator({"step": 1}), tmp_path)
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        save_state(Estimator({"step": lambda: 2}), tmp_path)
    restored = Estimator({})
    load_state(restored, tmp_path)
    assert restored.state == {"step": 1}


def test_no_statistics_are_an_error(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is not installed here: make test")
    with pytest.raises(FileNotFoundError):
        load_state(Estimator({}), tmp_path)
