"""Mathematics: ours against math-verify, one pair after the other.

The worker processes of ours are warm: they start once a process, not once a batch. `python -m
benchmarks.bench_math` alone prints how long that start takes.
"""

from __future__ import annotations

import math
import random

from benchmarks.harness import Row, best_of
from onethinker_rewards.metrics import math_equal
from onethinker_rewards.workers import Pool, shared_pool

Pairs = list[tuple[str, str]]

SYMBOLIC = "onethinker_rewards.metrics.math.algebra:verdict"


def symbolic(count: int, rng: random.Random) -> Pairs:
    """Distinct pairs, half of them equal, of which neither side is a number that can be read off."""
    found: dict[tuple[str, str], None] = {}
    while len(found) < count:
        a, b, c = (rng.randint(2, 99) for _ in range(3))
        off = rng.choice([0, 0, 1])
        kind = len(found) % 4
        if kind == 0:
            pair = rf"$\frac{{{a}\sqrt{{{b}}}}}{{{c}}}$", rf"$\frac{{{a * b + off}}}{{{c}\sqrt{{{b}}}}}$"
        elif kind == 1:
            pair = rf"$(x+{a})(x-{b})$", rf"$x^2+{a - b}x-{a * b + off}$".replace("+-", "-")
        elif kind == 2:
            pair = rf"${a}\pi+\frac{{\pi}}{{{b}}}$", rf"$\frac{{{a * b + 1 + off}\pi}}{{{b}}}$"
        else:
            pair = rf"$\ln {a * b + off}$", rf"$\ln {a}+\ln {b}$"
        if math.isqrt(b) ** 2 != b:
            found[pair] = None
    return list(found)


def half_numbers(count: int, rng: random.Random) -> Pairs:
    """Half plain numbers and fractions, half as above."""
    numbers = []
    for index in range(count // 2):
        a, b = rng.randint(1, 999), rng.randint(2, 999)
        reference = rf"$\frac{{{a}}}{{{b}}}$" if index % 2 else f"${a}$"
        numbers.append((f"${a + rng.choice([0, 0, 1])}{f'/{b}' if index % 2 else ''}$", reference))
    return numbers + symbolic(count - len(numbers), rng)


def rollouts(groups: int, rng: random.Random) -> Pairs:
    """Groups of eight that share a reference: most write it alike, some otherwise, some are wrong."""
    found: Pairs = []
    for answer, reference in symbolic(groups, rng):
        wrong = answer.replace("$", "", 1).replace("$", "+1$")
        choices = [reference] * 4 + [reference.replace("+", " + "), answer, f"${wrong}", f"${wrong}"]
        found.extend((choice, reference) for choice in rng.sample(choices, 8))
    return found


def serial(pairs: Pairs) -> list[bool]:
    from math_verify import parse, verify

    return [verify(parse(reference), parse(predicted)) for predicted, reference in pairs]


def run() -> list[Row]:
    shared_pool().run(SYMBOLIC, [("x", "y")] * 64, timeout=5.0)
    cases = {
        "1,024 distinct pairs that need algebra": symbolic(1024, random.Random(1)),
        "512 plain numbers or fractions, 512 that need algebra": half_numbers(1024, random.Random(2)),
        "128 groups of 8 rollouts": rollouts(128, random.Random(3)),
    }
    rows: list[Row] = []
    for name, pairs in cases.items():
        predicted, reference = map(list, zip(*pairs, strict=True))
        ours = best_of(lambda predicted=predicted, reference=reference: math_equal(predicted, reference), repeat=3)
        other = best_of(lambda pairs=pairs: serial(pairs), repeat=1)
        agree = sum(a == b for a, b in zip(math_equal(predicted, reference).tolist(), serial(pairs), strict=True))
        rows.append(Row(name, ours, "math-verify, serial", other, f"{shared_pool().size} workers; {agree} agree"))
    return rows


def main() -> None:
    from time import perf_counter

    start = perf_counter()
    with Pool(size=1) as pool:
        pool.run(SYMBOLIC, [("x", "y")], timeout=5.0)
        print(f"a worker starts in {perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
