"""The example for ms-swift: its rows can be scored, and its command trains a tiny model with its plugin."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import onethinker_rewards as otr
from tests.adapters.rows import framework
from tests.adapters.tiny_chat import data_rows, save_tiny
from tests.examples.running import EXAMPLES, run

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "USE_HF": "1",
    # It asks ModelScope whether there is a newer version of the model; nobody answers here.
    "MODELSCOPE_DOMAIN": "127.0.0.1:9",
}


def test_its_rows_have_prompts_and_references(tmp_path: Path) -> None:
    framework("PIL", target="test")
    run("ms_swift/make_rows.py", "--out", "rows", "--rows", "4", cwd=tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "rows" / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["problem_type"] for row in rows] == ["spatial_grounding", "multiple_choice"] * 2
    for row in rows:
        assert otr.parse_reference(row["solution"], row["problem_type"])
        (message,) = row["messages"]
        assert message["content"].startswith("<image>")
        assert Path(row["images"][0]).is_file()
    assert "bbox_2d" in rows[0]["messages"][0]["content"]


@pytest.mark.slow
def test_its_command_trains(tmp_path: Path) -> None:
    framework("swift")
    save_tiny(tmp_path / "model")
    rows = [{**row, "messages": row.pop("prompt")} for row in data_rows(chat=True, times=3)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    tiny = {
        "model": tmp_path / "model",
        "model_type": "llama",
        "template": "dummy",
        "torch_dtype": "float32",
        "dataset": tmp_path / "rows.jsonl",
        "load_from_cache_file": "false",
        "num_generations": 4,
        "max_completion_length": 1,
        "gradient_checkpointing": "false",
        "max_steps": 2,
        "output_dir": tmp_path / "out",
        "add_version": "false",
    }
    words = [str(word) for key, value in tiny.items() for word in (f"--{key}", value)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run("bash", EXAMPLES / "ms_swift" / "grpo.sh", *words, cwd=tmp_path, PATH=path, **OFFLINE)
    lines = (tmp_path / "out" / "logging.jsonl").read_text(encoding="utf-8").splitlines()
    logged = {key for line in lines for key in json.loads(line)}
    assert {"rewards/mine/mean", "mine/multiple_choice/total", "mine/multiple_choice/sigma"} <= logged
