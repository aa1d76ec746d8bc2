"""The world: small clips drawn from a seed, a question about each, its reference, and what a teacher answers.

Six tasks of the library are drawn on a grid of 5 by 5 pixels and up to six frames, one frame a second. For each task
the teacher has a careful and a hasty way of looking, and names it in its thought; hasty answers are wrong in a way that
is typical of the task. A policy that imitates the teacher can learn from rewards which way is better. A new task is one
function, its line in `TASKS`, and the tokens that it is the first to need.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

SIDE, FRAMES = 5, 6
# What a question asks about is drawn in the first channel, everything else in the second.
ASKED, OTHER = 0, 1
CHANNELS = 2

_Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Example:
    """A clip ``[6, 5, 5, 2]`` of 0 and 1, the reference, and the tokens of the teacher's answer."""

    clip: np.ndarray
    reference: str
    taught: list[str]


def _multiple_choice(random: np.random.Generator, hasty: bool) -> Example:
    """In which corner is it? In haste one takes left for right."""
    clip, corners = _empty(), random.permutation(4).tolist()
    for channel, corner in zip((ASKED, OTHER, OTHER), corners[:3], strict=True):
        x, y = random.integers(0, 2, 2) + np.array([3 * (corner % 2), 3 * (corner // 2)])
        clip[0, y, x, channel] = 1.0
    said = corners[0] ^ int(hasty)
    return Example(clip, "ABCD"[corners[0]], ["ABCD"[said]])


def _numerical(random: np.random.Generator, hasty: bool) -> Example:
    """How many dots are there, of 2 to 6? In haste one overlooks one."""
    clip, cells = _empty(), random.permutation(SIDE * SIDE).tolist()
    count, others = int(random.integers(2, 7)), int(random.integers(0, 7))
    for index, cell in enumerate(cells[: count + others]):
        clip[0, cell // SIDE, cell % SIDE, ASKED if index < count else OTHER] = 1.0
    return Example(clip, str(count), [str(count - int(hasty))])


def _ocr(random: np.random.Generator, hasty: bool) -> Example:
    """Which four digits are written, one a row, by the place of a pixel? In haste one reads 0 for 1, 2 for 3."""
    clip, digits = _empty(), random.integers(0, 5, 4).tolist()
    for row, digit in enumerate(digits):
        clip[0, row, digit, ASKED] = 1.0
    said = [digit - (digit % 2 and hasty) for digit in digits]
    reference, taught = (" ".join(str(digit) for digit in of) for of in (digits, said))
    return Example(clip, reference, [taught[0], *(f" {digit}" for digit in taught[2::2])])


def _spatial_grounding(random: np.random.Generator, hasty: bool) -> Example:
    """Where is the rectangle? A hasty box is too large at each side."""
    clip, box = _empty(), _box(random)
    _paint(clip[0], _box(random), OTHER)
    _paint(clip[0], box, ASKED)
    said = ['{"boxes": [', *_tokens(_enlarged(box, hasty)), "]}"]
    return Example(clip, "".join(['{"boxes": [', *_tokens(box), "]}"]), said)


def _temporal_grounding(random: np.random.Generator, hasty: bool) -> Example:
    """From when until when is the rectangle there? A hasty span is too long at each end."""
    clip, box, other = _empty(), _box(random), _box(random)
    start = int(random.integers(0, FRAMES - 1))
    end = int(random.integers(start + 1, FRAMES + 1))
    for frame in range(FRAMES):
        _paint(clip[frame], other, OTHER)
        if start <= frame < end:
            _paint(clip[frame], box, ASKED)
    first, last = max(start - hasty, 0), min(end + hasty, FRAMES)
    truth, said = (['{"time": [', str(from_), f", {to}", "]}"] for from_, to in ((start, end), (first, last)))
    return Example(clip, "".join(truth), said)


def _tracking(random: np.random.Generator, hasty: bool) -> Example:
    """Where is the moving rectangle at first and at last? Hasty boxes are too large."""
    clip, path, other = _empty(), _path(random), _path(random)
    for frame in range(FRAMES):
        _paint(clip[frame], other[frame], OTHER)
        _paint(clip[frame], path[frame], ASKED)
    first, last = path[0], path[-1]
    truth = ['{"boxes": {"0": [', *_tokens(first), '], "5": [', *_tokens(last), "]}}"]
    said = [*_tokens(_enlarged(first, hasty)), '], "5": [', *_tokens(_enlarged(last, hasty))]
    return Example(clip, "".join(truth), ['{"boxes": {"0": [', *said, "]}}"])


def _box(random: np.random.Generator) -> _Box:
    """Draw a box in cells: left, top, right, bottom."""
    width, height = random.integers(1, 4, 2).tolist()
    left, top = int(random.integers(0, SIDE + 1 - width)), int(random.integers(0, SIDE + 1 - height))
    return left, top, left + width, top + height


def _path(random: np.random.Generator) -> list[_Box]:
    """Draw the boxes of a rectangle that moves evenly from one place to another."""
    left, top, right, bottom = _box(random)
    width, height = right - left, bottom - top
    x, y = random.integers(0, SIDE + 1 - width), random.integers(0, SIDE + 1 - height)
    steps = np.linspace((left, top), (x, y), FRAMES).round().astype(int).tolist()
    return [(at_x, at_y, at_x + width, at_y + height) for at_x, at_y in steps]


def _empty() -> np.ndarray:
    return np.zeros((FRAMES, SIDE, SIDE, CHANNELS), dtype=np.float32)


def _paint(frame: np.ndarray, box: _Box, channel: int) -> None:
    """Fill the box; what was there in the other channel is hidden."""
    frame[box[1] : box[3], box[0] : box[2]] = 0.0
    frame[box[1] : box[3], box[0] : box[2], channel] = 1.0


def _enlarged(box: _Box, hasty: bool) -> _Box:
    left, top, right, bottom = box
    return max(left - hasty, 0), max(top - hasty, 0), min(right + hasty, SIDE), min(bottom + hasty, SIDE)


def _tokens(box: _Box) -> list[str]:
    """Return a box as tokens, in thousandths of the side."""
    first, *rest = (str(200 * cell) for cell in box)
    return [first, *(f", {cell}" for cell in rest)]


@dataclass(frozen=True)
class Task:
    """How a task is drawn, and what the teacher thinks when it is careful and when it is hasty."""

    draw: Callable[[np.random.Generator, bool], Example]
    careful: str
    hasty: str


TASKS = {
    "multiple_choice": Task(_multiple_choice, "I look from left to right.", "It is in a corner."),
    "numerical": Task(_numerical, "I count them one by one.", "I see a few."),
    "ocr": Task(_ocr, "I spell it out.", "I read it at a glance."),
    "spatial_grounding": Task(_spatial_grounding, "I look for each side.", "I see it there."),
    "temporal_grounding": Task(_temporal_grounding, "I watch from beginning to end.", "It comes and goes."),
    "tracking": Task(_tracking, "I follow it.", "It moves."),
}

# The text of every token. As in any tokenizer, a token may have several characters.
_TAGS = ("<think>", "</think><answer>", "</answer>")
_JSON = ('{"boxes": [', "]}", '{"time": [', '{"boxes": {"0": [', '], "5": [', "]}}")
_THOUGHTS = [thought for task in TASKS.values() for thought in (task.careful, task.hasty)]
_NUMBERS = [*"123456", *(str(200 * cell) for cell in range(SIDE + 1))]
_LATER = [*(f", {number}" for number in _NUMBERS), *(f" {digit}" for digit in range(5))]
VOCABULARY = ["", *_TAGS, *_JSON, *_THOUGHTS, *"ABCD", *_NUMBERS, *_LATER]
PADDING, END = 0, VOCABULARY.index("</answer>")
# The most tokens of a response: a track has as many.
LONGEST = 15
_INDEX = {text: index for index, text in enumerate(VOCABULARY)}


@dataclass(frozen=True)
class Prompts:
    """What the policy sees of P prompts, and what their answers are scored and taught with.

    ``clips`` is ``[P, 6, 5, 5, 2]``; a picture is a clip whose later frames are empty. ``tasks`` is ``[P]``, numbers
    of `TASKS`; ``taught`` is ``[P, LONGEST]`` tokens, filled up with `PADDING`.
    """

    clips: Tensor
    tasks: Tensor
    names: list[str]
    references: list[str]
    taught: Tensor

    def select(self, rows: np.ndarray) -> Prompts:
        """Return the prompts with these numbers."""
        names, references = [self.names[row] for row in rows], [self.references[row] for row in rows]
        return Prompts(self.clips[rows], self.tasks[rows], names, references, self.taught[rows])


class World:
    """Draws prompts from a seed.

    Args:
        seed: One or several whole numbers: the same seed draws the same prompts.
        noise: Standard deviations of the noise on pixels; each prompt gets one of them.
        hasty: How many of the teacher's answers are hasty, 0…1.
    """

    def __init__(self, seed: int | Sequence[int], noise: Sequence[float] = (0.1,), hasty: float = 0.0) -> None:
        self._random = np.random.default_rng(seed)
        self._noise, self._hasty = noise, hasty

    def draw(self, names: Sequence[str]) -> Prompts:
        """Draw one prompt for each name of a task."""
        hasty = self._random.random(len(names)) < self._hasty
        examples = [TASKS[name].draw(self._random, way) for name, way in zip(names, hasty.tolist(), strict=True)]
        taught = torch.full((len(names), LONGEST), PADDING)
        for row, example in enumerate(examples):
            thought = TASKS[names[row]].hasty if hasty[row] else TASKS[names[row]].careful
            pieces = ["<think>", thought, "</think><answer>", *example.taught, "</answer>"]
            taught[row, : len(pieces)] = torch.tensor([_INDEX[piece] for piece in pieces])
        clips = np.stack([example.clip for example in examples])
        noise = self._random.choice(self._noise, (len(names), 1, 1, 1, 1))
        clips += (noise * self._random.standard_normal(clips.shape)).astype(np.float32)
        numbers = torch.tensor([list(TASKS).index(name) for name in names])
        references = [example.reference for example in examples]
        return Prompts(torch.from_numpy(clips), numbers, list(names), references, taught)


def text(tokens: Sequence[int]) -> str:
    """Return the text of a response's tokens."""
    return "".join(VOCABULARY[token] for token in tokens)
