"""Masks from boxes and points, by SAM 2."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from onethinker_rewards.models.embeddings import EmbeddingCache
from onethinker_rewards.models.images import ImageLike
from onethinker_rewards.models.prompts import read_prompts
from onethinker_rewards.models.sam2 import extra
from onethinker_rewards.models.sam2.backend import Backend
from onethinker_rewards.models.sam2.chunks import Chunks
from onethinker_rewards.models.sam2.counts import SegmenterCounts
from onethinker_rewards.models.sam2.decoding import Decoder
from onethinker_rewards.models.sam2.device import Device
from onethinker_rewards.models.sam2.encoding import Encoder
from onethinker_rewards.models.sam2.extra import torch
from onethinker_rewards.models.sam2.hugging_face import HuggingFaceBackend
from onethinker_rewards.models.sam2.meta import MetaBackend
from onethinker_rewards.models.sam2.pixels import Preparation
from onethinker_rewards.models.sam2.plan import Job, Plan, keyed
from onethinker_rewards.models.sam2.propagation import Tracker, read_frames

__all__ = ["Sam2Segmenter", "SegmenterOptions"]

_LOGGER = logging.getLogger("onethinker_rewards.segmenter")


class SegmenterOptions(TypedDict, total=False):
    """The options of `Sam2Segmenter`; it says what they mean."""

    cache: EmbeddingCache | None
    embedding_dtype: torch.dtype | None
    autocast: torch.dtype | None
    resampling: str
    jpeg_quality: int | None
    rows_at_once: int | None
    images_at_once: int | None


class Sam2Segmenter:
    """Draws a mask from each row's box and points, encoding each image once.

    The mask is the released code's: a first pass draws from the box, a second from box, points and the first mask's
    logits; where the model sees no object, the mask is empty. Coordinates are rounded to whole pixels of the image.

    Args:
        backend: SAM 2; `from_transformers` and `from_sam2` make one. The model is put into evaluation mode.
        cache: Keeps embeddings from one call to the next; without it, an image is encoded once a call.
        embedding_dtype: Precision of embeddings; by default float16 on CUDA, which halves their memory and moves fewer
            pixels than bfloat16, the model's own elsewhere.
        autocast: Compute in this precision where torch thinks it safe, as the release does in bfloat16; by default in
            the model's own.
        resampling: How images are brought to the model's size: ``bilinear`` or ``bicubic``.
        jpeg_quality: Show the model the image as a JPEG of this quality; by default as it is.
        rows_at_once: Most prompts in a batch; by default 64 on CUDA, 1 elsewhere, where a batch gains nothing.
        images_at_once: Most images in a batch; by default 8 on CUDA, 1 elsewhere. Both are halved when memory runs
            out.

    Raises:
        ArgumentError: If an option is out of range.
        ImportError: If what it needs is not installed.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        cache: EmbeddingCache | None = None,
        embedding_dtype: torch.dtype | None = None,
        autocast: torch.dtype | None = None,
        resampling: str = "bilinear",
        jpeg_quality: int | None = None,
        rows_at_once: int | None = None,
        images_at_once: int | None = None,
    ) -> None:
        backend.model.eval()
        device = Device(backend.model, autocast)
        rows = Chunks("rows_at_once", device.rows_at_once if rows_at_once is None else rows_at_once)
        images = Chunks("images_at_once", device.images_at_once if images_at_once is None else images_at_once)
        preparation = Preparation(resampling, jpeg_quality)
        dtype = embedding_dtype or device.embedding_dtype
        self._cache = cache
        self._encoder = Encoder(backend, device, preparation, cache, dtype, images)
        self._decoder = Decoder(backend, device, rows)
        self._tracker = Tracker(backend, device, self._encoder, rows.size)
        self._lock = threading.Lock()
        self._rows = self._images = 0

    @classmethod
    def from_transformers(
        cls,
        model: Any,
        *,
        revision: str | None = None,
        device: str | torch.device | None = None,
        **options: Unpack[SegmenterOptions],
    ) -> Self:
        """Return a segmenter from a model of transformers, or from its name.

        Args:
            model: ``Sam2VideoModel`` or, where nothing has to be followed through a video, ``Sam2Model``; or a
                folder or name on the hub, such as ``facebook/sam2.1-hiera-large``.
            revision: Which version of a name.
            device: Where to put it; by default where it is.
            **options: As of the class.
        """
        if isinstance(model, str):
            model = extra.module("transformers").Sam2VideoModel.from_pretrained(model, revision=revision)
        return cls(HuggingFaceBackend(model if device is None else model.to(device)), **options)

    @classmethod
    def from_sam2(
        cls, model: Any, *, device: str | torch.device | None = None, **options: Unpack[SegmenterOptions]
    ) -> Self:
        """Return a segmenter from a model of the package ``sam2``, or from its name.

        Args:
            model: ``SAM2Base``, as ``sam2.build_sam.build_sam2`` makes it; or a name on the hub.
            device: Where to put it; by default where it is, a named one on the CPU.
            **options: As of the class.
        """
        if isinstance(model, str):
            builder = extra.module("sam2.build_sam", "sam2")
            return cls(MetaBackend(builder.build_sam2_hf(model, device=str(device or "cpu"))), **options)
        return cls(MetaBackend(model if device is None else model.to(device)), **options)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    @property
    def counts(self) -> SegmenterCounts:
        """What it has done so far."""
        return SegmenterCounts(
            rows=self._rows,
            decoded=self._decoder.decoded + self._tracker.tracked,
            images=self._images,
            encoded=self._encoder.encoded,
            rows_at_once=self._decoder.chunks.size,
            images_at_once=self._encoder.chunks.size,
            halved=sum(part.chunks.halved for part in (self._encoder, self._decoder, self._tracker)),
        )

    def log_items(self, prefix: str = "segmenter") -> dict[str, float]:
        """Return what it and its cache have done so far, flat, as every logger takes it.

        Returns:
            ``<prefix>/`` with the names of `SegmenterCounts`, and ``<prefix>/cache/`` with those of `CacheCounts`.
        """
        counts = self.counts
        own = asdict(counts) | {"deduplicated": counts.deduplicated, "cache_hits": counts.cache_hits}
        cached = {} if self._cache is None else asdict(self._cache.counts)
        items = own | {f"cache/{name}": count for name, count in cached.items()}
        return {f"{prefix}/{name}": float(count) for name, count in items.items()}

    def __call__(
        self,
        images: Sequence[ImageLike | None],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[NDArray[np.bool_]]:
        """Return one ``[H, W]`` mask a row, as large as the row's image.

        Rows with the same image and prompt share one read-only array.

        Args:
            images: ``[N]`` arrays ``[H, W, 3]`` uint8, Pillow images, paths or bytes. Rows of a group share one object.
            boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
            positive_points: ``[N, K, 2]`` x, y on the object, in thousandths; or ``N`` arrays ``[K, 2]``.
            negative_points: The same off the object.

        Raises:
            BadImageError: Naming all rows whose image or prompt is unusable, before anything is drawn.
            ArgumentError: If shapes or lengths do not fit.
            torch.OutOfMemoryError: If there is not enough memory for one row.
        """
        pixels, prompts = read_prompts(images, boxes, positive_points, negative_points)
        plan = Plan.of(pixels, prompts)
        with self._lock:
            masks = self._drawn(plan)
            self._rows += len(pixels)
            self._images += len(plan.images)
        self._tell()
        for mask in masks:
            mask.setflags(write=False)
        return [masks[job] for job in plan.job_of]

    def propagate(
        self,
        frames: Sequence[ImageLike | None],
        keyframes: Sequence[int],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[NDArray[np.bool_]]:
        """Return one ``[T, H, W]`` mask a row: its object through the whole video.

        The prompt draws the object in its keyframe; SAM 2's memory follows it to the end, then to the start. Each
        frame is encoded once for all rows. This is for evaluation: every row costs a decoding and a memory a frame.

        Args:
            frames: ``[T]`` images of one size.
            keyframes: ``[N]`` the frame that each row's prompt is about, from 0.
            boxes: ``[N, 4]`` as in a call.
            positive_points: As in a call.
            negative_points: As in a call.

        Raises:
            BadImageError: Naming all frames that cannot be read, or else all rows whose prompt is unusable.
            ArgumentError: If shapes or lengths do not fit, or the model has no memory.
            torch.OutOfMemoryError: If there is not enough memory for one row.
        """
        pixels = read_frames(frames, keyframes)
        _, prompts = read_prompts([pixels[frame] for frame in keyframes], boxes, positive_points, negative_points)
        with self._lock:
            masks = self._tracker(pixels, keyframes, prompts)
            self._rows += len(prompts)
            self._images += len(set(keyed(pixels)))
        self._tell()
        return masks

    def _tell(self) -> None:
        if _LOGGER.isEnabledFor(logging.INFO):
            said = [self.counts, *([] if self._cache is None else [self._cache.counts])]
            _LOGGER.info("so far: %s", ", ".join(map(str, said)))

    def _drawn(self, plan: Plan) -> list[NDArray[np.bool_]]:
        """Return a mask a job, holding only some images' embeddings at a time."""
        masks: list[NDArray[np.bool_]] = []
        start = 0
        while start < len(plan.images):
            end = start + self._encoder.chunks.size
            images = plan.images[start:end]
            embeddings = self._encoder(plan.keys[start:end], images, to_host=False)
            jobs = [Job(job.image - start, job.prompt) for job in plan.jobs if start <= job.image < end]
            masks += self._decoder(jobs, images, embeddings)
            start = end
        return masks
