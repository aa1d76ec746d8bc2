"""The sample of rows: its strata, its size, its seed."""

from __future__ import annotations

import random
from collections import Counter

from onethinker_rewards.report.sampling import Sample
from onethinker_rewards.report.scored import ScoredRow


def row(number: int, total: float | None, task: str = "ocr", *faults: str) -> ScoredRow:
    return ScoredRow(number, {}, task, "", (), total, faults, ())


def rows(count: int, seed: int = 1) -> list[ScoredRow]:
    draw = random.Random(seed)
    made = [row(number, draw.random(), draw.choice(["ocr", "math"])) for number in range(1, count + 1)]
    return [
        row(each.number, 0.0, each.task, draw.choice(["empty_answer", "missing_answer"]))
        if each.number % 50 == 0
        else each
        for each in made
    ]


def chosen(given: list[ScoredRow], limit: int, seed: int = 0) -> list[tuple[str, int]]:
    sample = Sample(limit, seed)
    for each in given:
        sample.add(each)
    return [(stratum, each.number) for stratum, each in sample.chosen()]


def test_a_short_file_is_shown_whole() -> None:
    assert [number for _, number in chosen(rows(60), 200)] == list(range(1, 61))


def test_each_stratum_has_its_share() -> None:
    found = chosen(rows(10_000), 200)
    counts = Counter(stratum for stratum, _ in found)
    assert len(found) == 200
    assert set(counts) == {"failure", "lowest", "highest", "random"}
    assert all(30 <= count <= 70 for count in counts.values())


def test_the_lowest_and_the_highest_of_every_task_are_there() -> None:
    given = [each for each in rows(5_000) if not each.faults]
    numbers = {number for _, number in chosen(given, 40)}
    for task in ("ocr", "math"):
        by_total = sorted((each for each in given if each.task == task), key=lambda each: each.total or 0.0)
        assert {each.number for each in by_total[:5] + by_total[-5:]} <= numbers


def test_a_rare_code_is_there() -> None:
    given = [*rows(5_000), row(5_001, 0.0, "ordering", "repeated_item")]
    assert ("failure", 5_001) in chosen(given, 20)


def test_a_stratum_that_lacks_rows_leaves_its_share_to_others() -> None:
    given = [row(number, None) for number in range(1, 1001)]
    found = chosen(given, 100)
    assert len(found) == 100
    assert {stratum for stratum, _ in found} == {"random"}


def test_a_small_limit_holds() -> None:
    assert len(chosen(rows(1_000), 1)) == 1
    assert len(chosen(rows(1_000), 3)) == 3


def test_the_seed_decides() -> None:
    given = rows(2_000)
    assert chosen(given, 50) == chosen(given, 50)
    assert chosen(given, 50) != chosen(given, 50, seed=1)


def test_few_rows_are_held() -> None:
    sample = Sample(100)
    for each in rows(20_000):
        sample.add(each)
    held = {id(entry[-1]) for groups in sample._strata.values() for best in groups.values() for entry in best._heap}
    held |= {id(entry[-1]) for entry in sample._any._heap}
    assert len(held) <= 220
