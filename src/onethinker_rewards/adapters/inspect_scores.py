"""Scores of `evaluation.evaluate` as the records that inspect_ai's scorer ``precomputed_scores`` reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from onethinker_rewards.answers import find_answer
from onethinker_rewards.errors import ArgumentError

__all__ = ["InspectScores"]


class InspectScores:
    """Turns what became of each row of one benchmark into a record.

    The n-th row with an id is the n-th epoch of that sample.

    >>> scores, row = InspectScores(), {"response": "<think>I see.</think><answer>B</answer>"}
    >>> scored = {"benchmark": "mmmu", "id": "7", "task": "multiple_choice", "value": 1.0, "failure": None}
    >>> record = scores.record(scored, row)
    >>> record["id"], record["epoch"], record["value"], record["answer"]
    ('7', 1, 1.0, 'B')
    """

    def __init__(self) -> None:
        self._epochs: Counter[str] = Counter()
        self._benchmark: str | None = None

    def record(self, scored: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the record of a row, or None if the rules leave it out or its reference cannot be read.

        Args:
            scored: What ``each`` of `evaluation.evaluate` is called with.
            row: The row, with its ``response``.

        Raises:
            ArgumentError: If the row has no id, or another benchmark than the rows before.
        """
        if scored.get("value") is None:
            return None
        if scored["id"] is None:
            raise ArgumentError("a row without an id belongs to no sample of inspect_ai")
        if self._benchmark not in (None, scored["benchmark"]):
            names = f"{self._benchmark} and {scored['benchmark']}"
            raise ArgumentError(f"inspect_ai takes the scores of one benchmark, not of {names}")
        self._benchmark = scored["benchmark"]
        name = str(scored["id"])
        self._epochs[name] += 1
        missing = bool(scored.get("missing"))
        return {
            "id": name,
            "epoch": self._epochs[name],
            "value": scored["value"],
            "answer": None if missing else find_answer(row["response"]).answer,
            "explanation": "no answer" if missing else scored["failure"],
            "metadata": {name: scored[name] for name in ("benchmark", "task", "failure")} | {"missing": missing},
        }
