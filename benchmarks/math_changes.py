"""How many wrong answers are paid: ``python -m benchmarks.math_changes [REFERENCES]``.

Each reference is changed in one place, once for each kind of change: a digit, a sign, an order and so on. A change that
is paid is wrong unless an oracle that shares nothing with this library says that it means the same; these are printed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from time import perf_counter

from tests.metrics.math_oracle import says_the_same
from tests.metrics.math_references import changed, references

from onethinker_rewards.metrics import MathVerdict, compare_math

SEED = 20


def main() -> None:
    rng = random.Random(SEED)
    wanted = references(int(sys.argv[1]) if len(sys.argv) > 1 else 2100, rng)
    rows = [(kind, text, reference) for reference in wanted for kind, text in changed(reference, rng, most=1)]
    start = perf_counter()
    verdicts = compare_math([text for _, text, _ in rows], [reference for *_, reference in rows])
    paid = [row for row, verdict in zip(rows, verdicts, strict=True) if verdict is MathVerdict.EQUAL]
    wrong = [row for row in paid if not says_the_same(row[1], row[2])]
    print(f"{len(wanted)} references, {perf_counter() - start:.0f} s, {verdicts.count(MathVerdict.TIMEOUT)} timeouts")
    counts = [Counter(kind for kind, *_ in chosen) for chosen in (rows, paid, wrong)]
    print("| change | answers | paid | of these wrong |\n|---|---|---|---|")
    for kind in counts[0]:
        print("| " + " | ".join([kind, *(str(count[kind]) for count in counts)]) + " |")
    print(f"| all | {len(rows)} | {len(paid)} | {len(wrong)} |")
    for kind, text, reference in wrong:
        print(f"{kind}: {text}  for  {reference}")


if __name__ == "__main__":
    main()
