"""The 200 rows that every adapter is held to: what `score` says of them is what each framework has to be told."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import onethinker_rewards as otr
from onethinker_rewards.tasks.release import RELEASE_TASKS
from tests.rewards.cases import REFERENCES, wrap

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "release_rewards.jsonl"
COUNT = 200
# What is made of each task's perfect answer; `wrong` answers are another task's.
_BROKEN = (
    "{answer}",
    "<answer>{answer}</answer>",
    "<think>a</think><answer>{answer}",
    "<think>a</think><answer>{answer}</answer><answer>{answer}</answer>",
    "<think>a</think><answer></answer>",
    "Sure. <think>a</think><answer>{answer}</answer>",
)
_OPTIONS = ["a cat", "a dog", "a bird", "a fish"]


def framework(*modules: str, target: str = "test-frameworks") -> None:
    """Skip the test, or the module it stands in, where one of these packages is not installed."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed here: make {target}", allow_module_level=True)


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in the words of the data set; `score` and adapters give them the same totals.

    Attributes:
        responses: What the model wrote.
        references: What is right, some with answer tags.
        problem_types: The data set's words for the task.
        data_types: ``image`` or ``video``.
        options: Options' texts, None where there are none.
        groups: Four rows share one.
    """

    responses: list[str]
    references: list[str]
    problem_types: list[str]
    data_types: list[str]
    options: list[list[str] | None]
    groups: list[str]

    def __len__(self) -> int:
        return len(self.responses)

    @property
    def tasks(self) -> list[str]:
        """Our names of the tasks."""
        return [otr.task_name(*pair) for pair in zip(self.problem_types, self.data_types, strict=True)]

    def columns(self, reference: str = "solution") -> dict[str, list[Any]]:
        """The columns beside the responses, under the data set's names."""
        return {
            "problem_type": self.problem_types,
            "data_type": self.data_types,
            reference: self.references,
            "options": self.options,
            "problem_id": self.groups,
        }

    def mappings(self, reference: str = "solution") -> list[dict[str, Any]]:
        """The columns row by row."""
        columns = self.columns(reference)
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def batch(self, recipe: str | otr.Recipe = "paper") -> otr.RewardBatch:
        """What `score` says of them."""
        return otr.score(self.responses, self.references, self.tasks, recipe=recipe, options=self.options)

    def take(self, indices: Sequence[int]) -> Rows:
        """Some of the rows."""
        return Rows(*([values[index] for index in indices] for values in (getattr(self, name) for name in _FIELDS)))


_FIELDS = ("responses", "references", "problem_types", "data_types", "options", "groups")


@cache
def shared_rows() -> Rows:
    """Return 200 rows: perfect, wrong and malformed answers to every task, then the released code's own examples."""
    made = [*_made_rows()]
    golden = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    readable = [row for row in golden if _has_reference(row)][: COUNT - len(made)]
    made += [(row["response"], row["ground_truth"], row["problem_type"], row["data_type"], None) for row in readable]
    columns = [list(values) for values in zip(*made, strict=True)]
    rows = Rows(*columns, groups=[f"group {index // 4}" for index in range(len(made))])
    assert len(rows) == COUNT
    assert set(rows.tasks) == set(RELEASE_TASKS)
    return rows


def _made_rows() -> list[tuple[str, str, str, str, list[str] | None]]:
    made = []
    # The tasks that every recipe has.
    for index, (task, reference) in enumerate((task, REFERENCES[task]) for task in RELEASE_TASKS):
        words = {"image_segmentation": ("segmentation", "image"), "video_segmentation": ("segmentation", "video")}
        problem_type, data_type = words.get(task, (task.replace("_", " "), "image"))
        options = _OPTIONS if task == "multiple_choice" else None
        other = [*REFERENCES.values()][index - 1]
        responses = [wrap(reference), wrap(other), *(text.format(answer=reference) for text in _BROKEN)]
        references = [reference, f"<answer>{reference}</answer>"]
        made += [
            (response, references[number % 2], problem_type, data_type, options)
            for number, response in enumerate(responses)
        ]
    # Only with the options' texts is this the letter B.
    return [*made, (wrap("a dog"), REFERENCES["multiple_choice"], "multiple choice", "image", _OPTIONS)]


def _has_reference(row: dict[str, Any]) -> bool:
    try:
        otr.parse_reference(row["ground_truth"], otr.task_name(row["problem_type"], row["data_type"]))
    except otr.BadReferenceError:
        return False
    return True
