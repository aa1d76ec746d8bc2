"""Word and character error rate: ours against a plain dynamic program and against jiwer."""

from __future__ import annotations

import random

from benchmarks.harness import Row, best_of
from onethinker_rewards.metrics import character_error_rate, word_error_rate

ROWS = 1024


def texts(words: int, rng: random.Random) -> tuple[list[str], list[str]]:
    """Groups of eight readings of one text, a tenth of the words wrong."""
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(2000)]
    rows = [row for row in (rng.choices(vocabulary, k=words) for _ in range(ROWS // 8)) for _ in range(8)]
    read = [[word if rng.random() < 0.9 else rng.choice(vocabulary) for word in row] for row in rows]
    return [" ".join(row) for row in read], [" ".join(row) for row in rows]


def plain(predicted: list[str], reference: list[str]) -> list[float]:
    return [_distance(p.split(), r.split()) / max(1, len(r.split())) for p, r in zip(predicted, reference, strict=True)]


def _distance(predicted: list[str], reference: list[str]) -> int:
    row = list(range(len(reference) + 1))
    for index, word in enumerate(predicted, 1):
        diagonal, row[0] = row[0], index
        for column, other in enumerate(reference, 1):
            cost = min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other))
            diagonal, row[column] = row[column], cost
    return row[-1]


def run() -> list[Row]:
    import jiwer

    rows: list[Row] = []
    for words in (18, 300):
        predicted, reference = texts(words, random.Random(words))
        few = slice(0, ROWS if words < 100 else 64)
        ours = best_of(lambda p=predicted, r=reference: word_error_rate(p, r))
        program = best_of(lambda p=predicted[few], r=reference[few]: plain(p, r), repeat=2)
        scale = ROWS / len(predicted[few])
        name = f"{ROWS:,} texts of {words} words"
        rows.append(Row(f"word error rate, {name}", ours, "plain dynamic program", program * scale))
        peer = best_of(lambda p=predicted, r=reference: [jiwer.wer(b, a) for a, b in zip(p, r, strict=True)], repeat=2)
        rows.append(Row(f"word error rate, {name}", ours, "jiwer, a call a row", peer))
        ours = best_of(lambda p=predicted, r=reference: character_error_rate(p, r))
        peer = best_of(lambda p=predicted, r=reference: [jiwer.cer(b, a) for a, b in zip(p, r, strict=True)], repeat=1)
        rows.append(Row(f"character error rate, {name}", ours, "jiwer, a call a row", peer))
    return rows
