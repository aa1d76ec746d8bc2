"""Signs of another scale: they come for pixels, per cent and 0…1, and not for honest answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

import onethinker_rewards as otr
from onethinker_rewards.answers.schemas import SingleBox, TimeSpan
from tests.rewards.cases import wrap
from tests.rewards.scale_batches import (
    TASKS,
    honest,
    random_boxes,
    reference_boxes,
    rollouts,
    scored,
)

SEEDS = range(12)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 20])


@pytest.mark.parametrize("kind", TASKS)
def test_pixels_of_coco(kind: str) -> None:
    rng = generator(0)
    boxes, sizes = rollouts(rng, "coco")
    (warning,) = scored(honest(rng, boxes, 0.9) * sizes, boxes, kind).warnings()
    assert warning.startswith(
        f"{TASKS[kind][0]}: the answers look like pixels, not like thousandths: in 128 rows of 16 "
    )
    assert "to_thousandths converts them, or name a dialect" in warning


@pytest.mark.parametrize("references", [16, 128])
@pytest.mark.parametrize("overlap", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("objects", ["coco", "small"])
def test_pixels_come_out_within_128_rows(objects: str, overlap: float, references: int) -> None:
    for seed in SEEDS:
        rng = generator(seed)
        boxes, sizes = rollouts(rng, objects, references, 128 // references)
        (warning,) = scored(honest(rng, boxes, overlap) * sizes, boxes).warnings()
        assert "the answers look like pixels" in warning


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize(("scale", "name"), [(0.001, "0…1"), (0.1, "per cent")])
def test_shares_and_per_cent(kind: str, scale: float, name: str) -> None:
    for seed in range(2):
        rng = generator(seed)
        boxes, _ = rollouts(rng, "coco")
        for answers in (boxes, honest(rng, boxes, 0.4), random_boxes(rng, 128)):
            (warning,) = scored(answers * scale, boxes, kind).warnings()
            assert f"the answers look like {name}, not like thousandths" in warning


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("policy", ["honest", "random", "small random"])
def test_honest_answers_give_none(kind: str, policy: str) -> None:
    for seed in range(4):
        rng = generator(seed)
        boxes, _ = rollouts(rng, ["coco", "small"][seed % 2])
        answers = {
            "honest": honest(rng, boxes, rng.uniform(0.35, 0.9)),
            "random": random_boxes(rng, 128),
            "small random": random_boxes(rng, 128, 600.0),
        }[policy]
        assert scored(answers, boxes, kind).warnings() == []


@pytest.mark.no_cover
@pytest.mark.slow
def test_of_thousands_of_honest_batches_one_gives_warnings_at_most() -> None:
    """1,200 of them, or 40,000 with the thorough profile."""
    kinds = ["box", "track", "click"]
    found = 0
    for seed in range(20 * settings().max_examples):
        rng = generator(seed)
        references = int(rng.choice([16, 32, 128]))
        boxes, _ = rollouts(rng, rng.choice(["coco", "small"]), references, 128 // references)
        answers = honest(rng, boxes, rng.uniform(0.35, 0.9)) if seed % 2 else random_boxes(rng, 128)
        found += bool(scored(answers, boxes, kinds[seed % 3]).warnings())
    assert found <= 1


@pytest.mark.parametrize("scale", [0.64, 1.6])
def test_answers_that_follow_nothing_are_no_pixels(scale: float) -> None:
    """The same box each time, a box that says nothing of the reference, and references that are all the same."""
    rng = generator(3)
    boxes, _ = rollouts(rng, "coco", 64, 2)
    assert scored(np.tile([[100.0, 100, 200, 200]], (128, 1)), boxes).warnings() == []
    assert scored(rng.permutation(boxes) * min(scale, 1), boxes).warnings() == []
    still = np.tile([[100.0, 100, 200, 200]], (20, 1)) + np.arange(20)[:, None] * 1e-6
    assert scored(still * scale, still).warnings() == []


def test_shrunken_boxes_are_no_pixels() -> None:
    rng = generator(4)
    boxes, _ = rollouts(rng, "coco", 128, 1)
    center, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    for share in (0.25, 0.45):
        inner = np.concatenate((center - share * side, center + share * side), axis=1)
        assert scored(inner, boxes).warnings() == []
    at_corner = np.concatenate((boxes[:, :2], boxes[:, :2] + 0.5 * side), axis=1)
    assert scored(at_corner, boxes).warnings() == []


def test_references_in_pixels() -> None:
    rng = generator(5)
    boxes, sizes = rollouts(rng, "coco")
    (warning,) = scored(boxes, boxes * sizes).warnings()
    assert "the references look like pixels, or the answers do" in warning


@pytest.mark.parametrize(("scale", "name", "limit"), [(0.001, "0…1", "1"), (0.1, "per cent", "100")])
def test_references_on_another_scale(scale: float, name: str, limit: str) -> None:
    rng = generator(6)
    boxes, _ = rollouts(rng, "coco")
    for answers in (boxes, boxes * scale):
        (warning,) = scored(answers, boxes * scale).warnings()
        assert f"the references look like {name}, not like thousandths" in warning
        assert f"no coordinate of nearly all exceeds {limit};" in warning


def test_one_answer_to_all_is_no_per_cent() -> None:
    boxes, _ = rollouts(generator(7), "coco")
    assert scored(np.tile([[0.0, 0, 90, 90]], (128, 1)), boxes).warnings() == []


def test_nothing_is_said_of_fewer_than_16_references() -> None:
    boxes, _ = rollouts(generator(8), "coco", 15, 8)
    assert scored(boxes * 0.001, boxes).warnings() == []
    boxes, _ = rollouts(generator(8), "coco", 32, 1)
    batch = scored(boxes * 0.001, boxes)
    assert len(batch.warnings()) == 1
    # Only 15 of the answers can be read.
    responses = [wrap(json.dumps({"boxes": (values * 0.001).tolist()})) for values in boxes]
    references = [{"boxes": values.tolist()} for values in boxes]
    assert otr.score(responses[:15] + [wrap("[]")] * 17, references, "spatial_grounding").warnings() == []


def test_rows_without_an_object_are_left_out() -> None:
    boxes, _ = rollouts(generator(9), "coco", 17, 1)
    references = [{"objects": [{"box": values.tolist()}]} for values in boxes]
    responses = [wrap(json.dumps({"objects": [{"box": (values * 0.001).tolist()}]})) for values in boxes]
    nothing = [wrap('{"objects": []}')]
    assert len(otr.score(responses[:-1] + nothing, references, "detection").warnings()) == 1
    assert otr.score(responses[:-2] + nothing * 2, references, "detection").warnings() == []


def test_a_large_batch_is_sampled() -> None:
    boxes, sizes = rollouts(generator(10), "coco", 128, 8)
    (warning,) = scored(boxes * sizes, boxes).warnings()
    assert "in 256 rows of 128 references" in warning


SPANS = [[second, second + 7.5] for second in range(3, 23)]


@pytest.mark.parametrize(
    ("task", "write"),
    [
        ("temporal_grounding", lambda span: {"time": span}),
        ("temporal_segments", lambda span: {"times": [span, span]}),
        ("spatio_temporal_grounding", lambda span: {"time": span, "boxes": {"1": [1, 1, 900, 900]}}),
        (
            "video_segmentation",
            lambda span: {
                "time": span[0],
                "boxes": [1, 1, 900, 900],
                "positive_points": [[9, 9]] * 3,
                "negative_points": [[9, 9]] * 3,
            },
        ),
    ],
)
def test_times_as_shares_of_the_clip(task: str, write: Any) -> None:
    references = [write(span) for span in SPANS]
    shares = [wrap(json.dumps(write([start / 60, end / 60]))) for start, end in SPANS]
    (warning,) = otr.score(shares, references, task).warnings()
    assert "the times of the answers look like fractions of the clip, not like seconds: in 20 rows of 20" in warning
    honest_answers = [wrap(json.dumps(write([start + 1, end + 1]))) for start, end in SPANS]
    assert otr.score(honest_answers, references, task).warnings() == []


def test_short_clips_are_no_shares() -> None:
    spans = [{"time": [0, 0.5 + row / 100]} for row in range(20)]
    assert otr.score([wrap(json.dumps(span)) for span in spans], spans, "temporal_grounding").warnings() == []


def test_clipped_references_are_counted_once_each() -> None:
    reference, other = '{"boxes": [-5, 0, 300, 400]}', '{"boxes": [0, 0, 300, 400]}'
    responses = [wrap(other), wrap(reference)] * 2 + [wrap(other)]
    (warning,) = otr.score(responses, [reference] * 4 + [other], "spatial_grounding").warnings()
    counts = "1 of 2 references and 2 of 5 answers"
    assert warning.startswith(f"spatial_grounding: {counts} had coordinates outside 0…1000, which were clipped;")


def test_clipped_answers_tell_where_they_are_many() -> None:
    boxes = reference_boxes(generator(11), 20, "coco")
    beyond = boxes + np.array([0, 0, 1000, 0])
    clipped = scored(np.concatenate((beyond[:10], boxes[10:])), boxes).warnings()
    assert clipped[0].startswith("spatial_grounding: 0 of 20 references and 10 of 20 answers had coordinates outside")
    assert not any("clipped" in text for text in scored(np.concatenate((beyond[:9], boxes[9:])), boxes).warnings())


def test_the_scale_of_any_of_is_that_of_the_best() -> None:
    rng = generator(12)
    boxes, _ = rollouts(rng, "coco")
    far = reference_boxes(rng, 128, "coco")
    references = [otr.AnyOf([{"boxes": a.tolist()}, {"boxes": b.tolist()}]) for a, b in zip(far, boxes, strict=True)]
    task = "spatial_grounding"
    honest_answers = [wrap(json.dumps({"boxes": values.tolist()})) for values in boxes]
    assert otr.score(honest_answers, references, task).warnings() == []
    responses = [wrap(json.dumps({"boxes": (values * 0.001).tolist()})) for values in boxes]
    (warning,) = otr.score(responses, references, task).warnings()
    assert "the answers look like 0…1" in warning


def test_tasks_of_ones_own_with_other_kinds_of_references() -> None:
    def formula(predicted: Any, reference: Any, context: Any) -> otr.Scores:
        return otr.Scores(np.zeros(len(predicted)))

    table = {"when": otr.TaskSpec(name="when", schema=TimeSpan, reference_schema=SingleBox, accuracy=formula)}
    references = [{"boxes": [0, 0, row + 1, 9]} for row in range(20)]
    assert otr.score([wrap('{"time": [0, 1]}')] * 20, references, "when", table=table).warnings() == []


def test_the_release_reads_no_columns() -> None:
    boxes, _ = rollouts(generator(13), "coco")
    assert scored(boxes * 0.001, boxes, recipe="release").warnings() == []
