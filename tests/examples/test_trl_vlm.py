"""The example for TRL trains a vision-language model: Qwen3-VL's own architecture and processor, random and tiny."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.adapters.rows import framework
from tests.examples.running import EXAMPLES, ROOT, run
from tests.examples.torchvision_runner import PEERS, link_torchvision

framework("trl", "datasets", "PIL")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PEERS / "torchvision").exists(), reason="torchvision is with the peers: make test"),
]

MODEL = """
from pathlib import Path
from tests.trainer.run.tiny_model import save_model
save_model(Path("{folder}"), ["Where is the red rectangle?"], ["<think>", "</think>", "<answer>", "</answer>", "B"])
"""


def test_a_tiny_qwen_trains(tmp_path: Path) -> None:
    from importlib.metadata import version

    if not version("trl").startswith("1."):
        pytest.skip("the adapter is for TRL 1.16 and later")
    search = [str(link_torchvision(tmp_path / "torchvision")), str(ROOT), os.environ.get("PYTHONPATH", "")]
    settings = {"PYTHONPATH": os.pathsep.join(search), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    make = tmp_path / "make_model.py"
    make.write_text(MODEL.format(folder=tmp_path / "model"), encoding="utf-8")
    runner = (sys.executable, "-m", "tests.examples.torchvision_runner")
    run(*runner, make, cwd=tmp_path, **settings)

    small = (
        "--device",
        "cpu",
        "--dtype",
        "float32",
        "--steps",
        "2",
        "--batch",
        "4",
        "--rollouts",
        "2",
        "--length",
        "8",
    )
    script = EXAMPLES / "trl_vlm.py"
    printed = run(*runner, script, "--model", tmp_path / "model", *small, "--out", "out", cwd=tmp_path, **settings)
    assert "onethinker/spatial_grounding/total" in printed
    assert "onethinker/multiple_choice/sigma" in printed
    assert "failure/missing_answer" in printed
    state = (tmp_path / "out" / "checkpoint-2" / "trainer_state.json").read_text(encoding="utf-8")
    assert "onethinker_ema" in state
