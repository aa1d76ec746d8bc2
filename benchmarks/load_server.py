"""Many clients of ``onethinker-rewards serve`` for a minute: is a reply lost, and does memory grow?

``python -m benchmarks.load_server [CLIENTS] [SECONDS]``, 500 and 60 by default, all on this machine. Each client has a
connection of its own and asks for one row after the other. It prints a line every five seconds, and in the end the
requests, those without a right reply, and the memory of the server after the first ten seconds and at the end; the exit
code is 1 if a reply was lost, or memory grew by more than a tenth.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import orjson

from benchmarks.bench_server import server, short_rows

_EVERY_S = 5
# The first seconds fill caches and connections.
_WARM_S = 10
_PAGE = 4096


@dataclass
class Tally:
    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def bodies() -> list[bytes]:
    """Return requests of one row each."""
    names = ("response", "reference", "task")
    return [orjson.dumps(dict(zip(names, row, strict=True))) for row in zip(*short_rows(512), strict=True)]


async def client(address: str, number: int, until: float, tally: Tally, sent: list[bytes]) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    while time.monotonic() < until:
        number = (number + 1) % len(sent)
        since = time.monotonic()
        head = f"POST /score HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(sent[number])}\r\n\r\n"
        writer.write(head.encode() + sent[number])
        try:
            reply = await reader.readuntil(b"\r\n\r\n")
            length = int(reply.lower().partition(b"content-length: ")[2].split()[0])
            content = await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            tally.lost.append(repr(error))
            return
        if b" 200 " not in reply.splitlines()[0] or b'"total"' not in content:
            tally.lost.append(reply.decode())
        tally.seconds.append(time.monotonic() - since)
    writer.close()


async def watch(pid: int, until: float, tally: Tally) -> list[int]:
    """Print a line every few seconds; return the server's memory in bytes at each."""
    memory: list[int] = []
    while time.monotonic() < until:
        await asyncio.sleep(_EVERY_S)
        memory.append(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE)
        print(f"{len(tally.seconds):,} replies, {len(tally.lost)} lost, {memory[-1] / 1e6:.1f} MB", flush=True)
    return memory


async def load(pid: int, address: str, clients: int, seconds: float) -> int:
    tally, until, sent = Tally(), time.monotonic() + seconds, bodies()
    memory, *_ = await asyncio.gather(
        watch(pid, until, tally), *(client(address, 7 * number, until, tally, sent) for number in range(clients))
    )
    warm, end = memory[_WARM_S // _EVERY_S - 1], memory[-1]
    cuts = quantiles(tally.seconds, n=100)
    print(
        f"{clients} clients, {seconds:g} s: {len(tally.seconds):,} requests "
        f"({len(tally.seconds) / seconds:,.0f} a second), {len(tally.lost)} lost; "
        f"half within {cuts[49] * 1e3:.0f} ms, 99 % within {cuts[98] * 1e3:.0f} ms; "
        f"memory {warm / 1e6:.1f} MB after {_WARM_S} s, {end / 1e6:.1f} MB at the end"
    )
    return int(bool(tally.lost) or end > 1.1 * warm)


def main(clients: str = "500", seconds: str = "60") -> int:
    with server() as (process, address):
        return asyncio.run(load(process.pid, address, int(clients), float(seconds)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
