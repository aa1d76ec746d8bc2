"""The segmenter: masks from boxes and points, drawn by SAM 2."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self, TypedDict, Unpack, cast

import torch
from numpy.typing import ArrayLike

from onethinker_rewards.answers.masks import Mask
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.models.embeddings import EmbeddingCache
from onethinker_rewards.models.images import ImageLike, Pixels, read_images
from onethinker_rewards.models.prompts import PixelPrompt, PromptKey, read_prompts
from onethinker_rewards.models.sam2.backend import Backend, Chunks, Device, require
from onethinker_rewards.models.sam2.decoder import Decoder, Tracker
from onethinker_rewards.models.sam2.encoder import Encoder, Preprocessing, image_keys

_LOGGER = logging.getLogger("onethinker_rewards.segmenter")


@dataclass(frozen=True, slots=True)
class SegmenterCounts:
    """Counts over the life of a segmenter.

    Attributes:
        rows: Masks that were requested.
        decoded: Prompts that went through the mask decoder.
        images: Distinct images and frames, summed over the calls.
        encoded: Images that went through the encoder.
        rows_at_once: Most prompts in one batch at present.
        images_at_once: Most images in one batch at present.
        halved: How often memory ran out and a batch was halved.
    """

    rows: int
    decoded: int
    images: int
    encoded: int
    rows_at_once: int
    images_at_once: int
    halved: int

    @property
    def deduplicated(self) -> int:
        """Rows with the same image and prompt as another row of the same call."""
        return self.rows - self.decoded

    @property
    def cache_hits(self) -> int:
        """Images whose embedding was in the cache."""
        return self.images - self.encoded


class SegmenterOptions(TypedDict, total=False):
    """The options of `Sam2Segmenter`, which explains them."""

    cache: EmbeddingCache | None
    embedding_dtype: torch.dtype | None
    autocast: torch.dtype | None
    resampling: str
    jpeg_quality: int | None
    rows_at_once: int | None
    images_at_once: int | None


class Sam2Segmenter:
    """Draws a mask from each row's box and points; each image is encoded once.

    Masks are those of the released code: a first pass sees the box, a second sees box, points and the first mask's
    logits, and the mask is empty if the model sees no object. Coordinates are rounded to whole pixels of the image.

    Args:
        backend: SAM 2, as `from_transformers` and `from_sam2` make it. The model is put into evaluation mode.
        cache: Keeps embeddings between calls; without it an image is encoded once per call.
        embedding_dtype: Dtype of embeddings. By default the model's own, but float16 on CUDA, which halves their memory
            and changes fewer pixels than bfloat16.
        autocast: Compute in this precision where torch considers it safe, as the release does in bfloat16; by default
            in the model's own.
        resampling: How images are resized to the model's input: ``bilinear`` or ``bicubic``.
        jpeg_quality: Show the model the image as a JPEG of this quality; by default as it is.
        rows_at_once: Most prompts in a batch; by default 64 on CUDA and 1 elsewhere, where batches are no faster.
        images_at_once: Most images in a batch; by default 8 on CUDA and 1 elsewhere. Both are halved when memory runs
            out.

    Raises:
        ArgumentError: If an option is out of range.
        ImportError: If a required package is missing.
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
        preprocessing = Preprocessing(resampling, jpeg_quality)
        dtype = embedding_dtype or device.embedding_dtype
        self._cache = cache
        self._encoder = Encoder(backend, device, preprocessing, cache, dtype, images)
        self._decoder = Decoder(backend, device, rows)
        self._tracker = Tracker(backend, device, self._encoder, Chunks("rows_at_once", rows.size))
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
            model: ``Sam2VideoModel``, or ``Sam2Model`` if no video is to be propagated; or a folder or a name on the
                hub, such as ``facebook/sam2.1-hiera-large``.
            revision: The revision of a name.
            device: The device to move the model to; by default it stays where it is.
            **options: The options of the class.
        """
        require("transformers")
        from onethinker_rewards.models.sam2.hugging_face import HuggingFaceBackend  # noqa: PLC0415 - an extra

        if isinstance(model, str):
            from transformers import Sam2VideoModel  # noqa: PLC0415 - slow

            model = cast("Any", Sam2VideoModel).from_pretrained(model, revision=revision)
        return cls(HuggingFaceBackend(model if device is None else model.to(device)), **options)

    @classmethod
    def from_sam2(
        cls, model: Any, *, device: str | torch.device | None = None, **options: Unpack[SegmenterOptions]
    ) -> Self:
        """Return a segmenter from a model of the package ``sam2``, or from its name.

        Args:
            model: ``SAM2Base``, as ``sam2.build_sam.build_sam2`` makes it; or a name on the hub.
            device: The device to move the model to. By default it stays where it is, and a named model is on the CPU.
            **options: The options of the class.
        """
        from onethinker_rewards.models.sam2.meta import MetaBackend  # noqa: PLC0415 - an extra

        if isinstance(model, str):
            require("sam2", install="sam2")
            from sam2.build_sam import build_sam2_hf  # noqa: PLC0415 - an extra

            return cls(MetaBackend(build_sam2_hf(model, device=str(device or "cpu"))), **options)
        return cls(MetaBackend(model if device is None else model.to(device)), **options)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    @property
    def counts(self) -> SegmenterCounts:
        """The counts so far."""
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
        """Return the counts of the segmenter and its cache as a flat dictionary, for any logger.

        Returns:
            ``<prefix>/`` with the names of `SegmenterCounts`, and ``<prefix>/cache/`` with those of `CacheCounts`.
        """
        counts = self.counts
        items = asdict(counts) | {"deduplicated": counts.deduplicated, "cache_hits": counts.cache_hits}
        if self._cache is not None:
            items |= {f"cache/{name}": count for name, count in asdict(self._cache.counts).items()}
        return {f"{prefix}/{name}": float(count) for name, count in items.items()}

    def __call__(
        self,
        images: Sequence[ImageLike | None],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[Mask]:
        """Return one ``[H, W]`` mask per row, of the size of the row's image.

        Rows with the same image and prompt share one read-only array.

        Args:
            images: ``[N]`` arrays ``[H, W, 3]`` uint8, Pillow images, paths or bytes. Rows of a group should share one
                object.
            boxes: ``[N, 4]`` x1, y1, x2, y2 in thousandths of width and height.
            positive_points: ``[N, K, 2]`` x, y on the object, in thousandths; or ``N`` arrays ``[K, 2]``.
            negative_points: The same off the object.

        Raises:
            BadImageError: Naming all rows with an unusable image or prompt, before any mask is drawn.
            ArgumentError: If shapes or lengths do not fit.
            torch.OutOfMemoryError: If memory does not suffice for one row.
        """
        pixels, prompts = read_prompts(images, boxes, positive_points, negative_points)
        digests = image_keys(pixels)
        keys = [(digest, prompt.key) for digest, prompt in zip(digests, prompts, strict=True)]
        with self._lock:
            masks = self._draw(dict(zip(digests, pixels, strict=True)), dict(zip(keys, prompts, strict=True)))
            self._rows += len(pixels)
            self._images += len(set(digests))
        self._log_counts()
        for mask in masks.values():
            mask.setflags(write=False)
        return [masks[key] for key in keys]

    def propagate(
        self,
        frames: Sequence[ImageLike | None],
        keyframes: Sequence[int],
        boxes: ArrayLike,
        positive_points: Sequence[ArrayLike] | ArrayLike,
        negative_points: Sequence[ArrayLike] | ArrayLike,
    ) -> list[Mask]:
        """Return one ``[T, H, W]`` mask per row: its object through the whole video.

        The prompt draws the object in its keyframe. SAM 2's memory then follows it to the end, and from the keyframe to
        the start. Each frame is encoded once for all rows, but each row has a decoding and a memory per frame, so use
        this for evaluation.

        Args:
            frames: ``[T]`` images of one size.
            keyframes: ``[N]`` the frame of each row's prompt, from 0.
            boxes: ``[N, 4]`` as in a call.
            positive_points: As in a call.
            negative_points: As in a call.

        Raises:
            BadImageError: Naming all frames that cannot be read, or else all rows with an unusable prompt.
            ArgumentError: If shapes or lengths do not fit, or the model has no memory.
            torch.OutOfMemoryError: If memory does not suffice for one row.
        """
        for keyframe in keyframes:
            if not 0 <= keyframe < len(frames):
                raise ArgumentError(f"keyframes: from 0 to {len(frames) - 1}, not {keyframe}")
        pixels = read_images(frames)
        sizes = {image.shape[:2] for image in pixels}
        if len(sizes) > 1:
            raise ArgumentError(f"frames: all of one size, not {sorted(sizes)}")
        _, prompts = read_prompts([pixels[frame] for frame in keyframes], boxes, positive_points, negative_points)
        with self._lock:
            masks = self._tracker(pixels, keyframes, prompts)
            self._rows += len(prompts)
            self._images += len(set(image_keys(pixels)))
        self._log_counts()
        return masks

    def _draw(
        self, images: dict[str, Pixels], prompts: dict[tuple[str, PromptKey], PixelPrompt]
    ) -> dict[tuple[str, PromptKey], Mask]:
        """Return the mask of each prompt, holding the embeddings of only one batch of images at a time."""
        masks: dict[tuple[str, PromptKey], Mask] = {}
        digests = [*images]
        order = {digest: index for index, digest in enumerate(digests)}
        # Prompts on the same image follow each other, because a batch on one image needs no copy of its embedding.
        by_image = sorted(prompts.items(), key=lambda item: order[item[0][0]])
        while digests:
            size = self._encoder.chunks.size
            batch = {digest: images[digest] for digest in digests[:size]}
            digests = digests[size:]
            embeddings = self._encoder(batch, to_host=False)
            masks |= self._decoder({key: prompt for key, prompt in by_image if key[0] in batch}, batch, embeddings)
        return masks

    def _log_counts(self) -> None:
        if _LOGGER.isEnabledFor(logging.INFO):
            counts = [self.counts, *([] if self._cache is None else [self._cache.counts])]
            _LOGGER.info("so far: %s", ", ".join(map(str, counts)))
