"""Run every ``bench_*.py`` beside this file, or those named: ``python -m benchmarks numeric``."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.harness import machine, table


def main(topics: list[str]) -> int:
    """Print one table a topic; return 2 where a topic does not exist."""
    modules = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__))
    known = [name.removeprefix("bench_") for name in modules if name.startswith("bench_")]
    if unknown := set(topics) - set(known):
        print(f"no such benchmark: {', '.join(sorted(unknown))} (of {', '.join(known)})", file=sys.stderr)
        return 2
    print(machine())
    for topic in topics or known:
        module = importlib.import_module(f"benchmarks.bench_{topic}")
        print(f"\n## {topic}\n\n{table(module.run())}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
