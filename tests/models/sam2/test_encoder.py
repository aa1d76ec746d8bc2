"""The encoder's input, where embeddings lie, and in which dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from onethinker_rewards.models import EmbeddingCache
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.prompts import read_prompts
from onethinker_rewards.models.sam2.backend import Chunks, Device
from onethinker_rewards.models.sam2.decoder import Decoder, as_prompts
from onethinker_rewards.models.sam2.encoder import Encoder, Preprocessing
from tests.models.sam2 import scenes

# A device that computes nothing, instead of a GPU.
ELSEWHERE = torch.device("meta")


def test_pixels_are_centered_on_imagenet() -> None:
    """ImageNet's mean color becomes 0, a color one standard deviation brighter becomes 1."""
    colors = np.array([[0.485, 0.456, 0.406], [0.485 + 0.229, 0.456 + 0.224, 0.406 + 0.225]]) * 255
    for color, expected in zip(colors, (0.0, 1.0), strict=True):
        pixels = np.full((5, 7, 3), color.round(), dtype=np.uint8)
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


class Backend:
    """Gives ones as embeddings, and records the pixels that it is given."""

    model = torch.nn.Linear(1, 1, device=ELSEWHERE, dtype=torch.bfloat16)
    name, side = "a stand-in", 16

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def encode(self, pixels: torch.Tensor) -> Embedding:
        self.seen.append(pixels)
        return (torch.ones(len(pixels), 2, 4, 4),)


@pytest.fixture
def device() -> Device:
    made: Any = Device(Backend.model, None)
    made.inference = torch.no_grad  # autocast knows no such device
    return made


@pytest.mark.parametrize(
    ("cached", "to_host", "target"),
    [
        pytest.param(False, False, ELSEWHERE, id="used at once"),
        pytest.param(False, True, torch.device("cpu"), id="of a video"),
        pytest.param(True, False, torch.device("cpu"), id="kept"),
    ],
)
def test_where_embeddings_lie(
    device: Device, cached: bool, to_host: bool, target: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend: Any = Backend()
    cache = EmbeddingCache() if cached else None
    monkeypatch.setattr("onethinker_rewards.models.sam2.encoder.weights_digest", lambda _: "weights")
    encoder = Encoder(backend, device, Preprocessing(), cache, torch.float16, Chunks("images", 2))
    for (level,) in encoder({"a": scenes.image(0.0), "b": scenes.image(1.0)}, to_host=to_host).values():
        assert (level.device, level.dtype, level.shape) == (target, torch.float16, (2, 4, 4))
    (pixels,) = backend.seen
    assert (pixels.device, pixels.dtype, len(pixels)) == (ELSEWHERE, torch.bfloat16, 2)


@pytest.mark.parametrize("images", [1, 2])
def test_kept_embeddings_go_to_the_model_in_its_precision(device: Device, images: int) -> None:
    decoder = Decoder(Any, device, Chunks("rows", 4))
    kept = {digest: (torch.ones(2, 4, 4, dtype=torch.float16),) for digest in "ab"}
    (level,) = decoder._stacked("abaa" if images == 2 else "aaaa", kept)
    assert (level.device, level.dtype, level.shape) == (ELSEWHERE, torch.bfloat16, (4, 2, 4, 4))


def test_prompts_go_to_the_model_in_full_precision(device: Device) -> None:
    pixels, prompts = read_prompts(*scenes.group(3))
    given = as_prompts(prompts, pixels, 16, device)
    assert (given.points.device, given.points.dtype) == (ELSEWHERE, torch.float32)
    assert (given.labels.device, given.labels.dtype) == (ELSEWHERE, torch.int32)
