"""Wrong answers that are right but for one place are not paid; right answers in other words and signs are."""

from __future__ import annotations

import random

import pytest
import sympy.physics.units as sympy_units
from sympy.physics.units.systems import SI

from onethinker_rewards.metrics import MathVerdict, compare_math
from onethinker_rewards.metrics.math.units import find_unit
from onethinker_rewards.workers import Pool
from tests.metrics.math_oracle import says_the_same
from tests.metrics.math_references import TEMPLATES, changed, references, rewritten

COUNT = 600


@pytest.fixture(scope="module")
def pool() -> Pool:
    with Pool(size=2) as workers:
        yield workers


def test_wrong_answers_are_not_paid(pool: Pool) -> None:
    """One change of each kind in references of some templates; `benchmarks.math_changes` makes many more."""
    rng = random.Random(2)
    chosen = rng.sample(references(len(TEMPLATES), rng), 150)
    rows = [(text, reference) for reference in chosen for _, text in changed(reference, rng, most=1)]
    verdicts = compare_math(*map(list, zip(*rows, strict=True)), pool=pool)
    paid = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is MathVerdict.EQUAL]
    assert len(rows) > 1200
    assert [row for row in paid if not says_the_same(*row)] == []
    assert len(paid) < 0.03 * len(rows)


def test_right_answers_are_paid_however_they_are_written(pool: Pool) -> None:
    rows = [(*row, reference) for reference in references(COUNT, random.Random(3)) for row in rewritten(reference)]
    verdicts = compare_math([text for _, text, _ in rows], [reference for *_, reference in rows], pool=pool)
    wrong = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is not MathVerdict.EQUAL]
    assert len(rows) > 10_000
    assert wrong == []


@pytest.mark.parametrize(
    "name",
    "meter centimeter millimeter kilometer inch foot yard mile gram kilogram milligram pound second millisecond minute "
    "hour day liter milliliter hectare hertz newton pascal joule watt ampere coulomb volt ohm farad tesla weber henry "
    "kelvin mole".split(),
)
def test_sizes_of_units_are_those_of_sympy(name: str) -> None:
    unit, quantity = find_unit(name), getattr(sympy_units, name)
    assert unit is not None
    names = {"length": "m", "mass": "kg", "time": "s", "current": "A", "temperature": "K", "amount_of_substance": "mol"}
    powers = SI.get_dimension_system().get_dimensional_dependencies(SI.get_quantity_dimension(quantity))
    expected = {names[str(dimension.name)]: int(power) for dimension, power in powers.items()}
    assert unit.dimensions == expected
    # sympy counts mass in grams.
    size = float(quantity.scale_factor) / 1000.0 ** expected.get("kg", 0)
    assert size == pytest.approx(float(unit.scale), rel=1e-12)
