"""SAM 2: a group of eight rollouts on one image, beside the least it can cost and beside an encoding a rollout.

The smallest model, transformers' implementation, random weights (speed does not hang on them), an image of 1024 by
768, two passes a mask, one thread, in the processor's own seconds, which other work on the machine moves little. It is
measured against the model's own calls, without reading or preparing anything, and against what it takes when every
rollout encodes its image. At most 1.2 times the least is a ratio of 0.83 or more. Where there is a GPU, all four sizes
follow, in bfloat16 and by the clock; the note says how many rewards a second that is and what a rollout takes of its
memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import Row
from onethinker_rewards.models import EmbeddingCache, Sam2Segmenter

GROUP = 8
# Blocks a stage, width of the first, its heads, blocks with global attention, window of position, windows: as released.
SIZES: dict[str, tuple[list[int], int, int, list[int], int, list[int]]] = {
    "tiny": ([1, 2, 7, 2], 96, 1, [5, 7, 9], 7, [8, 4, 14, 7]),
    "small": ([1, 2, 11, 2], 96, 1, [7, 10, 13], 7, [8, 4, 14, 7]),
    "base+": ([2, 3, 16, 3], 112, 2, [12, 16, 20], 14, [8, 4, 14, 7]),
    "large": ([2, 6, 36, 4], 144, 2, [23, 33, 43], 7, [8, 4, 16, 8]),
}


def model(size: str = "tiny") -> Any:
    """Return a model of a released size with random weights."""
    import torch
    from transformers import Sam2Config, Sam2Model

    blocks, width, heads, everywhere, positions, windows = SIZES[size]
    widths = [width * 2**stage for stage in range(4)]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": width,
        "num_attention_heads": heads,
        "blocks_per_stage": blocks,
        "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [heads * 2**stage for stage in range(4)],
        "window_size_per_stage": windows,
        "global_attention_blocks": everywhere,
        "window_positional_embedding_background_size": [positions, positions],
    }
    torch.manual_seed(0)
    vision = {"backbone_config": backbone, "backbone_channel_list": widths[::-1]}
    return Sam2Model(Sam2Config(vision_config=vision)).eval()


class Group:
    """Eight prompts on one image, and ways to their masks."""

    def __init__(self, made: Any, seed: int = 0, **options: Any) -> None:
        random = np.random.default_rng(seed)
        self.image = random.integers(0, 256, (768, 1024, 3)).astype(np.uint8)
        self.boxes = np.sort(random.integers(0, 1000, (GROUP, 2, 2)), axis=1).reshape(GROUP, 4)
        self.points = random.integers(0, 1000, (2, GROUP, 3, 2))
        self.options = options
        self.made = made

    def segmenter(self, **more: Any) -> Sam2Segmenter:
        """Return a segmenter."""
        return Sam2Segmenter.from_transformers(self.made, **(self.options | more))

    def masks(self, segmenter: Sam2Segmenter) -> list[Any]:
        """Return the group's masks."""
        return segmenter([self.image] * GROUP, self.boxes, *self.points)

    def one_by_one(self) -> list[Any]:
        """Return them without sharing anything."""
        return [self.segmenter()([self.image], self.boxes[[row]], *self.points[:, [row]])[0] for row in range(GROUP)]


class Least:
    """The model's own calls, each on what it needs and nothing else."""

    def __init__(self, made: Any) -> None:
        import torch

        self.made = made
        weight = made.no_memory_embedding
        self.pixels = torch.rand(1, 3, 1024, 1024).to(weight)
        self.points = (torch.rand(1, 1, 8, 2) * 1024).to(weight.device)
        self.labels = torch.tensor([[[2, 3, 1, 1, 1, 0, 0, 0]]], device=weight.device)
        with torch.no_grad():
            self.embeddings = made.get_image_embeddings(self.pixels)

    def encoding(self) -> None:
        """Encode the image."""
        import torch

        with torch.no_grad():
            self.made.get_image_embeddings(self.pixels)

    def decodings(self) -> None:
        """Decode eight prompts in two passes, one by one."""
        import torch

        with torch.no_grad():
            for _ in range(GROUP):
                first = self._decoding(slice(2), None)
                self._decoding(slice(None), first.pred_masks[:, 0])

    def _decoding(self, points: slice, mask: Any) -> Any:
        return self.made(
            image_embeddings=self.embeddings,
            input_points=self.points[:, :, points],
            input_labels=self.labels[:, :, points],
            input_masks=mask,
            multimask_output=False,
        )


def run() -> list[Row]:
    """Measure a fresh image, a cached one, and no sharing; then the same for all sizes where there is a GPU."""
    import torch

    # On a machine with other work, threads that wait for each other take many times as long.
    torch.set_num_threads(1)
    if not torch.cuda.is_available():
        return _rows(
            "tiny", model(), repeat=3, note="no CUDA device here: other sizes, batches and memory not measured"
        )
    rows = _rows("tiny", model(), repeat=3, note="on the CPU")
    for size in SIZES:
        rows += _rows(f"{size} on CUDA", model(size).to("cuda", torch.bfloat16), repeat=5, note=None)
    return rows


def _rows(name: str, made: Any, *, repeat: int, note: str | None) -> list[Row]:
    group, least = Group(made), Least(made)
    cached = group.segmenter(cache=EmbeddingCache())
    group.masks(cached)
    fresh_s, cached_s, encoding_s, decodings_s = _in_turns(
        [lambda: group.masks(group.segmenter()), lambda: group.masks(cached), least.encoding, least.decodings], repeat
    )
    (naive_s,) = _in_turns([group.one_by_one], 1)
    note = f"{GROUP / fresh_s:.1f} rewards a second, {GROUP / cached_s:.1f} cached{_memory(group)}" + (
        f"; {note}" if note else ""
    )
    return [
        Row(
            f"{name}: image not seen before", fresh_s, "1 encoding, 8 times 2 decodings", encoding_s + decodings_s, note
        ),
        Row(f"{name}: image in the cache", cached_s, "8 times 2 decodings", decodings_s),
        Row(f"{name}: image not seen before", fresh_s, "an encoding a rollout", naive_s),
    ]


def _in_turns(calls: list[Callable[[], object]], repeat: int) -> list[float]:
    """Return the best seconds of each call, in turns: what slows the machine slows all."""
    rounds = [[_seconds(call) for call in calls] for _ in range(repeat)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _seconds(call: Callable[[], object]) -> float:
    import torch

    # A GPU works while the processor waits.
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    start = clock()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


def _memory(group: Group) -> str:
    """Return what a rollout takes of a GPU's memory beyond the model."""
    import torch

    if group.made.device.type != "cuda":
        return ""
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    group.masks(group.segmenter())
    return f", {(torch.cuda.max_memory_allocated() - before) / GROUP / 2**20:.0f} MiB a rollout"
