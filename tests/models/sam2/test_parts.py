"""Pixels, prompts, defaults, and what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from onethinker_rewards import models
from onethinker_rewards.models.prompts import read_prompts
from onethinker_rewards.models.sam2.backend import Device, weights_digest
from onethinker_rewards.models.sam2.encoder import Preprocessing
from tests.models.sam2 import scenes

_ROOT = Path(__file__).parents[3]

_BOTH = """
import sys
from onethinker_rewards.models import Sam2Segmenter
from tests.models.sam2 import scenes, tiny

model = tiny.hugging_face(4)
for segmenter in (Sam2Segmenter.from_transformers(model), Sam2Segmenter.from_sam2(tiny.meta(model))):
    segmenter(*scenes.group(1))
print("torchvision" in sys.modules)
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=_ROOT)
    return done.stdout + done.stderr.strip().rpartition("\n")[2]


def test_importing_models_imports_no_torch() -> None:
    code = "import sys, onethinker_rewards.models as m; print('torch' in sys.modules, m.EmbeddingCache.__name__)"
    assert _run(code) == "False EmbeddingCache\n"


SEGMENTER = "from onethinker_rewards.models import Sam2Segmenter as S; "


@pytest.mark.parametrize(
    ("missing", "use", "line"),
    [
        ("torch", "", "ImportError: Sam2Segmenter needs torch: pip install 'onethinker-rewards[sam2]'"),
        (
            "transformers",
            "S.from_transformers('x')",
            "ImportError: Sam2Segmenter needs transformers: pip install 'onethinker-rewards[sam2]'",
        ),
        ("sam2", "S.from_sam2('x')", "ImportError: Sam2Segmenter needs sam2: pip install sam2"),
        # What is missing inside a package is not hidden by our line.
        ("hydra", "S.from_sam2('x')", "ModuleNotFoundError: import of hydra halted; None in sys.modules"),
    ],
)
def test_a_missing_package_is_one_line_that_says_what_to_install(missing: str, use: str, line: str) -> None:
    assert _run(f"import sys; sys.modules[{missing!r}] = None; {SEGMENTER}{use}") == line


def test_neither_package_needs_torchvision() -> None:
    assert _run(_BOTH) == "False\n"


def test_models_has_nothing_else() -> None:
    assert models.SegmenterCounts.__name__ in models.__all__
    with pytest.raises(AttributeError, match="no attribute 'Sam3Segmenter'"):
        models.Sam3Segmenter  # noqa: B018


def test_pixels_are_centred_on_imagenet() -> None:
    """An image of ImageNet's mean colour comes to 0, one a deviation brighter to 1."""
    colours = np.array([[0.485, 0.456, 0.406], [0.485 + 0.229, 0.456 + 0.224, 0.406 + 0.225]]) * 255
    for colour, expected in zip(colours, (0.0, 1.0), strict=True):
        pixels = np.full((5, 7, 3), colour.round(), dtype=np.uint8)
        prepared = Preprocessing()(pixels, 16, torch.device("cpu"))
        assert prepared.shape == (3, 16, 16)
        torch.testing.assert_close(prepared, torch.full((3, 16, 16), expected), atol=0.01, rtol=0)


@pytest.mark.parametrize("resampling", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(300, 200), (40, 50)])
def test_pixels_are_resized_as_pillow_does(resampling: str, shape: tuple[int, int]) -> None:
    """Antialiased where the image shrinks; Pillow rounds to whole numbers."""
    from PIL import Image

    pixels = scenes.image(1.0, *shape)
    pixels[:, 10:20], pixels[:, 20:30] = 0, 255  # an edge beyond which a cubic overshoots
    kind = Image.Resampling[resampling.upper()]
    theirs = np.asarray(Image.fromarray(pixels).resize((128, 128), kind)) / 255
    prepared = Preprocessing(resampling)(pixels, 128, torch.device("cpu")).permute(1, 2, 0).numpy()
    ours = prepared * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406]
    assert np.abs(ours - theirs).max() < 1.1 / 255


def test_red_is_the_first_channel() -> None:
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    pixels[..., 0] = 255
    red, green, blue = Preprocessing()(pixels, 8, torch.device("cpu")).mean((1, 2))
    assert red > 0 > max(green, blue)


def test_prompts_are_in_pixels_of_width_and_height_then_in_the_models_frame() -> None:
    group = scenes.group(1)
    group.boxes[0] = (100, 200, 900, 1000)
    group.positive_points[0] = [(500, 500), (0, 0), (1, 9)]
    group.negative_points[0] = [(1000, 0), (-5, 1005), (6, 8)]
    (pixels,), (prompt,) = read_prompts(*group)
    assert prompt.points.tolist() == [[8, 12], [72, 60], [40, 30], [0, 0], [0, 1], [80, 0], [0, 60], [0, 0]]
    assert prompt.labels.tolist() == [2, 3, 1, 1, 1, 0, 0, 0]
    assert prompt.in_frame(pixels, 1024)[:3].tolist() == [[102.4, 204.8], [921.6, 1024], [512, 512]]


def test_any_finite_coordinate_is_cut_off_at_the_image() -> None:
    group = scenes.group(1)
    group.boxes[0] = (-1e308, -5e-324, 1e308, 1e308)
    _, (prompt,) = read_prompts(*group)
    assert prompt.points[:2].tolist() == [[0, 0], [80, 60]]


def test_halves_are_rounded_to_even_pixels() -> None:
    """As Python's ``round``, which the release calls: 6.25 and 18.75 thousandths of 80 are .5 and 1.5 pixels."""
    group = scenes.group(1)
    group.boxes[0] = (6.25, 0, 18.75, 0)
    _, (prompt,) = read_prompts(*group)
    assert prompt.points[:2, 0].tolist() == [0, 2]


class _OnCuda(torch.nn.Module):
    def parameters(self, recurse: bool = True) -> Any:
        weight = torch.nn.Parameter(torch.zeros(1))
        yield type("Weight", (), {"device": torch.device("cuda"), "dtype": weight.dtype})()


def test_defaults_hang_on_the_device() -> None:
    cpu, cuda = Device(torch.nn.Linear(1, 1), None), Device(_OnCuda(), None)
    assert (cpu.images_at_once, cpu.rows_at_once, cpu.embedding_dtype) == (1, 1, torch.float32)
    assert (cuda.images_at_once, cuda.rows_at_once, cuda.embedding_dtype) == (8, 64, torch.float16)
    assert Device(torch.nn.Linear(1, 1).half(), None).embedding_dtype == torch.float16


def test_a_digest_is_of_every_weight() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    first = weights_digest(model)
    assert weights_digest(model) == first
    assert weights_digest(model.bfloat16()) != first
    model.float()
    changed = weights_digest(model)
    with torch.no_grad():
        model[0].bias[2] += 1e-3
    assert weights_digest(model) != changed
