"""Run every ``bench_*.py`` beside this file, or those named: ``python -m benchmarks numeric --out FILE``."""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks.harness import machine, table

HEAD = """\
# Benchmarks

`make bench` writes this page with all topics. "Ratio" says how many times longer the other one takes: above 1,
ours is faster. Times are the best of several rounds. A busy or small machine moves single figures by a half and more:
read ratios, and run it on yours.
"""


def main() -> int:
    """Print one table a topic, and write the page where one is asked for; return 2 where a topic does not exist."""
    modules = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__))
    known = [name.removeprefix("bench_") for name in modules if name.startswith("bench_")]
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=f"of {', '.join(known)}; all by default")
    parser.add_argument("--out", type=Path, help="write the tables to this file too")
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.topics) - set(known)):
        print(f"no such benchmark: {', '.join(unknown)} (of {', '.join(known)})", file=sys.stderr)
        return 2
    command = " ".join(["python -m benchmarks", *arguments.topics])
    parts = [HEAD, f"One run of `{command}` on one machine: {machine()}\n"]
    print(parts[-1])
    for topic in arguments.topics or known:
        module = importlib.import_module(f"benchmarks.bench_{topic}")
        summary = inspect.cleandoc(module.__doc__ or "")
        parts.append(f"## {topic}\n\n{summary}\n\n{table(module.run())}\n")
        print(parts[-1], flush=True)
        if arguments.out is not None:
            # Topic by topic: a topic that fails costs none before it.
            arguments.out.write_text("\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
