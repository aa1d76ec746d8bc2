"""The tasks for lmms-eval: their files fit together, and their functions give the numbers of `evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from onethinker_rewards import evaluation
from onethinker_rewards.adapters.lmms_tasks import FOLDER, task_names, utils
from onethinker_rewards.errors import ArgumentError

FILES = sorted(FOLDER.glob("*.yaml"))
SPAN = {
    "problem_id": 7, "problem": "<video>\nWhen?", "problem_type": "temporal grounding", "data_type": "video",
    "solution": '<answer>{"time": [0, 10]}</answer>', "options": [],
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """Reads `!function utils.name` as that function, as lmms-eval does."""


_Loader.add_constructor("!function", lambda _, node: getattr(utils, str(node.value).removeprefix("utils.")))


def read_task(path: Path) -> dict[str, Any]:
    task = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    if "include" in task:
        task = read_task(path.parent / task.pop("include")) | task
    return task


def answered(answer: str) -> str:
    return f"<think>One.\n\nTwo.</think><answer>{answer}</answer>"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_task_scores_its_examples(path: Path) -> None:
    task = read_task(path)
    assert task["task"] in task_names()
    # A blank line does not end the thinking.
    assert task["generation_kwargs"]["until"] == []
    data = FOLDER / task["dataset_kwargs"]["data_files"][task["test_split"]]
    metrics = {metric["metric"] for metric in task["metric_list"]}
    for line in data.read_text(encoding="utf-8").splitlines():
        doc = json.loads(line)
        assert doc["problem"] in task["doc_to_text"](doc, lmms_eval_specific_kwargs=None)
        assert task["doc_to_visual"](doc) == []
        assert task["doc_to_target"] in doc
        right = task["process_results"](doc, [answered(doc["solution"].removeprefix("<answer>").split("<")[0])])
        assert right == dict.fromkeys(metrics - {"unreadable"}, 1.0) | {"unreadable": 0.0}
        wrong = task["process_results"](doc, ["no idea"])
        assert wrong == dict.fromkeys(metrics - {"unreadable"}, 0.0) | {"unreadable": 1.0}


def test_means_over_rows_are_those_of_evaluate() -> None:
    responses = [answered(f'{{"time": [0, {end}]}}') for end in (10, 5, 2)]
    rows = [{"task": "temporal grounding", "reference": SPAN["solution"], "response": text} for text in responses]
    scores = evaluation.evaluate(rows).benchmarks[0].scores
    single = [utils.process_results(SPAN, [text]) for text in responses]
    assert {name: sum(row[name] for row in single) / 3 for name in scores} == pytest.approx(scores, abs=1e-12)


def test_placeholders_are_not_part_of_the_text() -> None:
    assert utils.doc_to_text(SPAN).startswith("When?\n")


def test_images_and_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    Image.new("L", (4, 3)).save(tmp_path / "a.PNG")
    monkeypatch.setenv(utils.MEDIA, str(tmp_path))
    video, image = utils.doc_to_visual({"path": "clips/b.mp4", "additional_path": "a.PNG"})
    assert video == str(tmp_path / "clips" / "b.mp4")
    assert (image.mode, image.size) == ("RGB", (4, 3))


def test_a_bad_reference_names_its_row() -> None:
    with pytest.raises(ArgumentError, match=r"row 7: .*temporal_grounding"):
        utils.process_results(SPAN | {"solution": "?"}, [""])
