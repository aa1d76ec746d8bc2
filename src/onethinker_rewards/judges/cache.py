"""A file of what judges have said, so that a question is paid for once."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from onethinker_rewards.errors import ArgumentError

# Seconds to wait for another process that writes.
_PATIENCE = 30.0


def request_key(url: str, body: bytes, sample: int = 0) -> str:
    """Return the key of a request: a hash of where it goes and what it says.

    Args:
        url: Where.
        body: What, with its model and settings.
        sample: Equal requests that should get different answers have different numbers.
    """
    digest = hashlib.sha256(f"{url}\n{sample}\n".encode(errors="surrogatepass"))
    digest.update(body)
    return digest.hexdigest()


class VerdictCache:
    """Texts by keys, in a SQLite file that several processes may share; on a local disk, since it needs file locks.

    Its methods block, and may be called in any thread.

    Args:
        path: The file; made if it does not exist.

    Raises:
        ArgumentError: If the file cannot be opened, read or written; its methods raise it too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = threading.Lock()
        with self._named_errors():
            self._database = sqlite3.connect(self._path, timeout=_PATIENCE, check_same_thread=False)
        try:
            with self._named_errors(), self._database as database:
                # What a power cut takes is asked again.
                database.execute("PRAGMA synchronous = OFF")
                database.execute("CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, text TEXT NOT NULL)")
        except ArgumentError:
            self._database.close()
            raise

    def get(self, key: str) -> str | None:
        """Return the text of a key; None if there is none."""
        with self._lock, self._named_errors():
            found = self._database.execute("SELECT text FROM verdicts WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]

    def put(self, key: str, text: str) -> None:
        """Keep a text; a newer one replaces it."""
        # A lone surrogate, which JSON can hold, is no text for SQLite.
        text = text.encode(errors="replace").decode()
        with self._lock, self._named_errors(), self._database as database:
            database.execute("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", (key, text))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    @contextmanager
    def _named_errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ArgumentError(f"cache {self._path}: {error}") from None
