"""Files beside an output, and where paths in rows start."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from onethinker_rewards.cli.files import STANDARD, Refused, is_same_file

__all__ = ["check_side", "root_of"]


def root_of(file: str, given: str | None) -> str:
    """Return the folder that paths start at, whole: who uses them does so somewhere else.

    Raises:
        Refused: If the folder that was given is not there.
    """
    root = Path(given) if given is not None else Path() if file == STANDARD else Path(file).parent
    if given is not None and not root.is_dir():
        raise Refused(f"{given}: no such folder")
    return str(root.absolute())


def check_side(side: str, source: IO[Any]) -> None:
    """Pass if a side file can be written.

    Raises:
        Refused: If it is the input, or its folder is not there.
    """
    if is_same_file(Path(side), source):
        raise Refused(f"{side}: is the input too; write to another file")
    if Path(side).is_dir() or not Path(side).absolute().parent.is_dir():
        raise Refused(f"{side}: cannot be written: no such folder, or a folder itself")
