"""Every number of the official evaluators in a folder of cases, against ours.

A file holds the cases of one family. A case has an input, and what each official evaluator made of it: numbers, NaN, or
an error at which it stopped. RULES says for each evaluator how our number is computed, or why we do not offer its rule;
one that it does not know fails, and so does a number that we have no counterpart or reason for.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from onethinker_rewards import metrics
from onethinker_rewards.errors import ArgumentError
from onethinker_rewards.evaluation import (
    AnswerTotals,
    BoxTotals,
    ClusterTotals,
    ImageTotals,
    PairedTotals,
    SpanTotals,
    TrackTotals,
    TubeTotals,
    VideoTotals,
    first_box,
    mask_overlaps,
    mathvista_answer,
    mmmu_letter,
    mmmu_open,
    mmmu_open_equal,
    read_mask,
    sample_scores,
    sampled_frames,
)
from onethinker_rewards.evaluation.readers import release_json, release_numbers

GOLDEN = Path(__file__).parent / "golden"
FOLDER = Path(os.environ.get("OTR_OFFICIAL_CASES", GOLDEN))
FILES = sorted(FOLDER.glob("*.json"))


class Differs(str):
    """Why one number of an evaluator has no counterpart among ours."""


class Rule(NamedTuple):
    """How the numbers of an evaluator are compared: by our own ones of the same form, or not, and why."""

    family: str
    evaluator: str
    ours: Callable[[Any, Any], Any] | Differs
    tolerance: float = 1e-9


def percent(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, Differs) else 100.0 * value for name, value in values.items()}


def is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


# Tracks.


def tracks(sequences: list[Any], **options: Any) -> TrackTotals:
    totals = TrackTotals(**options)
    for sequence in sequences:
        wanted = sequence["groundtruth"]
        boxes = [None if box is None or any(map(is_nan, box)) else box for box in sequence["prediction"]]
        # The evaluator stops where rows are missing or too many; here they score 0.
        boxes = [*boxes, *[None] * len(wanted)][: len(wanted)]
        totals.update(boxes, wanted, visible=sequence["cover"], size=tuple(sequence["resolution"]), layout="xywh")
    return totals


def got10k(given: Any, official: Any) -> Any:
    curve = tuple(np.linspace(0, 1, 101).tolist())
    if not any(any(sequence["cover"][1:]) for sequence in given["sequences"]):
        return dict.fromkeys(official, Differs("no frame counts, which is an error and not NaN"))
    result = tracks(given["sequences"], thresholds=(*curve, 0.5, 0.75)).result()
    sequences: dict[str, Any] = {}
    for sequence in given["sequences"]:
        try:
            of_one = tracks([sequence]).result()
            sequences[sequence["name"]] = {"ao": of_one.ao, "sr_0.5": of_one.sr[0.5]}
        except ArgumentError:
            sequences[sequence["name"]] = dict.fromkeys(("ao", "sr_0.5"), Differs("no frame counts"))
    return {
        "ao": result.ao,
        "sr_0.5": result.sr[0.5],
        "sr_0.75": result.sr[0.75],
        "success_auc": sum(result.sr[threshold] for threshold in curve) / len(curve),
        "succ_curve_at_0_0.25_0.5_0.75_1": [result.sr[threshold] for threshold in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "sequences": sequences,
    }


def release_tracks(given: Any, official: Any) -> Any:
    result = tracks(given["sequences"], rules="release").result()
    shares = {f"tracking/miou_gt/R@{t:g}": share for t, share in result.video_shares.items()}
    return dict.fromkeys(("overall/acc", "tracking/acc", "tracking/miou_gt/mean"), result.video_miou) | shares


# Spans.


def spans(rows: list[Any], **options: Any) -> Any:
    totals = SpanTotals(**options)
    videos = [row["video"] for row in rows] if options.get("mean") == "video" else None
    totals.update([row["prediction"] for row in rows], [row["reference"] for row in rows], videos)
    return totals.result()


def readable_spans(given: Any, official: Any) -> Any:
    readable = [row for row in given["rows"] if row["prediction"] is not None]
    if not readable:
        return dict.fromkeys(official, Differs("there is nothing to read"))
    recall = spans(readable).recall
    return {f"{t:g}": float(f"{100 * share:.2f}") for t, share in recall.items()}


def tall(given: Any, official: Any) -> Any:
    ious = [spans([row]).miou for row in given["rows"]]
    if "ious" in official and len(official["ious"]) == len(ious):
        # Of spans that do not meet TALL has a negative IoU, by how far they are apart.
        pairs = zip(official["ious"], ious, strict=True)
        ious = [Differs("negative") if theirs < 0 and ours == 0 else ours for theirs, ours in pairs]
    recall = spans(given["rows"]).recall
    return {"ious": ious} | percent({f"R1@{t:g}": share for t, share in recall.items()})


def vtimellm(given: Any, official: Any) -> Any:
    result = spans(given["rows"])
    return percent({"mIoU": result.miou} | {f"R1@{t:g}": share for t, share in result.recall.items()})


def time_r1(given: Any, official: Any) -> Any:
    result = spans(given["rows"], strict=True)
    values = {"mIoU": result.miou} | {f"{t:g}": share for t, share in result.recall.items()}
    return percent(values | {"avg": sum(values.values()) / len(values)})


def lita(given: Any, official: Any) -> Any:
    # An answer without a span is the whole video, whose ends bound all others, and starts come before ends.
    def bounded_span(span: Any) -> list[float]:
        return sorted(min(max(time, 0.0), 60.0) for time in span or (0.0, 60.0))

    bounded = [row | {side: bounded_span(row[side]) for side in ("prediction", "reference")} for row in given["rows"]]
    result = spans(bounded, mean="video", thresholds=(0.5,))
    return {"iou": result.miou, "precision@0.5": result.recall[0.5]}


def release_spans(given: Any, official: Any) -> Any:
    result, name = spans(given["rows"], rules="release"), "temporal grounding"
    shares = {f"{name}/tiou/R@{t:g}": share for t, share in result.recall.items()}
    return dict.fromkeys(("overall/acc", f"{name}/acc", f"{name}/tiou/mean"), result.miou) | shares


def lmms_spans(given: Any, official: Any) -> Any:
    result = spans(given["rows"])
    return percent({"mIOU": result.miou} | {f"IOU@{10 * t:g}": share for t, share in result.recall.items()})


# Tubes.


def corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    return [x, y, x + width, y + height]


def tubes(videos: list[Any], *, from_start: bool = False) -> Any:
    totals = TubeTotals()
    for video in videos:
        predicted = {int(frame): box for frame, box in video["predicted_boxes_xyxy"].items()}
        wanted = {int(frame): corners(box) for frame, box in video["boxes_xywh"].items()}
        start, end = video["frames"]
        frames = sampled_frames(0 if from_start else start, end, video["fps"])
        totals.update(video["predicted_span"], predicted, video["tube"], wanted, frames)
    return totals.result()


def tube_numbers(result: Any, prefix: str = "") -> dict[str, float]:
    return {
        f"{prefix}tiou": result.m_tiou, f"{prefix}viou": result.m_viou, f"{prefix}gt_viou": result.m_gt_viou,
        **{f"{prefix}viou@{t:g}": share for t, share in result.viou.items()},
        **{f"{prefix}gt_viou@{t:g}": share for t, share in result.gt_viou.items()},
    }  # fmt: skip


def vidstg(given: Any, official: Any) -> Any:
    numbers: dict[str, Any] = {"per_video": {}}
    for kind in {video["qtype"] for video in given["videos"]}:
        numbers |= tube_numbers(tubes([video for video in given["videos"] if video["qtype"] == kind]), f"{kind}_")
    for video in given["videos"]:
        of_one = tube_numbers(tubes([video]))
        numbers["per_video"][video["video_id"]] = {name: of_one[name] for name in ("tiou", "viou", "gt_viou")}
    return numbers


def hcstvg(given: Any, official: Any) -> Any:
    # Its videos have no start of their own: they are sampled from their first frame on.
    return tube_numbers(tubes(given["videos"], from_start=True))


def release_tubes(given: Any, official: Any) -> Any:
    totals = TubeTotals(rules="release")
    for video in given["videos"]:
        fps, (start, end) = video["fps"], video["predicted_span"]
        predicted = {int(f): box for f, box in video["predicted_boxes_xyxy"].items() if start <= int(f) < end}
        wanted = {int(f): corners(box) for f, box in video["boxes_xywh"].items()}
        seconds = [{int(f // fps): box for f, box in boxes.items() if f % fps == 0} for boxes in (predicted, wanted)]
        totals.update([start / fps, end / fps], seconds[0], [time / fps for time in video["tube"]], seconds[1])
    result, name = totals.result(), "spatial-temporal grounding"
    return {
        "overall/acc": result.accuracy, f"{name}/acc": result.accuracy,
        f"{name}/tiou/mean": result.tiou, f"{name}/miou_inter/mean": result.siou,
        **{f"{name}/tiou/R@{t:g}": share for t, share in result.tiou_shares.items()},
        **{f"{name}/miou_inter/R@{t:g}": share for t, share in result.siou_shares.items()},
    }  # fmt: skip


# Masks.


def images(given: Any, **options: Any) -> Any:
    totals = ImageTotals(**options)
    for image in given["images"]:
        masks = [None if image[side] is None else read_mask(image[side]) for side in ("predicted", "reference")]
        if image.get("ignore") is not None:
            ignored = read_mask(image["ignore"])
            masks = [None if mask is None else mask & ~ignored for mask in masks]
        totals.update(masks[:1], masks[1:])
    return totals.result()


def lisa(given: Any, official: Any) -> Any:
    result = images(given, empty=1.0)
    return {"giou": result.giou, "ciou": result.ciou}


def lavt(given: Any, official: Any) -> Any:
    result = images(given, thresholds=(0.5, 0.6, 0.7, 0.8, 0.9))
    return {"mIoU": result.giou, "oIoU": result.ciou} | {f"P@{t:g}": share for t, share in result.precision.items()}


def coco(given: Any, official: Any) -> Any:
    pairs = [(image["predicted"], image["reference"]) for image in given["images"]]
    return mask_overlaps([ours for ours, _ in pairs], [theirs for _, theirs in pairs]).iou(0.0)


def release_images(given: Any, official: Any) -> Any:
    result = images(given)
    return {"image/gIoU": result.giou, "image/cIoU": result.ciou}


def videos(given: Any, rules: Any) -> Any:
    whole, per_object, frames = VideoTotals(rules=rules), [], []
    for video in given["objects"]:
        whole.update(video["predicted"], video["reference"])
        alone = VideoTotals(rules=rules)
        alone.update(video["predicted"], video["reference"])
        per_object.append([alone.result().j, alone.result().f])
        by_frame = []
        for pair in zip(video["predicted"], video["reference"], strict=True):
            frame = VideoTotals(rules=rules)
            frame.update(*([mask] for mask in pair))
            by_frame.append((frame.result().j, frame.result().f))
        frames.append([list(column) for column in zip(*by_frame, strict=True)])
    result = whole.result()
    return {"J": result.j, "F": result.f, "J&F": result.j_and_f, "per_object": per_object, "frames": frames}


def davis(given: Any, official: Any) -> Any:
    return videos(given, "davis")


def release_videos(given: Any, official: Any) -> Any:
    return videos(given, "release")


# Boxes.


def thousandths(row: Any) -> list[float]:
    sides = [row["width"], row["height"]] * 2
    return [1000.0 * value / side for value, side in zip(row["reference_xyxy_pixels"], sides, strict=True)]


def boxes(given: Any, read: Callable[[str], Any], **options: Any) -> list[Any]:
    """Return the result of all rows, and then that of each."""
    whole, results = BoxTotals(**options), []
    for row in given["rows"]:
        alone = BoxTotals(**options)
        for totals in (whole, alone):
            totals.update([read(row["response"])], [thousandths(row)])
        results.append(alone.result())
    return [whole.result(), *results]


def read_first_box(response: str) -> Any:
    return first_box(response.rpartition("<answer>")[2])


def qwen_vl(given: Any, official: Any) -> Any:
    whole, *rows = boxes(given, read_first_box)
    return {"ious": [row.miou for row in rows], "acc@0.5": whole.accuracy[0.5]}


def mdetr(given: Any, official: Any) -> Any:
    # A row without a box scores 0; the evaluator stops at swapped corners.
    pairs = [(read_first_box(row["response"]), thousandths(row)) for row in given["rows"]]
    scores = [0.0 if box is None else metrics.generalized_box_iou([box], [wanted]).item() for box, wanted in pairs]
    differs = Differs("we count the IoU, as papers say, and not the generalized one")
    return {"generalized_ious": scores, "acc@0.5": differs}


def release_boxes(given: Any, official: Any) -> Any:
    def read(response: str) -> Any:
        return release_numbers(release_json(response).get("boxes"), 4)

    whole, *_ = boxes(given, read, rules="release", thresholds=(0.3, 0.5, 0.7))
    name = "spatial grounding"
    shares = {f"{name}/iou/R@{t:g}": share for t, share in whole.accuracy.items()}
    return dict.fromkeys(("overall/acc", f"{name}/acc", f"{name}/iou/mean"), whole.miou) | shares


# Answers in text.


def answers(responses: list[str], references: list[str], tasks: Any, rules: Any, types: Any = None) -> Any:
    totals = AnswerTotals(rules=rules)
    totals.update(responses, references, tasks, types=types)
    return totals.result()


def vsi_tasks(given: Any) -> list[str]:
    numbers = ("object_abs_distance", "object_counting", "object_size_estimation", "room_size_estimation")
    return ["regression" if row["question_type"] in numbers else "multiple_choice" for row in given["rows"]]


def vsi_rows(given: Any, rules: Any) -> list[float]:
    rows = zip(given["rows"], vsi_tasks(given), strict=True)
    return [answers([row["prediction"]], [row["ground_truth"]], task, rules).accuracy for row, task in rows]


def vsi_bench(given: Any, official: Any) -> Any:
    rows = given["rows"]
    kinds = [row["question_type"] for row in rows]
    predicted, wanted = ([row[side] for row in rows] for side in ("prediction", "ground_truth"))
    result = answers(predicted, wanted, vsi_tasks(given), "vsi-bench", kinds)
    numbers: dict[str, Any] = {"overall": result.mean_of_types}
    for kind, task in dict(zip(kinds, vsi_tasks(given), strict=True)).items():
        numbers[f"{kind}_{'accuracy' if task == 'multiple_choice' else 'MRA:.5:.95:.05'}"] = result.types[kind]
    levels = [value for kind, value in result.types.items() if kind.startswith("object_rel_direction")]
    numbers["object_rel_direction_accuracy"] = sum(levels) / len(levels) if levels else Differs("no direction")
    return percent(numbers) | {"rows": vsi_rows(given, "vsi-bench")}


def release_vsi(given: Any, official: Any) -> Any:
    return vsi_rows(given, "release")


def mmmu_choice(given: Any, official: Any) -> Any:
    letter = mmmu_letter(given["response"], given["options"])
    # What MMMU takes at random is wrong here; the files show it as RANDOM, which is never right.
    return {"letter": letter or "RANDOM", "right": letter == given["reference"]}


def release_choice(given: Any, official: Any) -> Any:
    return {"right": answers([given["response"]], [given["reference"]], "multiple_choice", "release").accuracy == 1.0}


def mmmu_open_answer(given: Any, official: Any) -> Any:
    parsed = sorted(map(str, mmmu_open(given["response"])))
    return {"parsed": parsed, "right": mmmu_open_equal(given["response"], given["reference"])}


def release_number(given: Any, official: Any) -> Any:
    return {"right": answers([given["response"]], [given["reference"]], "numerical", "release").accuracy == 1.0}


def mathvista(given: Any, official: Any) -> Any:
    choices = given["choices"] if given["question_type"] == "multi_choice" else None
    options = {"choices": choices, "precision": given["precision"]}
    read = mathvista_answer(str(given["extraction"]), given["answer_type"], **options)
    return {"prediction": read, "right": read == given["answer"]}


def release_rouge(given: Any, official: Any) -> Any:
    return answers([given["response"]], [given["reference"]], "open_ended", "release").accuracy


def rouge_parts(given: Any, official: Any) -> Any:
    # Ours is the mean of the three alone.
    assert metrics.rouge([given["response"]], [given["reference"]]).item() == pytest.approx(
        sum(official.values()) / 3, abs=1e-9
    )
    return dict.fromkeys(official, Differs("compared by their mean"))


def release_words(given: Any, official: Any) -> Any:
    return answers([given["response"]], [given["reference"]], "ocr", "release").accuracy


# Statistics.


def estimate(given: Any, *, clustered: bool) -> Any:
    totals = ClusterTotals()
    totals.update(given["scores"], given["clusters"] if clustered else None)
    return totals.result()


def paired(given: Any) -> Any:
    totals = PairedTotals()
    totals.update(given["scores"], given["baseline"])
    return totals.result()


def scipy_statistics(given: Any, official: Any) -> Any:
    alone, comparison = estimate(given, clustered=False), paired(given)
    difference = comparison.difference
    return {
        "mean": alone.value, "se_clt": alone.stderr, "difference": difference.value, "se_paired": difference.stderr,
        "t": difference.value / difference.stderr if difference.stderr else Differs("no spread"),
        "p": comparison.p, "ci95": [difference.low, difference.high],
        "correlation": Differs("the interval of the difference says what it is for"),
    }  # fmt: skip


def lmms_paired(given: Any, official: Any) -> Any:
    numbers = scipy_statistics(given, official)
    return {
        "mean_diff": numbers["difference"], "se_diff": numbers["se_paired"], "t_stat": numbers["t"],
        "p_value": numbers["p"], "ci_lower": numbers["ci95"][0], "ci_upper": numbers["ci95"][1],
        "n": len(given["scores"]),
    }  # fmt: skip


def stderr(given: Any, official: Any) -> Any:
    return ONE_ROW if len(given["scores"]) == 1 else estimate(given, clustered=False).stderr


ONE_ROW = Differs("one row has no standard error")
ONE_CLUSTER = Differs("one cluster has no standard error, and inspect_ai says 0")


def clustered_stderr(given: Any, official: Any) -> Any:
    return ONE_CLUSTER if len({*given["clusters"]}) == 1 else estimate(given, clustered=True).stderr


def interval(given: Any, official: Any) -> Any:
    found = estimate(given, clustered=False)
    if found.clusters == 1:
        return dict.fromkeys(("lower", "upper"), ONE_ROW)
    return {"lower": found.low, "upper": found.high}


def clustered_interval(given: Any, official: Any) -> Any:
    found = estimate(given, clustered=True)
    if found.clusters == 1:
        return dict.fromkeys(("lower", "upper"), ONE_CLUSTER)
    return {"lower": found.low, "upper": found.high}


def pass_at(given: Any, official: Any) -> Any:
    numbers: dict[str, Any] = {"mean": sample_scores(given["right"]).mean.value}
    for k in given["k"]:
        numbers |= {
            f"pass@{k}": inspect_pass("pass_at", k)(given, official),
            f"pass^{k}": inspect_pass("pass_all", k)(given, official),
        }
    return numbers


def inspect_pass(kind: str, k: int) -> Callable[[Any, Any], Any]:
    def ours(given: Any, official: Any) -> Any:
        if k > min(map(len, given["right"])):
            return Differs("there are fewer answers than k, so that k of them cannot be drawn")
        return getattr(sample_scores(given["right"], [k]), kind)[k].value

    return ours


def lmms_samples(given: Any, official: Any) -> Any:
    scores = sample_scores(given["right"])
    return {
        "expected_accuracy": scores.mean.value,
        "internal_variance": Differs("one answer has no variance") if math.isnan(scores.within) else scores.within,
        "consensus_accuracy": Differs("it asks whether more than half are right; our majority is of the answers"),
        "consistency_rate": Differs("the variance within a question says the same for scores that are not 0 or 1"),
    }  # fmt: skip


READS_WORDS = Differs("it reads numbers in words, which VSI-Bench's own evaluation does not")
AS_SHIPPED = Differs("it stops at the first pair of boxes; compared as repaired")
ASKS_A_JUDGE = Differs("where it reads no letter a judge model is asked")
RELEASE = "OneThinker eval_bench.py"
REPAIRED = f"{RELEASE}, min(y2, Y2) put back"

RULES = [
    Rule("got10k", "got10k 0.1.3", got10k),
    Rule("got10k", f"{RELEASE}, as shipped", AS_SHIPPED),
    Rule("got10k", REPAIRED, release_tracks),
    Rule("temporal_grounding", "moment_detr", readable_spans),
    Rule("temporal_grounding", "TALL", tall),
    Rule("temporal_grounding", "VTimeLLM", vtimellm),
    Rule("temporal_grounding", "Time-R1", time_r1),
    Rule("temporal_grounding", "LITA", lita),
    Rule("temporal_grounding", RELEASE, release_spans),
    Rule("temporal_grounding", "lmms-eval 0.7.3 timelens", lmms_spans),
    Rule("temporal_grounding", "lmms-eval 0.7.3 charades_sta, the answer written as a - b", lmms_spans),
    Rule(
        "temporal_grounding",
        "lmms-eval 0.7.3 charades_sta, the answer written as JSON",
        Differs("it cannot read JSON, which is what the question asks for"),
    ),
    Rule("stvg", "TubeDETR VidSTGEvaluator", vidstg),
    Rule("stvg", "TubeDETR HCSTVGEvaluator", hcstvg),
    Rule("stvg", f"{RELEASE}, as shipped", AS_SHIPPED),
    Rule("stvg", REPAIRED, release_tubes),
    # It computes in float32 and adds 1e-5 to each union.
    Rule("giou_ciou", "LISA", lisa, 1e-5),
    Rule("giou_ciou", "LAVT", lavt),
    Rule("giou_ciou", "pycocotools", coco),
    Rule("giou_ciou", "OneThinker seg_post_sam2.py", release_images),
    Rule("j_and_f", "davis2017-evaluation", davis),
    Rule("j_and_f", "MeViS", davis),
    Rule("j_and_f", "trackeval", davis),
    Rule("j_and_f", "OneThinker seg_post_sam2.py", release_videos),
    Rule("j_and_f", "vos-benchmark", Differs("it counts from the frame on in which an object appears first")),
    # Its boxes are float32.
    Rule("refcoco", "Qwen-VL", qwen_vl, 1e-6),
    Rule("refcoco", "MDETR", mdetr, 1e-6),
    Rule("refcoco", f"{RELEASE}, as shipped", AS_SHIPPED),
    Rule("refcoco", REPAIRED, release_boxes),
    Rule("refcoco", "VLMEvalKit", Differs("it reads the first four numbers of the thinking, and guesses their unit")),
    Rule("refcoco", "VLM-R1", Differs("it takes a pixel off the intersection, and an IoU of .5 is wrong")),
    Rule("refcoco", "lmms-eval", Differs("of several boxes in two units it takes the one nearest to the reference")),
    Rule("vsibench", "thinking-in-space", vsi_bench),
    Rule("vsibench", RELEASE, release_vsi),
    Rule("vsibench", "lmms-eval", READS_WORDS),
    Rule("multiple_choice", "MMMU", mmmu_choice),
    Rule("multiple_choice", RELEASE, release_choice),
    Rule("multiple_choice", "VLMEvalKit", ASKS_A_JUDGE),
    Rule("multiple_choice", "Qwen3-VL", ASKS_A_JUDGE),
    Rule("multiple_choice", "lmms-eval", Differs("it takes the first letter of the thinking")),
    Rule("open_numbers", "MMMU", mmmu_open_answer),
    Rule("open_numbers", RELEASE, release_number),
    Rule("mathvista", "MathVista", mathvista),
    Rule("mathvista", "VLMEvalKit", Differs("it counts lists as wrong and does not round floats to their precision")),
    Rule("texts", f"{RELEASE}: mean F of ROUGE", release_rouge),
    Rule("texts", "rouge_score", rouge_parts),
    Rule("texts", f"{RELEASE}: 1 - WER", release_words),
    Rule("statistics", "numpy and scipy", scipy_statistics),
    Rule("statistics", "lmms-eval 0.7.3 mean_stderr", stderr),
    Rule("statistics", "lmms-eval 0.7.3 paired_ttest", lmms_paired),
    Rule("statistics", "lmms-eval 0.7.3 clustered_stderr", Differs("it lacks the factor C / (C - 1)")),
    Rule("statistics", "inspect_ai 0.3.285 stderr()", stderr),
    Rule("statistics", "inspect_ai 0.3.285 stderr(cluster)", clustered_stderr),
    Rule("statistics", "inspect_ai 0.3.285 ci(.95, t)", interval),
    Rule("statistics", "inspect_ai 0.3.285 ci(.95, t, cluster)", clustered_interval),
    Rule("several_samples", "1 - C(n-c, k)", pass_at),
    Rule("several_samples", "lmms-eval", lmms_samples),
    *(Rule("several_samples", f"inspect_ai 0.3.285 pass_at({k})", inspect_pass("pass_at", k)) for k in range(1, 65)),
    *(Rule("several_samples", f"inspect_ai 0.3.285 pass_k({k})", inspect_pass("pass_all", k)) for k in range(1, 65)),
]


def decoded(value: Any) -> Any:
    """Return a value of a file, in which what JSON cannot hold is written as an object."""
    if isinstance(value, dict):
        return float(value["nonfinite"]) if value.keys() == {"nonfinite"} else {k: decoded(v) for k, v in value.items()}
    return [decoded(item) for item in value] if isinstance(value, list) else value


def cases() -> Iterator[Any]:
    for file in FILES:
        content = json.loads(file.read_text(encoding="utf-8"))
        for case in content["cases"]:
            for evaluator, numbers in case["official"].items():
                name = f"{case['id']}: {evaluator}"
                yield pytest.param(content["family"], evaluator, decoded(case["input"]), decoded(numbers), id=name)


def rule_of(family: str, evaluator: str) -> Rule:
    found = [rule for rule in RULES if rule.family == family and evaluator.startswith(rule.evaluator)]
    assert found, f"RULES does not know the evaluator {evaluator!r} of {family}"
    return max(found, key=lambda rule: len(rule.evaluator))


def assert_equal(ours: Any, official: Any, tolerance: float, path: str) -> None:
    """Compare each official number with ours; ours may have more of them."""
    if isinstance(ours, Differs):
        return
    if isinstance(official, dict):
        for name, numbers in official.items():
            assert name in ours, f"{path}: we have no {name}, and no reason is given"
            assert_equal(ours[name], numbers, tolerance, f"{path}.{name}")
    elif isinstance(official, list):
        assert len(ours) == len(official), path
        for index, numbers in enumerate(official):
            assert_equal(ours[index], numbers, tolerance, f"{path}[{index}]")
    elif is_nan(official):
        # Where an official evaluator has no number, ours may be one all the same.
        assert not np.isinf(ours), path
    else:
        assert ours == (official if isinstance(official, str | None) else pytest.approx(official, abs=tolerance)), path


@pytest.mark.parametrize(("family", "evaluator", "given", "official"), [*cases()])
def test_official_numbers(family: str, evaluator: str, given: Any, official: Any) -> None:
    rule = rule_of(family, evaluator)
    if isinstance(rule.ours, Differs):
        return
    ours = rule.ours(given, official)
    # An evaluator that stopped has no numbers; ours went through.
    if not (isinstance(official, dict) and "error" in official):
        assert_equal(ours, official, rule.tolerance, evaluator)


def test_the_folder_has_cases() -> None:
    assert FILES


def test_every_rule_is_for_an_evaluator_of_the_files() -> None:
    """No reason and no comparison is left over from an evaluator that is gone."""
    seen = set()
    for file in sorted(GOLDEN.glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        seen |= {rule_of(content["family"], name) for case in content["cases"] for name in case["official"]}
    unused = {rule.evaluator for rule in RULES} - {rule.evaluator for rule in seen}
    assert unused <= {f"inspect_ai 0.3.285 {kind}({k})" for kind in ("pass_at", "pass_k") for k in range(3, 65)}
