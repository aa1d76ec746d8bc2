"""Whole benchmarks: each task by each set of rules, what is counted, missing rows, baselines, what is refused."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from onethinker_rewards import AnyOf
from onethinker_rewards.errors import ArgumentError, BadReferenceError, UnknownTaskError
from onethinker_rewards.evaluation import BenchmarkScores, encode_mask, evaluate
from onethinker_rewards.evaluation.published import BENCHMARKS, find_benchmark
from tests.evaluation.masks import row as mask_row

BOX, HALF = [100, 100, 300, 300], [100, 100, 300, 200]
MASK, COVER = mask_row(1, 1, 0, 0), mask_row(0, 1, 0, 0)


def answered(answer: Any) -> str:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return f"<think>So it is.</think><answer>{text}</answer>"


def row(task: str, answer: Any, reference: Any, **columns: Any) -> dict[str, Any]:
    return {"task": task, "response": answered(answer), "reference": reference, **columns}


def only(rows: Any, **options: Any) -> BenchmarkScores:
    (found,) = evaluate(rows, **options).benchmarks
    return found


def track(box: Any, seconds: Any = range(4)) -> dict[str, Any]:
    return {"boxes": {str(second): box for second in seconds}}


SPAN = row("temporal_grounding", {"time": [0, 5]}, {"time": [0, 10]})
PICTURE = {"task": "image_segmentation", "response": "", "reference": ""}
CLIP = {"task": "video_segmentation", "response": "", "reference": ""}
OUTPUT = {"segmentation_output": {"segmentation_rle": encode_mask(MASK)}}
FRAMES = {"segmentation_output": {"frames": ["0", "1"], "segmentation_rle": [encode_mask(MASK)] * 2}}

# A row, rules, and the numbers that it must have; the first is the headline.
CASES = [
    pytest.param(SPAN, "official", {"mIoU": 0.5, "R@0.5": 1.0, "R@0.7": 0.0}, id="span"),
    pytest.param(SPAN, "release", {"mIoU": 0.5, "R@0.3": 1.0}, id="span, release"),
    pytest.param(
        row("temporal grounding", {"time": ["0", 5]}, {"time": [0, 10]}), "official", {"mIoU": 0.0}, id="text is none"
    ),
    pytest.param(
        row("temporal grounding", {"time": ["0", 5]}, {"time": [0, 10]}), "release", {"mIoU": 0.5}, id="text, release"
    ),
    pytest.param(
        row("spatial_grounding", {"boxes": HALF}, {"boxes": BOX}), "official", {"acc@0.5": 1.0, "mIoU": 0.5}, id="box"
    ),
    pytest.param(
        row("spatial_grounding", {"boxes": HALF}, {"boxes": BOX}), "release", {"acc@0.5": 1.0, "acc@0.7": 0.0},
        id="box, release",
    ),
    pytest.param(
        row("tracking", track(HALF, [0, 1]), track(BOX)), "official",
        {"AO": 0.25, "SR@0.5": 0.0, "video mIoU": 0.25}, id="track",
    ),
    pytest.param(
        row("tracking", track(BOX, [0, 1]), track(BOX), given=1, visible=[1, 1, 0, 1]), "official",
        {"AO": 0.5, "SR@0.5": 0.5}, id="track: a given frame, a hidden one",
    ),
    pytest.param(
        row("tracking", {"boxes": {"0": BOX, "1": "?"}}, track(BOX)), "release",
        {"video mIoU": 0.25, "videos@0.3": 0.0}, id="track, release",
    ),
    pytest.param(row("tracking", "?", track(BOX)), "release", {"video mIoU": 0.0}, id="no track, release"),
    pytest.param(row("tracking", "?", track(BOX)), "official", {"AO": 0.0}, id="no track"),
    pytest.param(
        row("spatio_temporal_grounding", {"time": [0, 1], **track(BOX, [0, 1])}, {"time": [0, 3], **track(BOX)}),
        "official", {"m_vIoU": 0.5, "m_tIoU": 1 / 3, "gt_vIoU": 0.5}, id="tube",
    ),
    pytest.param(
        row("spatio_temporal_grounding", {"time": [0, 1], **track(BOX, [0, 1])}, {"time": [0, 3], **track(BOX)}),
        "release", {"accuracy": 2 / 3, "tIoU": 1 / 3, "sIoU": 1.0}, id="tube, release",
    ),
    pytest.param(
        PICTURE | {"reward": {"IoU": 0.5, "inter": 5, "union": 10}}, "official",
        {"cIoU": 0.5, "gIoU": 0.5, "P@0.5": 1.0}, id="picture: the release's scores",
    ),
    pytest.param(PICTURE | {"predicted_masks": COVER} | OUTPUT, "release", {"cIoU": 0.5}, id="picture: masks"),
    pytest.param(PICTURE | {"predicted_masks": None} | OUTPUT, "official", {"cIoU": 0.0}, id="picture: no mask"),
    pytest.param(CLIP | {"reward": {"J": 0.5, "F": 0.7}}, "official", {"J&F": 0.6, "J": 0.5, "F": 0.7}, id="clip"),
    pytest.param(CLIP | {"predicted_masks": [COVER, MASK]} | FRAMES, "official", {"J": 0.75}, id="clip: masks"),
    pytest.param(CLIP | {"predicted_masks": [COVER, MASK]} | FRAMES, "release", {"J": 0.75}, id="clip: masks, release"),
    pytest.param(CLIP | {"reward": None}, "official", {"J&F": 0.0}, id="clip: no mask"),
    pytest.param(row("numerical", "12 cm", "12"), "official", {"accuracy": 0.0, "lenient accuracy": 1.0}, id="number"),
    pytest.param(row("multiple_choice", "Apple", "A"), "release", {"accuracy": 1.0}, id="letter, release"),
    pytest.param(
        row("pointing", {"points": [[5, 5]]}, {"points": [[5, 5]]}, size=None), "official", {"accuracy": 1.0},
        id="a task of no benchmark",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "rules", "expected"), CASES)
def test_numbers_of_each_task(given: Any, rules: Any, expected: dict[str, float]) -> None:
    # A second benchmark changes nothing.
    scored = evaluate([given, SPAN | {"benchmark": "other"}], rules=rules).benchmarks
    found = next(scores for scores in scored if not scores.benchmark)
    assert {name: found.scores[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert found.headline in (next(iter(expected)), "J&F")
    assert found.estimate.value == pytest.approx(found.scores[found.headline], abs=1e-12)
    assert (found.rows, found.missing, found.left_out) == (1, 0, 0)


def test_named_rules_for_answers_in_text() -> None:
    rows = [row("multiple_choice", "It is (B)", "B", options=["red", "blue"], type="color")]
    assert only(rows).scores["accuracy"] == 0.0
    found = only(rows, answers="mmmu")
    assert found.scores == {"accuracy": 1.0, "accuracy, color": 1.0}
    types = [row("regression", "22", "20", type="size"), row("regression", "20", "20", type="count")]
    assert only(types, answers="vsi-bench").scores["mean of types"] == 0.95


def test_what_is_counted() -> None:
    rows = [
        SPAN,
        SPAN | {"response": "<think>and so on"},
        SPAN | {"response": "<think>x</think><answer>{"},
        SPAN | {"response": answered("{")},
        SPAN | {"finish_reason": "length"},
        SPAN | {"finish_reason": "stop", "response": "<think>"},
    ]
    found = only(rows)
    assert (found.rows, found.cut_off) == (6, 3)
    assert found.unreadable == {"missing_answer": 2, "unclosed_answer": 1, "invalid_json": 1}
    assert found.estimate.value == pytest.approx(1 / 6)


def test_rows_that_the_release_leaves_out() -> None:
    pictures = [PICTURE | {"reward": {"inter": 1, "union": 2}}, PICTURE | {"reward": None}]
    clips = [CLIP | {"reward": {"J": 1, "F": 1}}, CLIP | {"reward": None}]
    for rows in (pictures, clips):
        official, release = only(rows), only(rows, rules="release")
        assert (official.rows, official.left_out, official.unreadable) == (2, 0, {"no_mask": 1})
        assert (release.rows, release.left_out, release.unreadable) == (1, 1, {})
    assert only(pictures).scores["gIoU"] == 0.25
    assert "they add nothing to cIoU" in only(pictures).notes[0]
    assert only([PICTURE | {"reward": None} | OUTPUT, *pictures[:1]]).scores["cIoU"] == 0.25
    assert not only(pictures[:1]).notes


def test_a_track_of_the_given_frame_alone_does_not_count() -> None:
    alone = row("tracking", track(BOX, [0]), track(BOX, [0]), given=1)
    found = only([alone, row("tracking", track(BOX), track(BOX), given=1)])
    assert (found.rows, found.left_out, found.notes) == (1, 1, [])
    assert "no column 'given'" in only([row("tracking", track(BOX), track(BOX))]).notes[0]


def test_a_benchmark_of_which_every_row_is_left_out() -> None:
    rows = [PICTURE | {"reward": None, "benchmark": "seg_refcoco"}, SPAN | {"benchmark": "charades"}]
    empty, _ = evaluate(rows, rules="release").benchmarks
    assert (empty.rows, empty.left_out, empty.scores) == (0, 1, {})
    assert math.isnan(empty.estimate.value)


def test_the_best_of_several_references_counts() -> None:
    several = AnyOf([{"time": [50, 60]}, {"time": [0, 10]}, {"time": [0, 5]}])
    assert only([SPAN | {"reference": several}]).scores["mIoU"] == 1.0
    assert only([row("ocr", "a cat", AnyOf(["a dog", "a cat"]))]).scores["accuracy"] == 1.0
    alone = row("tracking", track(BOX, [0]), AnyOf([track(HALF, [0])] * 2), given=1)
    assert only([alone, row("tracking", track(BOX), track(BOX), given=1)]).left_out == 1
    with pytest.raises(BadReferenceError, match="row 0: invalid_json for temporal_grounding"):
        evaluate([SPAN | {"reference": AnyOf([{"time": [0, 10]}, "?"])}])


def test_rows_that_are_left_out_are_not_missing() -> None:
    pictures = [PICTURE | {"reward": {"inter": 1, "union": 1}, "id": 1}, PICTURE | {"reward": None, "id": 2}]
    expected = [PICTURE | {"id": name} for name in (1, 2, 3)]
    found = only(pictures, rules="release", expected=expected, baseline=pictures)
    assert (found.rows, found.missing, found.left_out) == (2, 1, 1)
    assert found.baseline is not None
    assert (found.baseline.comparison.ties, found.baseline.unpaired) == (1, 1)
    bad = [SPAN | {"id": 1}, SPAN | {"id": 2, "reference": "?"}]
    assert evaluate(bad, expected=bad, on_bad_reference="skip").refused == 1


def test_clusters() -> None:
    rows = [SPAN | {"video": "a"}] * 4 + [row("temporal_grounding", {"time": [0, 9]}, {"time": [0, 10]}, video="b")]
    estimate = only(rows, cluster="video").estimate
    assert (estimate.rows, estimate.clusters, estimate.method) == (5, 2, "clustered t")
    assert only(rows).estimate.clusters == 5
    tracks = [row("tracking", track(BOX), track(BOX))] * 2
    assert only(tracks).estimate.clusters == 2
    assert only([track | {"video": "a"} for track in tracks], cluster="video").estimate.clusters == 1
    pictures = [PICTURE | {"reward": {"inter": 1, "union": 2}, "file": "a"}] * 2
    assert only(pictures, cluster="file").estimate.clusters == 1


def test_spans_by_video() -> None:
    """As in ActivityNet-RTL: videos weigh alike, however many questions they have."""
    rows = [SPAN | {"video": "a"}] * 3 + [row("temporal_grounding", {"time": [0, 10]}, {"time": [0, 10]}, video="b")]
    found = only(rows, cluster="video", mean="video")
    assert (found.scores["mIoU"], found.estimate.value, found.estimate.clusters) == (0.75, 0.75, 2)
    assert only(rows, cluster="video").scores["mIoU"] == 0.625


def test_what_rows_share_may_be_anything() -> None:
    assert only([SPAN | {"video": ["a", 1]}] * 2 + [SPAN | {"video": {}}], cluster="video").estimate.clusters == 2
    assert only([row("ocr", "a", "a", type=["x"])]).scores["accuracy, ['x']"] == 1.0


@pytest.mark.parametrize("rules", ["official", "release"])
def test_the_order_of_rows_makes_no_difference(rules: Any) -> None:
    """To the last bit, bootstrap and all."""
    rows = [
        *(row("temporal_grounding", {"time": [0, end]}, {"time": [0, 10]}, benchmark="a") for end in range(1, 10)),
        *(row("tracking", track([100, 100, 300, 110 + 3 * end]), track(BOX), benchmark="b") for end in range(1, 10)),
        *(PICTURE | {"reward": {"inter": end, "union": 10}, "benchmark": "c"} for end in range(1, 10)),
        *(row("numerical", str(end), "3", benchmark="d") for end in range(1, 10)),
    ]
    first = {scores.benchmark: scores for scores in evaluate(rows, rules=rules).benchmarks}
    random.Random(4).shuffle(rows)
    # Other rows have other numbers, which name those that share nothing.
    again = {scores.benchmark: scores for scores in evaluate(rows, rules=rules).benchmarks}
    assert first == again


def test_missing_rows_count_0() -> None:
    rows = [SPAN | {"id": 1}, SPAN | {"id": 2}]
    expected = [SPAN | {"id": name} for name in (1, 2, 3, 4)]
    found = only(rows, expected=expected)
    assert (found.rows, found.missing, found.unreadable) == (4, 2, {})
    assert found.estimate.value == 0.25
    # A single benchmark may have another name in the data set.
    assert only(rows, expected=[wanted | {"benchmark": "charades"} for wanted in expected]).missing == 2
    pictures = [PICTURE | {"reward": {"inter": 1, "union": 1}, "id": 1}]
    for rules in ("official", "release"):
        found = only(pictures, rules=rules, expected=[PICTURE | {"id": 2}])
        assert (found.missing, found.scores["gIoU"]) == (1, 0.5)
        clips = [CLIP | {"reward": {"J": 1, "F": 1}, "id": 1}]
        assert only(clips, rules=rules, expected=[CLIP | {"id": 2}]).scores["J"] == 0.5


def test_missing_rows_of_several_benchmarks() -> None:
    rows = [SPAN | {"id": 1, "benchmark": name} for name in ("a", "b")]
    expected = [SPAN | {"id": name, "benchmark": benchmark} for benchmark in ("a", "c") for name in (1, 2)]
    assert [scores.missing for scores in evaluate(rows, expected=expected).benchmarks] == [1, 0]
    with pytest.raises(ArgumentError, match="no expected row is of one of the benchmarks a, b"):
        evaluate(rows, expected=[SPAN | {"id": 1, "benchmark": "c"}])


def test_a_baseline() -> None:
    better = row("temporal_grounding", {"time": [0, 8]}, {"time": [0, 10]})
    rows = [better | {"id": name} for name in (1, 2, 3)]
    base = [SPAN | {"id": 1}, better | {"id": 2}, SPAN | {"id": 9}]
    compared = only(rows, baseline=base).baseline
    assert compared is not None
    assert compared.comparison.difference.value == pytest.approx(0.15)
    assert (compared.comparison.wins, compared.comparison.losses, compared.comparison.ties) == (1, 0, 1)
    assert compared.unpaired == 2
    assert compared.smallest > 0
    other = [base_row | {"benchmark": "base"} for base_row in base[:1]]
    single = only(rows, baseline=other).baseline
    assert single is not None
    assert math.isnan(single.smallest)
    assert only(rows, baseline=[SPAN | {"id": 7}]).baseline is None
    assert only(rows, baseline=[row("numerical", "1", "1", id=1)]).baseline is None
    two = [SPAN | {"id": 1, "benchmark": name} for name in ("a", "b")]
    assert evaluate(two, baseline=two[:1]).benchmarks[1].baseline is None


def test_several_answers_to_a_question_are_one_pair() -> None:
    rows = [SPAN | {"id": 1}, row("temporal_grounding", {"time": [0, 10]}, {"time": [0, 10]}, id=1)]
    compared = only(rows, baseline=[SPAN | {"id": 1}]).baseline
    assert compared is not None
    assert compared.comparison.difference.value == 0.25


def test_tables_and_their_means() -> None:
    rows = [
        SPAN | {"benchmark": "eval_charades"},
        SPAN | {"benchmark": "eval_activitynet", "response": ""},
        SPAN | {"benchmark": "mine"},
    ] * 2
    result = evaluate(rows)
    assert [scores.table for scores in result.benchmarks] == ["temporal grounding"] * 2 + ["temporal_grounding"]
    assert result.benchmarks[0].published == {"R@0.5": 0.683}
    mean = result.means["temporal grounding"]
    assert (mean.value, mean.rows, mean.stderr) == (0.25, 4, 0.0)
    assert [*result.means] == ["temporal grounding"]
    # Two benchmarks, each with a standard error of 1/4: that of their mean is √2 / 8.
    half, whole = SPAN, row("temporal_grounding", {"time": [0, 10]}, {"time": [0, 10]})
    spread = [given | {"benchmark": name} for name in ("charades", "anet_rtl") for given in (half, whole)]
    mean = evaluate(spread).means["temporal grounding"]
    assert (mean.value, mean.stderr) == (0.75, pytest.approx(math.sqrt(2) / 8))
    assert mean.high - mean.value == pytest.approx(1.959964 * mean.stderr)


def test_plain_objects_for_json() -> None:
    result = evaluate([SPAN])
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["benchmarks"][0]["scores"]["mIoU"] == 0.5
    assert plain["benchmarks"][0]["estimate"]["stderr"] is None
    assert plain["refused"] == 0


def test_each_row_is_told() -> None:
    told: list[Any] = []
    rows = [SPAN | {"id": 5}, SPAN | {"response": "", "benchmark": "b"}, SPAN | {"reference": "?"}]
    result = evaluate(rows, on_bad_reference="skip", each=lambda scored, given: told.append((scored, given)))
    assert result.refused == 1
    by_row = {id(given): scored for scored, given in told}
    same = {"task": "temporal_grounding", "missing": False}
    assert by_row[id(rows[0])] == {"benchmark": "", "id": 5, "value": 0.5, "failure": None} | same
    assert by_row[id(rows[1])] == {"benchmark": "b", "id": None, "value": 0.0, "failure": "missing_answer"} | same
    assert by_row[id(rows[2])]["error"].startswith("invalid_json for temporal_grounding: '?'")
    told.clear()
    evaluate(
        [PICTURE | {"reward": None}, PICTURE | {"reward": {"inter": 1, "union": 1}}],
        rules="release",
        each=lambda scored, _: told.append(scored),
    )
    assert (told[0]["value"], told[0]["failure"]) == (None, "left_out")


def test_a_batch_of_bad_references_alone() -> None:
    result = evaluate([SPAN, SPAN | {"reference": "?", "benchmark": "b"}], on_bad_reference="skip")
    assert (len(result.benchmarks), result.refused) == (1, 1)


def test_many_rows_go_in_batches() -> None:
    found = only(SPAN | {"id": index} for index in range(10_000))
    assert (found.rows, found.estimate.value) == (10_000, 0.5)


BAD_ROWS = [
    pytest.param(SPAN | {"reference": "?"}, "official", "invalid_json for temporal_grounding", id="reference"),
    pytest.param(SPAN | {"reference": None}, "official", "no 'reference'", id="no reference"),
    pytest.param(SPAN | {"response": 5}, "official", "response: expected text, got int", id="response"),
    pytest.param(SPAN | {"size": "big"}, "official", "size", id="size"),
    pytest.param(SPAN | {"reference": {"time": [1]}}, "release", "no 'time' of 2 numbers", id="release: span"),
    pytest.param(row("tracking", track(BOX), "[]"), "release", "the reference has no boxes", id="release: track"),
    pytest.param(
        row("tracking", track(BOX), track(BOX), visible=[1]), "official", "visible: .* 4 frames", id="visible"
    ),
    pytest.param(row("tracking", track(BOX), track(BOX), given="x"), "official", "given: expected", id="given"),
    pytest.param(row("tracking", track(BOX), track(BOX), visible=["x"] * 4), "official", "visible", id="visible: text"),
    pytest.param(
        row("tracking", track(BOX), track(BOX), given=-1), "official", "given: expected", id="given: negative"
    ),
    pytest.param(row("ocr", "a", "a", options=5), "official", "options: expected a list", id="options"),
    pytest.param(
        PICTURE | {"reward": {"inter": 2, "union": 1}}, "official", "2 and a union of 1 do not fit", id="sizes"
    ),
    pytest.param(CLIP | {"predicted_masks": 5} | FRAMES, "official", "expected a list of masks, got int", id="no list"),
    pytest.param(PICTURE, "official", "no masks: draw them first", id="no masks"),
    pytest.param(PICTURE | {"reward": {"inter": 1}}, "official", "expected a number 'union', got None", id="reward"),
    pytest.param(CLIP | {"reward": {"J": "x", "F": 1}}, "official", "expected a number 'J', got 'x'", id="J"),
    pytest.param(
        PICTURE | {"predicted_masks": MASK}, "official", "segmentation_output: expected", id="no reference mask"
    ),
    pytest.param(
        CLIP | {"predicted_masks": [MASK]}, "official", "segmentation_output: expected an object", id="no frames"
    ),
]


@pytest.mark.parametrize(("bad", "rules", "message"), BAD_ROWS)
def test_rows_that_cannot_be_evaluated_are_named(bad: Any, rules: Any, message: str) -> None:
    rows = [SPAN | {"benchmark": "other"}, bad, SPAN]
    with pytest.raises(BadReferenceError, match=f"row 1: .*{message}"):
        evaluate(rows, rules=rules)
    assert evaluate(rows, rules=rules, on_bad_reference="skip").refused == 1


def test_a_dialect_in_pixels_needs_sizes() -> None:
    given = {"task": "spatial_grounding", "reference": {"boxes": BOX}}
    given["response"] = answered('[{"bbox_2d": [100, 100, 300, 300], "label": "x"}]')
    from onethinker_rewards import Recipe

    recipe = Recipe(dialect="qwen2.5-vl")
    with pytest.raises(BadReferenceError, match=r"row 0: the dialect qwen2\.5-vl writes pixels: no size"):
        evaluate([given], recipe=recipe)
    assert only([given | {"size": [1000, 1000]}], recipe=recipe).scores["acc@0.5"] == 1.0


BAD_CALLS = [
    pytest.param([], {}, ArgumentError, "there is no row to evaluate", id="nothing"),
    pytest.param([SPAN], {"rules": "paper"}, ArgumentError, "rules is one of official, release", id="rules"),
    pytest.param([SPAN], {"answers": "x"}, ArgumentError, "answers is one of paper, release", id="answers"),
    pytest.param([SPAN], {"on_bad_reference": "x"}, ArgumentError, "on_bad_reference is one of", id="bad reference"),
    pytest.param([SPAN | {"task": "chess"}], {}, UnknownTaskError, "chess", id="task"),
    pytest.param([{"response": ""}], {}, ArgumentError, "row 0: no 'task'", id="no task"),
    pytest.param([SPAN], {"expected": []}, ArgumentError, "row 0: no 'id'", id="no id"),
    pytest.param([SPAN | {"id": 1}], {"expected": [SPAN]}, ArgumentError, "an expected row: no 'id'", id="expected"),
    pytest.param([SPAN], {"mean": "video"}, ArgumentError, 'mean="video" needs cluster', id="mean"),
    pytest.param([SPAN], {"mean": "x"}, ArgumentError, "mean is one of row, video", id="another mean"),
    pytest.param([SPAN], {"cluster": "video"}, BadReferenceError, "row 0: no 'video'", id="cluster"),
]


@pytest.mark.parametrize(("rows", "options", "error", "message"), BAD_CALLS)
def test_mistakes_are_named(rows: Any, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        evaluate(rows, **options)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("eval_charades_out", "charades"),
        ("eval_seg_refcocop", "segrefcoco"),
        ("eval_refcocop_testA", "refcocop"),
        ("anet_rtl", "anetrtl"),
        ("OneThinker_MMMU_DEV_VAL", "mmmu"),
        ("eval_videommmu", "videommmu"),
        ("mine", None),
    ],
)
def test_benchmarks_are_found_by_name(name: str, key: str | None) -> None:
    assert find_benchmark(name) is (None if key is None else BENCHMARKS[key])


def test_the_first_frame_is_the_earliest() -> None:
    reference = {"boxes": {"2": BOX, "1": BOX}}
    said = {"boxes": {"2": BOX}}
    assert only([row("tracking", said, reference, given=1)]).scores["AO"] == 1.0


def both(given: Any, name: str, release_name: str) -> tuple[float, float]:
    """Return a number by official rules, and the release's in its place."""
    return only([given]).scores[name], only([given], rules="release").scores[release_name]


def test_differs_ao_is_over_the_frames_that_are_not_given() -> None:
    """AO leaves the given frame out, as GOT-10k does; the release's evaluation counts it, and weighs videos alike."""
    given = row("tracking", track(BOX, [0]), track(BOX, [0, 1]), given=1)
    assert both(given, "AO", "video mIoU") == (0.0, 0.5)


def test_differs_viou_counts_the_frames_of_either_span() -> None:
    """vIoU counts every frame in either span; the release's sIoU counts those that both name, were it a single one."""
    given = row("spatio_temporal_grounding", {"time": [0, 3], **track(BOX, [0])}, {"time": [0, 3], **track(BOX)})
    assert both(given, "m_vIoU", "sIoU") == (0.25, 1.0)


def test_differs_a_picture_without_a_mask_counts() -> None:
    """A picture without a mask counts 0 in gIoU; the release's evaluation leaves it out."""
    pictures = [PICTURE | {"reward": {"inter": 1, "union": 1}}, PICTURE | {"reward": None}]
    assert only(pictures).scores["gIoU"] == 0.5
    assert only(pictures, rules="release").scores["gIoU"] == 1.0


def test_differs_mmmu_does_not_guess() -> None:
    """An answer in which MMMU's code reads no option is wrong; that code takes an option at random."""
    given = row("multiple_choice", "perhaps", "A", options=["red"])
    for _ in range(20):
        assert only([given], answers="mmmu").scores["accuracy"] == 0.0


def test_differs_a_broken_evaluator_is_completed() -> None:
    """Boxes are compared under `release` rules; the release's evaluation stops with a TypeError at the first pair."""
    given = row("spatial_grounding", {"boxes": BOX}, {"boxes": BOX})
    assert only([given], rules="release").scores["mIoU"] == 1.0
