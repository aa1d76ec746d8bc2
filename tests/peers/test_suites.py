"""What the test suites of other graders want, in pairs of our own, against what this library scores.

`pairs.tsv` has a pair of each kind that a suite tests, in other numbers and names. Where a suite has a whole solution,
from which its library takes the last formula or box, the answer is that formula or box; ``⏎`` is a line break.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import onethinker_rewards as otr
from onethinker_rewards.metrics import release_math_equal

PAIRS = Path(__file__).with_name("pairs.tsv")
PAGE = Path(__file__).parents[2] / "docs" / "metrics" / "other-graders.md"


def pairs() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval=""))
    return [{name: cell.replace("⏎", "\n") for name, cell in row.items()} for row in rows]


def scores(rows: list[dict[str, str]]) -> list[bool]:
    """Return whether each answer is paid in full, as the response of its task."""
    batch = otr.score(
        [f"<think></think><answer>{row['answer']}</answer>" for row in rows],
        [row["reference"] for row in rows],
        [row["task"] for row in rows],
        options=[row["options"].split(" | ") if row["options"] else None for row in rows],
        on_bad_reference="skip",
    )
    return [accuracy == 1 for accuracy in batch.accuracy.tolist()]


def table(heading: str) -> Iterator[list[str]]:
    """Yield the cells of the rows of the page's table under a heading."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for line in [line for line in section.splitlines() if line.startswith("| ")][2:]:
        cells = line.strip("|").replace("\\|", "\0").split(" | ")
        yield [cell.strip().strip("`").replace("\0", "|").replace("⏎", "\n") for cell in cells]


def test_the_page_lists_every_disagreement_and_no_other() -> None:
    rows = pairs()
    found = {
        (row["suite"], row["answer"], row["reference"], row["verdict"])
        for row, paid in zip(rows, scores(rows), strict=True)
        if paid != (row["verdict"] == "equal")
    }
    listed = [tuple(cells[:4]) for cells in table("Disagreements")]
    assert set(listed) == found
    assert len(set(listed)) == len(listed)
    assert all(cells[4] in ("we are", "they are", "open", "contract") and cells[5] for cells in table("Disagreements"))


def test_the_page_counts_the_pairs() -> None:
    rows = pairs()
    paid = scores(rows)
    for suite, count, agreed in table("Suites"):
        of_suite = [row for row in rows if row["suite"] == suite]
        right = [both == (row["verdict"] == "equal") for row, both in zip(rows, paid, strict=True) if row in of_suite]
        assert (int(count), int(agreed)) == (len(of_suite), sum(right))
    assert {row["suite"] for row in rows} == {cells[0] for cells in table("Suites")}
    assert len(rows) > 450


def test_math_verify_wants_of_our_pairs_what_its_suite_wants_of_its_own() -> None:
    """The pairs are of the suite's kinds: math-verify itself gives most the suite's verdict.

    Its suite sets options for many of its cases, and some are younger than the release that is installed.
    """
    rows = [row for row in pairs() if row["suite"] == "Math-Verify"]
    verdicts = release_math_equal([row["answer"] for row in rows], [row["reference"] for row in rows]).tolist()
    agreed = sum(equal == (row["verdict"] == "equal") for row, equal in zip(rows, verdicts, strict=True))
    assert agreed >= 0.8 * len(rows)
