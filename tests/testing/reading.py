"""Read what the strategies draw, and nothing else: ``coverage run -m tests.testing.reading``."""

from __future__ import annotations

import onethinker_rewards as otr
from onethinker_rewards import testing
from onethinker_rewards.answers import Rules, Think
from onethinker_rewards.testing.hostile import LONG
from onethinker_rewards.testing.misses import PLAIN_MISSES, repairable
from onethinker_rewards.testing.tagged import retagged
from tests.testing.collecting import some_of

THINKS: tuple[Think, ...] = ("required", "prefilled", "none")
RULES: tuple[Rules, ...] = ("strict", "lenient")
RECIPES = (*otr.RECIPES.values(), otr.Recipe(think="prefilled"))
# One of each schema.
TASKS = ("multiple_choice", "numerical", "ocr", "temporal_grounding", "spatial_grounding", "spatio_temporal_grounding",
         "tracking", "video_segmentation")  # fmt: skip
_DRAWN = 120


def main() -> None:
    """Read responses and answers by all rules, and score the responses as a batch."""
    for task in TASKS:
        read_all(task)
    for text in LONG.values():
        otr.parse(text, "ocr")
    otr.parse(LONG["megabyte of <"], "ocr", recipe="release")


def read_all(task: str) -> None:
    """Read what is drawn for one task."""
    spec = otr.TASKS[task]
    responses = [*some_of(testing.any_response(task), _DRAWN), *some_of(retagged(testing.responses(task)), _DRAWN)]
    answers = list(PLAIN_MISSES.get(spec.schema, ()))
    if spec.is_json:
        answers += [*some_of(testing.near_misses(task), 3 * _DRAWN), *some_of(repairable(task), _DRAWN)]
    if task in {"multiple_choice", "tracking"}:
        answers += testing.HOSTILE.values()
    for rules in RULES:
        for place, response in enumerate(responses):
            otr.parse(response, task, rules=rules, think=THINKS[place % 3])
        for answer in answers:
            otr.parse_answer(answer, task, rules=rules)
    for response in responses:
        otr.parse(response, task, recipe="release")
    for answer in answers:
        otr.parse_answer(answer, task, recipe="release")
    good = some_of(testing.answers(task), 2)[-1]
    # Few different ones many times over, as rollouts are, and all once.
    sound = some_of(testing.responses(task), 4) * 16
    for batch in (responses, sound, sound + responses[:4] * 16):
        references = [good, f"<answer>{good}</answer>"] * len(batch)
        for recipe in RECIPES:
            otr.score(batch * 2, references, task, recipe=recipe, on_bad_reference="skip")


if __name__ == "__main__":
    main()
