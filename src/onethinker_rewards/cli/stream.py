"""The way of a file through a command: chunk by chunk, every row in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console

from onethinker_rewards.cli.files import lines_of, name_of, open_input, open_output, write_lines
from onethinker_rewards.cli.rows import Broken, Row, chunks, encode, read_rows
from onethinker_rewards.cli.watch import Watch

__all__ = ["Handle", "stream"]

# From a chunk to what is written for it: columns, or a row that could not be used.
Handle = Callable[[list[Row | Broken]], Iterable[dict[str, Any] | Broken]]


def stream(path: str, out: str, handle: Handle, console: Console) -> Watch:
    """Read ``path``, write what ``handle`` makes of each chunk to ``out``, and return what was seen.

    Raises:
        Refused: If ``path`` cannot be read or ``out`` not be written.
    """
    name = name_of(path)
    with (
        open_input(path) as source,
        open_output(out, source) as target,
        # Rows that run over the same terminal would tear the bar apart.
        Watch(name, source, console, bar=not target.isatty()) as watch,
    ):
        for chunk in chunks(read_rows(lines_of(source, name))):
            write_lines(target, out, [_line(result, watch) for result in handle(chunk)])
            watch.advance(len(chunk), sum(row.size for row in chunk))
    return watch


def _line(result: dict[str, Any] | Broken, watch: Watch) -> bytes:
    if isinstance(result, Broken):
        watch.say(result)
        return encode({"row": result.number, "error": result.why})
    return encode(result)
