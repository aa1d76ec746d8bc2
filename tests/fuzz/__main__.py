"""``python -m tests.fuzz TARGET --seconds N``: fuzz one target, and keep the inputs that reach something new.

Needs atheris (``make fuzz`` makes an environment that has it). New inputs are gathered in a temporary folder; then
``corpus/TARGET`` becomes the fewest inputs, kept or new, that reach all that any of them reaches. An input that fails
is written beside them as ``crash-…``, so that the test run fails on it until it is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

from tests.fuzz.mutate import mutate

with atheris.instrument_imports(include=["onethinker_rewards"]):
    from tests.fuzz.targets import CORPUS, TARGETS

_HERE = Path(__file__).parent
_LONGEST = 2000


def main() -> int:
    """Fuzz, then merge; return 1 where an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--engine", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine is not None:
        atheris.Setup(arguments.engine, TARGETS[arguments.target], custom_mutator=_mutator)
        atheris.Fuzz()
    kept = CORPUS / arguments.target
    with tempfile.TemporaryDirectory() as folder:
        return _fuzz(arguments.target, kept, Path(folder), arguments.seconds)


def _fuzz(target: str, kept: Path, folder: Path, seconds: int) -> int:
    for name in ("crashes", "new", "merged"):
        (folder / name).mkdir()
    failed = _engine(
        target,
        folder,
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-dict={_HERE / 'words.dict'}",
        f"-artifact_prefix={folder / 'crashes'}/",
        "-timeout=10",
        folder / "new",
        kept,
    )
    for crash in (folder / "crashes").iterdir():
        _keep(crash.read_bytes(), kept, "crash-")
    # Into an empty folder: the fewest inputs, kept or new, that reach all that was ever reached.
    _engine(target, folder, "-merge=1", folder / "merged", kept, folder / "new")
    merged = {found.read_bytes() for found in (folder / "merged").iterdir()}
    for path in kept.iterdir():
        if merged and not path.name.startswith("crash-") and path.read_bytes() not in merged:
            path.unlink()
    for data in merged:
        _keep(data, kept, "")
    return int(failed != 0)


def _engine(target: str, folder: Path, *arguments: str | Path) -> int:
    """Run the engine in a process of its own, which it ends; for merging, it starts itself again by its name."""
    name = folder / "engine"
    name.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fuzz {target} --engine {name} "$@"\n', encoding="utf-8")
    name.chmod(0o755)
    return subprocess.run([str(name), *map(str, arguments)], check=False).returncode


def _mutator(data: bytes, longest: int, seed: int) -> bytes:
    changed = mutate(data, seed) if seed % 2 else None
    return atheris.Mutate(data, longest) if changed is None or len(changed) > longest else changed


def _keep(data: bytes, folder: Path, prefix: str) -> None:
    (folder / f"{prefix}{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
