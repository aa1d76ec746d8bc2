"""Cases from public bug reports about verifiers of mathematics, each with the right score."""

from __future__ import annotations

import json
from pathlib import Path

import onethinker_rewards as otr

CASES = Path(__file__).parent / "data" / "math_cases.jsonl"

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
