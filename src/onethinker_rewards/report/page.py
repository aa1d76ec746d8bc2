"""One HTML file about scored rows, which needs no server, no network and no other file."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeAlias, TypeGuard

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onethinker_rewards.adapters import Columns
from onethinker_rewards.answers import AnyDialect
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.report.cards import CardMaker
from onethinker_rewards.report.pictures import Pictures
from onethinker_rewards.report.sampling import STRATA, Sample, Stratum
from onethinker_rewards.report.scored import RowReader, ScoredRow
from onethinker_rewards.report.text import visible
from onethinker_rewards.report.totals import Bucket, TaskTotals, Totals, part_title
from onethinker_rewards.rewards import Recipe
from onethinker_rewards.rewards.recipe import changed_recipe
from onethinker_rewards.tasks import TASKS, TaskSpec

# Rows: mappings, counted from 1, or pairs of a number and a mapping; or a file of JSON Lines.
Rows: TypeAlias = "Iterable[Mapping[str, Any] | tuple[int, Mapping[str, Any]]] | str | os.PathLike[str]"

# A report of 200 rows stays under 6 MB: three fifths of it are JPEG, which base64 makes a third longer.
_ALL_PICTURES, _SMALLEST, _LARGEST = 2_700_000, 4_000, 60_000
_ALL_TEXT, _SHORTEST, _LONGEST = 1_000_000, 2_000, 20_000
_MEANS = ("total", "accuracy", "format")


@dataclass(frozen=True, slots=True)
class Report:
    """What a report is about.

    Attributes:
        totals: Sums over all rows of the file.
        shown: How many rows it shows.
        against: Sums over the other file, if two were compared.
        pictures: How many pictures, frames and masks it has.
    """

    totals: Totals
    shown: int
    against: Totals | None
    pictures: int


def render(
    rows: Rows,
    out: str | os.PathLike[str] | IO[str],
    *,
    against: Rows | None = None,
    names: tuple[str, str] = ("this file", "the other file"),
    limit: int = 200,
    seed: int = 0,
    media_root: str | os.PathLike[str] | None = None,
    recipe: str | Recipe = "paper",
    dialect: AnyDialect | None = None,
    columns: Columns | None = None,
    task: str | None = None,
    table: Mapping[str, TaskSpec] | None = None,
) -> Report:
    """Write a page about scored rows: a table by task, distributions, codes, curves over steps, and a sample of rows.

    Rows are read once and not kept, except those that are shown.

    Args:
        rows: Rows as the command ``score`` writes them: ``response``, ``reference``, ``task``, ``total`` and its terms,
            ``failure``, ``format_fault``, ``repairs``, ``part/…``, maybe ``step`` and an image or a video; or the path
            of a file of JSON Lines. A row may be a pair of its number and its columns.
        out: A path, or an open text file.
        against: The rows of another file, to be compared with.
        names: What the page calls the two.
        limit: How many rows are shown: failures, the lowest, the highest and random ones.
        seed: Equal seeds show equal rows.
        media_root: Where relative paths of pictures start; by default the folder of the file, or the current one.
        recipe: How responses were read; it places faults and boxes, and changes no number.
        dialect: How the model writes boxes, points and times; the recipe's by default.
        columns: The names of the columns.
        task: The task of all rows.
        table: The tasks, `TASKS` by default.

    Raises:
        ArgumentError: If there is no such recipe or dialect, or a line of a file is no JSON object.
        OSError: If a file cannot be read or written.
    """
    if limit < 1:
        raise ArgumentError(f"limit must be at least 1, got {limit}")
    reader = RowReader(columns or Columns(), task, table)
    by = changed_recipe(recipe, dialect=dialect)
    root = Path(rows).parent if media_root is None and _is_path(rows) else Path(media_root or "")
    totals, sample = Totals(), Sample(limit, seed)
    for row in _scored(rows, reader, totals):
        sample.add(row)
    chosen = sample.chosen()
    other, others = None, {}
    if against is not None:
        other = Totals()
        wanted = {row.number: row for _, row in chosen}
        others = {row.number: row for row in _scored(against, reader, other) if _same(row, wanted.get(row.number))}
    share = max(1, len(chosen))
    pictures = Pictures(root, min(max(_ALL_PICTURES // share, _SMALLEST), _LARGEST))
    maker = CardMaker(reader, by, table, pictures, min(max(_ALL_TEXT // share, _SHORTEST), _LONGEST))
    order = list(TASKS if table is None else table)
    page = _page(totals, other, names, chosen, order, by)
    blocks = _blocks(chosen, others, maker, names)
    if isinstance(out, str | os.PathLike):
        with Path(out).open("w", encoding="utf-8", errors="replace", newline="\n") as file:
            _write(file, page, blocks)
    else:
        _write(out, page, blocks)
    return Report(totals, len(chosen), other, pictures.count)


def _is_path(rows: object) -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(rows, str | os.PathLike)


def _scored(rows: Any, reader: RowReader, totals: Totals) -> Iterator[ScoredRow]:
    """Yield the scored rows, adding each to the totals."""
    items: Iterable[Any] = _lines(Path(rows)) if _is_path(rows) else rows
    for index, item in enumerate(items, 1):
        number, columns = item if isinstance(item, tuple) else (index, item)
        row = reader.read(number, columns)
        if isinstance(row, str):
            totals.reject(number, row)
        else:
            totals.add(row.columns, row.codes, failed=bool(row.faults))
            yield row


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ArgumentError(f"{path}: line {number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise ArgumentError(f"{path}: line {number}: not a JSON object")
            yield number, row


def _same(row: ScoredRow, wanted: ScoredRow | None) -> bool:
    """Return whether rows of two files answer the same question."""
    return wanted is not None and (row.task, row.references) == (wanted.task, wanted.references)


def _blocks(
    chosen: list[tuple[Stratum, ScoredRow]], others: Mapping[int, ScoredRow], maker: CardMaker, names: tuple[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield what the page's script shows of each row, and the pictures that are new with it."""
    template = _environment().get_template("card.html")
    for stratum, row in chosen:
        card = maker.card(row, stratum, others.get(row.number))
        html = template.render(card=card, names=names)
        new, maker.pictures.new = maker.pictures.new, []
        yield {
            "pictures": new,
            "row": {
                "number": row.number, "task": row.task, "stratum": stratum, "codes": row.codes, "total": row.total,
                "html": html,
            },
        }  # fmt: skip


def _page(
    totals: Totals,
    other: Totals | None,
    names: tuple[str, str],
    chosen: list[tuple[Stratum, ScoredRow]],
    order: list[str],
    recipe: Recipe,
) -> dict[str, Any]:
    """Return what the page says of all rows."""
    found = sorted({*totals.tasks, *(other.tasks if other else ())}, key=order.index)
    tasks = [_task(name, totals.tasks.get(name), other.tasks.get(name) if other else None) for name in found]
    shown = [code for _, row in chosen for code in row.codes]
    files = zip(names, (totals, other), strict=True)
    codes = totals.codes
    return {
        "names": names,
        "totals": totals,
        "other": other,
        "invalid": [(name, each) for name, each in files if each is not None and each.invalid],
        "recipe": recipe.name,
        "tasks": tasks,
        "compared": other is not None,
        "curves": [curves for task in tasks if (curves := _curves(task["name"], task["this"], task["other"]))],
        "codes": [(code, codes[code], shown.count(code)) for code, _ in codes.most_common()],
        "strata": [(name, sum(stratum == name for stratum, _ in chosen)) for name in STRATA],
        "shown": len(chosen),
        "made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "means": _MEANS,
    }


def _task(name: str, this: TaskTotals | None, other: TaskTotals | None) -> dict[str, Any]:
    this, other = this or TaskTotals(), other or TaskTotals()
    measured = [part for part in (*this.values, *other.values) if this.means.get(part) or other.means.get(part)]
    return {
        "name": name,
        "this": this,
        "other": other,
        "charts": [_chart(part, this, other) for part in dict.fromkeys(measured)],
    }


def _chart(name: str, this: TaskTotals, other: TaskTotals) -> dict[str, Any]:
    """Return the distributions of a number in two files, on one axis, heights as shares of the rows."""
    ours, theirs = this.distribution(name), other.distribution(name)
    # Parts are from 0 to 1: on one axis they can be compared.
    low = min(0.0, *(bucket.start for bucket in ours + theirs))
    high = max(1.0, *(bucket.end for bucket in ours + theirs))
    top = max(bucket.count / sum(each.count for each in bars) for bars in (ours, theirs) for bucket in bars)
    return {
        "title": part_title(name),
        "means": [totals.means[name].value if name in totals.means else None for totals in (this, other)],
        "ends": (low, high),
        "bars": [_bars(bars, low, high, top) for bars in (ours, theirs)],
    }


def _bars(buckets: list[Bucket], low: float, high: float, top: float) -> list[dict[str, Any]]:
    """Return bars in per cent of the chart's width and height."""
    rows = sum(bucket.count for bucket in buckets)
    return [
        {
            "x": 100 * (bucket.start - low) / (high - low),
            "width": 100 * (bucket.end - bucket.start) / (high - low),
            "height": 100 * bucket.count / rows / top,
            "title": f"{bucket.start:.4g} to {bucket.end:.4g}: {bucket.count:,} rows",
        }
        for bucket in buckets
        if bucket.count
    ]


def _curves(task: str, this: TaskTotals, other: TaskTotals) -> dict[str, Any] | None:
    """Return the curves of a task over steps, a line a number and file; None where no row has a step."""
    lines = [
        (name, file, list(totals.curves[name]))
        for name in _MEANS
        for file, totals in enumerate([this, other])
        if name in totals.curves
    ]
    points = [bucket for _, _, buckets in lines for bucket in buckets]
    if not points:
        return None
    low, high = min(bucket.start for bucket in points), max(bucket.start for bucket in points)
    bottom, top = min(0.0, *(bucket.mean for bucket in points)), max(1.0, *(bucket.mean for bucket in points))
    return {
        "title": task,
        "ends": (low, high),
        "range": (bottom, top),
        "lines": [
            {
                "name": name,
                "file": file,
                "color": _MEANS.index(name),
                "points": " ".join(
                    f"{100 * (bucket.start - low) / ((high - low) or 1):.2f},"
                    f"{100 - 100 * (bucket.mean - bottom) / (top - bottom):.2f}"
                    for bucket in buckets
                ),
                "last": buckets[-1].mean,
            }
            for name, file, buckets in lines
        ],
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("onethinker_rewards.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = _json
    return environment


def _finalize(value: Any) -> Any:
    """Return what an expression of a template gives with nothing in it that hides; markup is ours."""
    return visible(value) if type(value) is str else value


def _json(value: Any) -> Markup:
    """Return JSON for a script element: without a less-than sign, no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704


def _source(name: str) -> tuple[Markup, str]:
    """Return a file that the page contains, and the hash by which the page's policy allows it."""
    environment = _environment()
    text = environment.loader.get_source(environment, name)[0]  # pyright: ignore[reportOptionalMemberAccess]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup(text), f"sha256-{digest}"  # noqa: S704 - our own files


def _write(file: IO[str], page: dict[str, Any], blocks: Iterator[dict[str, Any]]) -> None:
    style, style_hash = _source("style.css")
    script, script_hash = _source("script.js")
    policy = (
        f"default-src 'none'; img-src data:; style-src '{style_hash}'; script-src '{script_hash}'; "
        "base-uri 'none'; form-action 'none'"
    )
    template = _environment().get_template("page.html")
    stream = template.generate(page, style=style, script=script, policy=policy, blocks=blocks)
    for text in stream:
        file.write(text)
