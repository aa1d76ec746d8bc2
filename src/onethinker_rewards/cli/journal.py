"""The journal of a run, beside its output: how far it is, so that a run that was killed can go on."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import msgspec

from onethinker_rewards.cli.files import Refused, begin_of, reason
from onethinker_rewards.cli.sources import Source
from onethinker_rewards.cli.tallies import Tally
from onethinker_rewards.cli.work import Place, Progress

__all__ = ["Journal", "forget_journal", "has_journal", "identity_of", "journal_paths"]

# Seconds between two notes: what may have to be done again, and what it costs to wait for the disk.
KEEP_EVERY = 1.0
_HEAD = 1 << 16
# What every note begins with, torn ones too.
_BEGIN = b'{"input": {"size": '


_Count = Annotated[int, msgspec.Meta(ge=0)]


class _Sums(msgspec.Struct):
    """A tally as it is noted."""

    rows: _Count
    sums: dict[str, int | float]
    codes: dict[str, int]


class _Note(msgspec.Struct):
    """A progress as it is noted."""

    place: tuple[_Count, _Count]
    written: _Count
    rows: _Count
    broken: _Count
    tallies: dict[str, _Sums]


def identity_of(source: Source, **options: str) -> dict[str, Any] | None:
    """Return what tells an input and a way of scoring it from others; None where the input cannot be read twice."""
    try:
        status = os.fstat(source.file.fileno())
        head = os.pread(source.file.fileno(), _HEAD, 0)
    except (OSError, ValueError):
        return None
    digest = hashlib.sha256(head).hexdigest()
    read = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "head": digest, "begin": source.begin}
    return {"input": read, "options": options}


def journal_paths(out: str) -> tuple[Path, Path]:
    """Return where the journal of an output is, and where a note is until it is whole."""
    return Path(f"{out}.progress"), Path(f"{out}.progress.tmp")


def has_journal(out: str) -> bool:
    """Tell whether a run that writes there has begun and not ended.

    Raises:
        Refused: If something else is there under the name of its journal.
    """
    begins = {path: begin_of(path, len(_BEGIN)) for path in journal_paths(out)}
    for path, begin in begins.items():
        # An empty file has nothing to lose, and a note may be torn before it gets its name.
        if not _BEGIN.startswith(begin):
            raise Refused(f"{path}: is no journal of a run, and would be lost; remove it, or write to another file")
    return begins[journal_paths(out)[0]] == _BEGIN


def forget_journal(out: str) -> None:
    """Remove the journal of a run whose rows are replaced: it must not be taken up on those of another."""
    path, _ = journal_paths(out)
    if path.is_file() and begin_of(path, len(_BEGIN)) == _BEGIN:
        path.unlink()


class Journal:
    """A file that always holds one whole note: how far the run was, and of what input."""

    def __init__(self, out: str, identity: dict[str, Any]) -> None:
        self.path, self._beside = journal_paths(out)
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
        try:
            with self._beside.open("wb") as file:
                file.write(json.dumps(self._identity | {"progress": _note(progress)}).encode())
                file.flush()
                os.fsync(file.fileno())
            self._beside.replace(self.path)
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
            # A note of other types is a ValueError too.
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


def _progress(kept: Any) -> Progress:
    note = msgspec.convert(kept, _Note)
    tallies = {
        task: Tally(tally.rows, Counter(tally.sums), Counter(tally.codes))  # pyright: ignore[reportArgumentType] - floats too
        for task, tally in note.tallies.items()
    }
    return Progress(Place(*note.place), note.written, note.rows, note.broken, tallies)
