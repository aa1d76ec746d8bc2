"""As much of torchvision as qwen-vl-utils uses: its wheels do not load beside a CPU build of torch."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

__all__ = ["stand_in_for_torchvision"]


def stand_in_for_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``import torchvision`` find this, unless a torchvision that loads is installed."""
    modules = {name: ModuleType(name) for name in ("torchvision", "torchvision.io", "torchvision.transforms")}
    modules["torchvision.transforms.functional"] = ModuleType("torchvision.transforms.functional")
    top, io, transforms, functional = modules.values()
    vars(top).update(__version__="0.28.0", io=io, transforms=transforms)
    vars(io).update(read_video=_read_video)
    vars(transforms).update(
        functional=functional, InterpolationMode=type("InterpolationMode", (), {"BICUBIC": "bicubic"})
    )
    vars(functional).update(resize=_resize)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def _read_video(path: str, **_: Any) -> tuple[Any, None, dict[str, float]]:
    """Return all frames, no sound, and the frames a second."""
    import av
    import numpy as np
    import torch

    with av.open(path) as container:
        rate = container.streams.video[0].average_rate
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert rate is not None
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2), None, {"video_fps": float(rate)}


def _resize(video: Any, size: list[int], **_: Any) -> Any:
    import torch

    return torch.nn.functional.interpolate(video.float(), size=size, mode="bicubic", antialias=True)
