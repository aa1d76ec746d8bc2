"""Cases from public bug reports about verifiers of mathematics, each with the right score."""

from __future__ import annotations

import json
from pathlib import Path

import onethinker_rewards as otr
from onethinker_rewards.metrics.math import algebra, reads_math

CASES = Path(__file__).parent / "data" / "math_cases.jsonl"
KINDS = Path(__file__).parent / "math_kinds.tsv"

# Cases that come out otherwise, each with the reason.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def test_the_cases() -> None:
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    responses = [f"<think>x</think><answer>{case['answer']}</answer>" for case in cases]
    batch = otr.score(responses, [case["reference"] for case in cases], "math", on_bad_reference="skip")
    wrong = {
        (case["answer"], case["reference"])
        for case, accuracy in zip(cases, batch.accuracy.tolist(), strict=True)
        if accuracy != case["expected"]
    }
    assert wrong == EXCEPTIONS.keys()
    assert len(cases) > 200


def test_this_process_gives_the_verdicts_of_the_workers() -> None:
    """A worker's half of a comparison, run here, where it can be looked at."""
    lines = KINDS.read_text(encoding="utf-8").splitlines()[1:]
    pairs = [tuple(line.split("\t")[1:4]) for line in lines if line and not line.startswith("#")]
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    pairs += [(case["answer"], case["reference"], "equal" if case["expected"] else "different") for case in cases]
    readable = [pair for pair in pairs if reads_math(pair[0]) and reads_math(pair[1])]
    wrong = [pair for pair in readable if (algebra.verdict(pair[0], pair[1]) == "equal") != (pair[2] == "equal")]
    assert wrong == []
    assert len(readable) > 1000
