"""Where embeddings lie, with torch's device ``meta`` for another one than the host: it computes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from onethinker_rewards.models import EmbeddingCache
from onethinker_rewards.models.embeddings import Embedding
from onethinker_rewards.models.prompts import read_prompts
from onethinker_rewards.models.sam2.backend import Chunks, Device
from onethinker_rewards.models.sam2.decoder import Decoder, as_prompts
from onethinker_rewards.models.sam2.encoder import Encoder, Preprocessing
from tests.models.sam2 import scenes

ELSEWHERE = torch.device("meta")


class Backend:
    """Gives the rows' numbers as their embeddings, and keeps where its pixels were."""

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
    ("cached", "to_host", "place"),
    [
        pytest.param(False, False, ELSEWHERE, id="used at once"),
        pytest.param(False, True, torch.device("cpu"), id="of a video"),
        pytest.param(True, False, torch.device("cpu"), id="kept"),
    ],
)
def test_where_embeddings_lie(
    device: Device, cached: bool, to_host: bool, place: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend: Any = Backend()
    cache = EmbeddingCache() if cached else None
    monkeypatch.setattr("onethinker_rewards.models.sam2.encoder.weights_digest", lambda _: "weights")
    encoder = Encoder(backend, device, Preprocessing(), cache, torch.float16, Chunks("images", 2))
    for (level,) in encoder({"a": scenes.image(0.0), "b": scenes.image(1.0)}, to_host=to_host).values():
        assert (level.device, level.dtype, level.shape) == (place, torch.float16, (2, 4, 4))
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
    placed = as_prompts(prompts, pixels, 16, device)
    assert (placed.points.device, placed.points.dtype) == (ELSEWHERE, torch.float32)
    assert (placed.labels.device, placed.labels.dtype) == (ELSEWHERE, torch.int32)
