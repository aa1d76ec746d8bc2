"""ROUGE: ours against the package rouge-score, stemmer on."""

from __future__ import annotations

import random

from benchmarks.harness import Row, best_of
from onethinker_rewards.metrics import rouge

ROWS = 1024


def texts(group: int, words: int, rng: random.Random) -> tuple[list[str], list[str]]:
    """Captions by Zipf's law over 3,000 words, three in ten replaced in the prediction."""
    vocabulary = ["".join(rng.choices("aeioulnrstdmcpbg", k=rng.randint(2, 9))) for _ in range(3000)]
    weights = [1 / rank for rank in range(1, 3001)]
    originals = [rng.choices(vocabulary, weights, k=words) for _ in range(ROWS // group)]
    rows = [original for original in originals for _ in range(group)]
    altered = [[word if rng.random() < 0.7 else rng.choices(vocabulary, weights)[0] for word in row] for row in rows]
    return [" ".join(row).capitalize() + "." for row in altered], [" ".join(row).capitalize() + "." for row in rows]


def peer(predicted: list[str], reference: list[str]) -> list[float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    pairs = zip(predicted, reference, strict=True)
    return [sum(score.fmeasure for score in scorer.score(ref, pred).values()) / 3 for pred, ref in pairs]


def run() -> list[Row]:
    rows: list[Row] = []
    for group, words in ((1, 30), (1, 80), (8, 30), (8, 80)):
        predicted, reference = texts(group, words, random.Random(group))
        ours = best_of(lambda predicted=predicted, reference=reference: rouge(predicted, reference))
        other = best_of(lambda predicted=predicted, reference=reference: peer(predicted, reference), repeat=2)
        shared = "each its own reference" if group == 1 else f"groups of {group} share a reference"
        rows.append(Row(f"{ROWS:,} texts of {words} words, {shared}", ours, "rouge-score", other))
    return rows
