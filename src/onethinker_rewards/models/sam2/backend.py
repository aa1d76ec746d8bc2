"""SAM 2 as a segmenter runs it: the calls of a backend, the device, batches that fit its memory, and the two passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol, TypeVar

import torch

from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import Embedding

Item = TypeVar("Item")
Result = TypeVar("Result")

_DIGEST_BYTES = 16

# SAM 2's own constants: the logits of a mask without an object, and the limit of a mask prompt's logits.
_NO_OBJECT_LOGIT = -1024.0
_LARGEST_LOGIT = 32.0


@dataclass(frozen=True, slots=True)
class Prompts:
    """A batch of prompts in the model's input frame, all with equally many points.

    Attributes:
        points: ``[B, P, 2]`` x, y in pixels, the two corners of the box first.
        labels: ``[B, P]`` int32: 2 and 3 are the corners, 1 is on the object, 0 is off it.
    """

    points: torch.Tensor
    labels: torch.Tensor

    @property
    def boxes(self) -> Prompts:
        """The corners alone."""
        return Prompts(self.points[:, :2], self.labels[:, :2])


@dataclass(frozen=True, slots=True)
class Decoded:
    """The mask decoder's output for a batch of prompts.

    Attributes:
        logits: ``[B, 1, S/4, S/4]`` mask logits.
        iou_scores: ``[B, 1]`` the model's estimate of the mask's IoU.
        object_logits: ``[B, 1]`` logits that there is an object.
    """

    logits: torch.Tensor
    iou_scores: torch.Tensor
    object_logits: torch.Tensor


class Backend(Protocol):
    """SAM 2's parts, for inference.

    An embedding is the image encoder's output: feature maps ``[C, S/4, S/4]``, ``[C', S/8, S/8]`` and ``[C'', S/16,
    S/16]`` of an image of S by S pixels, or of several images along a first axis. The mask decoder's "no memory" vector
    is not added yet, because tracked frames of a video do without it. So images and videos share embeddings.

    Attributes:
        model: The model.
        name: The package and its version; embeddings of different packages are never mixed.
        side: Height and width of the encoder's input.
    """

    model: torch.nn.Module
    name: str
    side: int

    def encode(self, pixels: torch.Tensor) -> Embedding:
        """Return the embeddings of ``[B, 3, S, S]`` normalized pixels."""
        ...

    def decode(self, embedding: Embedding, prompts: Prompts, mask: torch.Tensor | None) -> Decoded:
        """Return one mask per prompt.

        Args:
            embedding: ``[B, ...]`` one per prompt, in the model's precision.
            prompts: ``B`` prompts. The box is given as two points, as the original's video predictor does.
            mask: ``[B, 1, S/4, S/4]`` logits, as a further prompt.
        """
        ...

    def track(
        self, embeddings: Sequence[Embedding], keyframe: int, prompts: Prompts
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield each frame's index and ``[B, 1, S/4, S/4]`` logits: the keyframe, then `other_frames`.

        Raises:
            ArgumentError: If the model has no memory.
        """
        ...


def require(package: str, install: str = "'onethinker-rewards[sam2]'") -> None:
    """Raise an `ImportError` that says what to install if a package is missing."""
    if find_spec(package) is None:
        raise ImportError(f"Sam2Segmenter needs {package}: pip install {install}")


def weights_digest(model: torch.nn.Module) -> str:
    """Return a digest of the names, dtypes, shapes and values of a model's weights, in 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for name, weight in sorted(model.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {list(weight.shape)}\n".encode())
        content = weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()


def two_pass_logits(backend: Backend, embedding: Embedding, prompts: Prompts) -> torch.Tensor:
    """Return mask logits as the released code draws them.

    The first pass sees the box alone. The second sees box, points, and the first pass's logits as a mask prompt.

    Args:
        backend: The model.
        embedding: ``[B, ...]`` one per prompt.
        prompts: ``B`` prompts.

    Returns:
        ``[B, 1, S/4, S/4]``, negative everywhere if the model sees no object.
    """
    first = _object_logits_applied(backend.decode(embedding, prompts.boxes, None))
    return _object_logits_applied(backend.decode(embedding, prompts, mask_prompt(first)))


def _object_logits_applied(decoded: Decoded) -> torch.Tensor:
    return torch.where(decoded.object_logits[..., None, None] > 0, decoded.logits.float(), _NO_OBJECT_LOGIT)


def mask_prompt(logits: torch.Tensor) -> torch.Tensor:
    """Return a pass's mask logits as the next pass takes them: limited to ±32."""
    return logits.clamp(-_LARGEST_LOGIT, _LARGEST_LOGIT)


def other_frames(count: int, keyframe: int) -> Iterator[tuple[int, bool]]:
    """Yield the frames from the keyframe to the end, then to the start, and whether that is in reverse."""
    yield from ((frame, False) for frame in range(keyframe + 1, count))
    yield from ((frame, True) for frame in range(keyframe - 1, -1, -1))


class Device:
    """A model's device and precision.

    Attributes:
        device: Device of the weights.
        dtype: Dtype of the weights.
        precision: A name of device type and computing precision.
        images_at_once: Default number of images in a batch.
        rows_at_once: Default number of prompts in a batch.
        embedding_dtype: Default dtype of embeddings.
    """

    def __init__(self, model: torch.nn.Module, autocast: torch.dtype | None) -> None:
        weight = next(model.parameters())
        self.device, self.dtype, self._autocast = weight.device, weight.dtype, autocast
        self.precision = f"{self.device.type}-{autocast or self.dtype}"
        is_cuda = self.device.type == "cuda"
        # On a CPU, batches are no faster and take more memory.
        self.images_at_once, self.rows_at_once = (8, 64) if is_cuda else (1, 1)
        self.embedding_dtype = torch.float16 if is_cuda else self.dtype

    @contextmanager
    def inference(self) -> Generator[None]:
        """Compute without gradients, under autocast if it was asked for."""
        enabled = self._autocast is not None
        with torch.no_grad(), torch.autocast(self.device.type, dtype=self._autocast, enabled=enabled):
            yield


class Chunks:
    """Processes items in chunks, whose size is halved for good whenever the device runs out of memory.

    Attributes:
        size: Most items in a chunk.
        halved: How often memory ran out.

    Raises:
        ArgumentError: If the size is below 1.
    """

    def __init__(self, name: str, size: int) -> None:
        if size < 1:
            raise ArgumentError(f"{name}: at least 1, not {size}")
        self.size = size
        self.halved = 0

    def run(self, items: Sequence[Item], work: Callable[[Sequence[Item]], Sequence[Result]]) -> list[Result]:
        """Return one result per item, in order.

        Raises:
            torch.OutOfMemoryError: If memory does not suffice for one item.
        """
        results: list[Result] = []
        while len(results) < len(items):
            chunk = items[len(results) : len(results) + self.size]
            try:
                results.extend(work(chunk))
            except torch.OutOfMemoryError:
                if len(chunk) == 1:
                    raise
            else:
                continue
            # Outside the handler, because the error's traceback keeps the tensors of the failed attempt alive.
            torch.cuda.empty_cache()
            self.size = len(chunk) // 2
            self.halved += 1
        return results
