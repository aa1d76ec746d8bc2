"""The journal of a run, beside its output: how far it is, so that a run that was killed can go on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

from onethinker_rewards.cli.files import Refused, reason
from onethinker_rewards.cli.tallies import Tally
from onethinker_rewards.cli.work import Place, Progress

__all__ = ["Journal", "identity_of"]

# Seconds between two notes: what may have to be done again, and what it costs to wait for the disk.
KEEP_EVERY = 1.0
_HEAD = 1 << 16


def identity_of(source: IO[Any], **options: str) -> dict[str, Any] | None:
    """Return what tells an input and a way of scoring it from others; None where the input cannot be read twice."""
    try:
        status = os.fstat(source.fileno())
        head = os.pread(source.fileno(), _HEAD, 0)
    except (OSError, ValueError):
        return None
    digest = hashlib.sha256(head).hexdigest()
    return {"input": {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "head": digest}, "options": options}


class Journal:
    """A file that always holds one whole note: how far the run was, and of what input."""

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        self._identity = identity
        self._kept_at = time.monotonic()

    def is_due(self) -> bool:
        """Tell whether it is time for a note."""
        return time.monotonic() - self._kept_at >= KEEP_EVERY

    def keep(self, progress: Progress) -> None:
        """Replace the note; what it counts as written must be on the disk before.

        Raises:
            Refused: If it cannot be written.
        """
        beside = self.path.with_name(self.path.name + ".tmp")
        try:
            with beside.open("wb") as file:
                file.write(json.dumps(self._identity | {"progress": _note(progress)}).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise Refused(f"{self.path}: {reason(error)}") from None
        self._kept_at = time.monotonic()

    def recall(self) -> Progress | None:
        """Return the last note, None where there is no journal.

        Raises:
            Refused: If it is no journal, or one of another input or of other options.
        """
        try:
            kept = json.loads(self.path.read_bytes())
            for part in ("input", "options"):
                if kept[part] != self._identity[part]:
                    raise Refused(
                        f"{self.path}: the run was begun with {_other(part)}; without --resume it starts anew"
                    )
            return _progress(kept["progress"])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Refused(f"{self.path}: {reason(error)}") from None
        except (ValueError, KeyError, TypeError):
            raise Refused(f"{self.path}: is no journal of a run") from None

    def remove(self) -> None:
        """End the journal: the run is done."""
        self.path.unlink()


def _other(part: str) -> str:
    return "another input, or the input has changed" if part == "input" else "other options or another version"


def _note(progress: Progress) -> dict[str, Any]:
    tallies = {
        task: {"rows": tally.rows, "sums": tally.sums, "codes": tally.codes} for task, tally in progress.tallies.items()
    }
    return {
        "place": progress.place,
        "written": progress.written,
        "rows": progress.rows,
        "broken": progress.broken,
        "tallies": tallies,
    }


def _progress(kept: dict[str, Any]) -> Progress:
    tallies = {
        task: Tally(tally["rows"], Counter(tally["sums"]), Counter(tally["codes"]))
        for task, tally in kept["tallies"].items()
    }
    return Progress(Place(*kept["place"]), kept["written"], kept["rows"], kept["broken"], tallies)
