"""The little of transformers and ms-swift that adapters touch, for environments without them."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> ModuleType:
    """Put a module of this name and content where an import finds it, until the test ends."""
    module = ModuleType(name)
    module.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base classes of callbacks."""
    bases = {name: type(name, (), {}) for name in ("TrainerCallback", "ExportableState")}
    stand_in(monkeypatch, "transformers")
    stand_in(monkeypatch, "transformers.trainer_callback", **bases)


class Trainer:
    """As much of a transformers trainer as a callback sees."""

    def __init__(self, callback: Any, **args: Any) -> None:
        self.callback = callback
        self.args = SimpleNamespace(**args)
        self.state = SimpleNamespace(global_step=0, stateful_callbacks={type(callback).__name__: callback.state()})
        self.send("on_init_end")

    def send(self, event: str) -> None:
        getattr(self.callback, event)(self.args, self.state, SimpleNamespace())
