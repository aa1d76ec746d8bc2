"""From rows of a data set to rows of verl: the part of ``prepare`` that any process can do, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from onethinker_rewards.cli.arrow import pa
from onethinker_rewards.cli.parquet import frame_of, write_tables
from onethinker_rewards.cli.rows import Broken, Row, encode
from onethinker_rewards.cli.tallies import Tally, tally_of
from onethinker_rewards.cli.work import Done, Result, Work, done_of
from onethinker_rewards.trainer.data import BadRowError, Fault, Rules, schema_of, verl_row

__all__ = ["BAD", "NO_TASK", "Parting", "PrepareJob"]

# In the place of a task's name: these are none.
BAD = "(bad rows)"
NO_TASK = "(no task)"
_LINE: Any = pa.schema({"line": pa.binary()})


@dataclass(frozen=True, slots=True)
class PrepareJob:
    """Converts work; it can be pickled."""

    rules: Rules

    def __call__(self, work: Work) -> Done:
        """Convert the rows of a work; what is written are two tables, of good rows and of lines about bad ones."""
        tallies: dict[str, Tally] = {}
        lines: list[bytes] = []
        results = [self._result(one, tallies, lines) for one in work.rows()]
        good = [result for result in results if not isinstance(result, Broken)]
        blob = b""
        if good:
            blob += frame_of(pa.Table.from_pylist(good, schema=schema_of(self.rules)))
        if lines:
            blob += frame_of(pa.table({"line": lines}, schema=_LINE))
        return done_of(work, results, tallies, blob)

    def _result(self, row: Row | Broken, tallies: dict[str, Tally], lines: list[bytes]) -> Result:
        if isinstance(row, Broken):
            return _bad(row, Fault.NOT_JSON, None, tallies, lines)
        try:
            made = verl_row(row.columns, row.number, self.rules)
        except BadRowError as error:
            return _bad(Broken(row.number, error.why), error.fault, row.columns, tallies, lines)
        seen = {"images": len(made["images"]), "videos": len(made["videos"])}
        tally_of(tallies, made["extra_info"]["task"] or NO_TASK).add(seen, None)
        return made


@dataclass(frozen=True, slots=True)
class Parting:
    """Makes the Parquet file and the side file of what the job wrote."""

    rules: Rules
    side: str

    def __call__(self, frames: IO[bytes], target: IO[bytes]) -> None:
        """Write good rows to the target, lines about bad ones beside it."""
        beside = Path(f"{self.side}.tmp")
        with beside.open("wb") as lines:
            write_tables(
                frames, target, schema_of(self.rules), lambda table: lines.writelines(table["line"].to_pylist())
            )
        beside.replace(self.side)


def _bad(
    broken: Broken, fault: Fault, columns: dict[str, Any] | None, tallies: dict[str, Tally], lines: list[bytes]
) -> Broken:
    said = {"row": broken.number, "fault": str(fault), "error": broken.why}
    lines.append(encode(said if columns is None else said | {"columns": columns}))
    tally_of(tallies, BAD).add({}, str(fault))
    return broken
