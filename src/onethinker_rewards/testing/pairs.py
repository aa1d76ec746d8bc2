"""References with answers to them: what laws of rewards are tried on.

`pairs` draws both for hypothesis: right, nearly right and wrong answers. Numbers are tenths, so that counterexamples
are readable and no area is lost to rounding. `sample` and `honest_answer` take both from a random generator, for
averages over many rows.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from onethinker_rewards.answers import (
    BoxTrack,
    ClickPoint,
    ClickTarget,
    Detections,
    Number,
    OptionLetter,
    Order,
    OrderedItems,
    PointSet,
    PointTargets,
    PointTrack,
    RatedImage,
    RotatedBox,
    SegmentationPrompt,
    SingleBox,
    Text,
    Think,
    TimedBoxTrack,
    TimeSpan,
    TimeSpans,
    VideoSegmentationPrompt,
)
from onethinker_rewards.testing.scenes import Scene, center, has_objects, scenes, tenths
from onethinker_rewards.testing.valid import (
    Kind,
    Schema,
    has_track,
    is_json,
    is_math,
    math_texts,
    reference_schema_of,
    schema_of,
    values,
)

# Words of references; "sure" and the words of `text_around` are not among them.
_WORDS = ("red", "dog", "barks", "near", "old", "gate", "while", "rain", "falls")
_SAMPLE_WORDS = (
    "a man woman dog cat walks runs sits stands near behind under the red green old small street table car tree while "
    "rain falls looks at sign holds cup opens door turns left right slowly again two three people on of in with and"
).split()
_MATH = (r"\frac{{{0}}}{{{1}}}", "{0}.{1}", "${0}$", r"{0}\pi", r"{0}\sqrt{{{1}}}", "({0}, {1})", "{0}x + {1}", "-{0}")


class Pair(NamedTuple):
    """A reference and an answer to it, as values: dictionaries for JSON, texts for the others."""

    reference: Any
    predicted: Any


def as_text(value: Any) -> str:
    """Return a value as an answer's text."""
    return value if isinstance(value, str) else json.dumps(value)


def respond(answer: str, think: Think) -> str:
    """Return the response in the format that a recipe's ``think`` asks for."""
    thinking = {"required": "<think>I look at it.</think>\n", "prefilled": "I look at it.</think>\n", "none": ""}
    return f"{thinking[think]}<answer>{answer}</answer>"


# Schemas in which both sides of a pair are drawn here, and those of answers with another one for references.
_ALIKE: set[Schema] = {
    TimeSpan,
    SingleBox,
    BoxTrack,
    TimedBoxTrack,
    SegmentationPrompt,
    VideoSegmentationPrompt,
    RotatedBox,
    Order,
    OptionLetter,
    Number,
    Text,
}
_TARGETS: set[tuple[Schema, Schema]] = {(ClickPoint, ClickTarget), (Number, RatedImage), (Order, OrderedItems)}


def is_known(kind: Kind) -> bool:
    """Return whether answers and references are in schemas of the package that belong together."""
    schema, reference_schema = schema_of(kind), reference_schema_of(kind)
    is_alike = schema is reference_schema and schema in _ALIKE
    return is_alike or has_objects(kind) or (schema, reference_schema) in _TARGETS


def pairs(kind: Kind) -> SearchStrategy[Pair]:
    """Return references with valid answers to them: right, nearly right and wrong; any ones in schemas of your own."""
    schema, reference_schema = schema_of(kind), reference_schema_of(kind)
    if not is_known(kind):
        return paired(values(reference_schema), values(kind), same=schema is reference_schema)
    if has_objects(kind):
        return scenes(kind).flatmap(_listed)
    if reference_schema is ClickTarget:
        return _click()
    if reference_schema is RatedImage:
        return _rating()
    if schema is Order:
        return _orders()
    if schema is RotatedBox:
        return _turned_boxes()
    if is_json(kind):
        return _objects(schema)
    if is_math(kind):
        return _same_kind(math_texts())
    if schema is OptionLetter:
        return _same_kind(st.sampled_from("ABCDE"))
    return _same_kind(_tenths(1000).map(repr)) if schema is Number else _texts()


@st.composite
def paired(draw: DrawFn, references: SearchStrategy[Any], answers: SearchStrategy[Any], *, same: bool) -> Pair:
    """Return a reference and an answer of two strategies; where both are of the same schema, they may be equal."""
    reference = draw(references)
    return Pair(reference, draw(st.just(reference) | answers if same else answers))


def best_answer(kind: Kind, reference: Any) -> Any:
    """Return the answer that earns most against a reference."""
    reference_schema = reference_schema_of(kind)
    if reference_schema is RatedImage:
        return repr(reference["score"])
    if reference_schema is ClickTarget:
        return {"point": center(reference["box"])}
    if reference_schema is PointTargets and "boxes" in reference:
        return {"points": [center(box) for box in reference["boxes"]]}
    return reference


def some_items(draw: DrawFn, scene: Scene, fewest: int = 0) -> list[Any]:
    """Return items of an answer: at least ``fewest`` right ones, and for other things one that is right or near."""
    order = draw(st.permutations(range(len(scene.right))))
    rest = [draw(st.sampled_from([[], [scene.right[thing]], [scene.near[thing]]])) for thing in order[fewest:]]
    items = [scene.right[thing] for thing in order[:fewest]] + [item for found in rest for item in found]
    return draw(st.permutations(items))


@st.composite
def _listed(draw: DrawFn, scene: Scene) -> Pair:
    wrong = draw(st.sampled_from([[], [], scene.elsewhere[:1]]))
    return Pair(scene.reference, scene.answer([*some_items(draw, scene), *wrong]))


@st.composite
def _click(draw: DrawFn) -> Pair:
    box = draw(box_of_tenths())
    return Pair({"box": box}, {"point": draw(st.just(center(box)) | st.lists(_tenths(1000), min_size=2, max_size=2))})


@st.composite
def _rating(draw: DrawFn) -> Pair:
    low, high = draw(st.sampled_from([(1.0, 5.0), (0.0, 100.0), (0.0, 1.0)]))
    score = draw(tenths(low, high))
    said = draw(st.just(score) | tenths(low - 1, high + 1))
    return Pair({"score": score, "scale": [low, high]}, repr(said))


@st.composite
def _orders(draw: DrawFn) -> Pair:
    order = draw(st.permutations("ABCDE"))[: draw(st.integers(1, 5))]
    return Pair({"order": order}, {"order": draw(st.permutations(order))})


@st.composite
def _turned_boxes(draw: DrawFn) -> Pair:
    """Return a box that is turned, and the same at another place: what moves nearer must not change its shape."""
    x, y = draw(tenths(300, 700)), draw(tenths(300, 700))
    (a, b), (c, d) = ((draw(tenths(10, 100)), draw(tenths(-40, 40))) for _ in range(2))
    around = [(0.0, 0.0), (a, b), (a - d, b + c), (-d, c)]
    corners = [[round(x + across, 1), round(y + down, 1)] for across, down in around]
    right, down = draw(st.just((0.0, 0.0)) | st.tuples(tenths(-90, 90), tenths(-90, 90)))
    moved = [[round(corner[0] + right, 1), round(corner[1] + down, 1)] for corner in corners]
    return Pair({"corners": corners}, {"corners": moved})


def _same_kind(texts: SearchStrategy[str]) -> SearchStrategy[Pair]:
    return texts.flatmap(lambda reference: st.builds(Pair, st.just(reference), st.just(reference) | texts))


@st.composite
def _texts(draw: DrawFn) -> Pair:
    """Return a text of different words, and the same with words replaced or left out.

    Were a word in the reference twice, or the answer's words in another order, a longer answer could be better.
    """
    reference = draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=6, unique=True))
    kept = [draw(st.sampled_from([word, word, "", "sure"])) for word in reference]
    return Pair(" ".join(reference), " ".join(word for word in kept if word) or reference[0])


def _tenths(high: int) -> SearchStrategy[float]:
    coarse = st.integers(0, 10).map(lambda step: step * high / 10)
    return st.one_of(coarse, st.integers(0, high * 10).map(lambda tenths: tenths / 10))


@st.composite
def box_of_tenths(draw: DrawFn) -> list[float]:
    """Return x1, y1, x2, y2 in order, in tenths; no side is longer than 100."""
    left, top = draw(_tenths(900)), draw(_tenths(900))
    width, height = draw(_tenths(99)), draw(_tenths(99))
    return [left, top, round(left + 1 + width, 1), round(top + 1 + height, 1)]


@st.composite
def _objects(draw: DrawFn, schema: Schema) -> Pair:
    points = st.lists(st.lists(_tenths(1000), min_size=2, max_size=2), min_size=3, max_size=3)
    span = st.lists(_tenths(200), min_size=2, max_size=2).map(sorted)
    fields: dict[str, SearchStrategy[Any]] = {
        "time": _tenths(200) if schema is VideoSegmentationPrompt else span,
        "boxes": _track() if has_track(schema) else box_of_tenths(),
        "positive_points": points,
        "negative_points": points,
    }
    reference = {name: draw(fields[name]) for name in schema.model_fields}
    predicted = {name: draw(st.one_of(st.just(reference[name]), fields[name])) for name in schema.model_fields}
    if has_track(schema):
        predicted["boxes"] = draw(_track_near(reference["boxes"]))
    return Pair(reference, predicted)


def _track() -> SearchStrategy[dict[str, list[float]]]:
    return st.dictionaries(st.integers(0, 12).map(str), box_of_tenths(), min_size=1, max_size=4)


@st.composite
def _track_near(draw: DrawFn, reference: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return a track that has some of the reference's frames, right or wrong, and some others."""
    track: dict[str, list[float]] = {}
    for second, box in reference.items():
        kind = draw(st.sampled_from(["right", "wrong", "missing"]))
        if kind != "missing":
            track[second] = list(box) if kind == "right" else draw(box_of_tenths())
    return {**draw(_track()), **track} if not track or draw(st.booleans()) else track


def sample(kind: Kind, random: Random) -> Any:
    """Return a reference, a dictionary or a text: objects of all sizes and positions, events of all lengths."""
    schema = schema_of(kind)
    if reference_schema_of(kind) is RatedImage:
        return {"score": round(random.uniform(1, 5), 2), "scale": [1.0, 5.0]}
    if schema is OptionLetter:
        return random.choice("ABCD")
    if schema is Number:
        return f"{random.lognormvariate(2.0, 1.5):.2f}"
    if is_math(kind):
        return random.choice(_MATH).format(random.randint(2, 99), random.randint(2, 99))
    if not is_json(kind):
        return " ".join(random.choices(_SAMPLE_WORDS, k=random.randint(4, 14)))
    if schema in _SEVERAL:
        return _sample_several(kind, random)
    box, span = _sample_box(random), _sample_span(random)
    start = span[0]
    every: dict[str, Any] = {
        "time": start if schema is VideoSegmentationPrompt else span,
        "boxes": _sample_track(box, int(start), random) if has_track(kind) else box,
        "box": box,
        "positive_points": [_sample_point(box, random) for _ in range(3)],
        "negative_points": [_sample_point(_WHOLE, random) for _ in range(3)],
        "order": random.sample("ABCD", 4),
        "corners": _sample_corners(random),
    }
    return {name: every[name] for name in reference_schema_of(kind).model_fields}


_SEVERAL: set[Schema] = {Detections, PointSet, TimeSpans, PointTrack}


def _sample_several(kind: Kind, random: Random) -> dict[str, Any]:
    """Return one to five things; one time in ten there is none."""
    schema = schema_of(kind)
    count = 0 if random.random() < 0.1 else random.randint(1, 5)
    boxes = [_sample_box(random) for _ in range(count)]
    if schema is Detections:
        return {"objects": [{"box": box, "label": random.choice(("cat", "dog"))} for box in boxes]}
    if schema is TimeSpans:
        return {"times": [_sample_span(random) for _ in boxes]}
    if schema is PointTrack:
        first, seconds = random.randint(0, 100), range(random.randint(2, 12))
        is_hidden = [count == 0 or random.random() < 0.2 for _ in seconds]
        points = [_sample_point(_WHOLE, random) for _ in seconds]
        return {"points": {str(first + second): None if is_hidden[second] else points[second] for second in seconds}}
    if reference_schema_of(kind) is PointTargets and random.random() < 0.5:
        return {"boxes": boxes}
    return {"points": [_sample_point(box, random) for box in boxes]}


def _sample_box(random: Random) -> list[float]:
    width, height = random.uniform(20, 500), random.uniform(20, 500)
    left, top = random.uniform(0, 1000 - width), random.uniform(0, 1000 - height)
    return [round(left, 1), round(top, 1), round(left + width, 1), round(top + height, 1)]


def _sample_span(random: Random) -> list[float]:
    start = round(random.uniform(0.0, 100.0), 1)
    return [start, round(start + random.uniform(0.5, 30.0), 1)]


def _sample_corners(random: Random) -> list[list[float]]:
    x, y = random.uniform(300, 700), random.uniform(300, 700)
    a, b, c = random.uniform(20, 200), random.uniform(-80, 80), random.uniform(20, 200)
    around = [(0.0, 0.0), (a, b), (a - c * b / a, b + c), (-c * b / a, c)]
    return [[round(min(max(x + across, 0), 1000), 1), round(min(max(y + down, 0), 1000), 1)] for across, down in around]


def _sample_point(box: list[float], random: Random) -> list[float]:
    return [round(random.uniform(box[0], box[2]), 1), round(random.uniform(box[1], box[3]), 1)]


def _sample_track(box: list[float], first: int, random: Random) -> dict[str, list[float]]:
    return {str(first + second): _shifted(box, random) for second in range(random.randint(1, 12))}


def _shifted(box: list[float], random: Random, share: float = 0.05) -> list[float]:
    """Move each side by up to a share of the box."""
    width, height = box[2] - box[0], box[3] - box[1]
    sides = zip(box, (width, height, width, height), strict=True)
    return [round(min(max(side + random.uniform(-share, share) * size, 0), 1000), 2) for side, size in sides]


def honest_answer(reference: Any, random: Random, key: str = "") -> Any:
    """Return the answer of a good observer: boxes within a twentieth, seconds within half a second, most texts.

    Of several things one in five is missed, and their boxes are within a seventh, which is an IoU of about 0.7.
    """
    if isinstance(reference, dict):
        several = _honest_several(reference, random)
        if several is not None:
            return several
        return {name: honest_answer(value, random, name) for name, value in reference.items()}
    if isinstance(reference, list):
        if len(reference) == 4 and key != "corners":
            return _shifted(reference, random)
        if len(reference) != 2:
            return [honest_answer(point, random, key) for point in reference]
        near = [value + random.uniform(-0.5, 0.5) for value in reference]
        return [round(max(0.0, value), 2) for value in (sorted(near) if key == "time" else near)]
    if isinstance(reference, float):
        return max(0.0, round(reference + random.uniform(-0.5, 0.5), 2))
    # One text in ten is wrong: an option's letter, a number, a sentence.
    return reference if random.random() < 0.9 else ("E" if len(reference) == 1 else "0")


def _honest_several(reference: dict[str, Any], random: Random) -> Any:
    """Return the answer to a reference of several things, to a rating or a target; None for any other."""
    match reference:
        case {"objects": objects}:
            found = [item for item in objects if random.random() < 0.8]
            return {"objects": [{**item, "box": _shifted(item["box"], random, 1 / 7)} for item in found]}
        case {"points": dict(track)}:
            points = {second: point and _near_point(point, random) for second, point in track.items()}
            return {"points": {second: point if random.random() < 0.8 else None for second, point in points.items()}}
        case {"points": points}:
            return {"points": [_near_point(point, random, 20) for point in points if random.random() < 0.8]}
        case {"boxes": [[_, *_], *_] as boxes} | {"boxes": [] as boxes}:
            return {"points": [center(_shifted(box, random)) for box in boxes if random.random() < 0.8]}
        case {"times": times}:
            found = [honest_answer(span, random, "time") for span in times if random.random() < 0.8]
            return {"times": found}
        case {"box": box}:
            return {"point": _near_point(center(box), random, 30)}
        case {"score": score, "scale": [low, high]}:
            return repr(min(max(round(score + random.uniform(-0.2, 0.2) * (high - low) / 4, 2), low), high))
        case {"order": order}:
            swapped = random.randrange(len(order))
            return {"order": [*order[:swapped], *order[swapped : swapped + 2][::-1], *order[swapped + 2 :]]}
        case _:
            return None


def _near_point(point: list[float], random: Random, far: float = 8) -> list[float]:
    return [round(min(max(value + random.uniform(-far, far), 0), 1000), 1) for value in point]


_WHOLE: list[float] = [0, 0, 1000, 1000]
_CENTER = [250, 250, 750, 750]
_PROMPT = {"boxes": _CENTER, "positive_points": [[500, 500]] * 3, "negative_points": [[500, 500]] * 3}
_GRID = [[x, y] for x in (167, 500, 833) for y in (167, 500, 833)]
_TILES = [[x - 166, y - 166, x + 166, y + 166] for x, y in _GRID]
_EVERY_SECOND = {str(second): _WHOLE for second in range(200)}

# Constant answers, by schema, that need no look at the question.
CONSTANTS: dict[Schema, list[str]] = {
    OptionLetter: ["A", "B", "A or B", "A, B, C, D", "A. B. C. D.", "ABCD", "any"],
    Number: ["0", "1", "3", "7.39", "10", "100", "1e5", "50%", "between 1 and 100"],
    TimeSpan: [json.dumps({"time": span}) for span in ([0, 0], [0, 130], [0, 1e308], [40, 60], [50, 50])],
    SingleBox: [json.dumps({"boxes": box}) for box in (_WHOLE, _CENTER, [0, 0, 1, 1], [-1e9, -1e9, 1e9, 1e9])],
    Text: ["the", "a b c", "0", "0 or 1", "x", "yes", " ".join(_SAMPLE_WORDS), " ".join(_SAMPLE_WORDS[:8])],
    BoxTrack: [json.dumps({"boxes": track}) for track in (_EVERY_SECOND, {"0": _WHOLE}, {"50": _CENTER})],
    TimedBoxTrack: [
        json.dumps({"time": [0, 130], "boxes": _EVERY_SECOND}),
        json.dumps({"time": [0, 0], "boxes": {"0": _WHOLE}}),
    ],
    SegmentationPrompt: [json.dumps(_PROMPT)],
    VideoSegmentationPrompt: [json.dumps({"time": 50, **_PROMPT})],
    Detections: [
        json.dumps({"objects": objects})
        for objects in (
            [],
            [{"box": _WHOLE, "label": "cat"}],
            [{"box": _CENTER, "label": label} for label in ("cat", "dog")],
            [{"box": box, "label": "cat"} for box in _TILES],
            [{"box": box} for box in [_WHOLE, *_TILES]],
        )
    ],
    PointSet: [json.dumps({"points": points}) for points in ([], [[500, 500]], _GRID, [[500, 500]] * 5)],
    ClickPoint: [json.dumps({"point": point}) for point in ([500, 500], [0, 0], [500, 100])],
    RotatedBox: [
        '{"corners": [[0, 0], [1000, 0], [1000, 1000], [0, 1000]]}',
        '{"corners": [[500, 250], [750, 500], [500, 750], [250, 500]]}',
    ],
    TimeSpans: [
        json.dumps({"times": times})
        for times in ([], [[0, 130]], [[10 * step, 10 * step + 10] for step in range(13)], [[0, 0]])
    ],
    PointTrack: [json.dumps({"points": dict.fromkeys(map(str, range(112)), point)}) for point in (None, [500, 500])],
    Order: ['{"order": ["A", "B", "C", "D"]}', '{"order": ["D", "C", "B", "A"]}', '{"order": ["A"]}'],
}
