"""Whether videos can be read here: qwen-vl-utils finds out at the first one, and then stops at each."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

__all__ = ["reader_fault"]

# In the order in which qwen-vl-utils looks for them. It falls back on torchvision, whose newer versions read no video.
_MODULES = {"torchcodec": "torchcodec.decoders", "decord": "decord"}
_CHOICE = "FORCE_QWENVL_VIDEO_READER"


def reader_fault() -> str | None:
    """Say why video files cannot be read, None where they can."""
    if _CHOICE in os.environ:
        # Whoever sets it knows what is there.
        return None
    found, *others = [name for name in _MODULES if find_spec(name) is not None] or [None]
    if found is None:
        return "video files are read with torchcodec or decord, and neither is installed; or prepare frames"
    try:
        import_module(_MODULES[found])
    # torchcodec raises this and that where it does not find FFmpeg's libraries or torch is another.
    except (ImportError, OSError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        instead = "".join(f"; {_CHOICE}={other} takes that instead" for other in others)
        return f"video files are read with {found}, which is installed but cannot be loaded: {said}{instead}"
    return None
