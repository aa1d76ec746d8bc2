"""What the hot path was chosen over: our way of one step beside others that give the same, on 1,024 rows."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import orjson

import onethinker_rewards as otr
from benchmarks.harness import Row, best_of_both
from benchmarks.rollouts import JSON_TASKS, make_rows
from onethinker_rewards.columns import TrackColumns, reader_of
from onethinker_rewards.parsing import find_answers
from onethinker_rewards.schemas import BoxTrack, Number

COUNT = 1024
_JOINT, _OPEN, _CLOSE = "</think>\n<answer>", "<think>", "</answer>"


def _partitioned(responses: list[str]) -> list[str]:
    parts = [response.partition(_JOINT) for response in responses]
    return [
        tail[:-9]
        for head, _, tail in parts
        if tail.endswith(_CLOSE) and head.startswith(_OPEN) and head.find("<", 7) < 0 and tail.count("<") == 1
    ]


def _split(responses: list[str]) -> list[str]:
    parts = [response.split("<", 5) for response in responses]
    return [
        part[3][7:] for part in parts if len(part) == 5 and part[2] == "/think>\n" and part[3].startswith("answer>")
    ]


def _counted(responses: list[str]) -> list[str]:
    return [
        response[response.find(_JOINT) + 17 : -9]
        for response in responses
        if response.count("<") == 4 and response.startswith(_OPEN) and response.endswith(_CLOSE)
    ]


def _tags() -> list[Row]:
    responses = make_rows(JSON_TASKS, COUNT)[0]
    others: dict[str, Callable[[list[str]], object]] = {
        "partition at the joint": _partitioned,
        "split at every <": _split,
        "count every <": _counted,
    }
    return [
        _row("tags of a mix", lambda: find_answers(responses), name, other, responses) for name, other in others.items()
    ]


def _row(
    name: str, ours: Callable[[], object], against: str, theirs: Callable[[list[str]], object], texts: list[str]
) -> Row:
    mine, other = best_of_both(ours, lambda: theirs(texts), repeat=5)
    return Row(name, mine, against, other, note=f"{mine / COUNT * 1e6:.2f} µs a row")


def _boxes_by_key(texts: list[str]) -> object:
    """Decode, then fill arrays box by box."""
    frames: list[int] = []
    boxes: list[list[float]] = []
    for text in texts:
        track = orjson.loads(text)["boxes"]
        frames.extend(map(int, track))
        boxes.extend(track.values())
    return np.array(frames), np.array(boxes, dtype=np.float64)


def _boxes_from_iterators(texts: list[str]) -> object:
    """Decode in one typed step, then run through all numbers once."""
    decoder = msgspec.json.Decoder(dict[str, dict[int, tuple[float, float, float, float]]])
    tracks = [decoder.decode(text)["boxes"] for text in texts]
    count = sum(map(len, tracks))
    numbers = (number for track in tracks for box in track.values() for number in box)
    frames = np.fromiter((frame for track in tracks for frame in track), dtype=np.int64, count=count)
    return frames, np.fromiter(numbers, dtype=np.float64, count=4 * count)


def _boxes_validated(texts: list[str]) -> object:
    """Validate each in its pydantic schema and keep the models."""
    return [BoxTrack.model_validate_json(text) for text in texts]


def _tracks() -> list[Row]:
    texts = find_answers(make_rows(("tracking",), COUNT)[0]).answers
    read = reader_of(BoxTrack)
    others: dict[str, Callable[[list[str]], object]] = {
        "orjson, then a box at a time": _boxes_by_key,
        "a typed decoder, then np.fromiter": _boxes_from_iterators,
        "pydantic a row, no arrays yet": _boxes_validated,
    }
    return [
        _row("tracks into arrays, checks included", lambda: read(texts), name, other, texts)
        for name, other in others.items()
    ]


def _numbers() -> list[Row]:
    texts = find_answers(make_rows(("numerical",), COUNT)[0]).answers
    validated = otr.TASKS["numerical"].schema.model_validate
    read = reader_of(Number)
    others: dict[str, Callable[[list[str]], object]] = {
        "float a row, no check yet": lambda all_: np.array([*map(float, all_)]),
        "pydantic a row": lambda all_: [validated(float(x)) for x in all_],
    }
    return [_row("plain numbers", lambda: read(texts), name, other, texts) for name, other in others.items()]


def _gather() -> Row:
    tracks: TrackColumns = reader_of(BoxTrack)(find_answers(make_rows(("tracking",), COUNT)[0]).answers).columns
    places = np.arange(len(tracks.boxes))
    ours, other = best_of_both(lambda: tracks.boxes.take(places, axis=0, mode="clip"), lambda: tracks.boxes[places])
    return Row(f"{len(places)} boxes gathered", ours, "an index array in brackets", other)


def run() -> list[Row]:
    """Measure each step beside the ways it was not done."""
    return [*_tags(), *_tracks(), *_numbers(), _gather()]
