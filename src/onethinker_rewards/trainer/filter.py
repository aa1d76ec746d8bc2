"""From several answers to a question to those worth fine-tuning on: asking a teacher, scoring, keeping.

Source: OneThinker (arXiv 2512.03043) keeps 340,000 of 600,000 rows by thresholds that differ by task. We do not know
them, so these are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from onethinker_rewards.answers import Size
from onethinker_rewards.judges.content import Transport, message_content
from onethinker_rewards.rewards import AnyOf, Scorer
from onethinker_rewards.trainer.data import Fault, InvalidRowError

Keep: TypeAlias = Literal["best", "all", "first"]
KEEPS: tuple[Keep, ...] = get_args(Keep)
# In place of a code, for an answer that was read and is not right enough.
BELOW = "below_threshold"


class Threshold(NamedTuple):
    """The least accuracy, of the task's maximum in [0, 1], of an answer that is kept, and why it is this number."""

    least: float
    why: str


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "multiple_choice": Threshold(1.0, "Right or wrong."),
        "numerical": Threshold(1.0, "Right or wrong."),
        "regression": Threshold(0.8, "Eight of the ten tolerances hold: less than 15 % off."),
        "math": Threshold(1.0, "Right or wrong."),
        "ocr": Threshold(0.9, "One word in ten may be wrong."),
        "open_ended": Threshold(0.3, "ROUGE: a right answer may use other words."),
        "temporal_grounding": Threshold(0.5, "The usual limit of a span that counts as found."),
        "spatial_grounding": Threshold(0.5, "The usual limit of a box that counts as found."),
        "spatio_temporal_grounding": Threshold(0.5, "Span and boxes on average at that limit."),
        "tracking": Threshold(0.5, "Boxes on average at that limit."),
        "image_segmentation": Threshold(0.5, "Box and points on average half right (points 59 thousandths off)."),
        "video_segmentation": Threshold(0.5, "The same, and the moment (1.18 seconds off)."),
        "detection": Threshold(0.5, "Boxes on average at that limit, with none missed or extra."),
        "pointing": Threshold(0.5, "Points on average at 59 thousandths off."),
        "gui_click": Threshold(1.0, "Inside or not."),
        "rotated_box": Threshold(0.5, "The usual limit of a box that counts as found."),
        "temporal_segments": Threshold(0.5, "Spans on average at that limit."),
        "point_tracking": Threshold(0.5, "What good trackers reach on average."),
        "image_quality": Threshold(0.5, "Less than a sixteenth of the scale off."),
        "ordering": Threshold(1.0, "Right or wrong."),
    }
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row with all the answers to it; its task has our name, and only a multiple-choice question has options.

    Its size is that of the image in pixels, where answers may be in pixels.
    """

    task: str
    reference: str | AnyOf
    responses: list[str]
    options: list[str] | None = None
    size: Size | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is kept.

    Attributes:
        thresholds: The least accuracy by task, of the task's maximum.
        keep: Of the answers that pass, the ``best``, the ``first`` or ``all``. The best is the most accurate one,
            among equals the shortest, among these the first. Of equal texts one is kept.
    """

    thresholds: Mapping[str, float]
    keep: Keep = "best"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a row's answers earned.

    Attributes:
        rewards: For each answer the row of `RewardBatch.to_rows`.
        codes: For each answer why it does not pass: its failure, its format fault or ``below_threshold``; None if it
            passes.
        kept: Indices of the answers that are kept, in ascending order.
    """

    rewards: list[dict[str, Any]]
    codes: list[str | None]
    kept: list[int]


def judge(candidates: Sequence[Candidate], scorer: Scorer, rule: Rule) -> list[Judged]:
    """Score all answers of all rows at once, and say for each row which are kept; references have to be readable."""
    answered = [candidate for candidate in candidates for _ in candidate.responses]
    batch = scorer.score(
        [response for candidate in candidates for response in candidate.responses],
        [candidate.reference for candidate in answered],
        [candidate.task for candidate in answered],
        options=[candidate.options for candidate in answered],
        sizes=[candidate.size for candidate in answered],
        on_bad_reference="skip",
    )
    rewards = iter(batch.to_rows())
    return [_judged(candidate, list(islice(rewards, len(candidate.responses))), rule) for candidate in candidates]


def _judged(candidate: Candidate, rewards: list[dict[str, Any]], rule: Rule) -> Judged:
    least = rule.thresholds[candidate.task]
    # An accuracy that is no number has its failure.
    codes = [row["failure"] or row["format_fault"] or (BELOW if row["normalized"] < least else None) for row in rewards]
    passing = [index for index, code in enumerate(codes) if code is None]
    responses = candidate.responses
    if rule.keep == "all":
        # From the back, so that the first of equal texts stays.
        return Judged(rewards, codes, sorted({responses[index]: index for index in reversed(passing)}.values()))
    if rule.keep == "best":
        passing.sort(key=lambda index: (-rewards[index]["normalized"], len(responses[index])))
    return Judged(rewards, codes, passing[:1])


@dataclass(frozen=True, slots=True)
class Question:
    """What a teacher is asked: the row from `verl_row` that the model would be trained on."""

    row: Mapping[str, Any]

    def messages(self, transport: Transport) -> list[Mapping[str, object]]:
        """Return the chat; reads the files if they go along as data.

        Raises:
            InvalidRowError: If a file cannot be read, or cannot go along in this way.
        """
        images = [image["image"] for image in self.row["images"]]
        videos = [video["video"] for video in self.row["videos"]]
        try:
            content = message_content(self.row["prompt"][0]["content"], images, videos, transport)
        except OSError as error:
            raise InvalidRowError(Fault.MEDIA, f"{error.filename}: {error.strerror}") from None
        except ValueError as error:
            raise InvalidRowError(Fault.MEDIA, str(error)) from None
        return [{"role": "user", "content": content}]

    def keys(self) -> dict[str, object]:
        """Return further keys of the request, which are vLLM's: that all frames count, and their rate."""
        fps = self.row["videos"][0].get("sample_fps") if self.row["videos"] else None
        return {} if fps is None else {"media_io_kwargs": {"video": {"num_frames": -1, "fps": fps}}}
