"""What importing the models needs: no torch, no torchvision, and one clear line for what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from onethinker_rewards import models

ROOT = Path(__file__).parents[2]

USE_BOTH_PACKAGES = """
import sys
from onethinker_rewards.models import Sam2Segmenter
from tests.models.sam2 import scenes, tiny

model = tiny.hugging_face(4)
for segmenter in (Sam2Segmenter.from_transformers(model), Sam2Segmenter.from_sam2(tiny.meta(model))):
    segmenter(*scenes.group(1))
print("torchvision" in sys.modules)
"""


def run(code: str) -> str:
    """Return what a new process writes, with the last line alone of an error."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


def test_importing_models_imports_no_torch() -> None:
    code = "import sys, onethinker_rewards.models as m; print('torch' in sys.modules, m.EmbeddingCache.__name__)"
    assert run(code) == "False EmbeddingCache\n"


EXTRA = "pip install 'onethinker-rewards[sam2]'"


@pytest.mark.parametrize(
    ("missing", "use", "line"),
    [
        ("torch", "", f"ImportError: Sam2Segmenter needs torch: {EXTRA}"),
        ("transformers", "S.from_transformers('x')", f"ImportError: Sam2Segmenter needs transformers: {EXTRA}"),
        ("sam2", "S.from_sam2('x')", "ImportError: Sam2Segmenter needs sam2: pip install sam2"),
        # An error inside an installed package is not replaced.
        ("hydra", "S.from_sam2('x')", "ModuleNotFoundError: import of hydra halted; None in sys.modules"),
    ],
)
def test_a_missing_package_is_one_line_that_says_what_to_install(missing: str, use: str, line: str) -> None:
    hide = f"import sys; sys.modules[{missing!r}] = None"
    assert run(f"{hide}; from onethinker_rewards.models import Sam2Segmenter as S; {use}") == line


def test_neither_package_needs_torchvision() -> None:
    assert run(USE_BOTH_PACKAGES) == "False\n"


def test_models_has_nothing_else() -> None:
    assert models.SegmenterCounts.__name__ in models.__all__
    with pytest.raises(AttributeError, match="no attribute 'Sam3Segmenter'"):
        models.Sam3Segmenter  # noqa: B018


def test_without_torch_the_segmenter_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from onethinker_rewards import models

    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="Sam2Segmenter needs torch"):
        models.__getattr__("Sam2Segmenter")


def test_a_package_that_is_missing_is_named_with_what_installs_it() -> None:
    from onethinker_rewards.models.sam2.backend import require

    with pytest.raises(ImportError, match="Sam2Segmenter needs no_such_package: pip install"):
        require("no_such_package")
