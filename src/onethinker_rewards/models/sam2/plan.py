"""What has to be drawn: each image and each prompt once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from onethinker_rewards.models.images import Pixels, image_key
from onethinker_rewards.models.prompts import PixelPrompt

__all__ = ["Job", "Plan", "by_points", "keyed"]

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Job:
    """A prompt, and where the plan has its image."""

    image: int
    prompt: PixelPrompt


@dataclass(frozen=True, slots=True)
class Plan:
    """Rows that share an image or a prompt, told apart.

    Attributes:
        keys: A digest an image.
        images: The distinct images, as many.
        jobs: The distinct prompts, those of one image together.
        job_of: ``[N]`` the row's job.
    """

    keys: list[str]
    images: list[Pixels]
    jobs: list[Job]
    job_of: list[int]

    @classmethod
    def of(cls, pixels: Sequence[Pixels], prompts: Sequence[PixelPrompt]) -> Plan:
        """Return the plan of ``[N]`` images and prompts."""
        digests = keyed(pixels)
        images = dict(zip(digests, pixels, strict=True))
        numbers = {digest: number for number, digest in enumerate(images)}
        jobs: dict[Hashable, Job] = {}
        for digest, prompt in sorted(zip(digests, prompts, strict=True), key=lambda row: numbers[row[0]]):
            jobs.setdefault((digest, prompt.key), Job(numbers[digest], prompt))
        places = {key: place for place, key in enumerate(jobs)}
        job_of = [places[digest, prompt.key] for digest, prompt in zip(digests, prompts, strict=True)]
        return cls([*images], [*images.values()], [*jobs.values()], job_of)


def keyed(pixels: Sequence[Pixels]) -> list[str]:
    """Return a digest an image; the same array is digested once."""
    digests = {id(image): image_key(image) for image in {id(image): image for image in pixels}.values()}
    return [digests[id(image)] for image in pixels]


def by_points(jobs: Iterable[tuple[Item, PixelPrompt]]) -> list[list[Item]]:
    """Return buckets of equally many points: a point added to fill a row up would change its mask."""
    buckets: dict[int, list[Item]] = {}
    for item, prompt in jobs:
        buckets.setdefault(len(prompt.points), []).append(item)
    return [*buckets.values()]
