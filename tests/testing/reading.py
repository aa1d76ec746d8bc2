"""Read what the strategies draw: ``python -m tests.testing.reading FOLDER``.

Prints, as JSON, the functions of `answers` with a branch that no drawn text has reached, by file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from itertools import cycle, product
from pathlib import Path

from coverage import Coverage

from tests.testing.collecting import some_of

# The files that read a single response.
FILES = ("limits.py", "read.py", "release.py", "repairs.py", "tags.py", "text.py")
# What depends on the caller and not on the response: limits, dialects and their functions, references, schemas of their
# own, the options of a question.
NOT_THE_MODEL = {
    "limits.py": ["Limits.__post_init__"],
    "read.py": ["_expected", "_in_schema", "_in_thousandths", "_plain", "_read_strictly", "_read_with_shape",
                "_validated"],
    "text.py": ["_folded", "_labeled_option", "_letters_of_options", "choice_letter", "named_option", "option_letters",
                "same_choice"],
}  # fmt: skip
RULES = ("strict", "lenient")
THINKS = ("required", "prefilled", "none")
# One of each schema.
TASKS = ("multiple_choice", "numerical", "ocr", "temporal_grounding", "spatial_grounding", "spatio_temporal_grounding",
         "tracking", "video_segmentation")  # fmt: skip
# Responses and answers of each kind in a turn, and the most turns until all branches are reached.
_DRAWN, _TURNS = 30, 40


def drawn(task: str, turn: int) -> tuple[list[str], list[str], list[str]]:
    """Return responses, answers, and valid answers and responses."""
    import onethinker_rewards as otr
    from onethinker_rewards import testing
    from onethinker_rewards.testing.invalid import PLAIN_MISSES, repairable
    from onethinker_rewards.testing.response_texts import retagged

    spec = otr.TASKS[task]
    tagged = (testing.any_response(task), retagged(testing.responses(task)))
    responses = [text for strategy in tagged for text in some_of(strategy, _DRAWN, turn)]
    answers = list(PLAIN_MISSES.get(spec.schema, ()))
    if spec.is_json:
        answers += [*some_of(testing.near_misses(task), 3 * _DRAWN, turn), *some_of(repairable(task), _DRAWN, turn)]
    if task in {"multiple_choice", "tracking"}:
        answers += testing.HOSTILE.values()
    return responses, answers, [*some_of(testing.answers(task), 2, turn), *some_of(testing.responses(task), 4, turn)]


def read(task: str, responses: list[str], answers: list[str], valid: list[str]) -> None:
    """Read responses and answers by all rules, and score the responses as a batch."""
    import onethinker_rewards as otr

    for rules in RULES:
        for think, response in zip(cycle(THINKS), responses, strict=False):
            otr.parse(response, task, rules=rules, think=think)
        for answer in answers:
            otr.parse_answer(answer, task, rules=rules)
    for response in responses:
        otr.parse(response, task, recipe="release")
    for answer in answers:
        otr.parse_answer(answer, task, recipe="release")
    good, *whole = valid[1:]
    # All once, and a few repeated many times, as in rollouts.
    batches = (responses, whole * 16, whole * 16 + responses[:4] * 16)
    for batch, recipe in product(batches, (*otr.RECIPES.values(), otr.Recipe(think="prefilled"))):
        references = [good, f"<answer>{good}</answer>"] * len(batch)
        otr.score(batch * 2, references, task, recipe=recipe, on_bad_reference="skip")


def read_long() -> None:
    import onethinker_rewards as otr
    from onethinker_rewards.testing.hostile import LONG

    for text in LONG.values():
        otr.parse(text, "ocr")
    otr.parse(LONG["megabyte of <"], "ocr", recipe="release")


def unreached(coverage: Coverage, report: Path) -> dict[str, list[str]]:
    coverage.json_report(outfile=str(report))
    files = json.loads(report.read_text("utf-8"))["files"]
    assert len(files) == len(FILES)
    found = {
        Path(name).name: sorted(
            name for name, lines in file["functions"].items() if lines["missing_lines"] or lines["missing_branches"]
        )
        for name, file in files.items()
    }
    return {name: functions for name, functions in found.items() if functions}


def turns(folder: Path) -> Iterator[dict[str, list[str]]]:
    """Yield what is unreached after each turn."""
    coverage = Coverage(branch=True, data_file=None, include=[f"*/answers/{name}" for name in FILES], config_file=False)
    with coverage.collect():
        read_long()
    for turn in range(_TURNS):
        # Drawing takes nearly all the time and is not measured.
        works = [(task, *drawn(task, turn)) for task in TASKS]
        with coverage.collect():
            for work in works:
                read(*work)
        yield unreached(coverage, folder / "report.json")


if __name__ == "__main__":
    for left in turns(Path(sys.argv[1])):
        if left == NOT_THE_MODEL:
            break
    sys.stdout.write(json.dumps(left))
