"""What stands between the markers of the docs: one function a block, from its page to Markdown."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from scripts.examples import CASES, LETTERS

import onethinker_rewards as otr
from onethinker_rewards.answers import option_letter
from onethinker_rewards.tasks.release import RELEASE_TASKS
from onethinker_rewards.trainer.config import flatten, text_of
from onethinker_rewards.trainer.filter import THRESHOLDS
from onethinker_rewards.trainer.options import NAME, EmaOptions, Filter, Options

__all__ = ["BLOCKS"]

_TESTS = Path(__file__).resolve().parents[1] / "tests"
_LONG = 80


def failure_codes(page: Path) -> str:
    """All failure codes."""
    rows = [(_code(code), _cell(code.meaning), _code(code.example), code.costs) for code in otr.FailureCode]
    return _table(("code", "meaning", "example", "costs"), rows)


def repair_codes(page: Path) -> str:
    """All repair codes."""
    return _codes(otr.RepairCode)


def penalty_codes(page: Path) -> str:
    """All codes of penalties."""
    return _codes(otr.PenaltyCode)


def _codes(codes: Iterable[otr.RepairCode | otr.PenaltyCode]) -> str:
    rows = [(_code(code), _cell(code.meaning), _code(code.example)) for code in codes]
    return _table(("code", "meaning", "example"), rows)


def tasks(page: Path) -> str:
    """All tasks."""
    rows = [
        (
            f"[{spec.name}]({spec.name}.md)",
            f"[{spec.schema.__name__}](../../schemas/{spec.name}.json)",
            ", ".join(map(_code, spec.parts)),
            f"{spec.maximum:g}",
            _formula(spec),
        )
        for spec in otr.TASKS.values()
    ]
    return _table(("task", "answer", "parts", "maximum", "formula"), rows)


def facts(page: Path) -> str:
    """The row of the table of tasks that a page is named after, and what its prompt says."""
    spec = otr.TASKS[page.stem]
    schema = f"[{spec.schema.__name__}](../../schemas/{spec.name}.json)"
    reference: list[tuple[str, str]] = []
    if spec.reference_schema is not None:
        kind = f"[{spec.reference_schema.__name__}](../../schemas/{spec.name}.reference.json)"
        reference.append(("Reference", f"{kind}: {_first_line(spec.reference_schema.__doc__)}"))
    rows = [
        ("Answer", f"{schema}: {_first_line(spec.schema.__doc__)}"),
        ("Example", _code(spec.example)),
        *reference,
        ("Formula", _formula(spec)),
        ("Range", f"0 to {spec.maximum:g}"),
        ("Parts", ", ".join(map(_code, spec.parts))),
        ("Prompt", _cell(spec.instruction)),
    ]
    return _table((_code(spec.name), ""), rows)


def cases(page: Path) -> str:
    """What the answers of `CASES` get, by both recipes."""
    chosen = CASES[page.stem]
    responses = [f"<think>…</think><answer>{case.answer}</answer>" for case in chosen]
    references = [case.reference for case in chosen]
    sizes = [case.size for case in chosen]
    paper = otr.score(responses, references, page.stem, sizes=sizes)
    # The released code has the paper's tasks alone.
    released = page.stem in RELEASE_TASKS
    release = otr.score(responses, references, page.stem, recipe="release") if released else paper
    rows = [
        (
            case.shows,
            _code(_shortened(case.answer, case.reference)),
            _code(case.reference),
            _number(paper.accuracy[row]),
            _number(release.accuracy[row]),
            ", ".join(map(_code, filter(None, (paper.failure[row], *paper.repairs[row])))),
        )
        for row, case in enumerate(chosen)
    ]
    head = ("what it shows", "answer", "reference", "`paper`", "`release`", "code in `paper`")
    if not released:
        head, rows = head[:4] + head[5:], [row[:4] + row[5:] for row in rows]
    if len(set(references)) > 1:
        return _table(head, rows)
    without = [(row[:2] + row[3:]) for row in rows]
    return f"Reference: {_code(references[0])}\n\n{_table(head[:2] + head[3:], without)}"


def pages(page: Path) -> str:
    """The pages beside this one: title, and what it says first."""
    rows = [
        (f"[{title}]({path.name})", _cell(" ".join(lead.split())))
        for path in sorted(page.parent.glob("*.md"))
        if path.name != page.name
        for title, lead in [_opening(path.read_text(encoding="utf-8"))]
    ]
    return _table(("page", ""), rows)


def letters(page: Path) -> str:
    """What each way of writing option A gets."""
    responses = [f"<think>…</think><answer>{text}</answer>" for text in LETTERS]
    released = otr.score(responses, ["A"] * len(LETTERS), "multiple_choice", recipe="release").accuracy
    rows = [
        (_code(text), option_letter(text) or "none", _number(score))
        for text, score in zip(LETTERS, released, strict=True)
    ]
    return _table(("written", "letter read", "`release` accuracy where A is right"), rows)


def differs(page: Path) -> str:
    """Every test named `test_differs_*`: what differs, and where it is held."""
    rows = [
        (_cell(what), f"[`{name}`]({os.path.relpath(path, page.parent)})")
        for path, name, what in _differing_tests(_TESTS)
    ]
    return _table(("what differs", "test"), rows)


def own_keys(page: Path) -> str:
    """Our keys of a configuration, with values and sources of h800-4x8."""
    text = text_of("h800-4x8")
    given = flatten(yaml.safe_load(text)[NAME])
    sources = dict(re.findall(r"^ +(\w+):.*# (.*)$", text, re.MULTILINE))
    rows = []
    for section, model in (("", Options), ("filter.", Filter), ("estimator_options.", EmaOptions)):
        for name, field in model.model_fields.items():
            key = section + name
            value = "see below" if key in ("filter", "estimator_options") else given.get(key, field.default)
            shown = value if value == "see below" else _code(json.dumps(value))
            what = _cell((field.description or "") + _choices(field.annotation))
            rows.append((_code(f"{NAME}.{key}"), shown, what, sources.get(name, "not in the file").partition(":")[0]))
    return _table(("key", "in `h800-4x8`", "what it does", "from"), rows)


def thresholds(page: Path) -> str:
    """What an answer has to reach to be fine-tuned on, and why."""
    rows = [(_code(task), f"{threshold.least:g}", threshold.why) for task, threshold in THRESHOLDS.items()]
    return _table(("task", "threshold", "why"), rows)


_ALL = (failure_codes, repair_codes, penalty_codes, tasks, facts, cases, pages, letters, differs, own_keys, thresholds)
BLOCKS: dict[str, Callable[[Path], str]] = {block.__name__: block for block in _ALL}


def _choices(kind: Any) -> str:
    """Say what a key can be, where its type is a `Literal` or one beside None."""
    kinds = (kind,) if get_origin(kind) is Literal else get_args(kind)
    texts = [_code(text) for kind in kinds if get_origin(kind) is Literal for text in get_args(kind)]
    if not texts:
        return ""
    return f" One of {', '.join(texts + ['null'] * (type(None) in kinds))}."


def _differing_tests(folder: Path) -> Iterator[tuple[Path, str, str]]:
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_differs_"):
                yield path, node.name, _first_line(ast.get_docstring(node)) or _spoken(node.name)


def _opening(text: str) -> tuple[str, str]:
    """Return a page's title and its first paragraph."""
    title, _, rest = text.removeprefix("# ").partition("\n")
    return title, rest.strip().split("\n\n")[0]


def _spoken(name: str) -> str:
    return name.removeprefix("test_differs_").replace("_", " ").capitalize() + "."


def _shortened(answer: str, reference: str) -> str:
    """Leave out of a long JSON answer what it has in common with the reference."""
    if len(answer) <= _LONG:
        return answer
    try:
        written, right = json.loads(answer), json.loads(reference)
    except ValueError:
        return answer
    changed = [f'"{key}": {json.dumps(value)}' for key, value in written.items() if repr(value) != repr(right.get(key))]
    left_out = [f'no "{key}"' for key in right if key not in written]
    return "{" + ", ".join([*changed, *left_out, "…"]) + "}"


def _formula(spec: otr.TaskSpec) -> str:
    return _cell(_first_line(spec.accuracy.__doc__))


def _first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def _number(value: float) -> str:
    return f"{round(float(value), 3):g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    """Return code that survives in a cell: no line breaks, pipes escaped, back-ticks fenced."""
    text = text.replace("\n", "↵")
    fence, space = ("``", " ") if "`" in text else ("`", "")
    # Three back-ticks in a row would end a shorter fence.
    fence = "````" if "```" in text else fence
    return f"{fence}{space}{_cell(text)}{space}{fence}" if text else ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ("---",) * len(head), *map(tuple, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
