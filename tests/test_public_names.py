"""Every public name: it is there, its help fits a screen, and so does what it prints as."""

from __future__ import annotations

import importlib
import inspect
import pydoc
import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import onethinker_rewards as otr
from tests.rewards.cases import ANSWERS, REFERENCES, wrap

LAZY = ("adapters", "advantage", "evaluation", "hacks", "judges", "testing")
MODULES = ("", ".metrics", ".answers", ".tasks", ".rewards", ".workers", ".models", *(f".{name}" for name in LAZY))
# Characters of a signature, and lines and characters of what an object prints as.
SIGNATURE, LINES, CHARACTERS = 700, 24, 1_500


def module(name: str) -> ModuleType:
    if name == ".advantage":
        pytest.importorskip("torch", reason="torch is not installed")
    return importlib.import_module(f"onethinker_rewards{name}")


def public_names() -> list[tuple[str, str]]:
    return [(name, public) for name in MODULES if name != ".advantage" for public in module(name).__all__] + [
        (".advantage", public) for public in __import__("onethinker_rewards.advantage", fromlist=["*"]).__all__
    ]


@pytest.mark.parametrize(("name", "public"), public_names())
def test_a_public_name_is_there_and_says_what_it_is(name: str, public: str) -> None:
    value = getattr(module(name), public)
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return
    assert inspect.getdoc(value), public
    try:
        signature = str(inspect.signature(value))
    except ValueError:
        return  # a class without a signature of its own, such as an enumeration
    assert "\n" not in signature
    assert " at 0x" not in signature
    # That of Columns has all names that a column may have.
    assert len(signature) <= SIGNATURE or public == "Columns", f"{public}{signature}"


def test_help_begins_with_the_first_sentence() -> None:
    lines = pydoc.plain(pydoc.render_doc(otr.score)).splitlines()
    assert lines[2].startswith("score(responses: 'Sequence[str]', references")
    assert len(lines[2]) < SIGNATURE
    assert lines[3].strip() == "Score N responses."


def objects() -> dict[str, Any]:
    """Return one object of each public kind, as large as in a training step."""
    tasks = list(REFERENCES) * 86
    references = [REFERENCES[task] for task in tasks]
    batch = otr.score([wrap(ANSWERS[task]) for task in tasks], references, tasks)
    assert len(batch) >= 1_024
    columns = otr.answers.Reader()
    seen: list[Any] = []

    def formula(predicted: Any, reference: Any, context: otr.Context) -> otr.Scores:
        seen.extend([predicted, context, otr.Scores(np.zeros(len(predicted)), {"part": np.zeros(len(predicted))})])
        return seen[-1]

    names = ("ocr", "numerical", "multiple_choice", "tracking", "image_segmentation")
    recipe = otr.Recipe(name="mine", formulas=dict.fromkeys(names, formula), constants={"point_sigma": 30.0})
    for task in names:
        otr.score([wrap(REFERENCES[task])] * 1024, [REFERENCES[task]] * 1024, task, recipe=recipe)
    found = {"batch": batch, "reader": columns, "recipe": recipe, "scorer": otr.Scorer(), "tasks": otr.TASKS}
    found |= {"recipes": otr.RECIPES, "limits": otr.Limits(), "clip": otr.Clip(list(range(10_000)), 2.0)}
    found |= {f"recipe {name}": value for name, value in otr.RECIPES.items()}
    found |= {f"task {name}": value for name, value in otr.TASKS.items()}
    found |= {f"formula's {number}": value for number, value in enumerate(seen)}
    return found | {"parsed": otr.parse(wrap(REFERENCES["tracking"]), "tracking"), "masks": otr.with_masks()}


@pytest.fixture(scope="module")
def reprs() -> dict[str, str]:
    return {name: repr(value) for name, value in objects().items()}


def test_objects_print_in_a_few_lines(reprs: dict[str, str]) -> None:
    for name, text in reprs.items():
        assert len(text.splitlines()) <= LINES, name
        assert len(text) <= CHARACTERS, name
        assert " at 0x" not in text, name


def test_objects_print_their_settings(reprs: dict[str, str]) -> None:
    assert reprs["batch"].splitlines()[1] == ("  multiple_choice: 86 rows, total 2, accuracy 1, format 1, 0 failed")
    assert reprs["recipe paper"] == "Recipe(name='paper')"
    assert "accuracy_weight=0.9" in reprs["recipe release"]
    assert "constants={'point_sigma': 30.0}" in reprs["recipe"]
    assert reprs["scorer"] == "Scorer(Recipe(name='paper'), 20 tasks)"
    assert "maximum=4.0" in reprs["task video_segmentation"]
    assert reprs["clip"] == "Clip(10000 frames, fps=2.0)"


def test_a_batch_without_a_number_prints() -> None:
    batch = otr.score(["x"], ["[]"], "tracking", on_bad_reference="skip")
    assert "total -, accuracy -" in repr(batch)


def test_a_scorer_prints_what_it_holds() -> None:
    with otr.Scorer(judge=lambda *_: [], segmenter=lambda *_: [], workers=1) as scorer:
        assert repr(scorer).endswith("judge=function, segmenter=function, pool=Pool)")


def test_an_estimator_prints_its_settings() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    settings = "decay=0.9, guard='clip', guard_limit=5.0, min_std=0.001, eps=1e-06, update_first=True"
    assert repr(otr.advantage.EmaGrpo(decay=0.9)) == f"EmaGrpo({settings}, variance='total', initial='debiased')"


@pytest.mark.parametrize("name", [name for name in LAZY if name != "advantage"])
def test_a_lazy_module_is_the_module(name: str) -> None:
    assert otr.__getattr__(name) is module(f".{name}")


def test_dir_lists_what_there_is() -> None:
    assert set(dir(otr)) == {*otr.__all__, *LAZY, "__version__"}
    assert not set(LAZY) & set(otr.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        otr.nothing  # noqa: B018


FRESH = """
import sys
import onethinker_rewards as otr
heavy = {"torch", "scipy", "sympy", "nltk", "hypothesis", "pandas", "pyarrow", "math_verify", "jiwer"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
for name in sys.argv[1:]:
    full = f"onethinker_rewards.{name}"
    assert full not in sys.modules, full
    assert getattr(otr, name) is sys.modules[full]
    assert getattr(otr, name).__all__
"""


def test_modules_load_when_they_are_first_used() -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", FRESH, *(name for name in LAZY if name != "advantage")], check=True
    )
