"""Judges for tests of adapters; they pickle."""

from __future__ import annotations

from collections.abc import Sequence

from onethinker_rewards import JudgeError


class DownJudge:
    """A judge that cannot be reached."""

    def __call__(self, *_: Sequence[str | None]) -> list[float]:
        raise JudgeError("no answer from the reward model")


class SlowJudge:
    """A judge that is sure, after a while."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, questions: Sequence[str | None], *_: Sequence[str]) -> list[float]:
        import time

        time.sleep(self.seconds)
        return [1.0] * len(questions)


OPEN_ENDED = {"task": "open_ended", "question": "What is there?", "reference": "A cat."}
