"""Declares the operators that torchvision describes while it is imported, where its CUDA library cannot be loaded.

A ``.pth`` file loads this at the start of every process, so it does nothing until torchvision is asked for.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any

_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class _Declarer(MetaPathFinder):
    library: Any = None

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """Declare before torchvision is found; the finders after this one find it."""
        if fullname == "torchvision" and self.library is None:
            import torch

            # A declaration lives as long as its library; calling what is only declared still raises.
            self.library = torch.library.Library("torchvision", "DEF")
            for operator in _OPERATORS:
                self.library.define(operator)


sys.meta_path.insert(0, _Declarer())
