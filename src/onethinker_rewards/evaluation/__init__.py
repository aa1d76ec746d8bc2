"""Scores over a whole data set, from sums that can be merged before they are divided."""

from __future__ import annotations

from onethinker_rewards.answers.masks import encode_mask, read_mask, read_masks
from onethinker_rewards.evaluation.answers import AnswerScores, AnswerTotals, relative_accuracy
from onethinker_rewards.evaluation.boxes import BoxScores, BoxTotals
from onethinker_rewards.evaluation.evaluate import BaselineComparison, BenchmarkScores, Evaluation, evaluate
from onethinker_rewards.evaluation.images import ImageScores, ImageTotals, ciou, giou
from onethinker_rewards.evaluation.overlaps import Overlaps, mask_overlaps, reference_masks
from onethinker_rewards.evaluation.readers import (
    first_box,
    mathvista_answer,
    mmmu_letter,
    mmmu_open,
    mmmu_open_equal,
    release_answer,
    vsi_bench_word,
)
from onethinker_rewards.evaluation.spans import SpanScores, SpanTotals
from onethinker_rewards.evaluation.statistics import (
    ClusterTotals,
    Comparison,
    Estimate,
    PairedTotals,
    RatioTotals,
    SampleScores,
    sample_scores,
    smallest_difference,
)
from onethinker_rewards.evaluation.tracks import TrackScores, TrackTotals
from onethinker_rewards.evaluation.tubes import ReleaseTubeScores, TubeScores, TubeTotals, sampled_frames
from onethinker_rewards.evaluation.videos import VideoScores, VideoTotals, j_and_f

__all__ = [
    "AnswerScores", "AnswerTotals", "BaselineComparison", "BenchmarkScores", "BoxScores", "BoxTotals",
    "ClusterTotals", "Comparison", "Estimate", "Evaluation", "ImageScores", "ImageTotals", "Overlaps",
    "PairedTotals", "RatioTotals", "ReleaseTubeScores", "SampleScores", "SpanScores", "SpanTotals", "TrackScores",
    "TrackTotals", "TubeScores", "TubeTotals", "VideoScores", "VideoTotals", "ciou", "encode_mask", "evaluate",
    "first_box", "giou", "j_and_f", "mask_overlaps", "mathvista_answer", "mmmu_letter", "mmmu_open",
    "mmmu_open_equal", "read_mask", "read_masks", "reference_masks", "relative_accuracy", "release_answer",
    "sample_scores", "sampled_frames", "smallest_difference", "vsi_bench_word",
]  # fmt: skip
