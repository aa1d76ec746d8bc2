"""Run a script with a torchvision that loads beside a torch for another device than its wheel is for.

python -m tests.examples.torchvision_runner SCRIPT [ARGUMENT ...]
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from tests.metrics.box_peers import declare_torchvision_operators

PEERS = Path(__file__).resolve().parents[2] / ".venv" / "peers"


def link_torchvision(folder: Path) -> Path:
    """Put the torchvision of the peers into a folder, without the other packages that are with it."""
    folder.mkdir()
    for found in PEERS.glob("torchvision*"):
        (folder / found.name).symlink_to(found)
    return folder


if __name__ == "__main__":
    declare_torchvision_operators()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
