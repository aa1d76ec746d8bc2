"""Stand-ins for verl, for all tests of this folder."""

from __future__ import annotations

from tests.trainer.verl.stand_ins import verl

__all__ = ["verl"]
