"""The commands of the how-to about OneThinker's evaluation run, on tiny files, and print every benchmark."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onethinker_rewards.evaluation import encode_mask
from tests.cli.runs import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "release-evaluation.md"
SCRIPT = re.compile(r"^```py\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMAND = re.compile(r"^    (onethinker-rewards|python) (.*)$", re.MULTILINE)
SIZE = (40, 48)
POINTS = {"positive_points": [[300, 300]] * 3, "negative_points": [[900, 900]] * 3}
TRACK = {"boxes": {"1": [0, 0, 500, 500], "2": [0, 0, 500, 500]}}
# The answers that files are made of, by a part of the file's name: problem type, and an answer that is right.
ANSWERS: dict[str, tuple[str, Any]] = {
    "seg_ref": ("segmentation", {"boxes": [100, 100, 600, 600], **POINTS}),
    "seg_": ("segmentation", {"time": 0.5, "boxes": [100, 100, 600, 600], **POINTS}),
    "refcoco": ("spatial grounding", {"boxes": [100, 100, 600, 600]}),
    "got10k": ("tracking", TRACK),
    "stvg": ("spatial-temporal grounding", {"time": [1, 2], **TRACK}),
    "video": ("multiple choice", "B"),
    "mmvu": ("multiple choice", "B"),
    "": ("temporal grounding", {"time": [0, 10]}),
}
NAMES = (
    "activitynet anet_rtl charades got10k stvg refcoco_testA refcocop_val refcocog_test longvideoreason mmvu "
    "videomathqa videomme videommmu seg_refcoco seg_mevis"
).split()


def rows_of(name: str, count: int = 3) -> list[dict[str, Any]]:
    """Return rows as the release writes them: all right but the last, which has no answer."""
    problem_type, right = next(answer for part, answer in ANSWERS.items() if part in name)
    solution = right if isinstance(right, str) else json.dumps(right)
    data_type = "image" if "refcoco" in name else "video"
    rows: list[dict[str, Any]] = [
        {
            "problem_id": number, "problem_type": problem_type, "data_type": data_type, "path": f"{data_type}{number}",
            "options": ["A. red", "B. blue"], "solution": f"<answer>{solution}</answer>",
            "output": "I cannot tell." if number == count - 1 else f"<think>So.</think><answer>{solution}</answer>",
        }
        for number in range(count)
    ]  # fmt: skip
    mask = np.zeros(SIZE, dtype=bool)
    mask[4:24, 4:28] = True
    if name.startswith("seg_"):
        masks: Any = encode_mask(mask)
        if data_type == "video":
            masks = {"00000": masks, "00005": masks}
        rows = [
            row | {"fps": 2.0, "segmentation_output": {"frames": ["00000", "00005"], "segmentation_rle": masks}}
            for row in rows
        ]
        rows = [row | ({"path": f"{row['path']}.png"} if data_type == "image" else {}) for row in rows]
    return rows


def write_files(folder: Path) -> None:
    from PIL import Image

    for name in ("outputs", "data", "qwen", "vlmevalkit"):
        (folder / name).mkdir()
    for name in NAMES:
        (folder / "outputs" / f"eval_{name}.json").write_text(json.dumps({"results": rows_of(name)}))
    (folder / "qwen" / "eval_charades.json").write_text(json.dumps({"results": rows_of("charades")}))
    expected = [{key: value for key, value in row.items() if key != "output"} for row in rows_of("charades", 5)]
    (folder / "data" / "eval_charades.json").write_text(json.dumps(expected))
    table = ["index\tquestion\tanswer\tprediction\tA\tB", "1\t?\tB\tB\tred\tblue", "2\t?\tA\tB\tred\tblue"]
    (folder / "vlmevalkit" / "OneThinker-8B_MMStar.tsv").write_text("\n".join(table))
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8))
    for number in range(3):
        picture.save(folder / "data" / f"image{number}.png")
        (folder / "data" / f"video{number}").mkdir()
        for frame in ("00000", "00005"):
            picture.save(folder / "data" / f"video{number}" / f"{frame}.jpg")


def arguments_of(command: str) -> list[str]:
    """Return a command's words as a shell expands them."""
    words = subprocess.run(
        ["bash", "-c", f"printf '%s\\n' {command}"], check=True, capture_output=True, text=True
    ).stdout
    return words.splitlines()


def draw_masks(script: str, arguments: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the page's script with a tiny SAM 2 in place of the released one."""
    from tests.models.sam2 import tiny

    name, model, *rest = arguments
    assert (name, model) == ("draw_masks.py", "facebook/sam2.1-hiera-large")
    tiny.hugging_face().save_pretrained(folder / "tiny")
    monkeypatch.setattr(sys, "argv", [name, str(folder / "tiny"), *rest])
    exec(compile(script, name, "exec"), {"__name__": "__main__"})


@pytest.mark.slow
def test_the_page_from_outputs_to_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    page = PAGE.read_text(encoding="utf-8")
    (script,) = SCRIPT.findall(page)
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    shown: list[tuple[str, str]] = []
    for program, command in COMMAND.findall(page):
        if program == "python":
            draw_masks(script, arguments_of(command), tmp_path, monkeypatch)
            continue
        result = run(*arguments_of(command))
        assert result.exit_code == 0, f"{command}: {result.stderr}"
        shown.append((command, " ".join(result.stdout.split())))
    printed = " ".join(text for _, text in shown)
    assert not [name for name in NAMES if not re.search(rf"\b{name} 3 0 1 0 ", printed)]
    assert "mean of temporal grounding" in printed
    (released,) = (text for command, text in shown if "seg_" in command and "--rules release" in command)
    assert "seg_mevis 2 0 0 0 J&F" in released
    assert "seg_mevis: 1 row left out, as the rules have it" in released
    assert "OneThinker-8B_MMStar 2 0 0 0 accuracy 50.0" in printed
    assert "charades: 2 missing rows counted 0" in printed
    rows = map(json.loads, Path("charades_rows.jsonl").read_text(encoding="utf-8").splitlines())
    assert [row["value"] for row in rows] == [1.0, 1.0, 0.0]
    drawn = [json.loads(line) for line in Path("outputs/eval_seg_mevis_sam2.jsonl").read_text().splitlines()]
    assert [row["predicted_masks"] is None for row in drawn] == [False, False, True]
