"""Expressions that would hang, crash or eat the memory of the process that works them out."""

from __future__ import annotations

import resource
import sys
import threading

import pytest

from onethinker_rewards.metrics import MathVerdict, compare_math, release_math_equal
from onethinker_rewards.workers import Pool

# Many times what these tests take on a slow machine with other work, and far less than their expressions would.
DOES_NOT_HANG = 300.0

# The expression of issue 65 of Math-Verify.
TOWER = r"\boxed{\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - 5}{16}}"

HOSTILE = [
    TOWER,
    r"9^{9^{9^9}}",
    r"10^{10^{10}}",
    r"2^{2^{40}}-2^{2^{40}}+1",
    "(" * 3000 + "1" + ")" * 3000,
    "{" * 3000 + "1" + "}" * 3000,
    r"\frac{1}{" * 3000 + "1" + "}" * 3000,
    r"\sum_{k=1}^{10^{9}} \sin(k^2)",
    r"\prod_{k=1}^{10^7} (k^2+1)",
    r"((10^7)!)!",
    r"(10^{8})!",
    r"(x+1)^{100000}",
    r"\binom{10^8}{5\cdot 10^7}",
    "1" * 1_000_000,
    "x+" * 500_000 + "x",
    "-" * 5000 + "1",
    "1/" * 4000 + "1",
    "2^" * 3000 + "2",
    "1" + "!" * 3000,
    ",".join(map(str, range(2000))),
]
HONEST = [(rf"\frac{{{n}\sqrt{{2}}}}{{2}}", rf"\frac{{{n}}}{{\sqrt2}}", True) for n in range(3, 19, 2)]
HONEST += [("0.5", "1/2", True), (r"\pi+1", r"\pi+2", False), ("7", "8", False)]


def test_a_hostile_batch_from_a_thread() -> None:
    predicted = [*HOSTILE, *(row[0] for row in HONEST)]
    reference = ["1"] * len(HOSTILE) + [row[1] for row in HONEST]
    found: list[list[MathVerdict]] = []
    with Pool(size=2) as pool:
        before = _resident()
        thread = threading.Thread(
            target=lambda: found.append(compare_math(predicted, reference, timeout=1.0, pool=pool)), daemon=True
        )
        thread.start()
        thread.join(DOES_NOT_HANG)
        assert not thread.is_alive()
        assert MathVerdict.EQUAL not in found[0][: len(HOSTILE)]
        assert found[0][0] is MathVerdict.TIMEOUT
        assert [verdict is MathVerdict.EQUAL for verdict in found[0][len(HOSTILE) :]] == [row[2] for row in HONEST]
        again = compare_math([row[0] for row in HONEST], [row[1] for row in HONEST], pool=pool)
        assert [verdict is MathVerdict.EQUAL for verdict in again] == [row[2] for row in HONEST]
        assert _resident() - before < 200e6
        assert sum(_resident_of(process.pid) for process in pool._processes) < 1e9


def test_a_batch_within_its_deadline() -> None:
    """A pair may take longer than the test waits, so only the deadline of the batch can end it."""
    hard = [rf"\sum_{{k=1}}^{{10^9}} \sin(k^{n})" for n in range(2, 8)]
    found: list[list[MathVerdict]] = []
    with Pool(size=1) as pool:
        settings = {"timeout": 100 * DOES_NOT_HANG, "batch_timeout": 1.5, "pool": pool}
        thread = threading.Thread(
            target=lambda: found.append(compare_math(hard, ["1"] * len(hard), **settings)), daemon=True
        )
        thread.start()
        thread.join(DOES_NOT_HANG)
        assert not thread.is_alive()
    assert found == [[MathVerdict.TIMEOUT] * len(hard)]


def test_the_release_in_killable_workers() -> None:
    with Pool(size=1) as pool:
        predicted = [TOWER, r"$\frac{1}{2}$", "2\\pi", "", "\ud800"]
        equal = release_math_equal(predicted, ["$1$", "$0.5$", r"$2\pi$", "$1$", "$1$"], timeout=3.0, pool=pool)
    assert equal.tolist() == [False, True, False, False, False]


@pytest.mark.parametrize(
    "predicted",
    [
        "__import__('os').system('touch evaluated')",
        "open('evaluated', 'w')",
        r"\text{__import__('os').mkdir('evaluated')}",
        "$(lambda: open('evaluated','w'))()$",
        "exec(\"open('evaluated','w')\")",
    ],
)
def test_nothing_is_evaluated(predicted: str, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Pool(size=1) as pool:
        compare_math([predicted, predicted + "+x"], ["1", "x"], pool=pool)
        release_math_equal([predicted, f"${predicted}$"], ["1", "$1$"], pool=pool)
    assert list(tmp_path.iterdir()) == []


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident_of(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as pages:  # noqa: PTH123
        return int(pages.read().split()[1]) * resource.getpagesize()
