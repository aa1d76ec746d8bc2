"""What ``hacks`` writes: text for a person, JSON Lines, and JUnit XML and SARIF for continuous integration.

Source: SARIF 2.1.0, an OASIS standard; JUnit XML as Jenkins, GitLab and GitHub's actions read it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onethinker_rewards.hacks import FAILED, SCORED_RECIPES, Scored, Source, Trick, UserReward, Verdict

# The name of the user's own reward.
YOURS = "yours"
_STYLES = {Verdict.PAYS: "red", Verdict.NO_NUMBER: "red", Verdict.HARMLESS: "green", Verdict.NOT_TRIED: "dim"}
_COUNTERPARTS = {
    "right": "the right answer",
    "wrong": "a wrong answer",
    "nothing": "an answer that says nothing",
    "plain": "the same said plainly",
}
# Text wider than this is hard to read.
_WIDEST = 100
_INDENT = 4 * " "
_VERDICT_WIDTH = 2 + max(map(len, Verdict))
_SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


class Row(NamedTuple):
    """A trick and what it earns.

    Attributes:
        trick: The trick.
        results: By the name of a recipe, or `YOURS`; None where a recipe does not have the task.
    """

    trick: Trick
    results: dict[str, Scored | None]

    def pays(self) -> bool:
        """Return whether it pays, or gets no number, under any reward."""
        return any(scored is not None and scored.verdict in FAILED for scored in self.results.values())

    def fails(self) -> bool:
        """Return whether it does under the user's reward."""
        scored = self.results.get(YOURS)
        return scored is not None and scored.verdict in FAILED


def json_lines(rows: Iterable[Row]) -> str:
    """Return a line for each trick: its columns, and what it earns."""
    lines: list[bytes] = []
    for trick, results in rows:
        words: dict[str, Any] = {
            name: value for name, value in msgspec.to_builtins(trick).items() if name not in SCORED_RECIPES
        }
        # NaN, which JSON does not know, comes out as null.
        lines.append(msgspec.json.encode({**words, **results}) + b"\n")
    return b"".join(lines).decode()


def print_text(screen: Console, rows: Sequence[Row], listed: Sequence[Row], *, hint: bool) -> None:
    """Print tricks with their verdicts, then counts.

    Args:
        screen: Where to.
        rows: All tricks, which are counted.
        listed: Those that are printed.
        hint: Whether to say how to see more.
    """
    width = min(screen.width, _WIDEST)
    names = list(rows[0].results) if rows else []
    for task, group in groupby(listed, key=lambda row: row.trick.task):
        some = list(group)
        longest = max(len(row.trick.id) for row in some) + 2
        head = Text(task.ljust(longest), style="bold cyan", no_wrap=True)
        head.append("".join(name.ljust(_VERDICT_WIDTH) for name in names).rstrip(), style="bold")
        screen.print(head)
        for row in some:
            line = Text(row.trick.id.ljust(longest), no_wrap=True)
            for scored in row.results.values():
                line.append(_verdict(scored).ljust(_VERDICT_WIDTH), style=_style(scored))
            line.rstrip()
            screen.print(line)
            screen.print(Text(fill(_sentences(row), width, initial_indent=_INDENT, subsequent_indent=_INDENT)))
        screen.print()
    if len({row.trick.task for row in rows}) > 1:
        screen.print(_counts(rows, names), width=width)
        screen.print()
    for name in names:
        screen.print(summary(name, rows), width=width)
    if hint:
        screen.print("\nThe tricks of a task: onethinker-rewards hacks TASK", width=width)


def _verdict(scored: Scored | None) -> str:
    return "-" if scored is None else scored.verdict


def _style(scored: Scored | None) -> str:
    return "dim" if scored is None else _STYLES[Verdict(scored.verdict)]


def _sentences(row: Row) -> str:
    """Return what a trick tries, and what it earned under the user's reward or is compared with."""
    compared = f"It {_earned(row)}" if row.fails() else f"Compared with {_counterpart(row.trick)}."
    return f"{row.trick.tries} {compared}"


def _earned(row: Row) -> str:
    scored = row.results[YOURS]
    trick, honest = (_number(value) for value in (scored.trick, scored.honest)) if scored else ("", "")
    return f"earns {trick}; {_counterpart(row.trick)} earns {honest}."


def _number(value: float) -> str:
    return "no number" if math.isnan(value) else f"{value:.4g}"


def _counterpart(trick: Trick) -> str:
    return _COUNTERPARTS[trick.compared_with]


def _counts(rows: Sequence[Row], names: Sequence[str]) -> Table:
    """Return a table of one line for each task."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("task", no_wrap=True)
    table.add_column("tricks", justify="right", no_wrap=True)
    for name in names:
        table.add_column(name)
    for task, group in groupby(rows, key=lambda row: row.trick.task):
        some = list(group)
        table.add_row(task, str(len(some)), *(_count(name, some) for name in names))
    return table


def _count(name: str, rows: Sequence[Row]) -> str:
    """Return in a few words how many tricks pay."""
    counts = _verdicts(name, rows)
    if not counts:
        return "-"
    if len(counts) == 1 and Verdict.NOT_TRIED in counts:
        return str(Verdict.NOT_TRIED)
    said = [f"{counts.get(Verdict.PAYS, 0) or 'none'} {'pays' if counts.get(Verdict.PAYS, 0) < 2 else 'pay'}"]
    said += [f"{counts[verdict]} {verdict}" for verdict in (Verdict.NO_NUMBER, Verdict.NOT_TRIED) if verdict in counts]
    return ", ".join(said)


def _verdicts(name: str, rows: Sequence[Row]) -> dict[str, int]:
    found = [scored.verdict for row in rows if (scored := row.results[name]) is not None]
    return {verdict: found.count(verdict) for verdict in sorted(set(found))}


def summary(name: str, rows: Sequence[Row]) -> str:
    """Return in one line how many tricks pay under a reward."""
    counts = _verdicts(name, rows)
    untried = counts.get(Verdict.NOT_TRIED, 0)
    said = [f"{counts.get(Verdict.PAYS, 0)} of {sum(counts.values()) - untried} tricks pay"]
    if Verdict.NO_NUMBER in counts:
        said.append(f"{counts[Verdict.NO_NUMBER]} get no number")
    if untried:
        said.append(f"{untried} not tried")
    return f"{name}: {', '.join(said)}"


def junit(rows: Sequence[Row], reward: UserReward, *, root: Path) -> str:
    """Return JUnit XML: a suite for each task, a case for each trick; a path inside ``root`` is relative to it."""
    place = {"file": _path(reward.source, root), "line": str(reward.source.line)} if reward.source else {}
    suites = ET.Element("testsuites", {"name": f"hacks of {reward.name}", **_totals(rows)})
    for task, group in groupby(rows, key=lambda row: row.trick.task):
        some = list(group)
        suite = ET.SubElement(suites, "testsuite", {"name": task, **_totals(some)})
        for row in some:
            case = ET.SubElement(suite, "testcase", {"classname": f"hacks.{task}", "name": row.trick.id, **place})
            _add_outcome(case, row)
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _totals(rows: Sequence[Row]) -> dict[str, str]:
    counts = _verdicts(YOURS, rows)
    return {
        "tests": str(len(rows)),
        "failures": str(counts.get(Verdict.PAYS, 0)),
        "errors": str(counts.get(Verdict.NO_NUMBER, 0)),
        "skipped": str(counts.get(Verdict.NOT_TRIED, 0)),
    }


def _add_outcome(case: ET.Element, row: Row) -> None:
    verdict = _verdict(row.results[YOURS])
    if row.fails():
        tag = "failure" if verdict == Verdict.PAYS else "error"
        outcome = ET.SubElement(case, tag, type=verdict, message=f"{verdict}: it {_earned(row)}")
        outcome.text = _details(row)
    elif verdict == Verdict.NOT_TRIED:
        message = "not tried: the right answer earns no more than a wrong one"
        ET.SubElement(case, "skipped", message=message)


def _details(row: Row) -> str:
    """Return all about a trick; texts as JSON, because XML cannot hold every character of a response."""
    trick = row.trick
    lines = [_sentences(row), f"reference: {json.dumps(trick.reference)}"]
    return "\n".join([*lines, f"response: {json.dumps(trick.response)}"])


def sarif(rows: Sequence[Row], reward: UserReward, *, version: str, root: Path) -> str:
    """Return a SARIF 2.1.0 log: a rule for each trick, a result for each that pays or gets no number.

    Args:
        rows: All tricks.
        reward: The user's reward, whose definition is the place of every result.
        version: Ours.
        root: The folder that paths are relative to, if they are in it.
    """
    rules = [
        {
            "id": row.trick.id,
            "shortDescription": {"text": row.trick.tries},
            "fullDescription": {"text": f"{row.trick.tries} It must not earn more than {_counterpart(row.trick)}."},
            "help": {"text": f"reference: {row.trick.reference}\nresponse: {row.trick.response}"},
            "defaultConfiguration": {"level": "error"},
            "properties": {"tags": ["reward-hacking", row.trick.task]},
        }
        for row in rows
    ]
    results = [
        {
            "ruleId": row.trick.id,
            "ruleIndex": index,
            "level": "error",
            "message": {"text": f"{row.trick.task}: {_sentences(row)}"},
            "locations": [_location(reward, root)],
            "partialFingerprints": {"trick/v1": f"{reward.name} {row.trick.id}"},
        }
        for index, row in enumerate(rows)
        if row.fails()
    ]
    driver = {"name": "onethinker-rewards hacks", "version": version, "rules": rules}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _location(reward: UserReward, root: Path) -> dict[str, Any]:
    if reward.source is None:
        return {"logicalLocations": [{"fullyQualifiedName": reward.name, "kind": "resource"}]}
    artifact, region = _artifact(reward.source, root), {"startLine": reward.source.line}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def _artifact(source: Source, root: Path) -> dict[str, str]:
    path = _path(source, root)
    return {"uri": Path(path).as_uri()} if Path(path).is_absolute() else {"uri": quote(path), "uriBaseId": "%SRCROOT%"}


def _path(source: Source, root: Path) -> str:
    path = Path(source.file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
